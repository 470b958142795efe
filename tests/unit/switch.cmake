foreach(subject paths frames failover)
  castor_test(test_switch_${subject} SOURCES test_switch_${subject}.c switch_rig.c LIBS switching)
endforeach()
