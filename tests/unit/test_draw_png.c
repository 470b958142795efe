// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "draw/png.h"

// A PNG of `format` from memory as the library writes it.
static size_t written(uint32_t format, uint32_t width_px, uint32_t height_px, const void *pixels,
                      const void *map, uint32_t map_entries, uint8_t *out, size_t room)
{
    png_image png = {.version = PNG_IMAGE_VERSION,
                     .width = width_px,
                     .height = height_px,
                     .format = format,
                     .colormap_entries = map_entries};
    size_t size_bytes = room;

    assert_true(png_image_write_to_memory(&png, out, &size_bytes, 0, pixels, 0, map));
    return size_bytes;
}

static struct bitmap *decoded(const uint8_t *bytes, size_t size_bytes)
{
    struct draw_reason why = {""};
    struct bitmap *bitmap;

    if (png_decode("test", bytes, size_bytes, &bitmap, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
    return bitmap;
}

static void expect_pixels(uint32_t format, const void *pixels, const void *map, const uint8_t wanted[8])
{
    uint8_t file[4096];
    size_t size_bytes = written(format, 2, 1, pixels, map, 2, file, sizeof file);
    struct bitmap *bitmap = decoded(file, size_bytes);

    assert_int_equal(bitmap->width_px, 2);
    assert_int_equal(bitmap->height_px, 1);
    assert_memory_equal(bitmap->rgba, wanted, 8);
    bitmap_destroy(bitmap);
}

static void test_every_kind(void **state)
{
    (void)state;
    expect_pixels(PNG_FORMAT_RGBA, (const uint8_t[]){1, 2, 3, 4, 250, 128, 7, 255}, NULL,
                  (const uint8_t[]){1, 2, 3, 4, 250, 128, 7, 255});
    expect_pixels(PNG_FORMAT_RGB, (const uint8_t[]){1, 2, 3, 250, 128, 7}, NULL,
                  (const uint8_t[]){1, 2, 3, 255, 250, 128, 7, 255});
    expect_pixels(PNG_FORMAT_GRAY, (const uint8_t[]){9, 200}, NULL,
                  (const uint8_t[]){9, 9, 9, 255, 200, 200, 200, 255});
    expect_pixels(PNG_FORMAT_GA, (const uint8_t[]){9, 100, 200, 0}, NULL,
                  (const uint8_t[]){9, 9, 9, 100, 200, 200, 200, 0});
    expect_pixels(PNG_FORMAT_RGBA_COLORMAP, (const uint8_t[]){1, 0},
                  (const uint8_t[]){10, 20, 30, 40, 50, 60, 70, 255},
                  (const uint8_t[]){50, 60, 70, 255, 10, 20, 30, 40});
    // The library writes 16 bit linear, with a gamma of 1 beside: half the light is 0.5 ^ (1 / 2.2).
    expect_pixels(PNG_FORMAT_LINEAR_Y, (const uint16_t[]){32768, 65535}, NULL,
                  (const uint8_t[]){186, 186, 186, 255, 255, 255, 255, 255});
}

static void refused(const uint8_t *bytes, size_t size_bytes, const char *words)
{
    struct draw_reason why = {""};
    struct bitmap *bitmap = NULL;

    assert_int_equal(png_decode("test", bytes, size_bytes, &bitmap, &why), CASTOR_ERR_INVALID);
    assert_null(bitmap);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" does not tell \"%s\"", why.text, words);
}

static void test_cut_off_anywhere_or_broken(void **state)
{
    uint8_t pixels[64 * 64];
    uint8_t file[8192];
    size_t size_bytes;

    (void)state;
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)(i * i >> 3);
    size_bytes = written(PNG_FORMAT_GRAY, 64, 64, pixels, NULL, 0, file, sizeof file);
    for (size_t cut = 0; cut + 16 < size_bytes; cut++) // without its last chunk it is whole enough
        refused(file, cut, "test");
    file[size_bytes / 2] ^= 0x40;
    refused(file, size_bytes, "broken PNG");
    refused((const uint8_t *)"GIF89a..................", 24, "no PNG");
}

// 33 bytes that claim a picture of a billion pixels.
static void test_too_large(void **state)
{
    uint8_t file[4096];
    uint8_t row[5000] = {0};
    size_t size_bytes = written(PNG_FORMAT_GRAY, 5000, 1, row, NULL, 0, file, sizeof file);

    (void)state;
    refused(file, size_bytes, "5000 x 1 pixels, at most 4096 x 2304");
}

static void load_refused(const char *path, int error, const char *words)
{
    struct draw_reason why = {""};
    struct bitmap *bitmap = NULL;

    assert_int_equal(png_load(path, &bitmap, &why), error);
    assert_null(bitmap);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" does not tell \"%s\"", why.text, words);
}

static void test_files(void **state)
{
    char folder[] = "/tmp/castor-test-XXXXXX";
    char path[64];
    uint8_t file[4096];
    size_t size_bytes = written(PNG_FORMAT_GRAY, 2, 1, (const uint8_t[]){5, 6}, NULL, 0, file, sizeof file);
    struct draw_reason why = {""};
    struct bitmap *bitmap = NULL;
    FILE *stream;

    (void)state;
    assert_non_null(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file.png", folder);
    load_refused(path, CASTOR_ERR_NOT_FOUND, "cannot be opened: No such file");
    load_refused(folder, CASTOR_ERR_INVALID, "is not a file");
    load_refused("/dev/zero", CASTOR_ERR_INVALID, "is not a file");
    stream = fopen(path, "w");
    assert_non_null(stream);
    assert_int_equal(fwrite(file, 1, size_bytes, stream), size_bytes);
    assert_int_equal(fclose(stream), 0);
    assert_int_equal(png_load(path, &bitmap, &why), 0);
    assert_int_equal(bitmap->rgba[4], 6);
    assert_int_equal(truncate(path, (off_t)PNG_FILE_MAX_BYTES + 1), 0);
    load_refused(path, CASTOR_ERR_INVALID, "at most 33554432 are read");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); // nobody writes: it would wait for ever
    load_refused(path, CASTOR_ERR_INVALID, "is not a file");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    bitmap_destroy(bitmap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_kind),
                                       cmocka_unit_test(test_cut_off_anywhere_or_broken),
                                       cmocka_unit_test(test_too_large), cmocka_unit_test(test_files)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
