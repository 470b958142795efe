// SPDX-License-Identifier: Apache-2.0
// What is peculiar to the clip source: the loop, rate and size conversion, and files of every bad kind.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/source.h"
#include "made_files.h"
#include "source_number_reader.h"

#define SLOTS 8
#define BUDGET_MS 20000
#define PICTURES 12
#define CATCH_UP_NS (250 * CASTOR_NS_PER_MS)

static char folder[] = "/tmp/castor-clip-XXXXXX";

// Pictures of one grey each, 16 + 16 * index: what comes out can be named by its mean.
#define GREYS(rate)                                                                                          \
    "-f lavfi -i color=c=black:size=320x180:rate=" rate ",format=yuv420p,"                                   \
    "geq=lum='16+16*N':cb=128:cr=128 -frames:v 12 "

static const char *const recipes[] = {
    "ffmpeg -v error " GREYS("60") "-c:v libx264 -qp 4 -bf 2 -y %s/greys.mp4",
    "ffmpeg -v error " GREYS("60") "-c:v libx264 -qp 4 -y %s/greys.h264",
    "ffmpeg -v error " GREYS("30") "-c:v mpeg4 -q:v 2 -y %s/greys30.mp4",
    "ffmpeg -v error " GREYS("30") "-c:v libx264 -qp 4 -y %s/greys.mkv",
    "ffmpeg -v error -f lavfi -i testsrc2=size=320x180:rate=30:duration=0.4 -c:v mpeg2video -y %s/a.ts",
    "ffmpeg -v error -f lavfi -i testsrc2=size=640x480:rate=30:duration=0.4 -c:v mpeg2video -y %s/b.ts",
    "cat %1$s/a.ts %1$s/b.ts > %1$s/sizes.ts",
    "ffmpeg -v error -f lavfi -i sine=duration=1 -y %s/sound.wav",
    "ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=30:duration=2 -c:v mpeg2video -y %s/long.ts",
    "head -c 100000 %1$s/long.ts > %1$s/cut.ts",
    "ffmpeg -v error -i %1$s/long.ts -c:v mpeg4 -y %1$s/long.mp4 && head -c 30000 %1$s/long.mp4 > "
    "%1$s/cut.mp4",
    "cp %1$s/long.ts %1$s/broken.ts && for i in 40 60 80 100 120; do head -c 5000 /dev/urandom | "
    "dd of=%1$s/broken.ts bs=1000 seek=$i conv=notrunc status=none; done",
    ": > %s/empty.mp4",
    "echo this is not a video > %s/text.mp4",
    "ffmpeg -v error -f lavfi -i color=c=white:size=240x240:rate=30:duration=0.4,format=yuvj420p -c:v mjpeg "
    "-y "
    "%s/square.avi",
    "ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=30:duration=0.3 -c:v libx264 -pix_fmt "
    "yuv422p10le -y "
    "%s/tenbit.mp4",
};

static int make_files(void **state)
{
    (void)state;
    return made_files_make(folder, recipes, sizeof recipes / sizeof recipes[0]);
}

static int remove_files(void **state)
{
    (void)state;
    return made_files_remove(folder);
}

struct rig {
    struct source *source;
    uint8_t *memory;
    struct castor_frame slot[SLOTS];
    bool lent[SLOTS];
};

static int rig_try(struct rig *rig, const char *name, const char *options, struct castor_format format,
                   struct source_text *why)
{
    const struct source_driver *driver;
    char path[128];
    struct source_config config = {.path = path, .options = options, .format = format};
    struct castor_frame_layout layout;
    int error;

    memset(rig, 0, sizeof *rig);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    why->text[0] = '\0';
    assert_int_equal(source_driver_find("clip", &driver, why), 0);
    error = source_open(driver, &config, &rig->source, why);
    if (error)
        return error;
    assert_int_equal(castor_frame_layout_compute(&rig->source->format, 64, &layout), 0);
    rig->memory = calloc(SLOTS, layout.size_bytes);
    assert_non_null(rig->memory);
    for (uint32_t i = 0; i < SLOTS; i++) {
        rig->slot[i] = (struct castor_frame){.slot = i, .dmabuf_fd = -1};
        castor_frame_map(&layout, rig->memory + layout.size_bytes * i, &rig->slot[i]);
    }
    return 0;
}

static void rig_open(struct rig *rig, const char *name, const char *options, struct castor_format format)
{
    struct source_text why;
    int error = rig_try(rig, name, options, format, &why);

    if (error)
        fail_msg("%s: %s", name, why.text);
}

static void rig_close(struct rig *rig)
{
    source_close(rig->source);
    free(rig->memory);
}

static int next_frame(struct rig *rig, struct castor_frame *frame)
{
    int error = CASTOR_ERR_AGAIN;

    for (uint32_t i = 0; i < SLOTS && source_lent(rig->source) < rig->source->queue_depth; i++)
        if (!rig->lent[i]) {
            assert_int_equal(source_queue(rig->source, &rig->slot[i]), 0);
            rig->lent[i] = true;
        }
    while (error == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = source_descriptor(rig->source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
        error = source_dequeue(rig->source, frame);
    }
    if (!error)
        rig->lent[frame->slot] = false;
    return error;
}

static uint32_t mean_luma(const struct rig *rig, const struct castor_frame *frame)
{
    const struct castor_format *format = &rig->source->format;
    uint64_t sum = 0;

    for (uint32_t y = 0; y < format->height_px; y++)
        for (uint32_t x = 0; x < format->width_px; x++)
            sum += frame->plane[0][y * frame->stride_bytes[0] + x];
    return (uint32_t)(sum / ((uint64_t)format->width_px * format->height_px));
}

static int picture_index(const struct rig *rig, const struct castor_frame *frame)
{
    return ((int)mean_luma(rig, frame) - 16 + 8) / 16;
}

// Every picture once, over several loops, on an unbroken grid. `frames` pictures are asked for.
// How many pictures later the next frame's is: ticks that a machine under load missed are passed over, so
// that sound stays in step, unless there are too many of them.
static int step_after(const struct castor_frame *before, const struct castor_frame *frame,
                      struct castor_rational rate)
{
    uint64_t missed = frame->sequence - before->sequence - 1;

    return castor_frame_time_ns(rate, missed) <= CATCH_UP_NS ? (int)missed + 1 : 1;
}

static void check_order(const char *name, struct castor_format format, int frames, int (*expected)(int))
{
    struct rig rig;
    struct castor_frame frame, first = {0}, before = {0};
    int at = 0, next = 0;

    rig_open(&rig, name, "", format);
    for (int i = 0; i < frames; i++) {
        assert_int_equal(next_frame(&rig, &frame), 0);
        if (i == 0)
            first = frame;
        at = next;
        next = at + (i == 0 ? 1 : step_after(&before, &frame, rig.source->format.rate));
        before = frame;
        assert_int_equal(frame.capture_ns,
                         first.capture_ns + castor_frame_time_ns(rig.source->format.rate, frame.sequence));
        if (picture_index(&rig, &frame) != expected(at))
            fail_msg("%s: frame %d shows picture %d, not %d", name, i, picture_index(&rig, &frame),
                     expected(at));
    }
    assert_int_equal(source_counters(rig.source).decode_errors, 0);
    rig_close(&rig);
}

static int each_once(int i)
{
    return i % PICTURES;
}

static void test_loop_has_no_seam(void **state)
{
    const struct castor_format own = {0};

    (void)state;
    check_order("greys.mp4", own, 5 * PICTURES, each_once);
    check_order("greys.mkv", own, 5 * PICTURES, each_once); // time stamps in whole milliseconds
    check_order("greys.h264", (struct castor_format){0, 0, 0, {60, 1}}, 4 * PICTURES, each_once);
}

static void test_rate_is_converted(void **state)
{
    struct rig rig;
    struct castor_frame frame;
    int before = -1, steps = 0;

    (void)state;
    check_order("greys30.mp4", (struct castor_format){0, 0, 0, {30, 1}}, 2 * PICTURES, each_once);
    // Twice the rate: each picture twice, give or take where the tie falls.
    rig_open(&rig, "greys30.mp4", "", (struct castor_format){0, 0, 0, {60, 1}});
    for (int i = 0; i < 4 * PICTURES; i++) {
        int index;
        assert_int_equal(next_frame(&rig, &frame), 0);
        index = picture_index(&rig, &frame);
        assert_true(before < 0 || index == before || index == (before + 1) % PICTURES);
        steps += before >= 0 && index != before;
        before = index;
    }
    assert_in_range(steps, 2 * PICTURES - 2, 2 * PICTURES + 1);
    rig_close(&rig);
    // Half the rate: every second picture.
    rig_open(&rig, "greys.mp4", "", (struct castor_format){0, 0, 0, {30, 1}});
    before = -1;
    for (int i = 0; i < 2 * PICTURES; i++) {
        int index;
        assert_int_equal(next_frame(&rig, &frame), 0);
        index = picture_index(&rig, &frame);
        assert_true(before < 0 || index == (before + 2) % PICTURES);
        before = index;
    }
    rig_close(&rig);
}

// The file's timeline, as it was told: where a frame lies on it, in pictures.
static int64_t told_picture(const struct source_origin *origin, const struct castor_frame *frame,
                            struct castor_rational rate)
{
    int64_t media_ns = frame->capture_ns - origin->capture_ns + origin->media_ns;

    return (media_ns + castor_frame_interval_ns(rate) / 2) / castor_frame_interval_ns(rate);
}

static void wait_until(int64_t time_ns)
{
    const struct timespec t = castor_timespec(time_ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

// Each frame shows the picture that the told timeline has at its time, through loops and after pauses short
// enough to catch up with and longer ones.
static void check_origins(const char *name, struct castor_format format, int64_t pause_ns)
{
    struct source_origin origins[64];
    struct castor_frame frame, before = {0};
    struct rig rig;
    int told = 0, in_force = -1;

    rig_open(&rig, name, "", format);
    for (int i = 0; i < 4 * PICTURES; i++) {
        if (i == PICTURES / 2 * 3) { // with nothing lent
            while (source_lent(rig.source) > 0) {
                struct pollfd poll_fd = {.fd = source_descriptor(rig.source), .events = POLLIN};
                assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
                if (source_dequeue(rig.source, &before) == 0)
                    rig.lent[before.slot] = false;
            }
            wait_until(before.capture_ns + pause_ns);
        }
        assert_int_equal(next_frame(&rig, &frame), 0);
        while (told < 64 && source_origin(rig.source, &origins[told]) == 0)
            told++;
        while (in_force + 1 < told && origins[in_force + 1].sequence <= frame.sequence)
            in_force++;
        assert_true(in_force >= 0);
        // One that comes after missed ticks was chosen for the first of them.
        if (before.capture_ns == 0 || frame.sequence == before.sequence + 1)
            assert_int_equal(told_picture(&origins[in_force], &frame, rig.source->format.rate),
                             picture_index(&rig, &frame));
        before = frame;
    }
    assert_in_range(told, 4, 8);
    assert_int_equal(origins[0].media_ns, 0);
    rig_close(&rig);
}

static void test_timeline_is_told(void **state)
{
    static const int64_t pauses[] = {0, CATCH_UP_NS / 2, 2 * CATCH_UP_NS};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        check_origins("greys.mp4", (struct castor_format){0}, pauses[i]);
        check_origins("greys30.mp4", (struct castor_format){0, 0, 0, {30, 1}}, pauses[i]);
    }
}

static void test_size_changes_midway(void **state)
{
    struct rig rig;
    struct castor_frame frame;

    (void)state;
    rig_open(&rig, "sizes.ts", "", (struct castor_format){0});
    assert_int_equal(rig.source->format.width_px, 320);
    for (int i = 0; i < 40; i++)
        assert_int_equal(next_frame(&rig, &frame), 0);
    rig_close(&rig);
}

static void test_shape_is_kept(void **state)
{
    static const uint32_t pixels[] = {CASTOR_PIXEL_I420, CASTOR_PIXEL_NV12};
    struct rig rig;
    struct castor_frame frame;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint32_t middle;
        rig_open(&rig, "square.avi", "", (struct castor_format){640, 360, pixels[i], {30, 1}});
        assert_int_equal(next_frame(&rig, &frame), 0);
        middle = 180 * frame.stride_bytes[0];
        assert_int_equal(frame.plane[0][middle + 100], 16);      // bar
        assert_in_range(frame.plane[0][middle + 320], 232, 236); // full-range white is limited
        assert_int_equal(frame.plane[0][middle + 540], 16);      // bar
        assert_in_range(frame.plane[0][2 * frame.stride_bytes[0] + 320], 232, 236); // full height
        assert_in_range(frame.plane[1][90 * frame.stride_bytes[1] + 160], 126, 130);
        rig_close(&rig);
    }
}

static void test_number_and_ten_bit(void **state)
{
    struct rig rig;
    struct castor_frame frame;
    uint64_t number;

    (void)state;
    rig_open(&rig, "tenbit.mp4", "number=1", (struct castor_format){1280, 720, CASTOR_PIXEL_I420, {50, 1}});
    for (int i = 0; i < 20; i++) {
        assert_int_equal(next_frame(&rig, &frame), 0);
        assert_true(number_read(frame.plane[0], frame.stride_bytes[0], 1280, &number));
        assert_int_equal(number, frame.sequence);
    }
    rig_close(&rig);
}

static void test_damaged_clips_go_on(void **state)
{
    static const char *const names[] = {"cut.ts", "broken.ts"};
    struct rig rig;
    struct castor_frame frame;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        rig_open(&rig, names[i], "", (struct castor_format){320, 180, 0, {60, 1}});
        for (int k = 0; k < 150; k++)
            assert_int_equal(next_frame(&rig, &frame), 0);
        if (i == 1)
            assert_true(source_counters(rig.source).decode_errors > 0);
        rig_close(&rig);
    }
}

static void test_bad_clips_are_refused(void **state)
{
    static const struct {
        const char *name;
        int error;
        const char *says;
    } bad[] = {
        {"missing.mp4", CASTOR_ERR_NOT_FOUND, "No such file"},
        {"", CASTOR_ERR_INVALID, "directory"},
        {"empty.mp4", CASTOR_ERR_INVALID, "empty"},
        {"text.mp4", CASTOR_ERR_INVALID, "not a media file"},
        {"cut.mp4", CASTOR_ERR_INVALID, "damaged"},
        {"sound.wav", CASTOR_ERR_INVALID, "no video"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct source_text why;
        struct rig rig;
        int error = rig_try(&rig, bad[i].name, "", (struct castor_format){0}, &why);
        if (error != bad[i].error || !strstr(why.text, bad[i].says))
            fail_msg("%s: %d, %s", bad[i].name, error, why.text);
    }
}

// The file vanishes while it plays: what is open goes on, or the loss is told.
static void test_file_vanishes(void **state)
{
    struct rig rig;
    struct castor_frame frame;
    char path[128];
    int error = 0;

    (void)state;
    rig_open(&rig, "greys.h264", "", (struct castor_format){0, 0, 0, {60, 1}});
    snprintf(path, sizeof path, "%s/greys.h264", folder);
    assert_int_equal(unlink(path), 0);
    for (int i = 0; i < 5 * PICTURES && !error; i++)
        error = next_frame(&rig, &frame);
    if (error) {
        assert_int_equal(error, CASTOR_ERR_LOST);
        assert_non_null(strstr(source_fault(rig.source), "greys.h264"));
    }
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timeline_is_told),    cmocka_unit_test(test_loop_has_no_seam),
        cmocka_unit_test(test_rate_is_converted),   cmocka_unit_test(test_size_changes_midway),
        cmocka_unit_test(test_shape_is_kept),       cmocka_unit_test(test_number_and_ten_bit),
        cmocka_unit_test(test_damaged_clips_go_on), cmocka_unit_test(test_bad_clips_are_refused),
        cmocka_unit_test(test_file_vanishes),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
