castor_test(test_transport_url SOURCES test_transport_url.c LIBS transport_url)
castor_test(test_transport_resolver SOURCES test_transport_resolver.c LIBS transport_drivers)

# The SRT driver against receivers of its own process and against srt-live-transmit.
pkg_check_modules(SRT REQUIRED IMPORTED_TARGET srt)
add_library(srt_peer STATIC srt_peer.c)
target_link_libraries(srt_peer PUBLIC hal PRIVATE PkgConfig::SRT Threads::Threads)
castor_test(test_transport_srt SOURCES test_transport_srt.c LIBS transport_drivers srt_peer PkgConfig::SRT
            LABEL e2e TIMEOUT 180)
target_link_options(test_transport_srt PRIVATE -Wl,--wrap=srt_bistats)
