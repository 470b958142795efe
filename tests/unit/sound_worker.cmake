castor_test(test_message_sound SOURCES test_message_sound.c LIBS ipc hal)
castor_test(test_sound_map SOURCES test_sound_map.c LIBS reporting)
castor_test(test_sound_line SOURCES test_sound_line.c LIBS egress)
castor_test(test_sound_mixer SOURCES test_sound_mixer.c LIBS sound m)
castor_test(test_sound_coder SOURCES test_sound_coder.c LIBS sound PkgConfig::SOUND_CODECS m)
castor_test(test_sound_part SOURCES test_sound_part.c ${CMAKE_SOURCE_DIR}/firmware/supervisor/sound.c
            ${CMAKE_SOURCE_DIR}/firmware/supervisor/worker.c LIBS reporting switching ipc pool base hal)
