castor_test(test_slate_worker SOURCES test_slate_worker.c LIBS slate Threads::Threads)
