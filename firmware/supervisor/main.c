// SPDX-License-Identifier: Apache-2.0
// castord: the supervisor of an encoder box.
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "supervisor/supervisor.h"

static const char usage[] = "castord - the supervisor of a live encoder box\n"
                            "\n"
                            "  castord --config FILE         run with this configuration\n"
                            "  castord --check-config FILE   say whether it is right, and exit\n"
                            "  castord --schema              print the JSON Schema of configurations\n"
                            "\n"
                            "  --workers FOLDER   where castor-capture, castor-encode and castor-egress are "
                            "(default: beside castord)\n"
                            "  --help\n"
                            "\n"
                            "SIGHUP reads the configuration again; SIGINT and SIGTERM stop the box. "
                            "castorctl talks to a running one.\n";

struct options {
    const char *config;
    bool check_only;
    char workers[512];
};

static int print_schema(void)
{
    char *schema = config_schema_json();

    if (!schema) {
        fputs("castord: out of memory\n", stderr);
        return 1;
    }
    puts(schema);
    free(schema);
    return 0;
}

// Returns -1 to go on, or an exit status.
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"check-config", required_argument, NULL, 'k'},
        {"schema", no_argument, NULL, 's'},       {"workers", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},         {0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:h", longs, NULL)) != -1) {
        switch (c) {
        case 'k':
            options->check_only = true;
            options->config = optarg;
            break;
        case 'c':
            options->config = optarg;
            break;
        case 's':
            return print_schema();
        case 'w':
            snprintf(options->workers, sizeof options->workers, "%s", optarg);
            break;
        case 'h':
            fputs(usage, stdout);
            return 0;
        default:
            fputs(usage, stderr);
            return 2;
        }
    }
    if (!options->config || optind != argc) {
        fputs(usage, stderr);
        return 2;
    }
    return -1;
}

static struct selection selection; // too large for a stack frame

// Before anything runs, so that trials measure the devices and not each other.
static void choose_encoders(struct config *config, const char *workers)
{
    if (!selection_is_wanted(config))
        return;
    log_info("trying the encoders of this box");
    selection_try(&selection, config, workers);
    if (selection_apply(&selection, config) != CASTOR_OK)
        log_error("the encoders could not be chosen");
    selection_log(&selection, config);
}

int main(int argc, char **argv)
{
    static struct config config;
    struct options options = {0};
    struct config_error error;
    struct supervisor *supervisor = NULL;

    log_open("castord", LOG_LEVEL_INFO);
    if (process_folder(options.workers, sizeof options.workers) != 0)
        snprintf(options.workers, sizeof options.workers, ".");
    int status = parse_options(argc, argv, &options);
    if (status >= 0)
        return status;
    if (config_load(options.config, &config, &error) != CASTOR_OK) {
        fprintf(stderr, "castord: %s: %s%s%s\n", options.config, error.path, error.path[0] ? ": " : "",
                error.text);
        return 1;
    }
    for (uint32_t i = 0; i < config.warning_count; i++)
        log_warning("configuration: %s", config.warnings[i]);
    if (options.check_only) {
        printf("%s is a valid configuration\n", options.config);
        return 0;
    }
    log_open("castord", (enum log_level)config.log_level);
    choose_encoders(&config, options.workers);
    if (supervisor_create(&config, options.config, options.workers, &selection, &supervisor) != CASTOR_OK)
        return 1;
    int result = supervisor_run(supervisor);
    supervisor_destroy(supervisor);
    return result == CASTOR_OK ? 0 : 1;
}
