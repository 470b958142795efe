// SPDX-License-Identifier: Apache-2.0
// The pixels arrive where they belong: pitch, plane order and crop, judged by a decoder that is not ours.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "encoder/drivers.h"
#include "encoder_rig.h"

#define PICTURES 16
#define PSNR_MIN_DB 30.0

// One sample of 8 bits, or of 10 in the high bits of 16, the two lowest of which it gets as well.
static void put(const struct castor_format *format, uint8_t *row, size_t at, uint32_t value, uint32_t low)
{
    if (castor_pixel_bits(format->pixel) == 8) {
        row[at] = (uint8_t)value;
        return;
    }
    row[2 * at] = (uint8_t)(low << 6);
    row[2 * at + 1] = (uint8_t)value;
}

// Planes that differ from each other, smooth enough to be coded well.
static void draw(struct rig *rig)
{
    const struct castor_format *format = &rig->config.format;
    bool planar = format->pixel == CASTOR_PIXEL_I420;

    for (uint32_t i = 0; i < RIG_PICTURES; i++) {
        struct castor_frame *picture = &rig->pictures[i];
        for (uint32_t y = 0; y < format->height_px; y++) {
            uint8_t *row = picture->plane[0] + (size_t)y * picture->stride_bytes[0];
            for (uint32_t x = 0; x < format->width_px; x++)
                put(format, row, x, 40 + (x + y + i) % 160, x & 3);
        }
        for (uint32_t y = 0; y < format->height_px / 2; y++) {
            uint8_t *first = picture->plane[1] + (size_t)y * picture->stride_bytes[1];
            uint8_t *second = planar ? picture->plane[2] + (size_t)y * picture->stride_bytes[2] : first;
            for (uint32_t x = 0; x < format->width_px / 2; x++) {
                put(format, first, planar ? x : 2 * (size_t)x, 60 + x * 100 / format->width_px, 1);
                put(format, second, planar ? x : 2 * (size_t)x + 1, 190 - y * 100 / format->height_px, 2);
            }
        }
    }
}

static void write_rows(FILE *file, const uint8_t *plane, uint32_t stride_bytes, uint32_t width_bytes,
                       uint32_t rows)
{
    for (uint32_t y = 0; y < rows; y++)
        assert_int_equal(fwrite(plane + (size_t)y * stride_bytes, 1, width_bytes, file), width_bytes);
}

static void write_picture(FILE *file, const struct castor_format *format, const struct castor_frame *picture)
{
    bool planar = format->pixel == CASTOR_PIXEL_I420;
    uint32_t row_bytes = format->width_px * (castor_pixel_bits(format->pixel) > 8 ? 2 : 1);
    uint32_t chroma_bytes = planar ? row_bytes / 2 : row_bytes;

    write_rows(file, picture->plane[0], picture->stride_bytes[0], row_bytes, format->height_px);
    write_rows(file, picture->plane[1], picture->stride_bytes[1], chroma_bytes, format->height_px / 2);
    if (planar)
        write_rows(file, picture->plane[2], picture->stride_bytes[2], chroma_bytes, format->height_px / 2);
}

static void check_psnr(const char *folder, const struct encoder_config *config)
{
    static const char *const pixels[CASTOR_PIXEL_END] = {
        [CASTOR_PIXEL_I420] = "yuv420p", [CASTOR_PIXEL_NV12] = "nv12", [CASTOR_PIXEL_P010] = "p010le"};
    const struct castor_format *format = &config->format;
    const char *decoded = castor_pixel_bits(format->pixel) > 8 ? "yuv420p10le" : "yuv420p";
    char command[600], line[600];
    double y = 0, u = 0, v = 0;
    bool has_depth = false;

    (void)snprintf(
        command, sizeof command,
        "ffmpeg -v info -nostdin -f %s -r 30 -i %s/coded -f rawvideo -pix_fmt %s -s %ux%u -r 30 -i "
        "%s/source -lavfi '[1:v]format=%s[s];[0:v][s]psnr' -f null - 2>&1",
        encoder_codec_name(config->codec), folder, pixels[format->pixel], format->width_px, format->height_px,
        folder, decoded);
    FILE *judge = popen(command, "r");
    assert_non_null(judge);
    while (fgets(line, sizeof line, judge)) {
        const char *found = strstr(line, "PSNR y:");
        const char *stream = strstr(line, "Stream #0:0: Video: ");
        size_t length = strlen(decoded);
        const char *depth = stream ? strstr(stream, decoded) : NULL;
        has_depth = has_depth || (depth && (depth[length] == '(' || depth[length] == ','));
        if (found)
            (void)sscanf(found, "PSNR y:%lf u:%lf v:%lf", &y, &u, &v);
    }
    assert_int_equal(pclose(judge), 0);
    print_message("%s, %ux%u from %s: PSNR %.1f %.1f %.1f dB\n", encoder_codec_name(config->codec),
                  format->width_px, format->height_px, castor_pixel_name(format->pixel), y, u, v);
    assert_true(has_depth);
    assert_true(y > PSNR_MIN_DB && u > PSNR_MIN_DB && v > PSNR_MIN_DB);
}

static void code(enum encoder_codec codec, enum castor_pixel_format pixel, uint32_t width_px,
                 uint32_t height_px)
{
    struct encoder_config config = rig_default_config(pixel);
    char folder[] = "/tmp/castor-nvenc-XXXXXX";
    char path[64];
    struct encoder_output output;
    struct rig rig;

    assert_non_null(mkdtemp(folder));
    config.codec = codec;
    config.format.width_px = width_px;
    config.format.height_px = height_px;
    config.bitrate_bps = 4000000;
    rig_open(&rig, &encoder_driver_nvenc, &config);
    draw(&rig);
    (void)snprintf(path, sizeof path, "%s/coded", folder);
    FILE *coded = fopen(path, "wb");
    (void)snprintf(path, sizeof path, "%s/source", folder);
    FILE *source = fopen(path, "wb");
    assert_true(coded && source);
    for (uint64_t i = 0; i < PICTURES; i++) {
        rig_code(&rig, i, 0, &output);
        write_picture(source, &config.format, &rig.pictures[i % RIG_PICTURES]);
        assert_int_equal(fwrite(output.packet.data, 1, output.packet.size_bytes, coded),
                         output.packet.size_bytes);
    }
    fclose(coded);
    fclose(source);
    rig_close(&rig);
    check_psnr(folder, &config);
    unlink(path);
    (void)snprintf(path, sizeof path, "%s/coded", folder);
    unlink(path);
    rmdir(folder);
}

static void pixels_arrive(void **state)
{
    (void)state;
    if (system("command -v ffmpeg >/dev/null 2>&1") != 0)
        skip();
    code(ENCODER_CODEC_H264, CASTOR_PIXEL_I420, 640, 360);
    code(ENCODER_CODEC_H264, CASTOR_PIXEL_NV12, 640, 360);
    code(ENCODER_CODEC_H264, CASTOR_PIXEL_I420, 650, 362); // no multiple of anything
    code(ENCODER_CODEC_H264, CASTOR_PIXEL_NV12, 650, 362);
    code(ENCODER_CODEC_HEVC, CASTOR_PIXEL_I420, 650, 362);
    code(ENCODER_CODEC_HEVC, CASTOR_PIXEL_NV12, 650, 362);
    code(ENCODER_CODEC_HEVC, CASTOR_PIXEL_P010, 650, 362);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_arrive)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
