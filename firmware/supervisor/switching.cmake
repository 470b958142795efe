# The deciding parts: pure state machines, no I/O, no clock.
set(switch_sources switch.c switch_book.c switch_change.c switch_time.c switch_check.c switch_names.c)
list(TRANSFORM switch_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_library(switching STATIC ${switch_sources} ${CMAKE_CURRENT_LIST_DIR}/restart.c)
target_include_directories(switching PUBLIC ${CMAKE_SOURCE_DIR}/firmware)
target_link_libraries(switching PUBLIC hal)

set(feed_sources feed.c feed_queue.c)
list(TRANSFORM feed_sources PREPEND ${CMAKE_CURRENT_LIST_DIR}/)
add_library(feeding STATIC ${feed_sources})
target_include_directories(feeding PUBLIC ${CMAKE_SOURCE_DIR}/firmware)
target_link_libraries(feeding PUBLIC hal)
