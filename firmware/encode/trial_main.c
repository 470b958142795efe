// SPDX-License-Identifier: Apache-2.0
#include "encode/trial_main.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/log.h"
#include "base/sandbox.h"
#include "encode/trial.h"
#include "encode/trial_json.h"

#define DEVICES_MAX 16

static const char usage[] =
    "castor-encode is started by castord. For castord, castorctl and people it also answers, in one line of "
    "JSON:\n"
    "\n"
    "  castor-encode --drivers                                 the encoder drivers of this build\n"
    "  castor-encode --devices DRIVER                          the devices that a driver finds\n"
    "  castor-encode --probe DRIVER DEVICE [OPTIONS]           a trial: real frames, an IDR, another "
    "bitrate\n"
    "  castor-encode --take-over DRIVER DEVICE DRIVER DEVICE   from the first to the second\n"
    "\n"
    "DEVICE is as --devices lists it, \"\" for the driver's first. OPTIONS, with their defaults:\n"
    "  --width 1280 --height 720 --rate 30/1 --bitrate 4000000 --vbv-ms 250 --codec h264\n"
    "  --depth 8 --preset \"\" --threads 0 --script \"\" --phase-frames 30\n"
    "Lines that begin with @ name the step that is under way.\n";

struct options {
    char mode; // of the options below; 0 = none
    struct encoder_config config;
    uint32_t phase_frames;
};

static FILE *answers; // standard output as it was; vendors' libraries print where they like

static void say_step(const char *name)
{
    fprintf(answers, "%c%s\n", CHILD_STEP_MARK, name);
    fflush(answers);
}

static bool parse_number(const char *text, uint32_t max, uint32_t *out)
{
    char *end;

    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || text[0] == '-' || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_rate(const char *text, struct castor_rational *out)
{
    unsigned num, den;
    int used = 0;

    if (sscanf(text, "%6u/%6u%n", &num, &den, &used) != 2 || text[used] != '\0' || num == 0 || den == 0)
        return false;
    *out = (struct castor_rational){num, den};
    return true;
}

static bool parse_codec(const char *text, enum encoder_codec *out)
{
    bool hevc = strcmp(text, "hevc") == 0;

    *out = hevc ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    return hevc || strcmp(text, "h264") == 0;
}

static bool parse_depth(const char *text, uint32_t *pixel)
{
    bool deep = strcmp(text, "10") == 0;

    *pixel = deep ? CASTOR_PIXEL_P010 : CASTOR_PIXEL_I420;
    return deep || strcmp(text, "8") == 0;
}

static bool take_option(int c, struct options *options)
{
    struct encoder_config *config = &options->config;

    switch (c) {
    case 'L':
    case 'D':
    case 'P':
    case 'T':
        options->mode = (char)c;
        return true;
    case 'w':
        return parse_number(optarg, 16384, &config->format.width_px);
    case 'h':
        return parse_number(optarg, 16384, &config->format.height_px);
    case 'r':
        return parse_rate(optarg, &config->format.rate);
    case 'b':
        return parse_number(optarg, ENCODER_BITRATE_MAX_BPS, &config->bitrate_bps);
    case 'v':
        return parse_number(optarg, ENCODER_VBV_MAX_MS, &config->vbv_ms);
    case 'c':
        return parse_codec(optarg, &config->codec);
    case 'd':
        return parse_depth(optarg, &config->format.pixel);
    case 'p':
        config->preset = optarg;
        return true;
    case 't':
        return parse_number(optarg, 64, &config->threads);
    case 's':
        config->script = optarg;
        return true;
    case 'f':
        return parse_number(optarg, TRIAL_PHASE_MAX, &options->phase_frames) &&
               options->phase_frames >= TRIAL_PHASE_MIN;
    default:
        return false;
    }
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"drivers", no_argument, NULL, 'L'},
                                          {"devices", no_argument, NULL, 'D'},
                                          {"probe", no_argument, NULL, 'P'},
                                          {"take-over", no_argument, NULL, 'T'},
                                          {"width", required_argument, NULL, 'w'},
                                          {"height", required_argument, NULL, 'h'},
                                          {"rate", required_argument, NULL, 'r'},
                                          {"bitrate", required_argument, NULL, 'b'},
                                          {"vbv-ms", required_argument, NULL, 'v'},
                                          {"codec", required_argument, NULL, 'c'},
                                          {"depth", required_argument, NULL, 'd'},
                                          {"preset", required_argument, NULL, 'p'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"script", required_argument, NULL, 's'},
                                          {"phase-frames", required_argument, NULL, 'f'},
                                          {0}};
    int c;

    opterr = 0;
    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1)
        if (!take_option(c, options))
            return false;
    return true;
}

// Answers for a driver that cannot be used; the exit status, or -1 where there is one to go on with.
static int look_up(encode_find find, const char *name, const struct encoder_driver **out)
{
    struct encoder_text why = {""};
    int error = find(name, out, &why);

    if (error == CASTOR_OK)
        return -1;
    if (error == CASTOR_ERR_NOT_FOUND) {
        fprintf(stderr, "castor-encode: %s; see --drivers\n", why.text);
        return 2;
    }
    trial_json_absent(answers, name, why.text);
    return 0;
}

static int list_devices(encode_find find, char **words)
{
    const struct encoder_driver *driver;
    struct encoder_device list[DEVICES_MAX] = {0};
    uint32_t count = 0;
    int status = look_up(find, words[0], &driver);

    if (status >= 0)
        return status;
    say_step("devices");
    int error = driver->devices(list, DEVICES_MAX, &count);
    trial_json_devices(answers, driver, error, list, count < DEVICES_MAX ? count : DEVICES_MAX);
    return 0;
}

static int probe(encode_find find, char **words, const struct options *options)
{
    struct trial_settings settings = {
        .config = options->config,
        .phase_frames = options->phase_frames,
        .step = say_step,
    };
    struct trial_report report;
    int status = look_up(find, words[0], &settings.driver);

    if (status >= 0)
        return status;
    settings.config.device = words[1];
    trial_run(&settings, &report);
    trial_json_report(answers, &settings, &report);
    return 0;
}

static int take_over(encode_find find, char **words, const struct options *options)
{
    struct trial_settings settings[2];
    struct trial_take_over report;

    for (uint32_t i = 0; i < 2; i++) {
        settings[i] = (struct trial_settings){
            .config = options->config,
            .phase_frames = options->phase_frames,
            .step = say_step,
        };
        settings[i].config.device = words[i * 2 + 1];
        int status = look_up(find, words[i * 2], &settings[i].driver);
        if (status >= 0)
            return status;
    }
    trial_run_take_over(&settings[0], &settings[1], &report);
    trial_json_take_over(answers, &report);
    return 0;
}

static int run(const char *(*name)(size_t index), encode_find find, char **words, int count,
               const struct options *options)
{
    if (options->mode == 'L' && count == 0) {
        trial_json_drivers(answers, name);
        return 0;
    }
    if (options->mode == 'D' && count == 1)
        return list_devices(find, words);
    if (options->mode == 'P' && count == 2)
        return probe(find, words, options);
    if (options->mode == 'T' && count == 4)
        return take_over(find, words, options);
    fputs(usage, stderr);
    return 2;
}

int trial_main(int argc, char **argv, const char *(*name)(size_t index), encode_find find)
{
    struct options options = {
        .config = {.codec = ENCODER_CODEC_H264,
                   .format = {1280, 720, CASTOR_PIXEL_I420, {30, 1}},
                   .bitrate_bps = 4000000,
                   .vbv_ms = 250},
        .phase_frames = 30,
    };

    log_open("castor-encode", LOG_LEVEL_WARNING);
    if (!parse_options(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    int fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    answers = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (!answers || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        fprintf(stderr, "castor-encode: standard output cannot be used: %s\n", strerror(errno));
        return 1;
    }
    if (sandbox_enter(SANDBOX_NO_NETWORK) != CASTOR_OK)
        log_warning("the trial runs without its sandbox");
    int status = run(name, find, argv + optind, argc - optind, &options);
    if (fclose(answers) != 0)
        status = 1;
    return status;
}
