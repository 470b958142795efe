# What operators give and see: configuration, counters, status document, control socket.
if(TARGET reporting)
  foreach(subject cases parse documents)
    castor_test(test_config_${subject} SOURCES test_config_${subject}.c LIBS reporting PkgConfig::JANSSON)
    target_compile_definitions(test_config_${subject} PRIVATE BOARD_FOLDER="${CMAKE_SOURCE_DIR}/board"
                               CASES_FILE="${CMAKE_CURRENT_SOURCE_DIR}/config_cases.json")
  endforeach()
  castor_test(test_metrics SOURCES test_metrics.c LIBS reporting)
  castor_test(test_gaps SOURCES test_gaps.c LIBS reporting egress)
  castor_test(test_control SOURCES test_control.c LIBS reporting PkgConfig::JANSSON)
  # The names of states and causes are the switch's.
  if(TARGET switching)
    castor_test(test_status SOURCES test_status.c LIBS reporting switching PkgConfig::JANSSON)
    castor_test(test_status_gaps SOURCES test_status_gaps.c LIBS reporting switching PkgConfig::JANSSON)
  endif()
  find_package(Python3 COMPONENTS Interpreter)
  if(Python3_FOUND)
    add_test(NAME test_config_jsonschema
             COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/test_config_jsonschema.py
                     ${CMAKE_SOURCE_DIR}/board ${CMAKE_CURRENT_SOURCE_DIR}/config_cases.json)
    set_tests_properties(test_config_jsonschema PROPERTIES LABELS unit TIMEOUT 60 SKIP_RETURN_CODE 77)
  endif()
endif()
