castor_test(test_message_sound SOURCES test_message_sound.c LIBS ipc hal)
castor_test(test_sound_map SOURCES test_sound_map.c LIBS reporting)
