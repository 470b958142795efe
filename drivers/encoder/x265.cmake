# HEVC in software: a module, so that a box without libx265 lacks this driver and nothing else.
pkg_check_modules(X265 IMPORTED_TARGET x265)
if(X265_FOUND)
  add_library(castor-encoder-x265 MODULE x265.c hevc_level.c software.c)
  set_target_properties(castor-encoder-x265 PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden)
  target_include_directories(castor-encoder-x265 PRIVATE ${CMAKE_SOURCE_DIR}/drivers)
  target_link_libraries(castor-encoder-x265 PRIVATE hal PkgConfig::X265)
endif()
