// SPDX-License-Identifier: Apache-2.0
// What the v4l2 source makes of devices that fail, lie or lose their signal. Runs against the stand-in.
#include <fcntl.h>
#include <linux/videodev2.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "source_v4l2_rig.h"

#define FRAMES 30
#define PLAIN "formats=NV12"
#define HDMI "formats=NV12,dv,size=320x180,rate=100/1"

// What a run of FRAMES frames showed.
struct run {
    uint64_t gaps;
    struct source_counters counters;
    int64_t first_ns, last_ns;
};

static void expect_text(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, text);
}

// Runs a device; sequences and times must rise, and all gaps be counted. `numbered`: the number in each
// picture must be the sequence plus a constant.
static struct run run_device(const char *made, const char *faults, const struct castor_format *wanted,
                             bool numbered)
{
    struct castor_frame before = {0};
    uint64_t offset = 0;
    struct run run = {0};
    struct rig rig;

    rig_open(&rig, made, faults, wanted);
    for (int i = 0; i < FRAMES; i++) {
        struct castor_frame frame = rig_frame(&rig);
        uint64_t number = rig_number(&rig, &frame);

        assert_true(frame.capture_ns <= castor_now_ns());
        if (i == 0) {
            run.first_ns = frame.capture_ns;
            offset = number - frame.sequence;
        } else {
            assert_true(frame.sequence > before.sequence);
            assert_true(frame.capture_ns > before.capture_ns);
            run.gaps += frame.sequence - before.sequence - 1;
        }
        if (numbered)
            assert_int_equal(number, frame.sequence + offset);
        before = frame;
    }
    run.last_ns = before.capture_ns;
    run.counters = source_counters(rig.source);
    assert_int_equal(run.counters.captured, FRAMES);
    assert_int_equal(run.counters.lost_device + run.counters.lost_no_slot, run.gaps);
    rig_close(&rig);
    return run;
}

static void test_pictures_lost_in_the_device(void **state)
{
    struct run run = run_device(PLAIN, "gap@12:3", &rig_format, true);

    (void)state;
    assert_true(run.gaps >= 3); // a machine under load loses some more
    assert_int_equal(run.counters.times_corrected, 0);
}

static void test_broken_pictures(void **state)
{
    struct run run = run_device(PLAIN, "error@10:2", &rig_format, true);

    (void)state;
    assert_int_equal(run.counters.decode_errors, 2);
    assert_true(run.gaps >= 2);
    run = run_device(PLAIN, "short@10:1", &rig_format, true);
    assert_int_equal(run.counters.decode_errors, 1);
    run = run_device("mplane,formats=NM12", "short@10:2", &rig_format, true);
    assert_int_equal(run.counters.decode_errors, 2);
    run = run_device("formats=MJPG", "junk@10:2,short@14:1", &rig_format, true);
    assert_int_equal(run.counters.decode_errors, 3);
    run = run_device(PLAIN, "eio@10:2", &rig_format, true);
    assert_int_equal(run.counters.decode_errors, 2);
}

static void test_bad_stamps(void **state)
{
    struct run run = run_device(PLAIN, "repeat@10:3", &rig_format, true);

    (void)state;
    assert_true(run.counters.times_corrected >= 3);
    run = run_device(PLAIN, "back@10:2000", &rig_format, true);
    assert_true(run.counters.times_corrected >= 1);
    run = run_device(PLAIN, "future@10:20000", &rig_format, true);
    assert_true(run.counters.times_corrected >= 1);
    run = run_device(PLAIN ",nostamp", "", &rig_format, true);
    assert_int_equal(run.counters.times_corrected, 0);
}

static void test_bad_counters(void **state)
{
    struct run run = run_device(PLAIN, "jump@10:100000", &rig_format, false);

    (void)state;
    assert_in_range(run.gaps, 0, 1000);
    run = run_device(PLAIN, "reset@10", &rig_format, false);
    assert_in_range(run.gaps, 0, 1000);
    run = run_device(PLAIN ",nocounter", "", &rig_format, false);
    assert_in_range(run.gaps, 0, 1000);
}

// A device at another rate than the stream: as many sequences as the stream's rate says for the time.
static void test_other_rates(void **state)
{
    static const char *const rates[] = {"50/1", "60/1", "120/1"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        char made[64];
        struct run run;
        uint64_t intervals;

        snprintf(made, sizeof made, PLAIN ",size=320x180,fixed,rate=%s", rates[i]);
        run = run_device(made, "", &rig_format, false);
        intervals = (uint64_t)(run.last_ns - run.first_ns + 5000000) / 10000000;
        assert_in_range(run.gaps + FRAMES - 1, intervals - 1, intervals + 1);
    }
}

// The frames end with LOST and these words.
static void expect_lost(const char *made, const char *faults, const char *words)
{
    struct castor_frame frame;
    struct rig rig;
    int error;

    rig_open(&rig, made, faults, &rig_format);
    for (int i = 0; (error = rig_next(&rig, &frame)) == CASTOR_OK; i++)
        assert_true(i < 100);
    assert_int_equal(error, CASTOR_ERR_LOST);
    expect_text(source_fault(rig.source), words);
    rig_close(&rig);
}

static void test_source_changes(void **state)
{
    (void)state;
    expect_lost(HDMI, "change@10:640", "changed from 320x180p to 640x360p");
    expect_lost(HDMI, "quietly@10:640", "changed from 320x180p to 640x360p"); // the event never comes
    expect_lost(PLAIN, "change@10", "changed its format");
}

static void test_device_is_lost(void **state)
{
    (void)state;
    expect_lost(PLAIN, "gone@10", "unplugged");
    expect_lost(HDMI, "gone@10", "unplugged");
    expect_lost(PLAIN, "eio@10:20", "failed");
    expect_lost(PLAIN, "stall@10", "no picture for");
}

// The signal goes, the source says what is wrong, the signal comes back, and frames go on.
static void expect_signal_loss(const char *made, const char *faults, const char *words)
{
    int64_t until_ns = castor_now_ns() + 20 * CASTOR_NS_PER_S;
    struct castor_frame before, after;
    struct source_counters counters;
    uint64_t gaps = 0;
    bool seen = false;
    struct rig rig;

    rig_open(&rig, made, faults, &rig_format);
    after = rig_frame(&rig);
    assert_int_equal(source_signal(rig.source), SOURCE_SIGNAL_PRESENT);
    do {
        int error;

        before = after;
        rig_lend(&rig);
        while ((error = source_dequeue(rig.source, &after)) == CASTOR_ERR_AGAIN) {
            struct pollfd poll_fd = {.fd = source_descriptor(rig.source), .events = POLLIN};
            assert_true(castor_now_ns() < until_ns);
            if (source_signal(rig.source) == SOURCE_SIGNAL_NONE && !seen) {
                seen = true;
                expect_text(source_fault(rig.source), words);
                assert_true(source_next_deadline(rig.source) == SOURCE_NO_DEADLINE);
            }
            assert_int_equal(poll(&poll_fd, 1, RIG_BUDGET_MS), 1);
        }
        assert_int_equal(error, 0);
        rig.lent[after.slot] = false;
        gaps += after.sequence - before.sequence - 1;
    } while (!seen);
    assert_true(after.sequence > before.sequence + 100);
    counters = source_counters(rig.source);
    assert_int_equal(counters.lost_device + counters.lost_no_slot, gaps);
    rig_close(&rig);
}

static void test_signal_loss(void **state)
{
    (void)state;
    expect_signal_loss(HDMI, "nosignal@10:150", "no signal");
    expect_signal_loss(HDMI, "nosync@10:150", "no sync");
    expect_signal_loss(HDMI, "norange@10:150", "beyond what the receiver can do");
    expect_signal_loss(HDMI, "nocable@10:150", "no cable");
    expect_signal_loss(PLAIN, "nosignal@10:150", "no signal");
    expect_signal_loss(PLAIN, "nocable@10:150", "no cable");
}

static void test_start_without_signal(void **state)
{
    struct castor_format any = {0, 0, CASTOR_PIXEL_I420, {0, 1}};
    struct source_text why = {""};
    struct castor_frame frame;
    struct rig rig;

    (void)state;
    assert_int_equal(rig_try(&rig, HDMI, "nocable@0:60", &any, &why), CASTOR_ERR_IO);
    expect_text(why.text, "no cable");
    rig_open(&rig, HDMI, "nosignal@0:60", &rig_format); // who knows what is wanted waits
    assert_int_equal(source_signal(rig.source), SOURCE_SIGNAL_NONE);
    expect_text(source_fault(rig.source), "no signal");
    frame = rig_frame(&rig);
    assert_true(rig_number(&rig, &frame) >= 60);
    rig_close(&rig);
}

static void expect_refused(const char *made, int error, const char *words)
{
    struct source_text why = {""};
    struct rig rig;

    assert_int_equal(rig_try(&rig, made, "", &rig_format, &why), error);
    expect_text(why.text, words);
}

static void test_devices_that_cannot_be_used(void **state)
{
    (void)state;
    expect_refused(PLAIN ",lie=stride", CASTOR_ERR_IO, "its driver is broken");
    expect_refused(PLAIN ",lie=size", CASTOR_ERR_IO, "its driver is broken");
    expect_refused(PLAIN ",lie=length", CASTOR_ERR_IO, "its driver is broken");
    expect_refused("mplane,formats=NM12,lie=length", CASTOR_ERR_IO, "its driver is broken");
    expect_refused(PLAIN ",busy", CASTOR_ERR_BUSY, "another program");
    expect_refused(PLAIN ",nodata", CASTOR_ERR_INVALID, "does not capture video");
    expect_refused(PLAIN ",buffers=1", CASTOR_ERR_NO_MEMORY, "only 1 buffers");
    expect_refused("formats=P010", CASTOR_ERR_UNSUPPORTED, "10-bit");
}

static void test_paths_that_are_no_device(void **state)
{
    static const struct {
        const char *path, *options;
        int error;
        const char *words;
    } cases[] = {{"/dev/video-missing", "", CASTOR_ERR_NOT_FOUND, "plug the device in"},
                 {"/dev", "", CASTOR_ERR_INVALID, "give a capture node"},
                 {"/dev/null", "", CASTOR_ERR_INVALID, "is not a V4L2 device"},
                 {"", "", CASTOR_ERR_NOT_FOUND, "plug the device in"},
                 {"/dev/video-castor0", "input=7", CASTOR_ERR_INVALID, "has no input 7"},
                 {"/dev/video-castor0", "colour=1", CASTOR_ERR_INVALID, "colour"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct source_config config = {cases[i].path, cases[i].options, rig_format, 0, 0};
        const struct source_driver *driver;
        struct castor_format format;
        struct source_text why = {""};

        assert_int_equal(source_driver_find("v4l2", &driver, &why), 0);
        assert_int_equal(source_probe(driver, &config, &format, &why), cases[i].error);
        expect_text(why.text, cases[i].words);
    }
}

// The stand-in itself: what a program must not do is refused.
static void test_stand_in_refuses_misuse(void **state)
{
    struct v4l2_buffer buffer = {.type = V4L2_BUF_TYPE_VIDEO_CAPTURE, .memory = V4L2_MEMORY_MMAP};
    struct v4l2_requestbuffers request = {.count = 2, .type = V4L2_BUF_TYPE_VIDEO_OUTPUT};
    int type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    int fd;

    (void)state;
    setenv("CASTOR_STANDIN_STRICT", "0", 1);
    setenv("CASTOR_STANDIN_V4L2CAP", PLAIN, 1);
    assert_int_equal(open("/dev/video-castor0", O_RDWR), -1);
    fd = open("/dev/video-castor0", O_RDWR | O_NONBLOCK);
    assert_true(fd >= 0);
    assert_int_equal(ioctl(fd, VIDIOC_QBUF, &buffer), -1);
    assert_int_equal(ioctl(fd, VIDIOC_STREAMON, &type), -1);
    assert_int_equal(ioctl(fd, VIDIOC_REQBUFS, &request), -1);
    request.type = V4L2_BUF_TYPE_VIDEO_CAPTURE;
    request.memory = V4L2_MEMORY_MMAP;
    assert_int_equal(ioctl(fd, VIDIOC_REQBUFS, &request), 0);
    assert_int_equal(ioctl(fd, VIDIOC_QBUF, &buffer), 0);
    assert_int_equal(ioctl(fd, VIDIOC_QBUF, &buffer), -1); // twice
    buffer.index = 2;
    assert_int_equal(ioctl(fd, VIDIOC_QBUF, &buffer), -1);
    assert_int_equal(ioctl(fd, VIDIOC_DQBUF, &buffer), -1); // before the start
    assert_int_equal(close(fd), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures_lost_in_the_device),
        cmocka_unit_test(test_broken_pictures),
        cmocka_unit_test(test_bad_stamps),
        cmocka_unit_test(test_bad_counters),
        cmocka_unit_test(test_other_rates),
        cmocka_unit_test(test_source_changes),
        cmocka_unit_test(test_device_is_lost),
        cmocka_unit_test(test_signal_loss),
        cmocka_unit_test(test_start_without_signal),
        cmocka_unit_test(test_devices_that_cannot_be_used),
        cmocka_unit_test(test_paths_that_are_no_device),
        cmocka_unit_test(test_stand_in_refuses_misuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
