castor_test(test_sound_tone SOURCES test_sound_tone.c LIBS sound_drivers m)
castor_test(test_sound_drift SOURCES test_sound_drift.c sound_card.c LIBS sound_clock m)
castor_test(test_sound_resample SOURCES test_sound_resample.c sound_card.c LIBS sound_clock m)
