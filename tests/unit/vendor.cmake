# Threads that vendors' code runs on.
castor_test(test_encoder_vendor_thread SOURCES test_encoder_vendor_thread.c LIBS encoder_drivers hal TIMEOUT 120)
