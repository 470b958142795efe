# Driver `nvenc`. NVIDIA's headers come with the build, its libraries are opened at run time.
pkg_check_modules(FFNVCODEC REQUIRED IMPORTED_TARGET ffnvcodec)
target_sources(encoder_drivers PRIVATE nvenc.c nvenc_bytes.c nvenc_config.c nvenc_input.c nvenc_library.c
                                       nvenc_probe.c nvenc_query.c nvenc_session.c nvenc_worker.c h264_level.c hevc_level.c
                                       vendor_probe.c vendor_thread.c)
target_link_libraries(encoder_drivers PRIVATE PkgConfig::FFNVCODEC Threads::Threads ${CMAKE_DL_LIBS})
