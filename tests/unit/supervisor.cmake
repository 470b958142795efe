castor_test(test_restart SOURCES test_restart.c ${CMAKE_SOURCE_DIR}/firmware/supervisor/restart.c LIBS hal)
castor_test(test_ipc_pool SOURCES test_ipc_pool.c LIBS ipc pool hal)
castor_test(test_base_sandbox SOURCES test_base_sandbox.c LIBS base hal)
