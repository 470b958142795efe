# The stand-in sound card: a module that is loaded in the place of driver alsa.
if(NOT TARGET standin-sound-card)
  add_library(standin-sound-card MODULE ${CMAKE_CURRENT_LIST_DIR}/card.c)
  set_target_properties(standin-sound-card PROPERTIES PREFIX "" OUTPUT_NAME castor-sound-alsa
                        LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/standin/card)
  target_link_libraries(standin-sound-card PRIVATE sound_common)
endif()
