# The clock of a card, and its sound brought to the house clock.
add_library(sound_clock STATIC drift.c interpolate.c resample.c)
target_include_directories(sound_clock PUBLIC ${CMAKE_SOURCE_DIR}/firmware)
target_link_libraries(sound_clock PUBLIC hal PRIVATE m)
# 14 million multiplications a second of stereo: without it a debug build needs twelve times as long for them.
set_source_files_properties(interpolate.c PROPERTIES COMPILE_OPTIONS $<$<CONFIG:Debug>:-O2>)
