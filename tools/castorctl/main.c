// SPDX-License-Identifier: Apache-2.0
// castorctl: the command line to a running box.
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castorctl/commands.h"
#include "castorctl/encoders.h"
#include "castorctl/gaps.h"
#include "castorctl/live.h"
#include "castorctl/overlay.h"
#include "castorctl/recordings.h"
#include "castorctl/report.h"
#include "castorctl/selftest.h"
#include "castorctl/sound.h"

static const char usage[] =
    "castorctl - the command line to a running castord\n"
    "\n"
    "  castorctl [--socket PATH] COMMAND\n"
    "\n"
    "  live [--probe-status FILE] [--seconds N]   watch the box; one line a second when not on a terminal\n"
    "  status [--json]                            the box now\n"
    "  encoders                                   what the box found to encode with, and why it took it or "
    "not\n"
    "  gaps [--destination NAME] [--since TIME] [--folder FOLDER] [--json]\n"
    "                                             what did not reach the destinations, when, and whether it "
    "is "
    "in\n"
    "                                             the recording; TIME is 90s, 10m, 2h, 3d or "
    "2026-03-01T12:00:00Z\n"
    "  gaps export GAP --to FILE [--format ts|mp4] [--folder FOLDER] [--json]\n"
    "                                             a file that fills it: from the IDR before it to its last "
    "frame\n"
    "  config                                     the configuration in force, without its secrets\n"
    "  switch PATH                                put another path on air, without a fault\n"
    "  idr                                        an IDR picture soon\n"
    "  bitrate KBPS                               video bitrate, at once and until the next reload\n"
    "  sound gain|delay|map TRACK VALUE           a sound track on air: dB, ms (negative: earlier), "
    "\"L=1 R=2\"\n"
    "  sound mute|unmute TRACK\n"
    "  overlay list                               what is drawn over the picture\n"
    "  overlay set N KEY=VALUE...                 changes item N (0 to 7): kind, anchor, x, y, size, "
    "opacity, "
    "text, ...,\n"
    "                                             as under \"overlay\" in castord --schema\n"
    "  overlay off N                              takes it away\n"
    "  reload FILE                                a new configuration; the old one stays when it is bad\n"
    "  restart WORKER                             end a worker and start it anew (A, B, ..., capture, "
    "egress, sound, record)\n"
    "  record start [NAME] | stop                 begin or end to keep what is recorded\n"
    "  record mark TEXT                           a remark at this frame\n"
    "  record save [MINUTES [NAME]]               keep the pre-roll of the last minutes, or all of it\n"
    "  record protect NAME | unprotect NAME       a file or a recording that is never removed for room\n"
    "  record list                                what there is\n"
    "  stop                                       stop the box\n"
    "\n"
    "Without a running box:\n"
    "  selftest [--out FILE]                      try and measure every encoder of this machine; the report "
    "is\n"
    "                                             castor-selftest.json, with \"-\" it goes to standard "
    "output\n"
    "\n"
    "On boxes that allow deliberate faults:\n"
    "  fault PATH KIND [--count N] [--factor N]   drop, swallow, garbage, silence, slow, crash, hang, "
    "bad_message\n"
    "  fault sound KIND                           garbage, silence, crash, hang, bad_message\n"
    "  kill WORKER                                SIGKILL\n"
    "  freeze WORKER                              SIGSTOP\n"
    "\n"
    "The socket is --socket, $CASTOR_SOCKET, /run/castor/castor.sock for root, or "
    "$XDG_RUNTIME_DIR/castor.sock.\n"
    "Exit status: 0 done, 1 refused or not reachable, 2 wrong usage.\n";

struct options {
    const char *socket;
    const char *probe_status;
    const char *out;
    const char *folder, *destination, *since, *to, *format;
    bool json;
    long count, factor, seconds;
    int words; // behind the command's name
};

static int wrong_usage(const char *what)
{
    fprintf(stderr, "castorctl: %s; see castorctl --help\n", what);
    return 2;
}

static bool parse_number(const char *text, long low, long high, long *out)
{
    char *end;

    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < low || value > high)
        return false;
    *out = value;
    return true;
}

// ---- commands: each gets its words, words[0] is its name ----

static int run_status(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    json_t *status = NULL;
    int error = commands_status(client, &status, why);

    (void)words;
    if (error == CASTOR_OK && options->json) {
        json_dumpf(status, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        putchar('\n');
    } else if (error == CASTOR_OK) {
        report_status(status, stdout);
    }
    json_decref(status);
    return error;
}

static int run_encoders(struct client *client, char **words, const struct options *options,
                        struct client_why *why)
{
    json_t *status = NULL;
    int error = commands_status(client, &status, why);

    (void)words;
    (void)options;
    if (error == CASTOR_OK)
        encoders_report(status, stdout);
    json_decref(status);
    return error;
}

static int run_config(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    json_t *config = NULL;
    int error = commands_config(client, &config, why);

    (void)words;
    (void)options;
    if (error == CASTOR_OK) {
        json_dumpf(config, stdout, JSON_INDENT(2));
        putchar('\n');
    }
    json_decref(config);
    return error;
}

static int run_switch(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    (void)options;
    return commands_switch(client, words[1], why);
}

static int run_idr(struct client *client, char **words, const struct options *options, struct client_why *why)
{
    (void)words;
    (void)options;
    return commands_idr(client, why);
}

static int run_bitrate(struct client *client, char **words, const struct options *options,
                       struct client_why *why)
{
    long kbps;

    (void)options;
    if (!parse_number(words[1], 1, 1000000, &kbps)) {
        snprintf(why->text, sizeof why->text,
                 "\"%s\" is not a bitrate; give whole kbit/s, as in castorctl bitrate 3000", words[1]);
        return CASTOR_ERR_INVALID;
    }
    return commands_bitrate(client, kbps, why);
}

static int run_reload(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    (void)options;
    return commands_reload(client, words[1], why);
}

static int run_restart(struct client *client, char **words, const struct options *options,
                       struct client_why *why)
{
    (void)options;
    return commands_restart(client, words[1], why);
}

static int run_sound(struct client *client, char **words, const struct options *options,
                     struct client_why *why)
{
    return sound_run(client, words + 1, options->words, why);
}

static int run_overlay(struct client *client, char **words, const struct options *options,
                       struct client_why *why)
{
    (void)options;
    return overlay_command(client, words + 1, why);
}

static int run_stop(struct client *client, char **words, const struct options *options,
                    struct client_why *why)
{
    (void)words;
    (void)options;
    return commands_stop(client, why);
}

static int run_fault(struct client *client, char **words, const struct options *options,
                     struct client_why *why)
{
    return commands_fault(client, words[1], words[2], options->count, options->factor, why);
}

static int run_signal(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    (void)options;
    return commands_signal(client, words[1], strcmp(words[0], "kill") == 0 ? SIGKILL : SIGSTOP, why);
}

static int run_record(struct client *client, char **words, const struct options *options,
                      struct client_why *why)
{
    (void)options;
    return recordings_run(client, words + 1, stdout, why);
}

#define ANY (-1)
static const struct command {
    const char *name;
    int words; // behind the name; ANY: it says itself what is right
    int (*run)(struct client *client, char **words, const struct options *options, struct client_why *why);
} commands[] = {
    {"status", 0, run_status},     {"config", 0, run_config},   {"switch", 1, run_switch},
    {"idr", 0, run_idr},           {"bitrate", 1, run_bitrate}, {"reload", 1, run_reload},
    {"restart", 1, run_restart},   {"stop", 0, run_stop},       {"fault", 2, run_fault},
    {"sound", ANY, run_sound},     {"kill", 1, run_signal},     {"freeze", 1, run_signal},
    {"encoders", 0, run_encoders}, {"record", ANY, run_record}, {"overlay", ANY, run_overlay},
};

static int run(const struct command *command, char **words, const struct options *options)
{
    struct client client = {.fd = -1};
    struct client_why why = {""};
    int error = client_open(options->socket, &client, &why);

    if (error == CASTOR_OK)
        error = command->run(&client, words, options, &why);
    client_close(&client);
    if (error != CASTOR_OK)
        fprintf(stderr, "castorctl: %s\n", why.text[0] ? why.text : castor_error_text(error));
    else if (why.text[0])
        puts(why.text);
    return error == CASTOR_OK ? 0 : 1;
}

// Returns -1 to go on, or an exit status.
static int parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"socket", required_argument, NULL, 's'},
                                          {"probe-status", required_argument, NULL, 'p'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"count", required_argument, NULL, 'c'},
                                          {"factor", required_argument, NULL, 'f'},
                                          {"seconds", required_argument, NULL, 't'},
                                          {"out", required_argument, NULL, 'o'},
                                          {"folder", required_argument, NULL, 'F'},
                                          {"destination", required_argument, NULL, 'D'},
                                          {"since", required_argument, NULL, 'S'},
                                          {"to", required_argument, NULL, 'T'},
                                          {"format", required_argument, NULL, 'M'},
                                          {"help", no_argument, NULL, 'h'},
                                          {0}};
    bool good = true;
    int c;

    while ((c = getopt_long(argc, argv, "s:h", longs, NULL)) != -1) {
        if (c == 's')
            options->socket = optarg;
        else if (c == 'p')
            options->probe_status = optarg;
        else if (c == 'o')
            options->out = optarg;
        else if (c == 'F')
            options->folder = optarg;
        else if (c == 'D')
            options->destination = optarg;
        else if (c == 'S')
            options->since = optarg;
        else if (c == 'T')
            options->to = optarg;
        else if (c == 'M')
            options->format = optarg;
        else if (c == 'j')
            options->json = true;
        else if (c == 'c')
            good = good && parse_number(optarg, 1, 1000, &options->count);
        else if (c == 'f')
            good = good && parse_number(optarg, 1, 100, &options->factor);
        else if (c == 't')
            good = good && parse_number(optarg, 1, 86400, &options->seconds);
        if (c == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (c == '?')
            return wrong_usage("this option is not known");
    }
    return good ? -1 : wrong_usage("--count takes 1 to 1000, --factor 1 to 100, --seconds 1 to 86400");
}

int main(int argc, char **argv)
{
    struct options options = {.count = 1, .factor = 3};
    int status = parse_options(argc, argv, &options);
    char **words = argv + optind;
    int count = argc - optind;
    char text[128];

    if (status >= 0)
        return status;
    if (count == 0) {
        fputs(usage, stderr);
        return 2;
    }
    if (strcmp(words[0], "live") == 0) {
        const struct live_options live = {options.socket, options.probe_status, options.seconds};
        return count == 1 ? live_run(&live) : wrong_usage("live takes no more words");
    }
    if (strcmp(words[0], "selftest") == 0) {
        const struct selftest_options selftest = {.out = options.out};
        return count == 1 ? selftest_run(&selftest) : wrong_usage("selftest takes no more words");
    }
    if (strcmp(words[0], "gaps") == 0) {
        const struct gaps_options gaps = {options.socket, options.folder, options.destination, options.since,
                                          options.to,     options.format, options.json};
        return gaps_run(words + 1, count - 1, &gaps);
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(words[0], commands[i].name) != 0)
            continue;
        options.words = count - 1;
        if (count == commands[i].words + 1 || commands[i].words == ANY)
            return run(&commands[i], words, &options);
        snprintf(text, sizeof text, "%s takes %d word%s, not %d", words[0], commands[i].words,
                 commands[i].words == 1 ? "" : "s", count - 1);
        return wrong_usage(text);
    }
    snprintf(text, sizeof text, "\"%.64s\" is not a command", words[0]);
    return wrong_usage(text);
}
