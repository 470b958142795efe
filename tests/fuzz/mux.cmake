castor_fuzzer(fuzz_coded SOURCES fuzz_coded.c LIBS mux base)
