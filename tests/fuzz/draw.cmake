pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
castor_fuzzer(fuzz_png SOURCES fuzz_png.c LIBS draw PkgConfig::ZLIB)
