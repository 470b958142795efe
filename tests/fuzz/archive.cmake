castor_fuzzer(fuzz_archive SOURCES fuzz_archive.c LIBS archive)
castor_fuzzer(fuzz_journal SOURCES fuzz_journal.c LIBS archive)
