# The V4L2 stateful encoder: the stand-in device, and the contract suite on several kinds of it. A preloaded
# library and a sanitizer's run-time do not go together, so under a sanitizer the suite is not run on it.
include(${CMAKE_SOURCE_DIR}/tests/standin/v4l2m2m/v4l2m2m.cmake)
add_library(castor-standin-v4l2m2m SHARED ${standin_v4l2m2m_sources})
target_compile_options(castor-standin-v4l2m2m PRIVATE -U_FORTIFY_SOURCE -fvisibility=hidden)
target_link_libraries(castor-standin-v4l2m2m PRIVATE ${standin_v4l2m2m_libraries})
set_target_properties(castor-standin-v4l2m2m PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/standin)

# castor_v4l2m2m_contract(NAME WORDS ...): the suite on a device of this kind (tests/standin/v4l2m2m/README.md); further
# arguments are the suite's: codec, pixel format.
function(castor_v4l2m2m_contract name words)
  add_test(NAME contract_encoder_v4l2m2m_${name} COMMAND contract_encoder v4l2m2m ${ARGN})
  set_tests_properties(contract_encoder_v4l2m2m_${name} PROPERTIES LABELS contract TIMEOUT 300 ENVIRONMENT
    "LD_PRELOAD=$<TARGET_FILE:castor-standin-v4l2m2m>;CASTOR_STANDIN_STRICT=1;CASTOR_STANDIN_V4L2M2M=${words}")
endfunction()

if(NOT CASTOR_SANITIZE)
  add_dependencies(contract_encoder castor-standin-v4l2m2m)
  castor_v4l2m2m_contract(single "")
  castor_v4l2m2m_contract(mplane "mplane,nv12m,stride=128,rows=16,no_repeat,headers_apart,no_aud")
  castor_v4l2m2m_contract(planes3 "mplane,i420m,stride=64,no_parm,last_on_data,junk_first")
  castor_v4l2m2m_contract(poor "nv12,no_force_key,no_repeat,no_aud,no_gop,no_vbv,junk_first")
  castor_v4l2m2m_contract(no_drain "i420,stride=64,rows=16,no_cmd,no_force_key,headers_apart,no_repeat")
  castor_v4l2m2m_contract(hevc "hevc" hevc)
  castor_v4l2m2m_contract(hevc_poor "hevc,mplane,nv12m,rows=16,no_repeat,headers_apart,no_aud,no_force_key" hevc)
  castor_v4l2m2m_contract(hevc10 "hevc,nv12,p010,stride=128,rows=16,no_repeat,no_aud" hevc p010)
  # A whole box, device to device.
  include(${CMAKE_SOURCE_DIR}/tests/standin/dmabuf/dmabuf.cmake)
  include(${CMAKE_SOURCE_DIR}/tests/standin/v4l2cap/v4l2cap.cmake)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  add_test(NAME e2e_dmabuf_box
           COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/tests/standin/dmabuf/box.py
                   --bin $<TARGET_FILE_DIR:castord> --dmabuf $<TARGET_FILE:castor-standin-dmabuf>
                   --encoder $<TARGET_FILE:castor-standin-v4l2m2m> --camera $<TARGET_FILE:castor-standin-v4l2cap>
                   --va $<TARGET_FILE:standin-va-preload>)
  set_tests_properties(e2e_dmabuf_box PROPERTIES LABELS e2e TIMEOUT 180)
  add_test(NAME contract_ffmpeg_v4l2m2m
           COMMAND ${standin}/ffmpeg.sh $<TARGET_FILE:castor-standin-v4l2m2m>)
  set_tests_properties(contract_ffmpeg_v4l2m2m PROPERTIES LABELS contract TIMEOUT 120)
endif()
