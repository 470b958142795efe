castor_fuzzer(fuzz_archive SOURCES fuzz_archive.c LIBS archive)
