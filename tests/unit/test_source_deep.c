// SPDX-License-Identifier: Apache-2.0
// Pictures of 10 bit from the sources that draw, decode or read them: samples in the high bits of 16, with
// all their ten bits where there are ten.
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/source.h"
#include "made_files.h"
#include "source_number_reader.h"

#define WIDTH 640
#define HEIGHT 360
#define BUDGET_MS 20000

static char folder[] = "/tmp/castor-deep-XXXXXX";

// A slope of 1024 steps that no 8-bit picture has, over the whole range that is allowed; chroma the same
// downwards. Coded without loss, so that what comes out is known to the bit.
#define SLOPE "\"geq=lum='64+mod(3*X+Y,877)':cb='64+mod(5*Y,897)':cr='64+mod(7*X,897)'\""
static const char *const recipes[] = {
    "ffmpeg -v error -f lavfi -i color=size=640x360:rate=25,format=yuv420p10," SLOPE " -frames:v 4 "
    "-c:v libx264 -qp 0 -y %s/deep.mp4",
    "ffmpeg -v error -i %1$s/deep.mp4 -frames:v 1 -pix_fmt p010le -f rawvideo -y %1$s/deep.raw",
    "ffmpeg -v error -f lavfi -i color=size=640x360:rate=25,format=yuv422p10," SLOPE " -frames:v 4 "
    "-c:v ffv1 -y %s/deep422.mkv",
    "ffmpeg -v error -f lavfi -i color=size=360x360:rate=25,format=yuv420p10,geq=lum=940:cb=512:cr=512 "
    "-frames:v 4 "
    "-c:v libx264 -qp 0 -y %s/square.mp4",
    "ffmpeg -v error -f lavfi -i testsrc2=size=640x360:rate=25 -frames:v 4 -pix_fmt yuv420p -c:v libx264 "
    "-qp 0 -y %s/flat.mp4",
    "ffmpeg -v error -i %1$s/flat.mp4 -frames:v 1 -pix_fmt nv12 -f rawvideo -y %1$s/flat.raw",
    "ffmpeg -v error -f lavfi -i color=c=white:size=640x360:rate=25,format=yuvj420p -frames:v 4 -c:v mjpeg "
    "-y %s/full.avi",
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

struct shot {
    struct castor_frame_layout layout;
    uint8_t *memory;
    struct castor_frame frame;
};

// The first picture of a source.
static struct shot take(const char *driver_name, const char *path, uint32_t pixel)
{
    const struct source_driver *driver;
    struct source_config config = {.path = path, .format = {WIDTH, HEIGHT, pixel, {25, 1}}};
    struct source_text why = {""};
    struct source *source = NULL;
    struct shot shot = {.frame = {.dmabuf_fd = -1}};
    int error;

    assert_int_equal(source_driver_find(driver_name, &driver, &why), 0);
    if (source_open(driver, &config, &source, &why) != 0)
        fail_msg("%s", why.text);
    assert_int_equal(castor_frame_layout_compute(&source->format, 64, &shot.layout), 0);
    shot.memory = malloc(shot.layout.size_bytes);
    assert_non_null(shot.memory);
    memset(shot.memory, 0x55, shot.layout.size_bytes);
    castor_frame_map(&shot.layout, shot.memory, &shot.frame);
    assert_int_equal(source_queue(source, &shot.frame), 0);
    do {
        struct pollfd poll_fd = {.fd = source_descriptor(source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
        error = source_dequeue(source, &shot.frame);
    } while (error == CASTOR_ERR_AGAIN);
    assert_int_equal(error, 0);
    source_close(source);
    return shot;
}

static uint16_t sample(const struct shot *shot, uint32_t plane, uint32_t x, uint32_t y)
{
    const uint8_t *at = shot->frame.plane[plane] + (size_t)y * shot->frame.stride_bytes[plane] + 2 * x;

    return (uint16_t)(at[0] | at[1] << 8);
}

static void assert_rows(const struct shot *shot, const uint8_t *expected)
{
    for (uint32_t plane = 0; plane < 2; plane++) {
        for (uint32_t y = 0; y < shot->layout.rows[plane]; y++, expected += 2 * WIDTH) {
            if (memcmp(shot->frame.plane[plane] + (size_t)y * shot->frame.stride_bytes[plane], expected,
                       2 * WIDTH) != 0)
                fail_msg("plane %u, row %u differs", plane, y);
        }
    }
}

static uint8_t *read_file(const char *name, size_t bytes)
{
    char path[64];
    uint8_t *out = malloc(bytes);

    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    assert_true(file && out);
    assert_int_equal(fread(out, 1, bytes, file), bytes);
    fclose(file);
    return out;
}

static struct shot take_clip(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return take("clip", path, CASTOR_PIXEL_P010);
}

// The same picture as in 8 bit, and between its steps three more on the ramp.
static void test_pattern(void **state)
{
    struct shot deep = take("pattern", "", CASTOR_PIXEL_P010), flat = take("pattern", "", CASTOR_PIXEL_NV12);
    uint32_t steps = 0, seen[4] = {0};
    uint8_t upper[WIDTH * 64];
    uint64_t number = 77;

    (void)state;
    for (uint32_t plane = 0; plane < 2; plane++) {
        for (uint32_t y = 0; y < flat.layout.rows[plane]; y++) {
            for (uint32_t x = 0; x < WIDTH; x++) {
                uint16_t here = sample(&deep, plane, x, y);
                uint8_t there = flat.frame.plane[plane][(size_t)y * flat.frame.stride_bytes[plane] + x];
                assert_int_equal(here & 0x3f, 0);
                assert_int_equal(here >> 8, there);
            }
        }
    }
    for (uint32_t x = 2; x < WIDTH; x += 2) {
        steps += sample(&deep, 0, x, HEIGHT - 1) > sample(&deep, 0, x - 2, HEIGHT - 1);
        seen[sample(&deep, 0, x, HEIGHT - 1) >> 6 & 3]++;
    }
    assert_int_equal(steps, WIDTH / 2 - 1); // 8 bit has no more than 219
    assert_true(seen[0] && seen[1] && seen[2] && seen[3]);
    for (uint32_t i = 0; i < sizeof upper; i++)
        upper[i] = (uint8_t)(sample(&deep, 0, i % WIDTH, i / WIDTH) >> 8);
    assert_true(number_read(upper, WIDTH, WIDTH, &number));
    assert_int_equal(number, 0);
    free(deep.memory);
    free(flat.memory);
}

static void test_clip_keeps_ten_bits(void **state)
{
    struct shot shot = take_clip("deep.mp4");
    uint8_t *expected = read_file("deep.raw", (size_t)WIDTH * HEIGHT * 3);

    (void)state;
    assert_int_equal(sample(&shot, 0, 1, 0) >> 6, 67);
    assert_rows(&shot, expected);
    free(expected);
    free(shot.memory);
}

// Of 4:2:2, luma stays what it is; two rows of chroma become one.
static void test_clip_of_422(void **state)
{
    struct shot shot = take_clip("deep422.mkv");

    (void)state;
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            assert_int_equal(sample(&shot, 0, x, y) >> 6, 64 + (3 * x + y) % 877);
    for (uint32_t y = 0; y < HEIGHT / 2; y++) {
        for (uint32_t x = 0; x < WIDTH / 2; x++) {
            uint32_t first = 64 + 5 * (2 * y) % 897, second = 64 + 5 * (2 * y + 1) % 897;
            uint32_t u = sample(&shot, 1, 2 * x, y) >> 6;
            assert_in_range(u, (first + second) / 2, (first + second + 1) / 2);
            assert_int_equal(sample(&shot, 1, 2 * x + 1, y) >> 6, 64 + 7 * x % 897);
        }
    }
    free(shot.memory);
}

// Scaled to the height, black beside.
static void test_clip_of_another_shape(void **state)
{
    struct shot shot = take_clip("square.mp4");

    (void)state;
    assert_int_equal(sample(&shot, 0, 0, 100), 64 << 6);
    assert_int_equal(sample(&shot, 0, 139, 100), 64 << 6);
    assert_int_equal(sample(&shot, 0, 140, 100), 940 << 6);
    assert_int_equal(sample(&shot, 0, 499, 359), 940 << 6);
    assert_int_equal(sample(&shot, 0, 500, 359), 64 << 6);
    assert_int_equal(sample(&shot, 1, 0, 100), 512 << 6);
    assert_int_equal(sample(&shot, 1, 639, 179), 512 << 6);
    free(shot.memory);
}

static void test_clip_of_8_bit(void **state)
{
    struct shot shot = take_clip("flat.mp4"), full = take_clip("full.avi");
    uint8_t *expected = read_file("flat.raw", (size_t)WIDTH * HEIGHT * 3 / 2);

    (void)state;
    for (uint32_t plane = 0; plane < 2; plane++)
        for (uint32_t y = 0; y < shot.layout.rows[plane]; y++)
            for (uint32_t x = 0; x < WIDTH; x++)
                assert_int_equal(sample(&shot, plane, x, y),
                                 expected[((size_t)plane * HEIGHT + y) * WIDTH + x] << 8);
    // White in full range is 255, and 235 for us.
    assert_int_equal(sample(&full, 0, 320, 180), 235 << 8);
    free(expected);
    free(shot.memory);
    free(full.memory);
}

// Raw P010 from a pipe lands as it is.
static void test_pipe(void **state)
{
    char fifo[64], command[256];
    uint8_t *expected = read_file("deep.raw", (size_t)WIDTH * HEIGHT * 3);

    (void)state;
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    snprintf(command, sizeof command, "cat %s/deep.raw > %s &", folder, fifo);
    int keep_open = open(fifo, O_RDWR | O_CLOEXEC); // or the first to come would see the end
    assert_int_equal(system(command), 0);
    struct shot shot = take("pipe", fifo, CASTOR_PIXEL_P010);
    assert_rows(&shot, expected);
    close(keep_open);
    free(expected);
    free(shot.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pattern),       cmocka_unit_test(test_clip_keeps_ten_bits),
        cmocka_unit_test(test_clip_of_422),   cmocka_unit_test(test_clip_of_another_shape),
        cmocka_unit_test(test_clip_of_8_bit), cmocka_unit_test(test_pipe),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
