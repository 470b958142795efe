castor_test(test_record_parts SOURCES test_record_parts.c LIBS record_parts)
