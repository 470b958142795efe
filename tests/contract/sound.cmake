include(${CMAKE_SOURCE_DIR}/tests/standin/alsa/alsa.cmake)
castor_test(contract_sound SOURCES contract_sound.c ../unit/made_files.c LIBS castor-standin-alsa sound_drivers LABEL contract)
add_dependencies(contract_sound castor-sound-clip castor-sound-alsa)
