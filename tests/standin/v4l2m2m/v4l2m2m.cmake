# The stand-in's sources and what they are linked with.
set(standin ${CMAKE_SOURCE_DIR}/tests/standin/v4l2m2m)
pkg_check_modules(X264 REQUIRED IMPORTED_TARGET x264)
pkg_check_modules(X265 REQUIRED IMPORTED_TARGET x265)
set(standin_v4l2m2m_sources
    ${standin}/buffers.c ${standin}/codec_h264.c ${standin}/codec_hevc.c ${standin}/controls.c ${standin}/device.c
    ${standin}/formats.c ${standin}/import.c ${standin}/interpose.c ${standin}/options.c ${standin}/work.c
    ${standin}/../hevc.c ${standin}/../now.c)
set(standin_v4l2m2m_libraries PkgConfig::X264 PkgConfig::X265 m Threads::Threads ${CMAKE_DL_LIBS})
