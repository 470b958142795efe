# Castor beside ffmpeg, GStreamer and the floor: bench_peers.py and bench_failover.py run these.
pkg_check_modules(BENCH_X264 REQUIRED IMPORTED_TARGET x264)
pkg_check_modules(BENCH_SRT REQUIRED IMPORTED_TARGET srt)
pkg_check_modules(BENCH_AVCODEC REQUIRED IMPORTED_TARGET libavcodec libavutil)

add_executable(bench_camera camera.c)
target_link_libraries(bench_camera PRIVATE source_common Threads::Threads)
add_executable(bench_receiver receiver.c)
target_link_libraries(bench_receiver PRIVATE hal PkgConfig::BENCH_SRT Threads::Threads)
add_executable(bench_relay relay.c)
target_link_libraries(bench_relay PRIVATE hal)
add_executable(bench_units units.c)
target_link_libraries(bench_units PRIVATE PkgConfig::BENCH_AVCODEC)
add_executable(bench_floor floor.c)
target_link_libraries(bench_floor PRIVATE PkgConfig::BENCH_X264 PkgConfig::BENCH_SRT)
# Only the header of libx264: the library is that of the program it is loaded into.
add_library(bench_meter MODULE meter.c)
target_include_directories(bench_meter PRIVATE ${BENCH_X264_INCLUDE_DIRS})
set_target_properties(bench_meter PROPERTIES PREFIX "")
add_executable(bench_wake wake.c)

# The meter is preloaded, which the sanitizers' runtimes do not allow.
if(NOT CASTOR_SANITIZE AND NOT CASTOR_FUZZ)
find_package(Python3 REQUIRED COMPONENTS Interpreter)
add_test(NAME bench_smoke COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/bench_peers.py --smoke
         --bin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} --lib ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
add_test(NAME bench_sound_record COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/bench_sound_record.py --smoke
         --bin ${CMAKE_RUNTIME_OUTPUT_DIRECTORY} --lib ${CMAKE_LIBRARY_OUTPUT_DIRECTORY})
set_tests_properties(bench_smoke bench_sound_record PROPERTIES LABELS bench TIMEOUT 180)
endif()
