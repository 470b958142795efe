// SPDX-License-Identifier: Apache-2.0
// What every source driver promises in hal/source.h, asked of each of them.
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../unit/made_files.h"
#include "descriptors.h"
#include "hal/source.h"

#define WIDTH 320
#define HEIGHT 180
#define SIZE "320x180"
#define FRAME_BYTES (WIDTH * HEIGHT * 3 / 2)
#define SLOTS 8
#define FRAME_BUDGET_MS 10000 // for a machine under load; a healthy source needs one interval

static char folder[] = "/tmp/castor-contract-XXXXXX";

struct subject {
    const char *name;
    const char *path; // within the folder, or absolute
    bool paced;
    bool fed; // by the test, through the FIFO
};

static const struct subject subjects[] = {
#ifdef CONTRACT_SOURCE_V4L2
    {"v4l2", "/dev/video-castor0", false, false}, // tests/standin/v4l2cap
#else
    {"pattern", "", true, false},
    {"clip", "clip.mp4", true, false},
    {"pipe", "fifo", false, true},
#endif
};

static void subject_path(const struct subject *subject, char *out, size_t size)
{
    bool absolute = subject->path[0] == '/';

    snprintf(out, size, "%s%s%s", absolute ? "" : folder, absolute ? "" : "/", subject->path);
}

// A source under test and the memory it is lent.
struct rig {
    const struct subject *subject;
    struct source *source;
    int writer; // the test's end of the FIFO, -1 for others
    uint8_t *memory;
    struct castor_frame slot[SLOTS];
};

static int make_files(void **state)
{
    static const char *const recipes[] = {
        "ffmpeg -v error -f lavfi -i testsrc2=size=" SIZE ":rate=25:duration=1 -c:v mpeg4 -y %s/clip.mp4",
        "mkfifo %s/fifo",
    };

    (void)state;
    return made_files_make(folder, recipes, sizeof recipes / sizeof recipes[0]);
}

static int remove_files(void **state)
{
    (void)state;
    return made_files_remove(folder);
}

static int rig_try(struct rig *rig, const struct subject *subject, struct source_config config)
{
    char path[128];
    const struct source_driver *driver;
    struct source_text why = {""};
    struct castor_frame_layout layout;
    int error;

    memset(rig, 0, sizeof *rig);
    rig->subject = subject;
    rig->writer = -1;
    subject_path(subject, path, sizeof path);
    config.path = path;
    assert_int_equal(source_driver_find(subject->name, &driver, &why), 0);
    error = source_open(driver, &config, &rig->source, &why);
    if (error)
        print_error("%s: %s\n", subject->name, why.text);
    if (error)
        return error;
    if (subject->fed) {
        rig->writer = open(path, O_WRONLY | O_NONBLOCK);
        assert_true(rig->writer >= 0);
    }
    assert_int_equal(castor_frame_layout_compute(&rig->source->format, 64, &layout), 0);
    rig->memory = malloc(layout.size_bytes * SLOTS);
    assert_non_null(rig->memory);
    for (uint32_t i = 0; i < SLOTS; i++) {
        rig->slot[i].slot = i;
        rig->slot[i].dmabuf_fd = -1;
        castor_frame_map(&layout, rig->memory + layout.size_bytes * i, &rig->slot[i]);
    }
    return 0;
}

static void rig_open(struct rig *rig, const struct subject *subject, struct castor_rational rate,
                     uint64_t anchor_sequence, int64_t anchor_ns)
{
    struct source_config config = {.format = {WIDTH, HEIGHT, CASTOR_PIXEL_I420, rate},
                                   .anchor_sequence = anchor_sequence,
                                   .anchor_ns = anchor_ns};

    assert_int_equal(rig_try(rig, subject, config), 0);
}

static void rig_close(struct rig *rig)
{
    source_close(rig->source);
    if (rig->writer >= 0)
        close(rig->writer);
    free(rig->memory);
}

static void lend_all(struct rig *rig, bool *lent)
{
    for (uint32_t i = 0; i < SLOTS && source_lent(rig->source) < rig->source->queue_depth; i++)
        if (!lent[i]) {
            assert_int_equal(source_queue(rig->source, &rig->slot[i]), 0);
            lent[i] = true;
        }
}

// Someone must put something into the pipe.
static void feed(struct rig *rig)
{
    static const uint8_t frame[FRAME_BYTES];

    if (rig->writer >= 0)
        assert_int_equal(write(rig->writer, frame, sizeof frame), FRAME_BYTES);
}

static struct castor_frame next_frame(struct rig *rig, bool *lent)
{
    struct castor_frame frame;
    int error;

    // Asked before the descriptor says so too: nothing may come out ahead of its time.
    while ((error = source_dequeue(rig->source, &frame)) == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = source_descriptor(rig->source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, FRAME_BUDGET_MS), 1);
    }
    assert_int_equal(error, 0);
    assert_true(lent[frame.slot]);
    lent[frame.slot] = false;
    return frame;
}

static uint64_t lost(const struct rig *rig)
{
    struct source_counters c = source_counters(rig->source);

    return c.lost_no_slot + c.lost_device + c.lost_decode_late;
}

static void wait_until(int64_t time_ns)
{
    const struct timespec t = castor_timespec(time_ns);

    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
        ;
}

// Sequences and times rise, nothing comes before its time, the grid is exact, every gap is counted.
static void check_run(const struct subject *subject, struct castor_rational rate)
{
    const uint64_t anchor = 7000;
    bool lent[SLOTS] = {false};
    struct castor_frame first = {0}, before = {0};
    uint64_t gaps = 0;
    struct rig rig;

    rig_open(&rig, subject, rate, anchor, 0);
    for (int i = 0; i < 20; i++) {
        struct castor_frame frame;
        lend_all(&rig, lent);
        feed(&rig);
        frame = next_frame(&rig, lent);
        assert_true(frame.capture_ns <= castor_now_ns());
        if (i == 0) {
            first = frame;
            assert_int_equal(frame.sequence, anchor);
        } else {
            assert_true(frame.sequence > before.sequence);
            assert_true(frame.capture_ns > before.capture_ns);
            gaps += frame.sequence - before.sequence - 1;
        }
        if (subject->paced)
            assert_int_equal(frame.capture_ns,
                             first.capture_ns + castor_frame_time_ns(rate, frame.sequence - anchor));
        before = frame;
    }
    // What is drawn ahead may already have skipped ticks that are not yet seen as a gap.
    assert_true(lost(&rig) >= gaps);
    assert_int_equal(source_counters(rig.source).captured, 20);
    rig_close(&rig);
}

static void test_runs_at_every_rate(void **state)
{
    static const struct castor_rational rates[] = {
        {24000, 1001}, {25, 1}, {30000, 1001}, {50, 1}, {60000, 1001}};

    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++)
        check_run(*state, rates[i]);
}

static void test_restart_continues_the_grid(void **state)
{
    const struct subject *subject = *state;
    struct castor_rational rate = {30000, 1001};
    int64_t anchor_ns = castor_now_ns() - castor_frame_time_ns(rate, 10) - 5000000;
    bool lent[SLOTS] = {false};
    struct castor_frame frame;
    struct rig rig;

    rig_open(&rig, subject, rate, 500, anchor_ns);
    lend_all(&rig, lent);
    feed(&rig);
    frame = next_frame(&rig, lent);
    assert_true(frame.sequence >= 510);
    // A source that is not paced keeps the picture's own time, and takes the sequence that is nearest.
    int64_t beside_ns = frame.capture_ns - anchor_ns - castor_frame_time_ns(rate, frame.sequence - 500);
    assert_true(llabs(beside_ns) <= (subject->paced ? 0 : castor_frame_interval_ns(rate)));
    assert_int_equal(lost(&rig), 0);
    rig_close(&rig);
}

static void test_nothing_lent(void **state)
{
    struct castor_frame frame = {.slot = 99};
    struct rig rig;

    rig_open(&rig, *state, (struct castor_rational){50, 1}, 0, 0);
    assert_int_equal(source_dequeue(rig.source, &frame), CASTOR_ERR_AGAIN);
    assert_int_equal(frame.slot, 99);
    rig_close(&rig);
}

// Without a slot the frames of that time are lost, counted with the cause, and show as a gap of that size.
static void test_no_slot_is_counted(void **state)
{
    struct castor_rational rate = {50, 1};
    bool lent[SLOTS] = {false};
    struct castor_frame before, after;
    struct source_counters counters;
    struct rig rig;

    rig_open(&rig, *state, rate, 0, 0);
    assert_int_equal(source_queue(rig.source, &rig.slot[0]), 0);
    lent[0] = true;
    feed(&rig);
    before = next_frame(&rig, lent);
    wait_until(before.capture_ns + castor_frame_time_ns(rate, 10) + 1);
    assert_int_equal(source_queue(rig.source, &rig.slot[1]), 0);
    lent[1] = true;
    feed(&rig);
    after = next_frame(&rig, lent);
    counters = source_counters(rig.source);
    assert_true(after.sequence >= before.sequence + 10);
    assert_int_equal(lost(&rig), after.sequence - before.sequence - 1);
    assert_true(counters.lost_no_slot >= 9);
    rig_close(&rig);
}

static void test_queue_is_bounded(void **state)
{
    struct castor_frame many[SOURCE_QUEUE_MAX + 1];
    struct rig rig;

    rig_open(&rig, *state, (struct castor_rational){1, 1}, 0, 0);
    for (uint32_t i = 0; i <= SOURCE_QUEUE_MAX; i++) {
        many[i] = rig.slot[0]; // the same memory under other slot numbers: nobody looks at the pictures
        many[i].slot = i;
    }
    for (uint32_t i = 0; i < SOURCE_QUEUE_MAX; i++)
        assert_int_equal(source_queue(rig.source, &many[i]), 0);
    assert_int_equal(source_queue(rig.source, &many[SOURCE_QUEUE_MAX]), CASTOR_ERR_FULL);
    assert_int_equal(source_lent(rig.source), SOURCE_QUEUE_MAX);
    rig_close(&rig);
}

static void test_open_and_close_leaks_nothing(void **state)
{
    int before;

    for (int i = 0; i < 201; i++) {
        bool lent[SLOTS] = {false};
        struct rig rig;
        if (i == 1) // the first may keep what is loaded once
            before = open_descriptors();
        rig_open(&rig, *state, (struct castor_rational){25, 1}, 0, 0);
        lend_all(&rig, lent); // closed with slots lent
        rig_close(&rig);
    }
    assert_int_equal(open_descriptors(), before);
    source_close(NULL);
}

static void test_probe_says_what_open_delivers(void **state)
{
    const struct subject *subject = *state;
    const struct source_driver *driver;
    struct source_text why = {""};
    struct castor_format format = {0};
    char path[128];
    struct source_config config = {.path = path, .format = {WIDTH, HEIGHT, CASTOR_PIXEL_NONE, {25, 1}}};
    struct rig rig;

    subject_path(subject, path, sizeof path);
    assert_int_equal(source_driver_find(subject->name, &driver, &why), 0);
    assert_string_equal(driver->name, subject->name);
    assert_int_equal(source_probe(driver, &config, &format, &why), 0);
    assert_int_equal(rig_try(&rig, subject, config), 0);
    assert_memory_equal(&format, &rig.source->format, sizeof format);
    rig_close(&rig);
}

#define SUITE(index)                                                                                         \
    {"runs at every rate", test_runs_at_every_rate, NULL, NULL, (void *)(uintptr_t)&subjects[index]},        \
        {"restart", test_restart_continues_the_grid, NULL, NULL, (void *)(uintptr_t)&subjects[index]},       \
        {"nothing lent", test_nothing_lent, NULL, NULL, (void *)(uintptr_t)&subjects[index]},                \
        {"no slot", test_no_slot_is_counted, NULL, NULL, (void *)(uintptr_t)&subjects[index]},               \
        {"queue is bounded", test_queue_is_bounded, NULL, NULL, (void *)(uintptr_t)&subjects[index]},        \
        {"no leaks", test_open_and_close_leaks_nothing, NULL, NULL, (void *)(uintptr_t)&subjects[index]},    \
    {                                                                                                        \
        "probe", test_probe_says_what_open_delivers, NULL, NULL, (void *)(uintptr_t)&subjects[index]         \
    }

int main(void)
{
#ifdef CONTRACT_SOURCE_V4L2
    const struct CMUnitTest tests[] = {SUITE(0)};
#else
    const struct CMUnitTest tests[] = {SUITE(0), SUITE(1), SUITE(2)};
#endif

    return cmocka_run_group_tests(tests, make_files, remove_files);
}
