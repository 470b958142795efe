// SPDX-License-Identifier: Apache-2.0
#include "encoder_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/time.h"

#define PAGE_BYTES 4096
#define RECEIVE_NS (5 * CASTOR_NS_PER_S)

struct encoder_config rig_default_config(enum castor_pixel_format pixel)
{
    return (struct encoder_config){
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = 640, .height_px = 360, .pixel = pixel, .rate = {30, 1}},
        .bitrate_bps = 2000000,
        .vbv_ms = 500,
    };
}

// Texture with some noise: enough to spend any bitrate of these tests on, little enough to reach the lowest.
// Samples of 10 bit are the same brightness, with noise in the two bits more. `lift` is added to even and to
// odd samples of a row: V is brighter than U.
static void draw(uint8_t *plane, uint32_t row_samples, uint32_t sample_bytes, uint32_t rows, uint32_t shift,
                 const uint8_t lift[2], uint32_t *seed)
{
    for (uint32_t y = 0; y < rows; y++) {
        for (uint32_t x = 0; x < row_samples; x++, plane += sample_bytes) {
            *seed = *seed * 1664525u + 1013904223u;
            uint8_t sample =
                (uint8_t)(64 + (((x + shift) / 8 * 37 + y / 8 * 101) & 63) + (*seed >> 28) + lift[x % 2]);
            plane[sample_bytes - 1] = sample; // little-endian
            if (sample_bytes == 2)
                plane[0] = (uint8_t)(*seed >> 20 & 0xc0);
        }
    }
}

// Of Y, U, V, and of U and V interleaved.
static const uint8_t lifts[][2] = {{0, 0}, {0, 0}, {48, 48}, {0, 48}};

void rig_open(struct rig *rig, const struct encoder_driver *driver, const struct encoder_config *config)
{
    struct castor_frame_layout layout;
    struct encoder_text why = {""};
    uint32_t seed = 1, sample_bytes = castor_pixel_bytes(config->format.pixel);

    memset(rig, 0, sizeof *rig);
    rig->config = *config;
    assert_int_equal(driver->probe("", &rig->caps, &why), CASTOR_OK);
    assert_int_equal(castor_frame_layout_compute(&config->format, 64, &layout), CASTOR_OK);
    size_t size_bytes = (layout.size_bytes * RIG_PICTURES + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    rig->memory = aligned_alloc(PAGE_BYTES, size_bytes); // as a pool's, so that drivers can lock it
    assert_non_null(rig->memory);
    for (uint32_t i = 0; i < RIG_PICTURES; i++) {
        struct castor_frame *picture = &rig->pictures[i];
        picture->slot = i;
        picture->dmabuf_fd = -1;
        castor_frame_map(&layout, rig->memory + layout.size_bytes * i, picture);
        for (uint32_t p = 0; p < layout.planes; p++)
            draw(picture->plane[p], picture->stride_bytes[p] / sample_bytes, sample_bytes, layout.rows[p],
                 i * 3, lifts[layout.planes == 2 && p > 0 ? 3 : p], &seed);
    }
    rig->config.memory = rig->memory;
    rig->config.memory_bytes = size_bytes;
    int error = encoder_open(driver, &rig->config, &rig->encoder, &why);
    if (error != CASTOR_OK)
        fail_msg("%s: open: %s: %s", driver->name, castor_error_text(error), why.text);
}

void rig_close(struct rig *rig)
{
    encoder_close(rig->encoder);
    free(rig->memory);
}

int64_t rig_capture_ns(uint64_t sequence)
{
    return 1000 + (int64_t)sequence * 1000;
}

int rig_submit(struct rig *rig, uint64_t sequence, uint32_t flags)
{
    struct castor_frame frame = rig->pictures[sequence % RIG_PICTURES];

    frame.sequence = sequence;
    frame.capture_ns = rig_capture_ns(sequence);
    return encoder_submit(rig->encoder, &frame, flags);
}

int rig_receive(struct rig *rig, struct encoder_output *out)
{
    return encoder_receive(rig->encoder, out, castor_now_ns() + RECEIVE_NS);
}

void rig_code(struct rig *rig, uint64_t sequence, uint32_t flags, struct encoder_output *out)
{
    assert_int_equal(rig_submit(rig, sequence, flags), CASTOR_OK);
    assert_int_equal(rig_receive(rig, out), CASTOR_OK);
    assert_int_equal(out->kind, ENCODER_OUTPUT_CODED);
    assert_int_equal(out->packet.sequence, sequence);
}
