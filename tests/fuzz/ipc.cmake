castor_fuzzer(fuzz_message SOURCES fuzz_message.c LIBS ipc hal)
