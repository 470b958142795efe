// SPDX-License-Identifier: Apache-2.0
// capture_check - opens a source as castor-capture would, captures frames, and says in one line for each
// pixel format what came. Judges what the contract in hal/source.h promises and what the options ask for.
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../pool_view.h"
#include "bars.h"
#include "hal/source.h"

#define SLOTS SOURCE_QUEUE_MAX
#define POLL_MS 100

enum result {
    RESULT_OK = 0,
    RESULT_BROKEN = 1,   // the contract does not hold, or the picture is wrong
    RESULT_USAGE = 2,    // the command line
    RESULT_REFUSED = 3,  // the source does not open
    RESULT_ENDED = 4,    // LOST, END or IO before all frames were there
    RESULT_TOO_SLOW = 5, // not all frames within --timeout
};
static const char *const result_text[] = {"ok", "broken", "usage", "refused", "ended", "too-slow"};

struct request {
    const char *driver, *path, *options, *dump_path;
    const char *heap; // the slots are to be DMA-BUFs of it; "" = of shared memory, NULL = they are none
    struct castor_format format;
    bool all_pixels;
    uint64_t frames;
    uint32_t timeout_s;
    int bars_tolerance; // 0: the picture is not compared
};

// What came.
struct tally {
    uint64_t frames, gaps, missing;
    uint64_t first_sequence, last_sequence;
    int64_t last_capture_ns;
    int64_t interval_min_ns, interval_max_ns, interval_sum_ns;
    int64_t age_max_ns; // from capture time to dequeue
    bool from_future;
    enum source_signal signal;
    struct bars_error bars;
};

// A source with the memory it is lent.
struct rig {
    struct source *source;
    struct castor_frame_layout layout;
    uint8_t *memory;
    struct pool *owner, *pool; // in place of `memory`
    struct castor_frame slot[SLOTS];
    bool lent[SLOTS];
};

static const struct {
    const char *name;
    uint32_t pixel;
} pixels[] = {{"i420", CASTOR_PIXEL_I420}, {"nv12", CASTOR_PIXEL_NV12}, {"p010", CASTOR_PIXEL_P010}};
#define PIXELS (sizeof pixels / sizeof pixels[0])

static const char *pixel_name(uint32_t pixel)
{
    for (size_t i = 0; i < PIXELS; i++)
        if (pixels[i].pixel == pixel)
            return pixels[i].name;
    return "own";
}

static int lend_all(struct rig *rig)
{
    for (uint32_t i = 0; i < SLOTS && source_lent(rig->source) < rig->source->queue_depth; i++) {
        int error;
        if (rig->lent[i])
            continue;
        error = source_queue(rig->source, &rig->slot[i]);
        if (error)
            return error;
        rig->lent[i] = true;
    }
    return CASTOR_OK;
}

static int lend_from_pool(struct rig *rig, const char *heap, struct source_text *why)
{
    const struct castor_format *format = &rig->source->format;
    struct dmabuf_text no_dmabuf;
    int error = pool_create_for_devices(format, SLOTS, heap, &rig->owner, &no_dmabuf);

    if (error)
        return source_text_set(why, error, "no memory for %d pictures", SLOTS);
    if (pool_descriptors(rig->owner).dmabuf_count == 0)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED, "no DMA-BUFs: %s", no_dmabuf.text);
    rig->pool = pool_view(rig->owner, format, POOL_ROLE_CAPTURE);
    if (!rig->pool)
        return source_text_set(why, CASTOR_ERR_INTERNAL, "the pool cannot be mapped");
    for (uint32_t i = 0; i < SLOTS; i++)
        pool_frame(rig->pool, i, &rig->slot[i]);
    return CASTOR_OK;
}

static int rig_open(struct rig *rig, const struct request *request, uint32_t pixel, struct source_text *why)
{
    struct source_config config = {
        .path = request->path, .options = request->options, .format = request->format};
    const struct source_driver *driver;
    int error;

    *rig = (struct rig){0};
    config.format.pixel = pixel;
    error = source_driver_find(request->driver, &driver, why);
    if (!error)
        error = source_open(driver, &config, &rig->source, why);
    if (error)
        return error;
    error = castor_frame_layout_compute(&rig->source->format, 64, &rig->layout);
    if (error)
        return source_text_set(why, error, "the source opened with a format that no pool could hold");
    if (request->heap)
        return lend_from_pool(rig, request->heap, why);
    rig->memory = calloc(SLOTS, rig->layout.size_bytes);
    if (!rig->memory)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "no memory for %d pictures", SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++) {
        rig->slot[i].slot = i;
        rig->slot[i].dmabuf_fd = -1;
        castor_frame_map(&rig->layout, rig->memory + rig->layout.size_bytes * i, &rig->slot[i]);
    }
    return CASTOR_OK;
}

static void rig_close(struct rig *rig)
{
    source_close(rig->source);
    pool_destroy(rig->pool);
    pool_destroy(rig->owner);
    free(rig->memory);
}

static void tally_frame(struct tally *tally, const struct castor_frame *frame)
{
    int64_t age_ns = castor_now_ns() - frame->capture_ns;

    if (tally->frames == 0) {
        tally->first_sequence = frame->sequence;
    } else {
        int64_t interval_ns = frame->capture_ns - tally->last_capture_ns;
        if (frame->sequence != tally->last_sequence + 1) {
            tally->gaps++;
            tally->missing += frame->sequence - tally->last_sequence - 1;
        }
        if (tally->frames == 1 || interval_ns < tally->interval_min_ns)
            tally->interval_min_ns = interval_ns;
        if (interval_ns > tally->interval_max_ns)
            tally->interval_max_ns = interval_ns;
        tally->interval_sum_ns += interval_ns;
    }
    if (age_ns > tally->age_max_ns)
        tally->age_max_ns = age_ns;
    tally->from_future |= age_ns < 0;
    tally->last_sequence = frame->sequence;
    tally->last_capture_ns = frame->capture_ns;
    tally->frames++;
}

static void tally_bars(struct tally *tally, const struct castor_format *format,
                       const struct castor_frame *frame)
{
    struct bars_error now = bars_compare(format, frame);

    if (now.luma > tally->bars.luma) {
        tally->bars.luma = now.luma;
        tally->bars.luma_bar = now.luma_bar;
        tally->bars.luma_height_percent = now.luma_height_percent;
    }
    if (now.chroma > tally->bars.chroma) {
        tally->bars.chroma = now.chroma;
        tally->bars.chroma_bar = now.chroma_bar;
        tally->bars.chroma_height_percent = now.chroma_height_percent;
    }
}

static int dump(const struct rig *rig, const struct castor_frame *frame, const char *path)
{
    const uint8_t *picture = frame->plane[0];
    FILE *file = fopen(path, "wb");
    bool written;

    if (!file)
        return CASTOR_ERR_IO;
    written = fwrite(picture, rig->layout.size_bytes, 1, file) == 1;
    return fclose(file) == 0 && written ? CASTOR_OK : CASTOR_ERR_IO;
}

// Captures until all frames are there. CASTOR_OK, TIMEOUT, or what the source said.
static int capture(struct rig *rig, const struct request *request, struct tally *tally)
{
    int64_t end_ns = castor_now_ns() + (int64_t)request->timeout_s * CASTOR_NS_PER_S;

    while (tally->frames < request->frames) {
        struct castor_frame frame;
        struct pollfd wait = {.events = POLLIN};
        int error = lend_all(rig);

        if (error)
            return error;
        error = source_dequeue(rig->source, &frame);
        if (!error) {
            rig->lent[frame.slot] = false;
            if (rig->pool)
                pool_written(rig->pool, &frame);
            tally_frame(tally, &frame);
            if (request->bars_tolerance > 0)
                tally_bars(tally, &rig->source->format, &frame);
            if (request->dump_path && tally->frames == request->frames &&
                dump(rig, &frame, request->dump_path) != 0)
                return CASTOR_ERR_IO;
        } else if (error != CASTOR_ERR_AGAIN) {
            return error;
        }
        tally->signal = source_signal(rig->source);
        if (castor_now_ns() > end_ns)
            return CASTOR_ERR_TIMEOUT;
        wait.fd = source_descriptor(rig->source); // poll() passes over a descriptor of -1
        if (error && poll(&wait, 1, POLL_MS) < 0)
            return CASTOR_ERR_IO;
    }
    return CASTOR_OK;
}

// Why this run is not what was promised; NULL when it is.
static const char *objection(const struct request *request, const struct rig *rig, const struct tally *tally)
{
    struct source_counters c = source_counters(rig->source);

    if (tally->from_future)
        return "a frame came before its capture time";
    if (c.captured != tally->frames)
        return "the source counts other frames than came";
    // What is filled ahead may already have skipped times that do not show as a gap yet.
    if (c.lost_no_slot + c.lost_device + c.lost_decode_late < tally->missing)
        return "frames are missing that are not counted";
    if (request->bars_tolerance > 0 && tally->frames > 0 &&
        (tally->bars.luma > request->bars_tolerance || tally->bars.chroma > request->bars_tolerance))
        return "the picture is not the generator's";
    return NULL;
}

static void print_run(const struct rig *rig, const struct tally *tally, const struct request *request)
{
    static const char *const signals[] = {"unknown", "present", "none"};
    const struct castor_format *f = &rig->source->format;
    struct source_counters c = source_counters(rig->source);
    int64_t intervals = tally->frames > 1 ? (int64_t)tally->frames - 1 : 1;

    printf(" size=%ux%u pixel=%s rate=%u/%u frames=%llu gaps=%llu missing=%llu first=%llu", f->width_px,
           f->height_px, pixel_name(f->pixel), f->rate.num, f->rate.den, (unsigned long long)tally->frames,
           (unsigned long long)tally->gaps, (unsigned long long)tally->missing,
           (unsigned long long)tally->first_sequence);
    printf(" interval_us=%lld/%lld/%lld age_max_us=%lld signal=%s lost_no_slot=%llu lost_device=%llu "
           "lost_late=%llu decode_errors=%llu copies=%llu",
           (long long)(tally->interval_min_ns / 1000), (long long)(tally->interval_sum_ns / intervals / 1000),
           (long long)(tally->interval_max_ns / 1000), (long long)(tally->age_max_ns / 1000),
           signals[tally->signal], (unsigned long long)c.lost_no_slot, (unsigned long long)c.lost_device,
           (unsigned long long)c.lost_decode_late, (unsigned long long)c.decode_errors,
           (unsigned long long)c.cpu_copies);
    if (source_note(rig->source)[0])
        printf(" note=\"%s\"", source_note(rig->source));
    if (request->bars_tolerance > 0)
        printf(" luma_error=%d(bar %u at %u%%) chroma_error=%d(bar %u at %u%%)", tally->bars.luma,
               tally->bars.luma_bar, tally->bars.luma_height_percent, tally->bars.chroma,
               tally->bars.chroma_bar, tally->bars.chroma_height_percent);
}

static enum result run(const struct request *request, uint32_t pixel)
{
    struct tally tally = {0};
    struct source_text why = {""};
    const char *wrong;
    enum result result;
    struct rig rig;
    int error = rig_open(&rig, request, pixel, &why);

    if (error) {
        printf("%s driver=%s pixel=%s error=\"%s\" why=\"%s\"\n", result_text[RESULT_REFUSED],
               request->driver, pixel_name(pixel), castor_error_text(error), why.text);
        rig_close(&rig);
        return RESULT_REFUSED;
    }
    error = capture(&rig, request, &tally);
    wrong = objection(request, &rig, &tally);
    if (wrong || error == CASTOR_ERR_INTERNAL)
        result = RESULT_BROKEN;
    else
        result = !error ? RESULT_OK : error == CASTOR_ERR_TIMEOUT ? RESULT_TOO_SLOW : RESULT_ENDED;
    printf("%s driver=%s", result_text[result], request->driver);
    print_run(&rig, &tally, request);
    if (wrong)
        printf(" wrong=\"%s\"", wrong);
    if (error)
        printf(" error=\"%s\" why=\"%s\"", castor_error_text(error), source_fault(rig.source));
    printf("\n");
    rig_close(&rig);
    return result;
}

// Every pixel format that the source can deliver; one that it refuses is reported and no failure.
static enum result run_all(const struct request *request)
{
    enum result worst = RESULT_OK;
    size_t refused = 0;

    for (size_t i = 0; i < PIXELS; i++) {
        enum result result = run(request, pixels[i].pixel);
        (void)fflush(stdout);
        if (result == RESULT_REFUSED)
            refused++;
        else if (worst == RESULT_OK)
            worst = result;
    }
    return refused == PIXELS ? RESULT_REFUSED : worst;
}

static void usage(void)
{
    printf("capture_check [options] DRIVER [PATH]\n"
           "  --size WxH         picture size (default: the source's own)\n"
           "  --rate N[/D]       frames per second (default: the source's own)\n"
           "  --pixel NAME       i420, nv12, p010, own or all (default all)\n"
           "  --options TEXT     the driver's own options\n"
           "  --frames N         how many to capture (default 30)\n"
           "  --timeout S        give up after so many seconds (default 30)\n"
           "  --bars TOLERANCE   the picture must be eight 75%% colour bars, BT.709 limited range\n"
           "  --dmabuf WHAT      slots are DMA-BUFs: auto (of shared memory) or a heap such as "
           "/dev/dma_heap/system\n"
           "  --dump FILE        write the last frame there, rows aligned to 64 bytes\n"
           "  --list             name the drivers of this build\n"
           "status: 0 as promised, 1 not as promised, 2 command line, 3 does not open, 4 ended early, 5 too "
           "slow\n");
}

static void list(void)
{
    for (size_t i = 0; source_driver_name(i); i++)
        printf("%s\n", source_driver_name(i));
}

static bool read_number(const char *text, unsigned long high, unsigned long *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text < '0' || *text > '9' || *end || value > high)
        return false;
    *out = value;
    return true;
}

// "640x360" and "30000/1001" alike; a single number has the second part `missing`.
static bool read_pair(const char *text, char separator, uint32_t missing, uint32_t *first, uint32_t *second)
{
    char copy[32];
    char *split;
    unsigned long a, b = missing;

    if (strlen(text) >= sizeof copy)
        return false;
    memcpy(copy, text, strlen(text) + 1);
    split = strchr(copy, separator);
    if (split)
        *split++ = '\0';
    if (!read_number(copy, 1000000, &a) || (split ? !read_number(split, 1000000, &b) : !missing))
        return false;
    *first = (uint32_t)a;
    *second = (uint32_t)b;
    return true;
}

static bool read_pixel(const char *text, struct request *request)
{
    request->all_pixels = strcmp(text, "all") == 0;
    for (size_t i = 0; i < PIXELS; i++)
        if (strcmp(text, pixels[i].name) == 0)
            request->format.pixel = pixels[i].pixel;
    return request->all_pixels || strcmp(text, "own") == 0 || request->format.pixel;
}

static bool read_option(int option, struct request *request)
{
    unsigned long number = 0;

    switch (option) {
    case 's':
        return read_pair(optarg, 'x', 0, &request->format.width_px, &request->format.height_px);
    case 'r':
        return read_pair(optarg, '/', 1, &request->format.rate.num, &request->format.rate.den);
    case 'p':
        return read_pixel(optarg, request);
    case 'o':
        request->options = optarg;
        return true;
    case 'm':
        request->heap = strcmp(optarg, "auto") == 0 ? "" : optarg;
        return true;
    case 'd':
        request->dump_path = optarg;
        return true;
    case 'f':
        request->frames = read_number(optarg, 1000000000, &number) ? number : 0;
        return request->frames > 0;
    case 't':
        request->timeout_s = read_number(optarg, 86400, &number) ? (uint32_t)number : 0;
        return request->timeout_s > 0;
    case 'b':
        request->bars_tolerance = read_number(optarg, 255, &number) ? (int)number : 0;
        return request->bars_tolerance > 0;
    default:
        return false;
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"size", required_argument, NULL, 's'},   {"rate", required_argument, NULL, 'r'},
        {"pixel", required_argument, NULL, 'p'},  {"options", required_argument, NULL, 'o'},
        {"frames", required_argument, NULL, 'f'}, {"timeout", required_argument, NULL, 't'},
        {"bars", required_argument, NULL, 'b'},   {"dump", required_argument, NULL, 'd'},
        {"dmabuf", required_argument, NULL, 'm'}, {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    struct request request = {.all_pixels = true, .frames = 30, .timeout_s = 30, .path = ""};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'l') {
            list();
            return RESULT_OK;
        }
        if (option == 'h') {
            usage();
            return RESULT_OK;
        }
        if (!read_option(option, &request)) {
            if (option != '?')
                fprintf(stderr, "capture_check: \"%s\" is not a value for this option; see --help\n", optarg);
            return RESULT_USAGE;
        }
    }
    if (optind >= argc || argc - optind > 2) {
        fprintf(stderr, "capture_check: name one driver and at most one path; see --help\n");
        return RESULT_USAGE;
    }
    request.driver = argv[optind];
    if (optind + 1 < argc)
        request.path = argv[optind + 1];
    return (int)(request.all_pixels ? run_all(&request) : run(&request, request.format.pixel));
}
