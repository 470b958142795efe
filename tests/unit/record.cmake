castor_test(test_record_parts SOURCES test_record_parts.c LIBS record_parts)
castor_test(test_record_gap_notes SOURCES test_record_gap_notes.c LIBS record_parts Threads::Threads)
