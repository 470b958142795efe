// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "draw/text.h"
#include "draw/utf8.h"

#define WHITE 0xffffff

static struct bitmap *drawn(const char *name, uint32_t size_px, const char *text, struct text_style style)
{
    struct draw_reason why = {""};
    struct font *font;
    struct bitmap *bitmap = NULL;

    if (font_open(name, size_px, &font, &why) != CASTOR_OK || text_render(font, text, style, &bitmap, &why))
        fail_msg("%s", why.text);
    font_close(font);
    return bitmap;
}

static const uint8_t *pixel(const struct bitmap *bitmap, uint32_t x, uint32_t y)
{
    return bitmap->rgba + 4 * ((size_t)y * bitmap->width_px + x);
}

// A full block (U+2588) covers its cell: known pixels.
static void test_fill_and_edge(void **state)
{
    struct bitmap *plain = drawn("mono", 40, "\u2588", (struct text_style){0x2040f0, TEXT_EDGE_NONE});
    struct bitmap *outlined = drawn("mono", 40, " \u25a0 ", (struct text_style){0xf0f0f0, TEXT_EDGE_OUTLINE});
    uint32_t black = 0, white = 0, clear = 0;

    (void)state;
    assert_memory_equal(pixel(plain, plain->width_px / 2, plain->height_px / 2),
                        ((uint8_t[]){0x20, 0x40, 0xf0, 255}), 4);
    for (uint32_t i = 0; i < outlined->width_px * outlined->height_px; i++) {
        const uint8_t *p = outlined->rgba + 4 * (size_t)i;

        black += p[3] == 255 && p[0] < 16;
        white += p[3] == 255 && p[0] == 0xf0;
        clear += p[3] == 0;
    }
    assert_true(white > 100 && black > 50 && clear > 500);
    bitmap_destroy(plain);
    bitmap_destroy(outlined);
}

static void test_shadow_lies_lower_right(void **state)
{
    struct bitmap *plain = drawn("mono", 40, "I", (struct text_style){WHITE, TEXT_EDGE_NONE});
    struct bitmap *shadow = drawn("mono", 40, "I", (struct text_style){WHITE, TEXT_EDGE_SHADOW});
    struct draw_reason why;
    struct font *font;
    uint32_t margin_px, dark = 0;

    (void)state;
    assert_int_equal(font_open("mono", 40, &font, &why), 0);
    margin_px = text_margin_px(font, TEXT_EDGE_SHADOW);
    assert_int_equal(shadow->width_px, plain->width_px + 2 * margin_px);
    assert_int_equal(shadow->height_px, plain->height_px + 2 * margin_px);
    for (uint32_t y = 0; y < plain->height_px; y++)
        for (uint32_t x = 0; x < plain->width_px; x++)
            if (pixel(plain, x, y)[3] == 255) {
                assert_memory_equal(pixel(plain, x, y), pixel(shadow, x + margin_px, y + margin_px), 4);
                dark += pixel(shadow, x + 2 * margin_px, y + 2 * margin_px)[0] == 0;
                assert_true(pixel(shadow, x + 2 * margin_px, y + 2 * margin_px)[3] > 170);
            }
    assert_true(dark > 20);
    font_close(font);
    bitmap_destroy(plain);
    bitmap_destroy(shadow);
}

// Pieces join: "12" is "1" and "2" laid over each other at the margin.
static void test_pieces_join(void **state)
{
    const struct text_style style = {WHITE, TEXT_EDGE_NONE};
    struct bitmap *both = drawn("mono-bold", 33, "12", style);
    struct bitmap *one = drawn("mono-bold", 33, "1", style);
    struct bitmap *two = drawn("mono-bold", 33, "2", style);

    (void)state;
    assert_int_equal(both->width_px, one->width_px + two->width_px);
    assert_int_equal(both->height_px, one->height_px);
    for (uint32_t y = 0; y < both->height_px; y++) {
        assert_memory_equal(pixel(both, 0, y), pixel(one, 0, y), 4 * one->width_px);
        assert_memory_equal(pixel(both, one->width_px, y), pixel(two, 0, y), 4 * two->width_px);
    }
    bitmap_destroy(both);
    bitmap_destroy(one);
    bitmap_destroy(two);
}

static void refused(const char *name, uint32_t size_px, int error, const char *words)
{
    struct draw_reason why = {""};
    struct font *font = NULL;

    assert_int_equal(font_open(name, size_px, &font, &why), error);
    assert_null(font);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" does not tell \"%s\"", why.text, words);
}

static void test_fonts_that_are_none(void **state)
{
    (void)state;
    refused("/nowhere/font.ttf", 20, CASTOR_ERR_NOT_FOUND, "there is no /nowhere/font.ttf");
    refused("comic", 20, CASTOR_ERR_NOT_FOUND, "sans-bold");
    refused("/dev/zero", 20, CASTOR_ERR_INVALID, "not a file");
    refused("/", 20, CASTOR_ERR_INVALID, "not a file");
    refused(CASTOR_TEST_FILE, 20, CASTOR_ERR_INVALID, "not an outline font");
    refused("sans", 5, CASTOR_ERR_INVALID, "6 to 500");
    refused("sans", 501, CASTOR_ERR_INVALID, "6 to 500");
}

static void test_texts_that_are_none(void **state)
{
    static const struct {
        const char *text, *words;
    } cases[] = {{"", "empty"}, {"a\nb", "control character"}, {"\xc3\x28", "UTF-8"}, {"\xff", "UTF-8"}};
    struct draw_reason why;
    struct font *font;
    struct bitmap *bitmap = NULL;
    char text[TEXT_MAX_CHARACTERS + 2];

    (void)state;
    assert_int_equal(font_open("", 60, &font, &why), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(text_render(font, cases[i].text, (struct text_style){WHITE, 0}, &bitmap, &why),
                         CASTOR_ERR_INVALID);
        assert_non_null(strstr(why.text, cases[i].words));
    }
    memset(text, 'i', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal(text_render(font, text, (struct text_style){WHITE, 0}, &bitmap, &why),
                     CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "256 characters"));
    memset(text, 'W', 200);
    text[200] = '\0';
    assert_int_equal(text_render(font, text, (struct text_style){WHITE, 0}, &bitmap, &why),
                     CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "pixels wide"));
    assert_null(bitmap);
    font_close(font);
}

static void test_utf8(void **state)
{
    static const struct {
        const char *text;
        uint32_t first;
    } cases[] = {{"a", 'a'},
                 {"", 0},
                 {"\xc3\xa4", 0xe4},
                 {"\xe2\x82\xac", 0x20ac},
                 {"\xf0\x9f\x8e\xa5", 0x1f3a5},
                 {"\xf4\x8f\xbf\xbf", 0x10ffff},
                 // continuation alone, cut off, overlong, a surrogate, beyond Unicode
                 {"\x80", UTF8_BROKEN},
                 {"\xe2\x82", UTF8_BROKEN},
                 {"\xf0\x9f\x8e", UTF8_BROKEN},
                 {"\xc0\x80", UTF8_BROKEN},
                 {"\xe0\x80\x80", UTF8_BROKEN},
                 {"\xf0\x80\x80\x80", UTF8_BROKEN},
                 {"\xed\xa0\x80", UTF8_BROKEN},
                 {"\xf4\x90\x80\x80", UTF8_BROKEN},
                 {"\xf8\x88\x80\x80\x80", UTF8_BROKEN}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *at = cases[i].text;

        assert_int_equal(utf8_next(&at), cases[i].first);
        if (cases[i].first != UTF8_BROKEN)
            assert_int_equal(*at, '\0');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fill_and_edge),       cmocka_unit_test(test_shadow_lies_lower_right),
        cmocka_unit_test(test_pieces_join),         cmocka_unit_test(test_fonts_that_are_none),
        cmocka_unit_test(test_texts_that_are_none), cmocka_unit_test(test_utf8)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
