castor_test(test_record_parts SOURCES test_record_parts.c LIBS record_parts)
castor_test(test_record_gap_notes SOURCES test_record_gap_notes.c LIBS record_parts Threads::Threads)
castor_test(test_record_scan SOURCES test_record_scan.c LIBS record)
castor_test(test_record_writer_gaps SOURCES test_record_writer_gaps.c LIBS record)
