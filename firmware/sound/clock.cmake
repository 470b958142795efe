# The clock of a card, and its sound brought to the house clock.
pkg_check_modules(SOXR REQUIRED IMPORTED_TARGET soxr)
add_library(sound_clock STATIC drift.c halver.c resample.c)
target_include_directories(sound_clock PUBLIC ${CMAKE_SOURCE_DIR}/firmware)
target_link_libraries(sound_clock PUBLIC hal PRIVATE PkgConfig::SOXR m)
