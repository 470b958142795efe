# Driver vaapi, against the stand-in of tests/standin/va. A preloaded library and a sanitizer's runtime exclude each other.
if(NOT CASTOR_SANITIZE)
  set(vaapi_environment LD_PRELOAD=${CMAKE_BINARY_DIR}/standin/va/preload.so LIBVA_DRIVERS_PATH=${CMAKE_BINARY_DIR}/standin/va
                        CASTOR_MODULE_DIR=${CMAKE_LIBRARY_OUTPUT_DIRECTORY} CASTOR_STANDIN_STRICT=1)
  add_dependencies(contract_encoder castor-encoder-vaapi standin-va standin-va-preload)
  # What devices differ in: test's name, what is coded, words for the stand-in.
  foreach(variant "|h264|" "_own_headers|h264|nopacked,nosyncbuffer" "_old_amd|h264|seqonly,noderive,vbr"
                  "_intel|h264|intel,lp,noderive,putyuv" "_low_power|h264|lponly,nosyncbuffer"
                  "_constant_quality|h264|cqp" "_hevc|hevc nv12|tools" "_hevc10|hevc p010|tools,lponly,gpb,noderive")
    string(REPLACE "|" ";" variant "${variant}")
    list(GET variant 0 suffix)
    list(GET variant 1 coded)
    list(GET variant 2 words)
    separate_arguments(coded)
    add_test(NAME contract_encoder_vaapi${suffix} COMMAND contract_encoder vaapi ${coded})
    set_tests_properties(contract_encoder_vaapi${suffix} PROPERTIES LABELS contract TIMEOUT 300
                         ENVIRONMENT "${vaapi_environment};CASTOR_STANDIN_VA=${words}")
  endforeach()

  add_test(NAME contract_vaapi_ffmpeg
           COMMAND sh ${CMAKE_CURRENT_LIST_DIR}/vaapi_ffmpeg.sh ${CMAKE_BINARY_DIR}/standin/va)
  set_tests_properties(contract_vaapi_ffmpeg PROPERTIES LABELS contract TIMEOUT 120 SKIP_RETURN_CODE 77)
endif()
