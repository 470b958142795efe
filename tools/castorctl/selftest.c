// SPDX-License-Identifier: Apache-2.0
#include "castorctl/selftest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/child.h"
#include "base/process.h"
#include "castorctl/pick.h"
#include "hal/encoder.h"
#include "hal/time.h"

#define REPORT_VERSION 1
#define REPORT_FILE "castor-selftest.json"
#define ANSWER_BYTES 32768
#define ENCODERS_MAX 16
#define LIST_NS (5 * CASTOR_NS_PER_S)
#define TRIAL_NS (60 * CASTOR_NS_PER_S)
#define TAKE_OVER_NS (60 * CASTOR_NS_PER_S)
// What boxes are for; the rate follows within two seconds, so the phases last longer than that.
#define WIDTH "1920"
#define HEIGHT "1080"
#define RATE "30/1"
#define BITRATE_BPS "6000000"
#define VBV_MS "250"
#define PHASE_FRAMES "90"
#define SETTINGS(codec, depth)                                                                               \
    "--width", WIDTH, "--height", HEIGHT, "--rate", RATE, "--bitrate", BITRATE_BPS, "--vbv-ms", VBV_MS,      \
        "--codec", codec, "--depth", depth

struct selftest {
    char program[512];
    json_t *encoders, *take_overs;
    FILE *words; // for the person who watches
    unsigned passed;
};

// ---- questions to castor-encode ----

// The answer as JSON, or an object with "ok" false and a "why" that says how the process ended.
static json_t *ask(const char *const *argv, int64_t limit_ns)
{
    static char answer[ANSWER_BYTES];
    struct child_end end;
    int error =
        child_run((char *const *)(uintptr_t)argv, castor_now_ns() + limit_ns, answer, sizeof answer, &end);

    if (error != CASTOR_OK)
        return json_pack("{s:b, s:s}", "ok", 0, "why", end.text);
    json_t *document = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    return document ? document : json_pack("{s:b, s:s}", "ok", 0, "why", "its answer cannot be understood");
}

static void set_default(json_t *object, const char *key, const char *value)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, json_string(value));
}

// ---- encoders ----

static const char *yes_or_no(json_t *report, const char *place)
{
    return !pick_known(report, place) ? "not offered" : pick_bool(report, place) ? "yes" : "NO";
}

static void tell_encoder(struct selftest *test, json_t *report)
{
    const char *device = pick_text(report, "device");

    fprintf(test->words, "%-8s %-20s %-4s ", pick_text(report, "driver"), device[0] ? device : "-",
            pick_text(report, "codec"));
    if (pick_known(report, "depth"))
        fprintf(test->words, "%2lld bit ", pick_integer(report, "depth"));
    if (pick_bool(report, "ok")) {
        fprintf(test->words, "passed: %.1f ms a frame (", pick_number(report, "latency_p50_us") / 1e3);
        if (pick_known(report, "latency_p99_us"))
            fprintf(test->words, "p99 %.1f, ", pick_number(report, "latency_p99_us") / 1e3);
        fprintf(test->words, "max %.1f), opens in %.0f ms, IDR on request: %s, bitrate follows: %s",
                pick_number(report, "latency_max_us") / 1e3, pick_number(report, "open_us") / 1e3,
                yes_or_no(report, "idr_on_request"), yes_or_no(report, "bitrate_changes"));
    } else {
        fprintf(test->words, "FAILED: %s", pick_text(report, "why"));
    }
    if (pick_known(report, "bitrate_frames"))
        fprintf(test->words, " within %lld frames (%lld to %lld kbit/s)",
                pick_integer(report, "bitrate_frames"), pick_integer(report, "measured_before_bps") / 1000,
                pick_integer(report, "measured_after_bps") / 1000);
    fputc('\n', test->words);
    fflush(test->words);
}

// What may be asked of an encoder: a codec and a depth. Each is offered by a pixel format of `names`.
static const struct kind {
    const char *codec, *depth;
    const char *names[2];
} kinds[] = {
    {"h264", "8", {"i420", "nv12"}},
    {"hevc", "8", {"i420", "nv12"}},
    {"h264", "10", {"p010"}},
    {"hevc", "10", {"p010"}},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

static bool is_offered(json_t *pixels, const struct kind *kind)
{
    json_t *name;
    size_t i;

    json_array_foreach(json_object_get(pixels, kind->codec), i, name)
        for (size_t k = 0; k < 2 && kind->names[k] && json_is_string(name); k++)
            if (strcmp(json_string_value(name), kind->names[k]) == 0)
                return true;
    return false;
}

static json_t *try_kind(const struct selftest *test, const char *driver, json_t *device,
                        const struct kind *kind)
{
    const char *name = pick_text(device, "name");
    const char *const argv[] = {test->program,
                                SETTINGS(kind->codec, kind->depth),
                                "--phase-frames",
                                PHASE_FRAMES,
                                "--probe",
                                "--",
                                driver,
                                name,
                                NULL};
    json_t *report = ask(argv, TRIAL_NS);

    set_default(report, "driver", driver);
    set_default(report, "device", name);
    set_default(report, "codec", kind->codec);
    set_default(report, "fault_domain", pick_text(device, "fault_domain"));
    set_default(report, "description", pick_text(device, "description"));
    return report;
}

// The first trial tells what the device offers, and has no entry itself if that is not among it.
static void try_device(struct selftest *test, const char *driver, json_t *device)
{
    json_t *pixels = NULL; // what is offered, once that is known

    for (size_t i = 0; i < KINDS && (i == 0 || pixels); i++) {
        if (pixels && !is_offered(pixels, &kinds[i]))
            continue;
        json_t *report = try_kind(test, driver, device, &kinds[i]);
        if (!pixels && json_is_object(pick(report, "caps.pixels")))
            pixels = json_incref(pick(report, "caps.pixels"));
        if (!pixels || is_offered(pixels, &kinds[i])) {
            test->passed += pick_bool(report, "ok");
            tell_encoder(test, report);
            json_array_append(test->encoders, report);
        }
        json_decref(report);
    }
    json_decref(pixels);
}

static void try_driver(struct selftest *test, const char *driver)
{
    const char *const argv[] = {test->program, "--devices", "--", driver, NULL};
    json_t *answer = ask(argv, LIST_NS), *device;
    json_t *devices = pick(answer, "devices");
    size_t i;

    json_array_foreach(devices, i, device)
        if (json_array_size(test->encoders) < ENCODERS_MAX)
            try_device(test, driver, device);
    if (json_array_size(devices) == 0) {
        set_default(answer, "driver", driver);
        set_default(answer, "device", "");
        set_default(answer, "why", "no device found");
        json_object_set_new(answer, "ok", json_false());
        tell_encoder(test, answer);
        json_array_append(test->encoders, answer);
    }
    json_decref(answer);
}

static int try_drivers(struct selftest *test)
{
    const char *const argv[] = {test->program, "--drivers", NULL};
    json_t *names = ask(argv, LIST_NS), *name;
    bool listed = json_is_array(names);
    size_t i;

    if (!listed)
        fprintf(stderr, "castorctl: %s: %s; is it installed beside castorctl?\n", test->program,
                pick_text(names, "why"));
    // The scripted driver proves nothing about the machine.
    json_array_foreach(names, i, name)
        if (json_is_string(name) && strcmp(json_string_value(name), "fake") != 0)
            try_driver(test, json_string_value(name));
    json_decref(names);
    return listed ? 0 : -1;
}

// ---- take-overs ----

static void take_over(struct selftest *test, json_t *from, json_t *to)
{
    const char *const argv[] = {test->program,
                                SETTINGS(pick_text(from, "codec"), "8"),
                                "--take-over",
                                "--",
                                pick_text(from, "driver"),
                                pick_text(from, "device"),
                                pick_text(to, "driver"),
                                pick_text(to, "device"),
                                NULL};
    json_t *report = ask(argv, TAKE_OVER_NS);

    fprintf(test->words, "%s %s -> %s %s (%s): ", pick_text(from, "driver"), pick_text(from, "device"),
            pick_text(to, "driver"), pick_text(to, "device"), pick_text(from, "codec"));
    if (pick_bool(report, "ok"))
        fprintf(test->words, "an IDR of the frame that is missing in %.1f ms, at most %.1f (of %lld)\n",
                pick_number(report, "median_us") / 1e3, pick_number(report, "worst_us") / 1e3,
                pick_integer(report, "count"));
    else
        fprintf(test->words, "FAILED: %s\n", pick_text(report, "why"));
    fflush(test->words);
    json_object_set_new(report, "codec", json_string(pick_text(from, "codec")));
    json_object_set_new(report, "from",
                        json_pack("[s, s]", pick_text(from, "driver"), pick_text(from, "device")));
    json_object_set_new(report, "to", json_pack("[s, s]", pick_text(to, "driver"), pick_text(to, "device")));
    json_array_append_new(test->take_overs, report);
}

// In 8 bit only: 10 would show the same devices taking over in the same way, and take as long again.
static bool is_pair(json_t *a, json_t *b)
{
    return pick_bool(a, "ok") && pick_bool(b, "ok") &&
           strcmp(pick_text(a, "codec"), pick_text(b, "codec")) == 0 && pick_integer(a, "depth") == 8 &&
           pick_integer(b, "depth") == 8;
}

static void try_take_overs(struct selftest *test)
{
    json_t *from, *to;
    size_t i, k;

    json_array_foreach(test->encoders, i, from)
        json_array_foreach(test->encoders, k, to)
            if (is_pair(from, to))
                take_over(test, from, to);
}

// ---- report ----

static json_t *make_report(const struct selftest *test)
{
    time_t now = time(NULL);
    struct tm tm;
    char text[32] = "";

    if (gmtime_r(&now, &tm))
        (void)strftime(text, sizeof text, "%FT%TZ", &tm);
    return json_pack("{s:i, s:s, s:s, s:o, s:{s:s, s:s, s:s, s:s, s:s}, s:O, s:O}", "schema_version",
                     REPORT_VERSION, "castor", CASTOR_VERSION, "time", text, "system", selftest_system(),
                     "settings", "width", WIDTH, "height", HEIGHT, "rate", RATE, "bitrate_bps", BITRATE_BPS,
                     "vbv_ms", VBV_MS, "encoders", test->encoders, "take_overs", test->take_overs);
}

// Closes the file.
static int write_report(const struct selftest *test, FILE *file, const char *path)
{
    json_t *report = make_report(test);
    int error = report ? json_dumpf(report, file, JSON_INDENT(2)) : -1;

    if (fputc('\n', file) == EOF)
        error = -1;
    if ((file == stdout ? fflush(file) : fclose(file)) != 0)
        error = -1;
    json_decref(report);
    if (error != 0)
        fprintf(stderr, "castorctl: the report cannot be written to %s: %s\n", path, strerror(errno));
    else if (file != stdout)
        fprintf(test->words, "report: %s\n", path);
    return error;
}

// castor-encode is installed beside castorctl.
static int find_program(const struct selftest_options *options, char *out, size_t size)
{
    char folder[480];
    int error = CASTOR_OK;

    if (options->folder)
        snprintf(folder, sizeof folder, "%s", options->folder);
    else
        error = process_folder(folder, sizeof folder);
    if (error == CASTOR_OK)
        snprintf(out, size, "%s/castor-encode", folder);
    return error;
}

int selftest_run(const struct selftest_options *options)
{
    const char *out = options->out ? options->out : REPORT_FILE;
    struct selftest test = {.words = strcmp(out, "-") == 0 ? stderr : stdout};
    int status = 1;

    // Before the work, which takes a minute.
    FILE *file = strcmp(out, "-") == 0 ? stdout : fopen(out, "we");
    if (!file) {
        fprintf(stderr, "castorctl: the report cannot be written to %s: %s\n", out, strerror(errno));
        return 1;
    }
    int error = find_program(options, test.program, sizeof test.program);
    if (error != CASTOR_OK) {
        fprintf(stderr, "castorctl: cannot find the folder of this program: %s\n", castor_error_text(error));
        (void)(file == stdout ? 0 : fclose(file));
        return 1;
    }
    test.encoders = json_array();
    test.take_overs = json_array();
    if (!test.encoders || !test.take_overs) {
        fputs("castorctl: out of memory\n", stderr);
    } else if (try_drivers(&test) == 0) {
        try_take_overs(&test);
        status = write_report(&test, file, out) == 0 && test.passed > 0 ? 0 : 1;
        file = stdout;
        fprintf(test.words, "%u of %zu encoders passed\n", test.passed, json_array_size(test.encoders));
    }
    if (file != stdout)
        (void)fclose(file);
    json_decref(test.encoders);
    json_decref(test.take_overs);
    return status;
}
