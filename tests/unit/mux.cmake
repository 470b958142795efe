foreach(subject timing bytes rate tables hevc companion)
  castor_test(test_mux_${subject} SOURCES test_mux_${subject}.c mux_reader.c LIBS mux)
endforeach()

# A stream of libx264 through the mux, judged by ffprobe and ffmpeg.
add_executable(mux_file mux_file.c)
target_link_libraries(mux_file PRIVATE mux base)
add_test(NAME test_mux_ffmpeg COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_mux_ffmpeg.sh $<TARGET_FILE:mux_file>)
set_tests_properties(test_mux_ffmpeg PROPERTIES LABELS e2e TIMEOUT 180 SKIP_RETURN_CODE 77)
