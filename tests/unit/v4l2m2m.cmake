castor_test(test_encoder_v4l2m2m_unit SOURCES test_encoder_v4l2m2m_unit.c LIBS encoder_drivers base)

# With the stand-in device inside the program, so that sanitizers see both sides.
include(${CMAKE_SOURCE_DIR}/tests/standin/v4l2m2m/v4l2m2m.cmake)
add_library(standin_v4l2m2m_objects OBJECT ${standin_v4l2m2m_sources})
target_compile_options(standin_v4l2m2m_objects PRIVATE -U_FORTIFY_SOURCE)
target_link_libraries(standin_v4l2m2m_objects PRIVATE ${standin_v4l2m2m_libraries})
include(${CMAKE_SOURCE_DIR}/tests/standin/dmabuf/dmabuf.cmake)
foreach(name faults devices import)
  castor_test(test_encoder_v4l2m2m_${name}
              SOURCES test_encoder_v4l2m2m_${name}.c ${CMAKE_SOURCE_DIR}/tests/contract/encoder_rig.c
                      $<TARGET_OBJECTS:standin_v4l2m2m_objects>
              LIBS castor-standin-dmabuf encoder_drivers base pool ${standin_v4l2m2m_libraries} TIMEOUT 300)
  target_link_options(test_encoder_v4l2m2m_${name} PRIVATE -Wl,--no-as-needed) # before the C library
  target_include_directories(test_encoder_v4l2m2m_${name} PRIVATE ${CMAKE_SOURCE_DIR}/tests/contract)
  if(CASTOR_SANITIZE)
    target_compile_definitions(test_encoder_v4l2m2m_${name} PRIVATE OPENINGS=400) # each costs a sanitizer dearly
  endif()
  set_tests_properties(test_encoder_v4l2m2m_${name} PROPERTIES ENVIRONMENT "CASTOR_STANDIN_STRICT=1")
endforeach()
