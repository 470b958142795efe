castor_test(test_message_sound SOURCES test_message_sound.c LIBS ipc hal)
