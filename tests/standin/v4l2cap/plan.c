// SPDX-License-Identifier: Apache-2.0
// The words of the environment.
//
// CASTOR_STANDIN_V4L2CAP: "key=value,key=value" of node=PATH, size=WxH, rate=N/D, formats=NV12:YUYV (fourccs,
// as offered), pad=BYTES, buffers=N, jpeg=420|422|444|400, lie=stride|size|length|format|used (the last of
// imported buffers), refuse=N (import number N and all later ones fail), extra=BYTES (wanted beyond a
// picture), and the words fixed, mplane, dv, norate, nostamp, nocounter, busy, nodata, sd (BT.601), full
// (range), video (RGB in limited range), noimport, noedid (of dv), hotplug (the signal is away after a new
// EDID).
//
// CASTOR_STANDIN_V4L2CAP_FAULTS: "KIND@PICTURE" or "KIND@PICTURE:VALUE", separated by commas.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

static const struct {
    const char *word;
    enum fault_kind kind;
    uint32_t standard;
} faults[] = {
    {"gap", FAULT_GAP, 1},           {"jump", FAULT_JUMP, 5},       {"reset", FAULT_RESET, 0},
    {"repeat", FAULT_REPEAT, 1},     {"back", FAULT_BACK, 50},      {"future", FAULT_FUTURE, 500},
    {"error", FAULT_ERROR, 1},       {"short", FAULT_SHORT, 1},     {"junk", FAULT_JUNK, 1},
    {"eio", FAULT_EIO, 1},           {"change", FAULT_CHANGE, 640}, {"quietly", FAULT_QUIETLY, 640},
    {"nosignal", FAULT_NOSIGNAL, 0}, {"nosync", FAULT_NOSYNC, 0},   {"nocable", FAULT_NOCABLE, 0},
    {"norange", FAULT_NORANGE, 0},   {"stall", FAULT_STALL, 0},     {"gone", FAULT_GONE, 0},
};

static bool unknown(const char *what, const char *word)
{
    (void)fprintf(stderr, "v4l2cap: there is no %s \"%s\"\n", what, word);
    return false;
}

static bool read_formats(struct plan *plan, char *list)
{
    char *rest = NULL;

    plan->format_count = 0;
    for (char *word = strtok_r(list, ":", &rest); word; word = strtok_r(NULL, ":", &rest)) {
        struct wire wire;
        uint32_t fourcc = 0;

        if (strlen(word) != 4 || plan->format_count == STANDIN_FORMATS_MAX)
            return unknown("format", word);
        memcpy(&fourcc, word, 4);
        if (!wire_layout(fourcc, 320, 180, 0, &wire))
            return unknown("format", word);
        plan->format[plan->format_count++] = fourcc;
    }
    return true;
}

static bool read_lie(struct plan *plan, const char *word)
{
    static const char *const words[] = {"none", "stride", "size", "length", "format", "used"};

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcmp(words[i], word) == 0) {
            plan->lie = (enum lie)i;
            return true;
        }
    return unknown("lie", word);
}

static bool read_flag(struct plan *plan, const char *word)
{
    const struct {
        const char *word;
        bool *flag;
    } flags[] = {{"fixed", &plan->fixed},    {"mplane", &plan->mplane},    {"dv", &plan->dv},
                 {"norate", &plan->no_rate}, {"nostamp", &plan->no_stamp}, {"nocounter", &plan->no_counter},
                 {"busy", &plan->busy},      {"nodata", &plan->nodata},    {"sd", &plan->sd},
                 {"full", &plan->full},      {"video", &plan->video},      {"noimport", &plan->no_import},
                 {"noedid", &plan->no_edid}, {"hotplug", &plan->hotplug}};

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (strcmp(flags[i].word, word) == 0) {
            *flags[i].flag = true;
            return true;
        }
    return unknown("word", word);
}

static bool read_word(struct plan *plan, char *word)
{
    char *value = strchr(word, '=');

    if (!value)
        return read_flag(plan, word);
    *value++ = '\0';
    if (strcmp(word, "node") == 0)
        return (size_t)snprintf(plan->node, sizeof plan->node, "%s", value) < sizeof plan->node;
    if (strcmp(word, "size") == 0)
        return sscanf(value, "%ux%u", &plan->width, &plan->height) == 2;
    if (strcmp(word, "rate") == 0)
        return sscanf(value, "%u/%u", &plan->rate_num, &plan->rate_den) == 2;
    if (strcmp(word, "formats") == 0)
        return read_formats(plan, value);
    if (strcmp(word, "pad") == 0)
        return sscanf(value, "%u", &plan->pad_bytes) == 1;
    if (strcmp(word, "extra") == 0)
        return sscanf(value, "%u", &plan->extra_bytes) == 1;
    if (strcmp(word, "refuse") == 0)
        return plan->refuses = sscanf(value, "%u", &plan->refuse_at) == 1;
    if (strcmp(word, "buffers") == 0)
        return sscanf(value, "%u", &plan->buffers) == 1;
    if (strcmp(word, "jpeg") == 0)
        return sscanf(value, "%d", &plan->jpeg) == 1;
    if (strcmp(word, "lie") == 0)
        return read_lie(plan, value);
    return unknown("key", word);
}

static bool read_fault(struct plan *plan, const char *word)
{
    struct fault *fault = &plan->fault[plan->fault_count];
    unsigned long long at = 0;
    char name[16] = "";
    unsigned value = 0;
    int found = sscanf(word, "%15[a-z]@%llu:%u", name, &at, &value);

    if (plan->fault_count == STANDIN_FAULTS_MAX || found < 2)
        return unknown("fault", word);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
        if (strcmp(faults[i].word, name) == 0) {
            *fault = (struct fault){faults[i].kind, at, found == 3 ? value : faults[i].standard};
            plan->fault_count++;
            return true;
        }
    return unknown("fault", word);
}

bool plan_read(struct plan *plan)
{
    static const uint32_t all[] = {V4L2_PIX_FMT_NV12, V4L2_PIX_FMT_YUV420, V4L2_PIX_FMT_YUYV,
                                   V4L2_PIX_FMT_UYVY, V4L2_PIX_FMT_MJPEG,  V4L2_PIX_FMT_RGB24};
    const char *made = getenv("CASTOR_STANDIN_V4L2CAP");
    const char *faulty = getenv("CASTOR_STANDIN_V4L2CAP_FAULTS");
    char text[512], *rest = NULL;
    bool good = true;

    memset(plan, 0, sizeof *plan);
    plan->width = 1280;
    plan->height = 720;
    plan->rate_num = 30;
    plan->rate_den = 1;
    plan->buffers = STANDIN_BUFFERS_MAX;
    plan->jpeg = 420;
    plan->format_count = sizeof all / sizeof all[0];
    memcpy(plan->format, all, sizeof all);
    (void)snprintf(plan->node, sizeof plan->node, "%s", STANDIN_DEFAULT_NODE);
    (void)snprintf(text, sizeof text, "%s", made ? made : "");
    for (char *word = strtok_r(text, ",", &rest); word && good; word = strtok_r(NULL, ",", &rest))
        good = read_word(plan, word);
    (void)snprintf(text, sizeof text, "%s", faulty ? faulty : "");
    for (char *word = strtok_r(text, ",", &rest); word && good; word = strtok_r(NULL, ",", &rest))
        good = read_fault(plan, word);
    return good;
}
