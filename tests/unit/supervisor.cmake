if(TARGET reporting)
  castor_test(test_outlet SOURCES test_outlet.c ${CMAKE_SOURCE_DIR}/firmware/supervisor/outlet.c
              ${CMAKE_SOURCE_DIR}/firmware/supervisor/worker.c LIBS reporting switching ipc pool base hal)
endif()
castor_test(test_restart SOURCES test_restart.c ${CMAKE_SOURCE_DIR}/firmware/supervisor/restart.c LIBS hal)
include(${CMAKE_SOURCE_DIR}/tests/standin/dmabuf/dmabuf.cmake)
castor_test(test_ipc_duty SOURCES test_ipc_duty.c LIBS ipc hal)
castor_test(test_ipc_pool SOURCES test_ipc_pool.c LIBS castor-standin-dmabuf ipc pool hal)
target_link_options(test_ipc_pool PRIVATE -Wl,--no-as-needed) # before the C library
castor_test(test_base_sandbox SOURCES test_base_sandbox.c LIBS base hal)
