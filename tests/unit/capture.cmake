castor_test(test_capture_worker SOURCES test_capture_worker.c LIBS capture source_drivers Threads::Threads)
add_dependencies(test_capture_worker castor-source-clip)
castor_test(test_pool_slot_book SOURCES test_pool_slot_book.c LIBS pool)
