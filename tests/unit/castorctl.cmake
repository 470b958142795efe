if(TARGET castorctl_parts)
  castor_test(test_castorctl_view SOURCES test_castorctl_view.c LIBS castorctl_parts)
  castor_test(test_castorctl_client SOURCES test_castorctl_client.c LIBS castorctl_parts reporting Threads::Threads)
endif()
