include(${CMAKE_SOURCE_DIR}/tests/standin/v4l2cap/v4l2cap.cmake)
castor_test(test_source_v4l2_naming
            SOURCES test_source_v4l2_naming.c ${CMAKE_SOURCE_DIR}/drivers/source/v4l2_naming.c LIBS source_common)
castor_test(test_source_recolour
            SOURCES test_source_recolour.c ${CMAKE_SOURCE_DIR}/drivers/source/recolour.c LIBS source_common)
castor_test(test_source_v4l2_layout
            SOURCES test_source_v4l2_layout.c ${CMAKE_SOURCE_DIR}/drivers/source/v4l2_layout.c
                    ${CMAKE_SOURCE_DIR}/drivers/source/v4l2_device.c
                    ${CMAKE_SOURCE_DIR}/drivers/source/v4l2_edid.c
            LIBS castor-standin-v4l2cap source_common)
# Its symbols must come before the C library's, used by name here or not.
target_link_options(test_source_v4l2_layout PRIVATE -Wl,--no-as-needed)
foreach(part pictures faults edid)
  castor_test(test_source_v4l2_${part} SOURCES test_source_v4l2_${part}.c source_v4l2_rig.c
              LIBS castor-standin-v4l2cap source_drivers TIMEOUT 300)
  target_link_options(test_source_v4l2_${part} PRIVATE -Wl,--no-as-needed)
  add_dependencies(test_source_v4l2_${part} castor-source-v4l2)
endforeach()

# The same with the allocators of DMA-BUFs: their library first, since the device's knows no other after it.
include(${CMAKE_SOURCE_DIR}/tests/standin/dmabuf/dmabuf.cmake)
castor_test(test_source_v4l2_import SOURCES test_source_v4l2_import.c source_v4l2_rig.c
            LIBS castor-standin-dmabuf castor-standin-v4l2cap source_drivers pool)
target_link_options(test_source_v4l2_import PRIVATE -Wl,--no-as-needed)
add_dependencies(test_source_v4l2_import castor-source-v4l2)
