castor_fuzzer(fuzz_probe_ts SOURCES fuzz_probe_ts.c LIBS probe_parse)
castor_fuzzer(fuzz_probe_h264 SOURCES fuzz_probe_h264.c LIBS probe_parse)
castor_fuzzer(fuzz_probe_hevc SOURCES fuzz_probe_hevc.c LIBS probe_parse)
