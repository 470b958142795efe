# Where libx265 was there to build against, its driver must pass.
if(TARGET castor-encoder-x265)
  add_dependencies(contract_encoder castor-encoder-x265)
  # libx265 is the longest of them, and deeper pictures are nothing new to a sanitizer.
  set(pixels i420)
  if(NOT CASTOR_SANITIZE)
    list(APPEND pixels p010)
  endif()
  foreach(pixel ${pixels})
    add_test(NAME contract_encoder_x265_${pixel} COMMAND contract_encoder x265 hevc ${pixel})
    set_tests_properties(contract_encoder_x265_${pixel} PROPERTIES LABELS contract TIMEOUT 600)
  endforeach()
  # Drivers that are modules have tests of their own; all of them one after the other would take too long.
  set_tests_properties(contract_encoder PROPERTIES ENVIRONMENT CASTOR_MODULE_DIR=${CMAKE_CURRENT_BINARY_DIR})
endif()
