// SPDX-License-Identifier: Apache-2.0
#include "probe/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define IDLE_DEFAULT_NS (10 * CASTOR_NS_PER_S)
#define PCR_LIMIT_DEFAULT_NS (40 * CASTOR_NS_PER_MS)
#define SEAM_TOLERANCE_DEFAULT_US 1000

// Each takes its value and answers NULL, or what would be right.
typedef const char *set_option(struct options *o, const char *value);

static bool parse_number(const char *text, double least, double most, double *value)
{
    char *end = NULL;
    double n = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(n) || n < least || n > most)
        return false;
    *value = n;
    return true;
}

static const char *parse_time(const char *text, double unit_ns, int64_t *value_ns)
{
    double n = 0;
    if (!parse_number(text, 0, 1e9, &n))
        return "a time that is a number, zero or more";
    *value_ns = (int64_t)(n * unit_ns);
    return NULL;
}

static const char *set_duration(struct options *o, const char *value)
{
    return parse_time(value, 1e9, &o->duration_ns);
}

static const char *set_idle(struct options *o, const char *value)
{
    return parse_time(value, 1e9, &o->idle_ns);
}

static const char *set_late(struct options *o, const char *value)
{
    return parse_time(value, 1e6, &o->late_ns);
}

static const char *set_pcr_limit(struct options *o, const char *value)
{
    return parse_time(value, 1e6, &o->pcr_limit_ns);
}

static const char *set_seam_tolerance(struct options *o, const char *value)
{
    int64_t ns = 0;
    const char *wrong = parse_time(value, 1e6, &ns);
    o->seam_tolerance_us = ns / 1000;
    return wrong;
}

static const char *set_frames(struct options *o, const char *value)
{
    double n = 0;
    if (!parse_number(value, 1, 1e15, &n) || n != floor(n))
        return "a whole number, one or more";
    o->frames = (uint64_t)n;
    return NULL;
}

static const char *set_rate(struct options *o, const char *value)
{
    char *end = NULL;
    unsigned long num = strtoul(value, &end, 10);
    unsigned long den = 1;
    if (*end == '/')
        den = strtoul(end + 1, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || num < 1 || num > 1000000 || den < 1 ||
        den > 100000)
        return "a frame rate such as 30 or 30000/1001";
    o->rate = (struct castor_rational){(uint32_t)num, (uint32_t)den};
    return NULL;
}

static const char *set_output(struct options *o, const char *value)
{
    o->output = value;
    return NULL;
}

static const char *set_json_file(struct options *o, const char *value)
{
    o->json_file = value;
    return NULL;
}

static const char *set_status_file(struct options *o, const char *value)
{
    o->status_file = value;
    return NULL;
}

static const char *set_json(struct options *o, const char *value)
{
    (void)value;
    o->json = true;
    return NULL;
}

static const char *set_quiet(struct options *o, const char *value)
{
    (void)value;
    o->quiet = true;
    return NULL;
}

static const char *set_decode(struct options *o, const char *value)
{
    (void)value;
    o->decode = true;
    return NULL;
}

static const char *set_help(struct options *o, const char *value)
{
    (void)value;
    o->help = true;
    return NULL;
}

static const char *set_version(struct options *o, const char *value)
{
    (void)value;
    o->version = true;
    return NULL;
}

static const char *set_strict(struct options *o, const char *value)
{
    (void)value;
    limits_set_strict(&o->limits);
    return NULL;
}

static const struct {
    const char *name;
    const char *value; // NULL: takes none
    const char *help;
    set_option *set;
} table[] = {
    {"duration", "S", "end S seconds after the first byte", set_duration},
    {"frames", "N", "end after N frames", set_frames},
    {"idle-timeout", "S", "end after S seconds without input (10; 0 waits for ever)", set_idle},
    {"decode", NULL, "decode the pictures; read the frame number of the test pattern", set_decode},
    {"late-ms", "MS", "a frame later than MS after its capture counts as late", set_late},
    {"fps", "N[/D]", "frame rate for finding seams (learned from the stream)", set_rate},
    {"seam-tolerance-ms", "MS", "a PTS off the frame grid by more is a seam (1)", set_seam_tolerance},
    {"pcr-limit-ms", "MS", "a PCR interval above counts as a gap (40)", set_pcr_limit},
    {"output", "FILE", "write the bytes received to FILE", set_output},
    {"json", NULL, "print the report as JSON", set_json},
    {"json-file", "FILE", "write the report as JSON to FILE too", set_json_file},
    {"status-file", "FILE", "rewrite FILE every 500 ms with the state so far, as JSON", set_status_file},
    {"quiet", NULL, "no line every second", set_quiet},
    {"strict", NULL, "no fault of the stream at all is accepted", set_strict},
    {"version", NULL, "print the version", set_version},
    {"help", NULL, "print this", set_help},
};

#define TABLE_COUNT (sizeof table / sizeof table[0])

void options_print_help(FILE *out)
{
    fputs("castor-probe [options] INPUT\n"
          "Receives a stream as an edge would, checks it and reports what it found.\n\n"
          "INPUT is a transport stream file, - for the standard input, or\n"
          "  srt://host:port?mode=caller|listener&latency=ms&passphrase=..&pbkeylen=16|24|32&streamid=..\n"
          "  (srt://:port listens; a listener takes the next caller when one leaves)\n\nOptions\n",
          out);
    for (size_t i = 0; i < TABLE_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", table[i].name, table[i].value != NULL ? table[i].value : "");
        fprintf(out, "  %-26s %s\n", left, table[i].help);
    }
    fputs("\nLimits: --max-NAME N and --min-NAME N, where NAME is one of\n", out);
    int column = 0;
    for (enum kpi_id id = 0; id < KPI_COUNT; id++) {
        if (column == 0)
            fputs("  ", out);
        column += fprintf(out, "%s%s", kpi_table[id].limit, id + 1 < KPI_COUNT ? " " : "\n");
        if (column > 90) {
            fputc('\n', out);
            column = 0;
        }
    }
    fputs(
        "\nExit status: 0 all limits held, 1 a limit was broken, 2 wrong use, no input or another failure.\n",
        out);
}

static bool is_limit(const char *name)
{
    return (strncmp(name, "max-", 4) == 0 || strncmp(name, "min-", 4) == 0) &&
           kpi_find_limit(name + 4) != KPI_COUNT;
}

static const char *set_limit(struct options *o, const char *name, const char *value)
{
    double bound = 0;
    if (!parse_number(value, -1e18, 1e18, &bound) || limits_set(&o->limits, name, bound) != CASTOR_OK)
        return "a number";
    return NULL;
}

// Takes the option in argv[*at], with its value behind '=' or in the next argument.
static int parse_option(int argc, char **argv, int *at, struct options *o, FILE *errors)
{
    char name[64];
    const char *text = argv[*at] + 2;
    size_t length = strcspn(text, "=");
    snprintf(name, sizeof name, "%.*s", (int)(length < sizeof name ? length : sizeof name - 1), text);
    size_t i = 0;
    while (i < TABLE_COUNT && strcmp(table[i].name, name) != 0)
        i++;
    bool limit = i == TABLE_COUNT && is_limit(name);
    if (i == TABLE_COUNT && !limit) {
        fprintf(errors, "castor-probe: unknown option --%s; --help lists all\n", name);
        return CASTOR_ERR_INVALID;
    }
    const char *value = text[length] == '=' ? text + length + 1 : NULL;
    bool takes_value = limit || table[i].value != NULL;
    if (takes_value && value == NULL && *at + 1 < argc)
        value = argv[++*at];
    if (takes_value != (value != NULL)) {
        fprintf(errors, "castor-probe: --%s takes %s value\n", name, takes_value ? "a" : "no");
        return CASTOR_ERR_INVALID;
    }
    const char *wrong = limit ? set_limit(o, name, value) : table[i].set(o, value);
    if (wrong != NULL) {
        fprintf(errors, "castor-probe: --%s %s: expected %s\n", name, value, wrong);
        return CASTOR_ERR_INVALID;
    }
    return CASTOR_OK;
}

int options_parse(int argc, char **argv, struct options *options, FILE *errors)
{
    struct options o = {
        .idle_ns = IDLE_DEFAULT_NS,
        .pcr_limit_ns = PCR_LIMIT_DEFAULT_NS,
        .seam_tolerance_us = SEAM_TOLERANCE_DEFAULT_US,
    };
    for (int i = 1; i < argc; i++) {
        int result = CASTOR_OK;
        if (strncmp(argv[i], "--", 2) == 0 && argv[i][2] != '\0') {
            result = parse_option(argc, argv, &i, &o, errors);
        } else if (o.input != NULL || (argv[i][0] == '-' && argv[i][1] != '\0')) {
            fprintf(errors, "castor-probe: '%s' is one argument too many; --help tells the use\n", argv[i]);
            result = CASTOR_ERR_INVALID;
        } else {
            o.input = argv[i];
        }
        if (result != CASTOR_OK)
            return result;
    }
    if (o.input == NULL && !o.help && !o.version) {
        fputs("castor-probe: no input given; name a file, - or srt://host:port (--help tells more)\n",
              errors);
        return CASTOR_ERR_INVALID;
    }
    *options = o;
    return CASTOR_OK;
}
