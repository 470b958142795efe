// SPDX-License-Identifier: Apache-2.0
// No call of the HAL waits longer than it says while the vendor's code hangs, whatever function it hangs in.
// Each function in a process of its own, all at the same time, since each of them waits for seconds.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../contract/encoder_named.h"
#include "hal/time.h"

// What a busy machine may add; the limits themselves are 10 ms and 5 s, a hang is for ever.
#define SLACK_NS (3 * CASTOR_NS_PER_S)
#define FRAMES 12
#define IMPORT_HANGS "hang:vaCreateSurfaces2@2" // frames are DMA-BUFs, as far as the stand-in can tell

static const char *const hangs[] = {
    "hang:vaInitialize@1+0",
    "hang:vaQueryConfigEntrypoints@1",
    "hang:vaGetConfigAttributes@1",
    "hang:vaTerminate@1",
    "hang:vaCreateConfig@1",
    "hang:vaQuerySurfaceAttributes@1",
    "hang:vaCreateSurfaces2@1",
    IMPORT_HANGS,
    "hang:vaCreateContext@1",
    "hang:vaCreateBuffer@1",
    "hang:vaDeriveImage@1",
    "hang:vaCreateBuffer@20",
    "hang:vaDeriveImage@4",
    "hang:vaMapBuffer@4",
    "hang:vaUnmapBuffer@4",
    "hang:vaDestroyImage@4",
    "hang:vaBeginPicture@4",
    "hang:vaRenderPicture@4",
    "hang:vaEndPicture@4",
    "hang:vaDestroyBuffer@20",
    "hang:vaSyncBuffer@4",
    "hang:vaDestroyContext@1",
    "hang:vaDestroySurfaces@1",
    "hang:vaDestroySurfaces@2",
    "hang:vaDestroyConfig@1",
    "hang:vaSyncSurface@4",
    "hang:vaPutImage@4",
    "hang:vaCreateImage@1",
    "hang:vaQueryImageFormats@1",
    "hang:vaSyncBuffer@1",
};
#define HANGS (sizeof hangs / sizeof hangs[0])

static const char *const words[] = {"", "noderive,nosyncbuffer"}; // which functions are used at all

static int64_t started_ns;

static void start(void)
{
    started_ns = castor_now_ns();
}

static void within(const char *call, int64_t limit_ns)
{
    int64_t took_ns = castor_now_ns() - started_ns;

    if (took_ns <= limit_ns + SLACK_NS)
        return;
    (void)fprintf(stderr, "%s, %s: %s took %d ms\n", getenv("CASTOR_STANDIN_VA_FAULTS"),
                  getenv("CASTOR_STANDIN_VA"), call, (int)(took_ns / CASTOR_NS_PER_MS));
    _exit(1);
}

static struct encoder *open_encoder(struct castor_format *format)
{
    struct encoder_config config = {.codec = ENCODER_CODEC_H264, .format = *format, .bitrate_bps = 1000000};
    const struct encoder_driver *driver = encoder_named("vaapi");
    struct encoder *encoder = NULL;
    struct encoder_caps caps;
    struct encoder_text why = {""};

    start();
    int error = driver->probe("", &caps, &why);
    within("probe", 5 * CASTOR_NS_PER_S);
    if (error != CASTOR_OK && !strstr(why.text, "hangs in va"))
        _exit(2);
    start();
    error = driver->open(&config, &encoder, &why);
    within("open", 5 * CASTOR_NS_PER_S);
    if (error != CASTOR_OK && !strstr(why.text, "hangs in va"))
        _exit(3);
    if (error != CASTOR_OK)
        _exit(0); // nothing more to try
    encoder->driver = driver;
    encoder->format = *format;
    return encoder;
}

// Codes until the device hangs, as castor-encode does: with the descriptor.
static void use(struct encoder *encoder, struct castor_frame *frame)
{
    struct encoder_output output;
    int error = CASTOR_OK;

    for (uint64_t i = 0; i < FRAMES && error != CASTOR_ERR_LOST; i++) {
        frame->sequence = i;
        start();
        error = encoder_submit(encoder, frame, 0);
        within("submit", 10 * CASTOR_NS_PER_MS);
        struct pollfd poller = {.fd = encoder_descriptor(encoder), .events = POLLIN};
        do {
            (void)poll(&poller, 1, 100);
            start();
            error = encoder_receive(encoder, &output, castor_now_ns() + 100 * CASTOR_NS_PER_MS);
            within("receive", 100 * CASTOR_NS_PER_MS);
        } while (error == CASTOR_ERR_TIMEOUT);
    }
    start();
    if (encoder_flush(encoder, castor_now_ns() + 100 * CASTOR_NS_PER_MS) == CASTOR_OK)
        error = CASTOR_OK;
    within("flush", 100 * CASTOR_NS_PER_MS);
}

static void try_it(const char *hang, const char *word)
{
    struct castor_format format = {
        .width_px = 320, .height_px = 180, .pixel = CASTOR_PIXEL_I420, .rate = {30, 1}};
    struct castor_frame frame = {.dmabuf_fd = -1};
    struct castor_frame_layout layout;

    setenv("CASTOR_STANDIN_VA_FAULTS", hang, 1);
    setenv("CASTOR_STANDIN_VA", word, 1);
    if (castor_frame_layout_compute(&format, 64, &layout) != CASTOR_OK)
        _exit(4);
    castor_frame_map(&layout, calloc(1, layout.size_bytes), &frame);
    if (strcmp(hang, IMPORT_HANGS) == 0) {
        frame.dmabuf_fd = memfd_create("frame", 0);
        if (frame.dmabuf_fd < 0 || ftruncate(frame.dmabuf_fd, (off_t)layout.size_bytes) != 0)
            _exit(5);
    }
    struct encoder *encoder = open_encoder(&format);
    use(encoder, &frame);
    start();
    encoder_close(encoder);
    within("close", 2 * CASTOR_NS_PER_S);
    _exit(0);
}

int main(void)
{
    int failed = 0, status;

    for (size_t w = 0; w < 2; w++) {
        for (size_t i = 0; i < HANGS; i++) {
            pid_t child = fork();
            if (child == 0)
                try_it(hangs[i], words[w]);
            if (child < 0)
                failed++;
        }
        while (wait(&status) > 0)
            failed += status != 0;
    }
    (void)printf("%zu hangs, %d failures\n", 2 * HANGS, failed);
    return failed ? 1 : 0;
}
