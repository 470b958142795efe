castor_test(test_archive SOURCES test_archive.c LIBS archive)
