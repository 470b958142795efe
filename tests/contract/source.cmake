castor_test(contract_source SOURCES contract_source.c ../unit/made_files.c LIBS source_drivers LABEL contract TIMEOUT 300)
add_dependencies(contract_source castor-source-clip)
