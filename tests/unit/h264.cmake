castor_test(test_h264_units SOURCES test_h264_units.c coded_rows.c LIBS base)
castor_test(test_hevc_units SOURCES test_hevc_units.c coded_rows.c LIBS base)
