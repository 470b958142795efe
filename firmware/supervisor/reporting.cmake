# Configuration, counters, the status document and the control socket: what operators give and see.
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET GLOBAL jansson)
add_library(reporting STATIC config.c config_dump.c config_fields.c config_file.c config_rules.c config_schema.c config_url.c control.c
            control_request.c json_text.c metrics.c selection.c selection_trial.c status.c)
target_compile_definitions(reporting PRIVATE CASTOR_VERSION="${PROJECT_VERSION}")
target_link_libraries(reporting PUBLIC switching ipc pool base hal PRIVATE PkgConfig::JANSSON m)
