# Driver vaapi: a module, so that castor-encode starts without libva.
pkg_check_modules(LIBVA REQUIRED IMPORTED_TARGET libva libva-drm)
add_library(castor-encoder-vaapi MODULE vaapi.c vaapi_choice.c vaapi_device.c vaapi_headers.c vaapi_headers_h264.c
                                        vaapi_headers_hevc.c vaapi_import.c vaapi_picture.c vaapi_picture_h264.c
                                        vaapi_picture_hevc.c vaapi_session.c vaapi_unit.c vaapi_upload.c vaapi_work.c
                                        annexb.c h264_level.c hevc_level.c nal_writer.c vendor_probe.c vendor_thread.c)
set_target_properties(castor-encoder-vaapi PROPERTIES PREFIX "" C_VISIBILITY_PRESET hidden)
target_include_directories(castor-encoder-vaapi PRIVATE ${CMAKE_SOURCE_DIR}/drivers)
target_link_libraries(castor-encoder-vaapi PRIVATE hal PkgConfig::LIBVA Threads::Threads)
