# Configuration, counters, the status document and the control socket: what operators give and see.
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson)
add_library(reporting STATIC burn_in.c config.c config_change.c config_destination.c config_dump.c config_encoder.c config_fields.c config_fields_encoder.c config_fields_output.c config_fields_overlay.c config_overlay.c
            config_fields_record.c config_fields_sound.c config_sound.c config_slate.c config_fields_slate.c sound_map.c
            config_fields_source.c config_fields_switch.c config_file.c config_rules.c config_schema.c config_url.c config_value.c control.c control_arguments.c
            control_request.c json_text.c metrics.c selection.c selection_trial.c status.c status_counters.c gaps.c status_gaps.c
            status_output.c status_overlay.c status_paths.c status_record.c status_sound.c status_source.c status_slate.c status_values.c)
target_compile_definitions(reporting PRIVATE CASTOR_VERSION="${PROJECT_VERSION}")
target_link_libraries(reporting PUBLIC switching feeding ipc pool base hal PRIVATE PkgConfig::JANSSON m)
