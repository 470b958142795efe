castor_test(test_archive SOURCES test_archive.c LIBS archive)
castor_test(test_journal SOURCES test_journal.c LIBS archive)
