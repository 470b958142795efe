castor_test(test_sound_tone SOURCES test_sound_tone.c LIBS sound_drivers m)
