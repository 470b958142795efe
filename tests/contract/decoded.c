// SPDX-License-Identifier: Apache-2.0
#include "decoded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define IDR_AT 10

bool decoded_is_possible(void)
{
    return system("command -v ffmpeg >/dev/null 2>&1") == 0;
}

static void write_stream(struct rig *rig, uint32_t count, const char *name)
{
    struct encoder_output output;
    FILE *file = fopen(name, "wb");

    assert_non_null(file);
    for (uint64_t i = 0; i < count; i++) {
        rig_code(rig, i, i == IDR_AT ? ENCODER_SUBMIT_IDR : 0, &output);
        assert_int_equal(fwrite(output.packet.data, 1, output.packet.size_bytes, file),
                         output.packet.size_bytes);
    }
    assert_int_equal(fclose(file), 0);
}

// Without a wish for a pixel format: what comes is what the stream says.
static void decode(enum encoder_codec codec, const char *coded, const char *raw)
{
    char command[256], line[256];

    (void)snprintf(command, sizeof command,
                   "ffmpeg -v warning -xerror -nostdin -f %s -i %s -f rawvideo -y %s 2>&1",
                   encoder_codec_name(codec), coded, raw);
    FILE *decoder = popen(command, "r");
    assert_non_null(decoder);
    while (fgets(line, sizeof line, decoder))
        fail_msg("ffmpeg says: %s", line);
    assert_int_equal(pclose(decoder), 0);
}

// In steps of 10 bit; plane 0 to 2 is Y, U, V.
static int sample_at(const struct castor_frame *picture, uint32_t pixel, uint32_t plane, uint32_t x,
                     uint32_t y)
{
    const bool pairs = plane > 0 && pixel != CASTOR_PIXEL_I420;
    const uint32_t stored = pairs ? 1 : plane;
    const uint8_t *row = picture->plane[stored] + (size_t)y * picture->stride_bytes[stored];
    const uint32_t at = pairs ? 2 * x + plane - 1 : x;

    if (castor_pixel_bytes(pixel) == 2)
        return (row[2 * at] | row[2 * at + 1] << 8) >> 6;
    return row[at] << 2;
}

static double difference(const struct castor_frame *picture, const struct castor_format *format,
                         const uint8_t *decoded)
{
    const bool deep = castor_pixel_bytes(format->pixel) == 2;
    uint64_t sum = 0, count = 0;

    for (uint32_t plane = 0; plane < 3; plane++) {
        const uint32_t down = plane == 0 ? 1 : 2;
        for (uint32_t y = 0; y < format->height_px / down; y++) {
            for (uint32_t x = 0; x < format->width_px / down; x++, count++) {
                int there = deep ? decoded[0] | decoded[1] << 8 : decoded[0] << 2;
                decoded += deep ? 2 : 1;
                sum += (uint64_t)abs(there - sample_at(picture, format->pixel, plane, x, y));
            }
        }
    }
    return (double)sum / 4 / (double)count;
}

static double compare(const struct rig *rig, uint32_t count, const char *raw)
{
    const struct castor_format *format = &rig->config.format;
    const size_t bytes =
        (size_t)format->width_px * format->height_px * 3 / 2 * castor_pixel_bytes(format->pixel);
    uint8_t *decoded = malloc(bytes);
    FILE *file = fopen(raw, "rb");
    double worst = 0;

    assert_true(decoded && file);
    for (uint32_t i = 0; i < count; i++) {
        if (fread(decoded, 1, bytes, file) != bytes)
            fail_msg("%u pictures were coded, %u of %zu bytes came out", count, i, bytes);
        double here = difference(&rig->pictures[i % RIG_PICTURES], format, decoded);
        worst = here > worst ? here : worst;
    }
    assert_int_equal(fread(decoded, 1, 1, file), 0);
    (void)fclose(file);
    free(decoded);
    return worst;
}

double decoded_difference(struct rig *rig, uint32_t count)
{
    char folder[] = "/tmp/castor-contract-XXXXXX";
    char coded[64], raw[64];

    assert_non_null(mkdtemp(folder));
    (void)snprintf(coded, sizeof coded, "%s/coded", folder);
    (void)snprintf(raw, sizeof raw, "%s/raw", folder);
    write_stream(rig, count, coded);
    decode(rig->config.codec, coded, raw);
    double worst = compare(rig, count, raw);
    unlink(coded);
    unlink(raw);
    rmdir(folder);
    return worst;
}
