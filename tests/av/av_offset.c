// SPDX-License-Identifier: Apache-2.0
// How far the sound is from the picture in a received stream: the flash of source `pattern` and the click of
// the tone, found in what an independent decoder makes of it. Shares nothing with the firmware.
#include <getopt.h>
#include <inttypes.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "click.h"
#include "media.h"
#include "pair.h"

// Well inside of the flash's box, in 16ths: the codec smears its edge (drivers/source/pattern.h).
static const int flash_bounds[4] = {13, 14, 5, 6};

#define SECOND_NS INT64_C(1000000000)
#define ENDS 10u // seconds at the beginning and at the end that are compared
#define WHITE 0.6f
#define BLACK 0.3f

struct meter {
    struct media media;
    struct click_finder clicks;
    struct pair pair;
    // A flash is one white picture between two black ones: a slate may be white where the box is, but stays
    // so.
    float luma;
    bool black_before, white;
    int64_t white_ns, picture_ns;
    int64_t first_ns, flash_ns; // the stream's first picture; the last flash
    double *offset_ms;
    uint32_t count, room, seconds, no_click, no_flash, neither;
    uint64_t pictures, samples;
    float tone_peak;
    FILE *list;
};

struct limits {
    double limit_ms;
    uint32_t least, may_miss;
};

static int usage(FILE *to, int status)
{
    fputs(
        "av_offset [--limit MS] [--least N] [--may-miss N] [--track N] [--tone LEVEL] [--list FILE] STREAM\n"
        "\n"
        "Prints, second by second, when the click was heard less when the flash was seen (positive: the "
        "sound is late),\n"
        "and judges. STREAM is a file, \"-\" or what libavformat opens.\n"
        "  --limit MS    no second may be off by more (5)\n"
        "  --least N     so many seconds must have both (3)\n"
        "  --may-miss N  so many may lack one or both (0)\n"
        "  --track N     which sound track, from 0\n"
        "  --tone LEVEL  a tone of this peak (1 is full scale) is there all the time: a click that follows "
        "silence\n"
        "                has lost its beginning and counts as none\n"
        "  --list FILE   a line for each second: flash and click in ns of the stream's time, - where there "
        "was none\n"
        "Status: 0 within the limits, 1 not, 2 the stream cannot be measured.\n",
        to);
    return status;
}

static void note_time(FILE *list, int64_t at_ns, char after)
{
    if (at_ns == PAIR_NO_TIME)
        fprintf(list, "-%c", after);
    else
        fprintf(list, "%" PRId64 "%c", at_ns, after);
}

static bool keep_offset(struct meter *meter, double offset_ms)
{
    if (meter->count == meter->room) {
        uint32_t room = meter->room ? 2 * meter->room : 256;
        double *more = realloc(meter->offset_ms, room * sizeof *more);
        if (!more)
            return false;
        meter->offset_ms = more;
        meter->room = room;
    }
    meter->offset_ms[meter->count++] = offset_ms;
    return true;
}

// Seconds in which there was not even a flash show when the next one comes.
static void count_neither(struct meter *meter, int64_t at_ns)
{
    if (meter->flash_ns != PAIR_NO_TIME && at_ns > meter->flash_ns + SECOND_NS * 3 / 2) {
        uint32_t missing = (uint32_t)((at_ns - meter->flash_ns + SECOND_NS / 2) / SECOND_NS - 1);
        meter->neither += missing;
        printf("%10.3f s  %" PRIu32 " without either\n", (double)(meter->flash_ns - meter->first_ns) / 1e9,
               missing);
    }
    meter->flash_ns = at_ns;
}

static bool tell(struct meter *meter, const struct pair_second *second)
{
    int64_t at_ns = second->flash_ns != PAIR_NO_TIME ? second->flash_ns : second->click_ns;

    count_neither(meter, at_ns);
    meter->seconds++;
    printf("%10.3f s  ", (double)(at_ns - meter->first_ns) / 1e9);
    if (second->click_ns == PAIR_NO_TIME) {
        meter->no_click++;
        puts("no click");
    } else if (second->flash_ns == PAIR_NO_TIME) {
        meter->no_flash++;
        puts("no flash");
    } else {
        double offset_ms = (double)(second->click_ns - second->flash_ns) / 1e6;
        printf("%+.3f ms\n", offset_ms);
        if (!keep_offset(meter, offset_ms))
            return false;
    }
    fflush(stdout);
    if (meter->list) {
        note_time(meter->list, second->flash_ns, ' ');
        note_time(meter->list, second->click_ns, '\n');
    }
    return true;
}

static bool take_picture(struct meter *meter)
{
    int64_t at_ns = media_frame_ns(&meter->media, AVMEDIA_TYPE_VIDEO);
    float luma = media_luma(meter->media.frame, flash_bounds);

    if (luma < 0)
        return false;
    if (at_ns == AV_NOPTS_VALUE)
        return true;
    if (meter->pictures++ == 0)
        meter->first_ns = at_ns;
    if (meter->white && luma < BLACK)
        pair_add(&meter->pair.flash, meter->white_ns);
    meter->white = luma > WHITE && meter->black_before;
    meter->white_ns = at_ns;
    meter->black_before = luma < BLACK;
    pair_advance(&meter->pair.flash, at_ns);
    return true;
}

static bool take_sound(struct meter *meter)
{
    const AVFrame *frame = meter->media.frame;
    int64_t at_ns = media_frame_ns(&meter->media, AVMEDIA_TYPE_AUDIO), onset_ns;

    if (at_ns == AV_NOPTS_VALUE)
        return true;
    if (frame->sample_rate < 8000 || frame->sample_rate > 96000)
        return false;
    if ((uint32_t)frame->sample_rate != meter->clicks.rate_hz)
        click_init(&meter->clicks, (uint32_t)frame->sample_rate, meter->tone_peak);
    for (int i = 0; i < frame->nb_samples; i++) {
        float level = media_level(frame, i);
        if (level < 0)
            return false;
        if (click_feed(&meter->clicks, level, at_ns + (int64_t)i * SECOND_NS / frame->sample_rate, &onset_ns))
            pair_add(&meter->pair.click, onset_ns);
    }
    meter->samples += (uint64_t)frame->nb_samples;
    pair_advance(&meter->pair.click, at_ns);
    return true;
}

static int measure(struct meter *meter)
{
    struct pair_second second;
    bool known = true;
    int type = 0;

    while (known && type != AVERROR_EOF) {
        type = media_next(&meter->media);
        if (type == AVMEDIA_TYPE_VIDEO)
            known = take_picture(meter);
        else if (type == AVMEDIA_TYPE_AUDIO)
            known = take_sound(meter);
        else if (type != AVERROR_EOF)
            fprintf(stderr, "av_offset: the stream ends with an error: %s\n", av_err2str(type));
        while (pair_next(&meter->pair, type < 0, &second))
            if (!tell(meter, &second))
                return AVERROR(ENOMEM);
        if (type < 0)
            break;
    }
    if (!known)
        fputs("av_offset: a pixel or sample format that it does not know\n", stderr);
    return known ? 0 : AVERROR_PATCHWELCOME;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

// Of offsets from `first` on; sorts them.
static double median(double *first, uint32_t count)
{
    qsort(first, count, sizeof *first, compare);
    return (first[(count - 1) / 2] + first[count / 2]) / 2;
}

// What a drift would have moved: before anything is sorted beyond these.
static void tell_ends(struct meter *meter)
{
    uint32_t count = meter->count / 2 < ENDS ? meter->count / 2 : ENDS;

    if (count)
        printf("first %" PRIu32 " seconds: median %+.3f ms; last %" PRIu32 ": %+.3f ms\n", count,
               median(meter->offset_ms, count), count,
               median(meter->offset_ms + meter->count - count, count));
}

static int judge(struct meter *meter, const struct limits *limits)
{
    uint32_t missed = meter->no_click + meter->no_flash + meter->neither;
    double lowest = 0, middle = 0, highest = 0;
    bool good;

    tell_ends(meter);
    if (meter->count) {
        middle = median(meter->offset_ms, meter->count);
        lowest = meter->offset_ms[0];
        highest = meter->offset_ms[meter->count - 1];
    }
    good = meter->count >= limits->least && missed <= limits->may_miss && lowest >= -limits->limit_ms &&
           highest <= limits->limit_ms;
    printf("pictures %" PRIu64 ", samples %" PRIu64 ", not decoded %" PRIu32 "\n"
           "seconds %" PRIu32 ", without click %" PRIu32 ", without flash %" PRIu32
           ", without either %" PRIu32 "\n",
           meter->pictures, meter->samples, meter->media.errors, meter->count, meter->no_click,
           meter->no_flash, meter->neither);
    if (meter->count)
        printf("offset min %+.3f median %+.3f max %+.3f ms\n", lowest, middle, highest);
    printf("%s: limit %.3f ms, at least %" PRIu32 " seconds, at most %" PRIu32 " missed\n",
           good ? "good" : "BAD", limits->limit_ms, limits->least, limits->may_miss);
    return good ? 0 : 1;
}

static int run(struct meter *meter, const char *url, int track, const struct limits *limits)
{
    const char *what;
    int error = media_open(&meter->media, url, track, &what);

    if (error) {
        fprintf(stderr, "av_offset: %s: %s: %s\n", url, what, av_err2str(error));
        return 2;
    }
    return measure(meter) ? 2 : judge(meter, limits);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"limit", 1, NULL, 'l'}, {"least", 1, NULL, 'n'}, {"may-miss", 1, NULL, 'm'}, {"track", 1, NULL, 't'},
        {"list", 1, NULL, 'o'},  {"tone", 1, NULL, 'p'},  {"help", 0, NULL, 'h'},     {NULL, 0, NULL, 0}};
    static struct meter meter;
    struct limits limits = {5, 3, 0};
    const char *list = NULL;
    int track = 0, status, option;

    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (option) {
        case 'l':
            limits.limit_ms = strtod(optarg, NULL);
            break;
        case 'n':
            limits.least = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 'm':
            limits.may_miss = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 't':
            track = atoi(optarg);
            break;
        case 'p':
            meter.tone_peak = strtof(optarg, NULL);
            break;
        case 'o':
            list = optarg;
            break;
        case 'h':
            return usage(stdout, 0);
        default:
            return usage(stderr, 2);
        }
    }
    if (argc != optind + 1)
        return usage(stderr, 2);
    if (list && !(meter.list = fopen(list, "w"))) {
        perror(list);
        return 2;
    }
    av_log_set_level(AV_LOG_ERROR);
    pair_init(&meter.pair);
    meter.flash_ns = PAIR_NO_TIME;
    status = run(&meter, argv[optind], track, &limits);
    media_close(&meter.media);
    free(meter.offset_ms);
    if (meter.list && fclose(meter.list))
        status = 2;
    return status;
}
