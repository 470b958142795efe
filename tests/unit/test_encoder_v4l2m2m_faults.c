// SPDX-License-Identifier: Apache-2.0
// The V4L2 encoder driver on a device that goes wrong while it runs. Runs against the stand-in.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "encoder_rig.h"
#include "hal/time.h"

static void start(struct rig *rig, const char *words, const char *faults)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_I420);

    setenv("CASTOR_STANDIN_V4L2M2M", words, 1);
    setenv("CASTOR_STANDIN_V4L2M2M_FAULT", faults, 1);
    rig_open(rig, encoder_named("v4l2m2m"), &config);
}

static void expect(struct rig *rig, uint64_t sequence, enum encoder_output_kind kind, bool idr)
{
    struct encoder_output output = {0};
    int error = rig_receive(rig, &output);

    if (error != CASTOR_OK)
        fail_msg("frame %llu: %s: %s", (unsigned long long)sequence, castor_error_text(error),
                 encoder_fault(rig->encoder));
    assert_int_equal(output.packet.sequence, sequence);
    assert_int_equal(output.kind, kind);
    assert_int_equal((output.packet.flags & CASTOR_PACKET_IDR) != 0, idr);
}

static void code_up_to(struct rig *rig, uint64_t first, uint64_t end)
{
    for (uint64_t i = first; i < end; i++) {
        assert_int_equal(rig_submit(rig, i, 0), CASTOR_OK);
        expect(rig, i, ENCODER_OUTPUT_CODED, i == 0);
    }
}

static void expect_failure(struct rig *rig, int expected, const char *word)
{
    struct encoder_output output;

    assert_int_equal(rig_receive(rig, &output), expected);
    if (!strstr(encoder_fault(rig->encoder), word))
        fail_msg("\"%s\" does not say \"%s\"", encoder_fault(rig->encoder), word);
}

// A device that says nothing any more: the deadline is kept, the frame stays lent, the session can be closed.
static void hang_is_a_timeout(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    start(&rig, "", "hang@5");
    code_up_to(&rig, 0, 5);
    assert_int_equal(rig_submit(&rig, 5, 0), CASTOR_OK);
    int64_t deadline_ns = castor_now_ns() + 100 * CASTOR_NS_PER_MS;
    assert_int_equal(encoder_receive(rig.encoder, &output, deadline_ns), CASTOR_ERR_TIMEOUT);
    assert_true(castor_now_ns() >= deadline_ns);
    assert_int_equal(encoder_in_flight(rig.encoder), 1);
    assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
    assert_int_equal(encoder_receive(rig.encoder, &output, castor_now_ns()), CASTOR_ERR_TIMEOUT);
    rig_close(&rig);
}

static void eio_is_a_lost_device(void **state)
{
    struct rig rig;

    (void)state;
    start(&rig, "mplane", "eio@5");
    code_up_to(&rig, 0, 5);
    (void)!rig_submit(&rig, 5, 0);
    expect_failure(&rig, CASTOR_ERR_LOST, "/dev/video90");
    expect_failure(&rig, CASTOR_ERR_LOST, "/dev/video90"); // and says so again
    assert_int_equal(encoder_set_bitrate(rig.encoder, 1000000), CASTOR_ERR_LOST);
    rig_close(&rig);
}

// Frames that the device swallows, marks, empties or garbles are reported by name, and the next is not
// harmed.
static void spoilt_frames_are_dropped(void **state)
{
    static const char *const faults[] = {"drop@5", "error@5", "empty@5", "garbage@5"};
    static const char *const words[] = {"", "mplane,nv12m,headers_apart,no_repeat"};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
            struct rig rig;
            start(&rig, words[w], faults[i]);
            code_up_to(&rig, 0, 5);
            assert_int_equal(rig_submit(&rig, 5, 0), CASTOR_OK);
            assert_int_equal(rig_submit(&rig, 6, 0), CASTOR_OK);
            expect(&rig, 5, ENCODER_OUTPUT_DROPPED, false);
            expect(&rig, 6, ENCODER_OUTPUT_CODED, false);
            rig_close(&rig);
        }
    }
}

// The first frame dropped: the IDR is asked for again, so that the stream begins with one all the same.
static void dropped_idr_comes_with_the_next_frame(void **state)
{
    static const char *const words[] = {"", "no_repeat", "mplane,no_repeat,headers_apart,no_force_key"};

    (void)state;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        struct rig rig;
        start(&rig, words[w], "error@0,error@5");
        assert_int_equal(rig_submit(&rig, 0, 0), CASTOR_OK);
        assert_int_equal(rig_submit(&rig, 1, 0), CASTOR_OK);
        expect(&rig, 0, ENCODER_OUTPUT_DROPPED, false);
        expect(&rig, 1, ENCODER_OUTPUT_CODED, true);
        for (uint64_t i = 2; i < 5; i++) {
            assert_int_equal(rig_submit(&rig, i, 0), CASTOR_OK);
            expect(&rig, i, ENCODER_OUTPUT_CODED, false);
        }
        assert_int_equal(rig_submit(&rig, 5, ENCODER_SUBMIT_IDR), CASTOR_OK);
        expect(&rig, 5, ENCODER_OUTPUT_DROPPED, false);
        assert_int_equal(rig_submit(&rig, 6, 0), CASTOR_OK);
        expect(&rig, 6, ENCODER_OUTPUT_CODED, true);
        rig_close(&rig);
    }
}

static void ignored_key_request_is_made_again(void **state)
{
    struct rig rig;

    (void)state;
    start(&rig, "", "no_key@5");
    code_up_to(&rig, 0, 5);
    assert_int_equal(rig_submit(&rig, 5, ENCODER_SUBMIT_IDR), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 6, 0), CASTOR_OK);
    expect(&rig, 5, ENCODER_OUTPUT_CODED, false);
    expect(&rig, 6, ENCODER_OUTPUT_CODED, true);
    assert_int_equal(rig_submit(&rig, 7, 0), CASTOR_OK);
    expect(&rig, 7, ENCODER_OUTPUT_CODED, false);
    rig_close(&rig);
}

// Controls are not tied to a buffer; the frame before the one that was meant must not become the IDR.
static void idr_is_exact_with_frames_in_flight(void **state)
{
    static const char *const words[] = {"", "no_force_key", "mplane,no_force_key,no_cmd,no_repeat"};

    (void)state;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        struct rig rig;
        start(&rig, words[w], "slow=30@3+");
        assert_true(rig.caps.flags & ENCODER_CAP_FORCE_IDR);
        code_up_to(&rig, 0, 3);
        for (uint64_t i = 3; i < 12; i += 2) {
            assert_int_equal(rig_submit(&rig, i, 0), CASTOR_OK);
            assert_int_equal(rig_submit(&rig, i + 1, ENCODER_SUBMIT_IDR), CASTOR_OK);
            expect(&rig, i, ENCODER_OUTPUT_CODED, false);
            expect(&rig, i + 1, ENCODER_OUTPUT_CODED, true);
        }
        rig_close(&rig);
    }
}

static void slow_frame_comes_when_it_is_done(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    start(&rig, "", "slow=300@3");
    code_up_to(&rig, 0, 3);
    int64_t begun_ns = castor_now_ns();
    assert_int_equal(rig_submit(&rig, 3, 0), CASTOR_OK);
    int error = encoder_receive(rig.encoder, &output, castor_now_ns());
    if (castor_now_ns() - begun_ns < 200 * CASTOR_NS_PER_MS) // on a machine that stood still it may be done
        assert_int_equal(error, CASTOR_ERR_TIMEOUT);
    struct pollfd polled = {.fd = encoder_descriptor(rig.encoder), .events = POLLIN};
    if (error == CASTOR_ERR_TIMEOUT) {
        assert_int_equal(poll(&polled, 1, 5000), 1);
        assert_int_equal(encoder_receive(rig.encoder, &output, castor_now_ns()), CASTOR_OK);
    }
    assert_int_equal(output.packet.sequence, 3);
    rig_close(&rig);
}

// Identity is the time stamp: with one that names no frame nothing is known about the picture any more.
static void wrong_time_stamps_end_the_session(void **state)
{
    static const char *const faults[] = {"bad_time@5", "same_time@5"};

    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct rig rig;
        start(&rig, "", faults[i]);
        code_up_to(&rig, 0, 5);
        assert_int_equal(rig_submit(&rig, 5, 0), CASTOR_OK);
        expect_failure(&rig, CASTOR_ERR_IO, "time stamp");
        rig_close(&rig);
    }
}

static void source_change_ends_the_session(void **state)
{
    struct encoder_output output;
    struct rig rig;
    int error = CASTOR_OK;

    (void)state;
    start(&rig, "", "source_change@5,slow=20@0+");
    for (uint64_t i = 0; i < 50 && error == CASTOR_OK; i++) {
        error = rig_submit(&rig, i, 0);
        if (error == CASTOR_OK)
            error = rig_receive(&rig, &output);
    }
    assert_int_equal(error, CASTOR_ERR_LOST);
    assert_non_null(strstr(encoder_fault(rig.encoder), "changed its format"));
    rig_close(&rig);
}

// The same for a caller that waits for pictures by itself and receives only what is there.
static void source_change_is_seen_without_waiting(void **state)
{
    struct encoder_output output;
    struct rig rig;
    int error = CASTOR_OK;

    (void)state;
    start(&rig, "", "source_change@5");
    struct pollfd polled = {.fd = encoder_descriptor(rig.encoder), .events = POLLIN};
    for (uint64_t i = 0; i < 8 && error == CASTOR_OK; i++) {
        error = rig_submit(&rig, i, 0);
        if (error == CASTOR_OK)
            assert_int_equal(poll(&polled, 1, 5000), 1);
        if (error == CASTOR_OK)
            error = encoder_receive(rig.encoder, &output, castor_now_ns());
    }
    assert_int_equal(error, CASTOR_ERR_LOST);
    rig_close(&rig);
}

// A device that wants several pictures before it gives one: nothing waits for what cannot come.
static void hoarding_device_is_fed(void **state)
{
    struct rig rig;
    uint64_t in = 0;

    (void)state;
    start(&rig, "hoard=2", "");
    assert_false(rig.caps.flags & ENCODER_CAP_FORCE_IDR);
    assert_true(rig.encoder->max_in_flight > 2);
    for (uint64_t out = 0; out < 30; out++) {
        while (in < 30 && encoder_in_flight(rig.encoder) < rig.encoder->max_in_flight)
            assert_int_equal(rig_submit(&rig, in++, 0), CASTOR_OK);
        if (in == 30)
            assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
        expect(&rig, out, ENCODER_OUTPUT_CODED, out == 0);
    }
    rig_close(&rig);
}

// Frames that a drain did not bring out are dropped by name, and the session goes on.
static void drain_with_a_lost_frame(void **state)
{
    static const char *const words[] = {"", "no_force_key,mplane"};

    (void)state;
    for (size_t w = 0; w < sizeof words / sizeof words[0]; w++) {
        struct encoder_output output;
        struct rig rig;
        start(&rig, words[w], "drop@4");
        code_up_to(&rig, 0, 3);
        assert_int_equal(rig_submit(&rig, 3, 0), CASTOR_OK);
        assert_int_equal(rig_submit(&rig, 4, 0), CASTOR_OK);
        assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
        expect(&rig, 3, ENCODER_OUTPUT_CODED, false);
        expect(&rig, 4, ENCODER_OUTPUT_DROPPED, false);
        assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_END);
        assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK); // nothing in it
        assert_int_equal(rig_submit(&rig, 10, 0), CASTOR_OK);
        expect(&rig, 10, ENCODER_OUTPUT_CODED, true);
        rig_close(&rig);
    }
}

// A frame that is submitted while older ones are still being drained is coded after them.
static void submit_during_a_drain(void **state)
{
    struct rig rig;

    (void)state;
    start(&rig, "", "slow=50@3");
    code_up_to(&rig, 0, 3);
    assert_int_equal(rig_submit(&rig, 3, 0), CASTOR_OK);
    assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
    assert_int_equal(rig_submit(&rig, 4, 0), CASTOR_OK);
    expect(&rig, 3, ENCODER_OUTPUT_CODED, false);
    expect(&rig, 4, ENCODER_OUTPUT_CODED, true);
    rig_close(&rig);
}

static void idr_without_parameter_sets_is_refused(void **state)
{
    struct rig rig;

    (void)state;
    start(&rig, "no_repeat,bad=no_sets", "");
    assert_int_equal(rig_submit(&rig, 0, 0), CASTOR_OK);
    expect_failure(&rig, CASTOR_ERR_IO, "parameter sets");
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hang_is_a_timeout),
        cmocka_unit_test(eio_is_a_lost_device),
        cmocka_unit_test(spoilt_frames_are_dropped),
        cmocka_unit_test(dropped_idr_comes_with_the_next_frame),
        cmocka_unit_test(ignored_key_request_is_made_again),
        cmocka_unit_test(idr_is_exact_with_frames_in_flight),
        cmocka_unit_test(slow_frame_comes_when_it_is_done),
        cmocka_unit_test(wrong_time_stamps_end_the_session),
        cmocka_unit_test(source_change_ends_the_session),
        cmocka_unit_test(source_change_is_seen_without_waiting),
        cmocka_unit_test(hoarding_device_is_fed),
        cmocka_unit_test(drain_with_a_lost_frame),
        cmocka_unit_test(submit_during_a_drain),
        cmocka_unit_test(idr_without_parameter_sets_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
