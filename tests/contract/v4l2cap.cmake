# The suite of source.cmake, asked of a capture device that is a stand-in. It is linked in, not preloaded, so
# that it runs under sanitizers too.
include(${CMAKE_SOURCE_DIR}/tests/standin/v4l2cap/v4l2cap.cmake)
castor_test(contract_source_v4l2 SOURCES contract_source.c ../unit/made_files.c LIBS castor-standin-v4l2cap source_drivers
            LABEL contract TIMEOUT 300)
target_compile_definitions(contract_source_v4l2 PRIVATE CONTRACT_SOURCE_V4L2)
target_link_options(contract_source_v4l2 PRIVATE -Wl,--no-as-needed)
add_dependencies(contract_source_v4l2 castor-source-v4l2)
set_tests_properties(contract_source_v4l2 PROPERTIES ENVIRONMENT
                     "CASTOR_STANDIN_STRICT=1;CASTOR_STANDIN_V4L2CAP=formats=NV12:YUYV")

# A whole box on it. Preloading does not go together with the sanitizers' libraries.
if(NOT CASTOR_SANITIZE)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME e2e_v4l2cap_box
           COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/tests/standin/v4l2cap/box.py
                   --bin $<TARGET_FILE_DIR:castord> --standin $<TARGET_FILE:castor-standin-v4l2cap>)
  set_tests_properties(e2e_v4l2cap_box PROPERTIES LABELS e2e TIMEOUT 180)
endif()
