# The contract of encoders for the driver `nvenc`, run against the stand-in of NVIDIA's libraries; and a program
# that nobody here wrote through the same stand-in.
add_subdirectory(${CMAKE_SOURCE_DIR}/tests/standin/nvenc ${CMAKE_BINARY_DIR}/tests/standin/nvenc)
add_dependencies(contract_encoder standin_nvenc_encode)
# What is coded, and words for the stand-in: with `register` missing, frames are copied.
foreach(run "|h264|" "_hevc|hevc i420|" "_hevc10|hevc p010|" "_copied|h264|without=register"
            "_hevc10_copied|hevc p010|without=register")
  string(REPLACE "|" ";" run "${run}")
  list(GET run 0 suffix)
  list(GET run 1 coded)
  list(GET run 2 words)
  separate_arguments(coded)
  add_test(NAME contract_encoder_nvenc${suffix} COMMAND contract_encoder nvenc ${coded})
  set_tests_properties(
    contract_encoder_nvenc${suffix}
    PROPERTIES
      LABELS contract TIMEOUT 600 ENVIRONMENT
      "LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/standin/nvenc;CASTOR_STANDIN_STRICT=1;CASTOR_STANDIN_NVENC=${words}")
endforeach()
if(NOT CASTOR_SANITIZE) # the packaged ffmpeg has no sanitizer's library in it
  add_test(NAME standin_nvenc_ffmpeg COMMAND sh ${CMAKE_SOURCE_DIR}/tests/standin/nvenc/ffmpeg.sh)
  set_tests_properties(
    standin_nvenc_ffmpeg
    PROPERTIES LABELS contract TIMEOUT 120 ENVIRONMENT
               "LD_LIBRARY_PATH=${CMAKE_BINARY_DIR}/standin/nvenc;CASTOR_STANDIN_STRICT=1")
endif()
