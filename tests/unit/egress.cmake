foreach(subject reconnect gate ledger gap_book)
  castor_test(test_egress_${subject} SOURCES test_egress_${subject}.c LIBS egress)
endforeach()
foreach(subject destination gaps)
  castor_test(test_egress_${subject} SOURCES test_egress_${subject}.c fake_transport.c LIBS egress)
endforeach()

# The program itself, with the supervisor played by the test. srt_peer is in transport.cmake.
castor_test(test_egress_worker SOURCES test_egress_worker.c egress_rig.c LIBS egress srt_peer LABEL e2e
            TIMEOUT 240)
add_dependencies(test_egress_worker castor-egress)
