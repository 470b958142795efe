castor_test(test_probe_defects SOURCES test_probe_defects.c test_probe_stream.c LIBS probe)
castor_test(test_probe_parsers SOURCES test_probe_parsers.c test_probe_stream.c LIBS probe)
castor_test(test_probe_sound SOURCES test_probe_sound.c LIBS probe)
castor_test(test_probe_hevc SOURCES test_probe_hevc.c test_probe_stream.c LIBS probe)
castor_test(test_probe_counting SOURCES test_probe_counting.c LIBS probe)
castor_test(test_probe_options SOURCES test_probe_options.c LIBS probe)

# The program against streams of ffmpeg, from a file and over SRT in both directions.
add_test(NAME test_probe_ffmpeg COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/test_probe_ffmpeg.sh $<TARGET_FILE:castor-probe>)
set_tests_properties(test_probe_ffmpeg PROPERTIES LABELS e2e TIMEOUT 180 SKIP_RETURN_CODE 77)
