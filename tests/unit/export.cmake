castor_test(test_export_plan SOURCES test_export_plan.c LIBS export_parts)
