# A sound card under the real libasound: a plugin that libasound loads and a test is linked with.
pkg_check_modules(ALSA REQUIRED IMPORTED_TARGET alsa)
if(NOT TARGET castor-standin-alsa)
  add_library(castor-standin-alsa SHARED ${CMAKE_SOURCE_DIR}/tests/standin/alsa/card.c)
  set_target_properties(castor-standin-alsa PROPERTIES C_VISIBILITY_PRESET hidden)
  target_include_directories(castor-standin-alsa PUBLIC ${CMAKE_SOURCE_DIR}/tests/standin/alsa)
  target_compile_definitions(castor-standin-alsa PRIVATE
                             PIC STANDIN_ALSA_LIBRARY="$<TARGET_FILE:castor-standin-alsa>")
  target_link_libraries(castor-standin-alsa PRIVATE hal PkgConfig::ALSA)
endif()
