if(TARGET reporting)
  castor_fuzzer(fuzz_config SOURCES fuzz_config.c LIBS reporting PkgConfig::JANSSON)
  castor_fuzzer(fuzz_control SOURCES fuzz_control.c LIBS reporting PkgConfig::JANSSON)
endif()
