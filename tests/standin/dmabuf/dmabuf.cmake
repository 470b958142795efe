# Stand-ins for the allocators of DMA-BUFs: a library for LD_PRELOAD, or linked into a test before the C library.
if(NOT TARGET castor-standin-dmabuf)
  add_library(castor-standin-dmabuf SHARED ${CMAKE_CURRENT_LIST_DIR}/dmabuf.c)
  set_target_properties(castor-standin-dmabuf PROPERTIES PREFIX "")
  target_compile_options(castor-standin-dmabuf PRIVATE -U_FORTIFY_SOURCE)
  target_link_libraries(castor-standin-dmabuf PRIVATE ${CMAKE_DL_LIBS})
endif()
