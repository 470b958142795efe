add_executable(bench_mux bench_mux.c)
target_link_libraries(bench_mux PRIVATE mux)
