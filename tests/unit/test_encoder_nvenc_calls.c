// SPDX-License-Identifier: Apache-2.0
// NVIDIA's library hangs, or loses its device, in every call there is. Nobody who calls the HAL may be held
// up by it, and what failed must be said. Each case runs in a process of its own, since a hung thread stays
// for good.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "encoder/drivers.h"
#include "encoder_rig.h"
#include "hal/time.h"

// A call that waits for the hung one never returns; these bounds leave room for a machine that is busy.
#define OPEN_MAX_NS (30 * CASTOR_NS_PER_S)
#define CALL_MAX_NS (5 * CASTOR_NS_PER_S)
#define CLOSE_MAX_NS (20 * CASTOR_NS_PER_S)

static const char *schedule;
// What is coded: each case runs as H.264, and those that code anything as HEVC of 10 bit too.
static enum encoder_codec codec = ENCODER_CODEC_H264;
static int64_t longest_ns;

static struct encoder_config default_config(void)
{
    bool is_hevc = codec == ENCODER_CODEC_HEVC;
    struct encoder_config config = rig_default_config(is_hevc ? CASTOR_PIXEL_P010 : CASTOR_PIXEL_NV12);

    config.codec = codec;
    config.format.width_px = 320;
    config.format.height_px = 180;
    return config;
}

static void timed(int64_t since_ns)
{
    int64_t took_ns = castor_now_ns() - since_ns;

    if (took_ns > longest_ns)
        longest_ns = took_ns;
    assert_true(took_ns < CALL_MAX_NS);
}

static int submit(struct rig *rig, uint64_t sequence, uint32_t flags)
{
    int64_t since_ns = castor_now_ns();
    int error = rig_submit(rig, sequence, flags);

    timed(since_ns);
    return error;
}

// Returns when its deadline is over, and not much later.
static int receive_for_a_while(struct rig *rig)
{
    struct encoder_output output;
    int64_t deadline_ns = castor_now_ns() + 300 * CASTOR_NS_PER_MS;
    int error = encoder_receive(rig->encoder, &output, deadline_ns);

    assert_true(castor_now_ns() - deadline_ns < CALL_MAX_NS);
    return error;
}

static void close_in_time(struct rig *rig)
{
    int64_t since_ns = castor_now_ns();

    rig_close(rig);
    assert_true(castor_now_ns() - since_ns < CLOSE_MAX_NS);
}

// Hangs while a session is opened or probed: open says so and comes back.
static void open_does_not_hang(void **state)
{
    static _Alignas(4096) const uint8_t memory[4096]; // that can be locked
    struct encoder_config config = default_config();
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};
    int64_t since_ns = castor_now_ns();

    (void)state;
    config.memory = memory;
    config.memory_bytes = sizeof memory;
    assert_int_equal(encoder_open(&encoder_driver_nvenc, &config, &encoder, &why), CASTOR_ERR_IO);
    assert_null(encoder);
    assert_true(castor_now_ns() - since_ns < OPEN_MAX_NS);
    assert_non_null(strstr(why.text, "hangs"));
}

// Two pictures come out; whatever is wrong happens with the third, a change of rate, or a flush after it.
static void begin(struct rig *rig)
{
    struct encoder_config config = default_config();
    struct encoder_output output;

    rig_open(rig, &encoder_driver_nvenc, &config);
    rig_code(rig, 0, 0, &output);
    rig_code(rig, 1, 0, &output);
    if (strstr(schedule, "reconfigure"))
        assert_int_equal(encoder_set_bitrate(rig->encoder, 1000000), CASTOR_OK);
    assert_int_equal(submit(rig, 2, 0), CASTOR_OK);
    if (strstr(schedule, "eos")) {
        assert_int_equal(rig_receive(rig, &output), CASTOR_OK);
        assert_int_equal(encoder_flush(rig->encoder, castor_now_ns()), CASTOR_OK);
        assert_int_equal(submit(rig, 3, 0), CASTOR_OK); // has to wait for the end of stream
    }
}

static void session_does_not_hang(void **state)
{
    struct rig rig;

    (void)state;
    begin(&rig);
    assert_int_equal(receive_for_a_while(&rig), CASTOR_ERR_TIMEOUT);
    assert_int_equal(submit(&rig, 4, ENCODER_SUBMIT_IDR), CASTOR_OK);
    assert_int_equal(submit(&rig, 5, 0), CASTOR_ERR_FULL);
    int64_t since_ns = castor_now_ns();
    assert_int_equal(encoder_set_bitrate(rig.encoder, 900000), CASTOR_OK);
    timed(since_ns);
    since_ns = castor_now_ns();
    assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_OK);
    timed(since_ns);
    assert_int_equal(receive_for_a_while(&rig), CASTOR_ERR_TIMEOUT);
    close_in_time(&rig);
}

static void loss_is_said(void **state)
{
    struct encoder_output output;
    struct rig rig;

    (void)state;
    begin(&rig);
    assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_LOST);
    assert_non_null(strstr(encoder_fault(rig.encoder), "DEVICE_NOT_EXIST"));
    assert_int_equal(submit(&rig, 4, 0), CASTOR_ERR_LOST);
    assert_int_equal(encoder_set_bitrate(rig.encoder, 900000), CASTOR_ERR_LOST);
    assert_int_equal(encoder_flush(rig.encoder, castor_now_ns()), CASTOR_ERR_LOST);
    assert_int_equal(rig_receive(&rig, &output), CASTOR_ERR_LOST);
    close_in_time(&rig);
}

static void close_does_not_hang(void **state)
{
    struct encoder_config config = default_config();
    struct encoder_output output;
    struct rig rig;

    (void)state;
    rig_open(&rig, &encoder_driver_nvenc, &config);
    rig_code(&rig, 0, 0, &output);
    close_in_time(&rig);
}

static const struct {
    const char *schedule;
    CMUnitTestFunction run;
} cases[] = {
    {"cuinit:hang", open_does_not_hang},
    {"context:hang", open_does_not_hang},
    {"open:hang", open_does_not_hang},
    {"guids:hang", open_does_not_hang},
    {"profiles:hang", open_does_not_hang},
    {"formats:hang", open_does_not_hang},
    {"caps:hang", open_does_not_hang},
    {"destroy:hang", open_does_not_hang},         // of the probe
    {"context_destroy:hang", open_does_not_hang}, // of the probe
    {"context:hang@2", open_does_not_hang},       // of the session
    {"preset:hang", open_does_not_hang},
    {"initialize:hang", open_does_not_hang},
    {"without=register,create_input:hang@2", open_does_not_hang},
    {"host_register:hang", open_does_not_hang},
    {"alloc:hang@2", open_does_not_hang},
    {"register:hang@4", open_does_not_hang},
    {"create_output:hang@3", open_does_not_hang},
    {"without=register,lock_input:hang@3", session_does_not_hang},
    {"without=register,unlock_input:hang@3", session_does_not_hang},
    {"copy2d:hang@5", session_does_not_hang}, // two planes of each picture
    {"map:hang@3", session_does_not_hang},
    {"encode:hang@3", session_does_not_hang},
    {"lock:hang@5", session_does_not_hang}, // two for each picture: the first is answered with LOCK_BUSY
    {"unlock:hang@3", session_does_not_hang},
    {"reconfigure:hang", session_does_not_hang},
    {"eos:hang", session_does_not_hang},
    {"without=register,lock_input:lost@3", loss_is_said},
    {"without=register,unlock_input:lost@3", loss_is_said},
    {"map:lost@3", loss_is_said},
    {"encode:lost@3", loss_is_said},
    {"lock:lost@5", loss_is_said},
    {"unlock:lost@3", loss_is_said},
    {"reconfigure:lost", loss_is_said},
    {"eos:lost", loss_is_said},
    {"eos:hang", close_does_not_hang},
    {"without=register,destroy_input:hang", close_does_not_hang},
    {"unmap:hang", close_does_not_hang},
    {"unregister:hang@2", close_does_not_hang},
    {"free:hang@4", close_does_not_hang},
    {"host_unregister:hang", close_does_not_hang},
    {"destroy_output:hang@2", close_does_not_hang},
    {"context_destroy:hang@3", close_does_not_hang}, // after two probes
};
#define CASES (sizeof cases / sizeof cases[0])

static pid_t start(size_t number, const char *what)
{
    char text[16];
    pid_t child = fork();

    assert_true(child >= 0);
    if (child > 0)
        return child;
    (void)snprintf(text, sizeof text, "%zu", number);
    setenv("CASTOR_STANDIN_NVENC", cases[number].schedule, 1);
    execl("/proc/self/exe", "test_encoder_nvenc_calls", text, what, (char *)NULL);
    _exit(127);
}

static void every_call(void **state)
{
    pid_t children[2 * CASES];
    const char *names[2 * CASES];
    size_t count = 0;
    unsigned failed = 0;

    (void)state;
    for (size_t i = 0; i < 2 * CASES; i++) { // they mostly wait
        bool is_hevc = i >= CASES;
        if (is_hevc && cases[i - CASES].run == open_does_not_hang)
            continue; // nothing is coded in it
        names[count] = cases[i % CASES].schedule;
        children[count++] = start(i % CASES, is_hevc ? "hevc" : "h264");
    }
    for (size_t i = 0; i < count; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        if (status != 0) {
            print_message("%zu, %s: status %x\n", i, names[i], (unsigned)status);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

// With a number and a codec: that case alone.
int main(int argc, char **argv)
{
    const struct CMUnitTest all[] = {cmocka_unit_test(every_call)};

    if (argc != 3)
        return cmocka_run_group_tests(all, NULL, NULL);
    size_t number = strtoul(argv[1], NULL, 10);
    if (number >= CASES)
        return 2;
    schedule = cases[number].schedule;
    codec = strcmp(argv[2], "hevc") == 0 ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    const struct CMUnitTest one[] = {{schedule, cases[number].run, NULL, NULL, NULL}};
    int failed = cmocka_run_group_tests_name(schedule, one, NULL, NULL);
    print_message("%s: the longest call took %.3f ms\n", schedule, (double)longest_ns / 1e6);
    (void)fflush(NULL);
    _exit(failed); // what hangs in the library stays there
}
