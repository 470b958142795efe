castor_test(test_transport_url SOURCES test_transport_url.c LIBS transport_url)
castor_test(test_transport_resolver SOURCES test_transport_resolver.c LIBS transport_drivers)

# The SRT driver against receivers of its own process and against srt-live-transmit.
pkg_check_modules(SRT REQUIRED IMPORTED_TARGET srt)
add_library(srt_peer STATIC srt_peer.c transport_rig.c)
target_link_libraries(srt_peer PUBLIC hal transport_drivers PRIVATE PkgConfig::SRT Threads::Threads cmocka)
castor_test(test_transport_srt SOURCES test_transport_srt.c LIBS srt_peer LABEL e2e TIMEOUT 180)
castor_test(test_transport_tool SOURCES test_transport_tool.c LIBS srt_peer PkgConfig::SRT LABEL e2e TIMEOUT 180)
target_link_options(test_transport_tool PRIVATE -Wl,--wrap=srt_bistats)
