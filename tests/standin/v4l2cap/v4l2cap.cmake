# The stand-in capture device: a library for LD_PRELOAD, or linked into a test before the C library.
if(NOT TARGET castor-standin-v4l2cap)
  pkg_check_modules(TURBOJPEG REQUIRED IMPORTED_TARGET libturbojpeg)
  add_library(castor-standin-v4l2cap SHARED ${CMAKE_CURRENT_LIST_DIR}/calls.c ${CMAKE_CURRENT_LIST_DIR}/device.c ${CMAKE_CURRENT_LIST_DIR}/edid.c
                                            ${CMAKE_CURRENT_LIST_DIR}/import.c
                                            ${CMAKE_CURRENT_LIST_DIR}/interpose.c
                                            ${CMAKE_CURRENT_LIST_DIR}/picture.c ${CMAKE_CURRENT_LIST_DIR}/plan.c)
  set_target_properties(castor-standin-v4l2cap PROPERTIES PREFIX "")
  target_include_directories(castor-standin-v4l2cap INTERFACE ${CMAKE_CURRENT_LIST_DIR})
  # It defines the C library's functions, which fortified headers define themselves.
  target_compile_options(castor-standin-v4l2cap PRIVATE -U_FORTIFY_SOURCE)
  target_link_libraries(castor-standin-v4l2cap PRIVATE source_common PkgConfig::TURBOJPEG Threads::Threads)
endif()
