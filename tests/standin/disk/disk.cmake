# The stand-in disk: a library for LD_PRELOAD.
if(NOT TARGET castor-standin-disk)
  add_library(castor-standin-disk MODULE ${CMAKE_CURRENT_LIST_DIR}/disk.c)
  set_target_properties(castor-standin-disk PROPERTIES PREFIX "")
  # It defines the C library's functions, which fortified headers define themselves.
  target_compile_options(castor-standin-disk PRIVATE -U_FORTIFY_SOURCE)
endif()
