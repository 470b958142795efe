castor_fuzzer(fuzz_record_scan SOURCES fuzz_record_scan.c LIBS record_parts)
