find_library(YUV_LIBRARY yuv REQUIRED)
add_executable(bench_overlay bench_overlay.c)
target_link_libraries(bench_overlay PRIVATE draw ${YUV_LIBRARY})
