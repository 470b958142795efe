# Driver vaapi. What needs the stand-in of tests/standin/va preloads a library, which excludes a sanitizer's runtime.
add_subdirectory(${CMAKE_SOURCE_DIR}/tests/standin/va ${CMAKE_BINARY_DIR}/standin-va-build)
set(vaapi_folder ${CMAKE_SOURCE_DIR}/drivers/encoder)
set(vaapi_headers ${vaapi_folder}/vaapi_headers.c ${vaapi_folder}/vaapi_headers_h264.c
                  ${vaapi_folder}/vaapi_headers_hevc.c ${vaapi_folder}/vaapi_unit.c)
castor_test(test_encoder_vaapi_headers SOURCES test_encoder_vaapi_headers.c ${vaapi_headers} LIBS encoder_drivers hal)
castor_test(test_encoder_vaapi_headers_hevc
            SOURCES test_encoder_vaapi_headers_hevc.c ${vaapi_headers} ${CMAKE_SOURCE_DIR}/tests/standin/va/va_reader.c
                    ${CMAKE_SOURCE_DIR}/tests/standin/va/va_hevc_headers.c
            LIBS encoder_drivers hal)
foreach(name headers headers_hevc)
  target_include_directories(test_encoder_vaapi_${name} PRIVATE ${vaapi_folder})
endforeach()

if(NOT CASTOR_SANITIZE)
  pkg_check_modules(AVCODEC REQUIRED IMPORTED_TARGET libavcodec libavutil)
  castor_test(test_encoder_vaapi_pictures SOURCES test_encoder_vaapi_pictures.c vaapi_rig.c
              LIBS encoder_drivers hal PkgConfig::AVCODEC)
  castor_test(test_encoder_vaapi_hevc SOURCES test_encoder_vaapi_hevc.c vaapi_rig.c
              LIBS encoder_drivers hal PkgConfig::AVCODEC)
  castor_test(test_encoder_vaapi_faults SOURCES test_encoder_vaapi_faults.c LIBS encoder_drivers base hal)
  castor_test(test_encoder_vaapi_hangs SOURCES test_encoder_vaapi_hangs.c LIBS encoder_drivers hal)
  foreach(name pictures hevc faults hangs)
    add_dependencies(test_encoder_vaapi_${name} castor-encoder-vaapi standin-va standin-va-preload)
    set_tests_properties(test_encoder_vaapi_${name} PROPERTIES ENVIRONMENT
      "LD_PRELOAD=${CMAKE_BINARY_DIR}/standin/va/preload.so;LIBVA_DRIVERS_PATH=${CMAKE_BINARY_DIR}/standin/va;CASTOR_MODULE_DIR=${CMAKE_LIBRARY_OUTPUT_DIRECTORY}")
  endforeach()
endif()
