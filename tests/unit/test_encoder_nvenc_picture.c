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

// Planes that differ from each other, smooth enough to be coded well.
static void draw(struct rig *rig)
{
    const struct castor_format *format = &rig->config.format;
    bool planar = format->pixel == CASTOR_PIXEL_I420;

    for (uint32_t i = 0; i < RIG_PICTURES; i++) {
        struct castor_frame *picture = &rig->pictures[i];
        for (uint32_t y = 0; y < format->height_px; y++) {
            for (uint32_t x = 0; x < format->width_px; x++)
                picture->plane[0][(size_t)y * picture->stride_bytes[0] + x] =
                    (uint8_t)(40 + (x + y + i) % 160);
        }
        for (uint32_t y = 0; y < format->height_px / 2; y++) {
            for (uint32_t x = 0; x < format->width_px / 2; x++) {
                uint8_t u = (uint8_t)(60 + x * 100 / format->width_px);
                uint8_t v = (uint8_t)(190 - y * 100 / format->height_px);
                if (planar) {
                    picture->plane[1][(size_t)y * picture->stride_bytes[1] + x] = u;
                    picture->plane[2][(size_t)y * picture->stride_bytes[2] + x] = v;
                } else {
                    uint8_t *pair = picture->plane[1] + (size_t)y * picture->stride_bytes[1] + 2 * (size_t)x;
                    pair[0] = u;
                    pair[1] = v;
                }
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

    write_rows(file, picture->plane[0], picture->stride_bytes[0], format->width_px, format->height_px);
    write_rows(file, picture->plane[1], picture->stride_bytes[1],
               planar ? format->width_px / 2 : format->width_px, format->height_px / 2);
    if (planar)
        write_rows(file, picture->plane[2], picture->stride_bytes[2], format->width_px / 2,
                   format->height_px / 2);
}

static void check_psnr(const char *folder, const struct castor_format *format)
{
    char command[600], line[600];
    double y = 0, u = 0, v = 0;

    (void)snprintf(
        command, sizeof command,
        "ffmpeg -v info -nostdin -f h264 -r 30 -i %s/coded -f rawvideo -pix_fmt %s -s %ux%u -r 30 -i "
        "%s/source -lavfi '[1:v]format=yuv420p[s];[0:v][s]psnr' -f null - 2>&1",
        folder, format->pixel == CASTOR_PIXEL_I420 ? "yuv420p" : "nv12", format->width_px, format->height_px,
        folder);
    FILE *judge = popen(command, "r");
    assert_non_null(judge);
    while (fgets(line, sizeof line, judge)) {
        const char *found = strstr(line, "PSNR y:");
        if (found)
            (void)sscanf(found, "PSNR y:%lf u:%lf v:%lf", &y, &u, &v);
    }
    assert_int_equal(pclose(judge), 0);
    print_message("%ux%u, pixel format %u: PSNR %.1f %.1f %.1f dB\n", format->width_px, format->height_px,
                  format->pixel, y, u, v);
    assert_true(y > PSNR_MIN_DB && u > PSNR_MIN_DB && v > PSNR_MIN_DB);
}

static void code(enum castor_pixel_format pixel, uint32_t width_px, uint32_t height_px)
{
    struct encoder_config config = rig_default_config(pixel);
    char folder[] = "/tmp/castor-nvenc-XXXXXX";
    char path[64];
    struct encoder_output output;
    struct rig rig;

    assert_non_null(mkdtemp(folder));
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
    check_psnr(folder, &config.format);
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
    code(CASTOR_PIXEL_I420, 640, 360);
    code(CASTOR_PIXEL_NV12, 640, 360);
    code(CASTOR_PIXEL_I420, 650, 362); // no multiple of anything
    code(CASTOR_PIXEL_NV12, 650, 362);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pixels_arrive)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
