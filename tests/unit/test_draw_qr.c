// SPDX-License-Identifier: Apache-2.0
// QR codes, read back by zbar, which is not ours.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <zbar.h>

#include "draw/qr.h"

// On grey ground, as it would lie on a picture.
static void expect_read(const struct bitmap *bitmap, const char *text)
{
    const unsigned width = bitmap->width_px + 40;
    const unsigned height = bitmap->height_px + 40;
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *image = zbar_image_create();
    unsigned char *grey = malloc((size_t)width * height);
    const zbar_symbol_t *symbol;

    assert_non_null(grey);
    memset(grey, 100, (size_t)width * height);
    for (uint32_t y = 0; y < bitmap->height_px; y++)
        for (uint32_t x = 0; x < bitmap->width_px; x++)
            grey[(size_t)(y + 20) * width + x + 20] = bitmap->rgba[4 * ((size_t)y * bitmap->width_px + x)];
    assert_int_equal(zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1), 0);
    zbar_image_set_format(image, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(image, width, height);
    zbar_image_set_data(image, grey, (size_t)width * height, NULL);
    assert_int_equal(zbar_scan_image(scanner, image), 1);
    symbol = zbar_image_first_symbol(image);
    assert_non_null(symbol);
    assert_string_equal(zbar_symbol_get_data(symbol), text);
    zbar_image_destroy(image);
    zbar_image_scanner_destroy(scanner);
    free(grey);
}

static void test_read_back(void **state)
{
    char text[401];
    struct draw_reason why;
    struct bitmap *bitmap;

    (void)state;
    for (size_t i = 0; i < sizeof text - 1; i++)
        text[i] = (char)('!' + i % 90);
    text[sizeof text - 1] = '\0';
    for (uint32_t level = 0; level < 4; level++) {
        assert_int_equal(qr_render(text, (struct qr_style){level, 4, 4}, &bitmap, &why), 0);
        expect_read(bitmap, text);
        bitmap_destroy(bitmap);
    }
    assert_int_equal(qr_render("https://example.org/\xc3\xa4", (struct qr_style){1, 3, 4}, &bitmap, &why), 0);
    expect_read(bitmap, "https://example.org/\xc3\xa4");
    bitmap_destroy(bitmap);
}

static void test_shape(void **state)
{
    struct draw_reason why;
    struct bitmap *bitmap;

    (void)state;
    assert_int_equal(qr_render("a", (struct qr_style){0, 5, 2}, &bitmap, &why), 0);
    assert_int_equal(bitmap->width_px, (21 + 2 * 2) * 5); // version 1 has 21 modules
    assert_int_equal(bitmap->height_px, bitmap->width_px);
    for (uint32_t y = 0; y < bitmap->height_px; y++)
        for (uint32_t x = 0; x < bitmap->width_px; x++) {
            const uint8_t *p = bitmap->rgba + 4 * ((size_t)y * bitmap->width_px + x);
            bool quiet = x < 10 || y < 10 || x >= 115 || y >= 115;

            assert_int_equal(p[3], 255);
            if (quiet)
                assert_int_equal(p[0], 255);
            if (x >= 10 && x < 45 && y >= 10 && y < 15) // the finder pattern's upper edge
                assert_int_equal(p[0], 0);
        }
    bitmap_destroy(bitmap);
}

static void test_refused(void **state)
{
    char text[3001];
    struct draw_reason why = {""};
    struct bitmap *bitmap = NULL;

    (void)state;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(qr_render(text, (struct qr_style){0, 1, 4}, &bitmap, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "3000 bytes is too long"));
    text[2000] = '\0';
    assert_int_equal(qr_render(text, (struct qr_style){3, 1, 4}, &bitmap, &why), CASTOR_ERR_INVALID);
    assert_int_equal(qr_render("", (struct qr_style){0, 1, 4}, &bitmap, &why), CASTOR_ERR_INVALID);
    assert_int_equal(qr_render("a", (struct qr_style){0, 200, 4}, &bitmap, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "5800 x 5800"));
    assert_null(bitmap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read_back), cmocka_unit_test(test_shape),
                                       cmocka_unit_test(test_refused)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
