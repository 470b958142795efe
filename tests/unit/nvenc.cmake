# The NVENC driver against the stand-in of NVIDIA's libraries (tests/standin/nvenc).
set(nvenc_environment "LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/standin/nvenc;CASTOR_STANDIN_STRICT=1")
set(nvenc_rig ${CMAKE_SOURCE_DIR}/tests/contract/encoder_rig.c)

foreach(subject calls faults input leaks memory picture standin)
  castor_test(test_encoder_nvenc_${subject} SOURCES test_encoder_nvenc_${subject}.c ${nvenc_rig}
              LIBS encoder_drivers base hal ${CMAKE_DL_LIBS} TIMEOUT 300)
  target_include_directories(test_encoder_nvenc_${subject} PRIVATE ${CMAKE_SOURCE_DIR}/tests/contract)
  add_dependencies(test_encoder_nvenc_${subject} standin_nvenc_encode)
  set_tests_properties(test_encoder_nvenc_${subject} PROPERTIES ENVIRONMENT "${nvenc_environment}")
endforeach()

castor_test(test_encoder_nvenc_config SOURCES test_encoder_nvenc_config.c LIBS encoder_drivers hal)
castor_test(test_encoder_nvenc_absent SOURCES test_encoder_nvenc_absent.c LIBS encoder_drivers hal
            ${CMAKE_DL_LIBS})
