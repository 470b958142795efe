// SPDX-License-Identifier: Apache-2.0
// The overlay as capture uses it: what is ordered shows from a frame on, what cannot be prepared leaves what
// was, and nothing that is slow holds up a frame.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <png.h>

#include "draw/overlay.h"

#define WIDTH 640
#define HEIGHT 360

struct rig {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct castor_frame frame;
    uint8_t *memory;
    struct overlay *overlay;
    char folder[32];
    char logo[48];
};

static void write_logo(const char *path, uint8_t shade)
{
    uint8_t pixels[32 * 16 * 4];
    png_image png = {.version = PNG_IMAGE_VERSION, .width = 32, .height = 16, .format = PNG_FORMAT_RGBA};

    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] = i % 4 == 3 ? 255 : shade;
    assert_true(png_image_write_to_file(&png, path, 0, pixels, 0, NULL));
}

static int begin(void **state)
{
    struct rig *rig = calloc(1, sizeof *rig);

    rig->format = (struct castor_format){WIDTH, HEIGHT, CASTOR_PIXEL_I420, {25, 1}};
    assert_int_equal(castor_frame_layout_compute(&rig->format, 64, &rig->layout), 0);
    rig->memory = aligned_alloc(64, (rig->layout.size_bytes + 63) & ~(size_t)63);
    castor_frame_map(&rig->layout, rig->memory, &rig->frame);
    rig->frame.capture_ns = castor_now_ns();
    assert_int_equal(overlay_create(&rig->format, &rig->overlay), 0);
    (void)snprintf(rig->folder, sizeof rig->folder, "/tmp/castor-test-XXXXXX");
    assert_non_null(mkdtemp(rig->folder));
    (void)snprintf(rig->logo, sizeof rig->logo, "%s/logo.png", rig->folder);
    write_logo(rig->logo, 255);
    *state = rig;
    return 0;
}

static int end(void **state)
{
    struct rig *rig = *state;

    overlay_destroy(rig->overlay);
    (void)unlink(rig->logo);
    assert_int_equal(rmdir(rig->folder), 0);
    free(rig->memory);
    free(rig);
    return 0;
}

static struct message_overlay order_of(uint32_t index, uint32_t kind)
{
    struct message_overlay order = {
        .index = index,
        .revision = 70 + index,
        .name = "box",
        .item = {.kind = kind, .size_px = 24, .opacity_percent = 100, .colour = "#ffffff"}};

    return order;
}

static void set(struct rig *rig, const struct message_overlay *order)
{
    assert_int_equal(overlay_set(rig->overlay, order), 0);
}

// The next frame, on black, when all that was ordered is prepared; returns how many luma samples are not
// black.
static uint32_t draw(struct rig *rig)
{
    uint32_t changed = 0;

    memset(rig->memory, 16, rig->layout.size_bytes);
    rig->frame.sequence++;
    rig->frame.capture_ns += castor_frame_interval_ns(rig->format.rate);
    if (overlay_prepare(rig->overlay))
        overlay_draw(rig->overlay, &rig->frame);
    for (uint32_t y = 0; y < HEIGHT; y++)
        for (uint32_t x = 0; x < WIDTH; x++)
            changed += rig->frame.plane[0][(size_t)y * rig->frame.stride_bytes[0] + x] != 16;
    return changed;
}

static uint8_t luma(const struct rig *rig, uint32_t x, uint32_t y)
{
    return rig->frame.plane[0][(size_t)y * rig->frame.stride_bytes[0] + x];
}

static void settle(struct rig *rig)
{
    assert_true(overlay_wait(rig->overlay, castor_now_ns() + 5 * CASTOR_NS_PER_S));
}

static void expect_report(struct rig *rig, uint32_t index, uint32_t status, const char *words)
{
    struct message_overlay_state state;

    assert_true(overlay_report(rig->overlay, &state));
    assert_int_equal(state.index, index);
    assert_int_equal(state.revision, 70 + index);
    if (state.status != status || !strstr(state.reason, words))
        fail_msg("status %u, \"%s\"; not %u, \"%s\"", state.status, state.reason, status, words);
}

static void test_nothing_is_drawn_without_items(void **state)
{
    struct rig *rig = *state;

    assert_false(overlay_prepare(rig->overlay));
    assert_int_equal(draw(rig), 0);
}

static void test_a_logo_by_each_anchor(void **state)
{
    struct rig *rig = *state;
    struct message_overlay order = order_of(3, MESSAGE_OVERLAY_LOGO);

    (void)snprintf(order.item.file, sizeof order.item.file, "%s", rig->logo);
    order.item.size_px = 0;
    order.item.x_px = 10;
    order.item.y_px = 20;
    for (uint32_t anchor = 0; anchor < MESSAGE_OVERLAY_ANCHORS; anchor++) {
        uint32_t x = (uint32_t[]){10, (WIDTH - 32) / 2 + 10, WIDTH - 32 - 10}[anchor % 3];
        uint32_t y = (uint32_t[]){20, (HEIGHT - 16) / 2 + 20, HEIGHT - 16 - 20}[anchor / 3];

        order.item.anchor = anchor;
        set(rig, &order);
        settle(rig);
        assert_int_equal(draw(rig), 32 * 16);
        assert_int_equal(luma(rig, x, y), 235);
        assert_int_equal(luma(rig, x + 31, y + 15), 235);
        expect_report(rig, 3, MESSAGE_OVERLAY_IS_PREPARED, "");
    }
    order.item.kind = MESSAGE_OVERLAY_OFF;
    set(rig, &order);
    assert_int_equal(draw(rig), 0); // at once
    settle(rig);
    assert_int_equal(draw(rig), 0);
    expect_report(rig, 3, MESSAGE_OVERLAY_IS_OFF, "");
}

static void test_size_and_opacity(void **state)
{
    struct rig *rig = *state;
    struct message_overlay order = order_of(0, MESSAGE_OVERLAY_LOGO);

    (void)snprintf(order.item.file, sizeof order.item.file, "%s", rig->logo);
    order.item.size_px = 32;
    order.item.opacity_percent = 50;
    set(rig, &order);
    settle(rig);
    assert_int_equal(draw(rig), 64 * 32);
    assert_int_equal(luma(rig, 5, 5), 126); // 16 + 219 * 128 / 255
    order.item.opacity_percent = 0;
    set(rig, &order);
    settle(rig);
    assert_int_equal(draw(rig), 0);
}

// What cannot be prepared says why; what stood there goes on, or nothing does.
static void test_bad_items(void **state)
{
    struct rig *rig = *state;
    struct message_overlay good = order_of(1, MESSAGE_OVERLAY_TEXT);
    struct message_overlay bad = order_of(1, MESSAGE_OVERLAY_LOGO);
    uint32_t drawn;
    FILE *file;

    (void)snprintf(bad.item.file, sizeof bad.item.file, "%s/none.png", rig->folder);
    set(rig, &bad);
    settle(rig);
    assert_int_equal(draw(rig), 0);
    expect_report(rig, 1, MESSAGE_OVERLAY_HAS_FAILED, "none.png cannot be opened: No such file");
    (void)snprintf(good.item.text, sizeof good.item.text, "Gr\xc3\xbc\xc3\x9f Gott {name}");
    set(rig, &good);
    settle(rig);
    drawn = draw(rig);
    assert_true(drawn > 500);
    expect_report(rig, 1, MESSAGE_OVERLAY_IS_PREPARED, "");
    file = fopen(rig->logo, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 60, SEEK_SET), 0);
    assert_int_equal(fputs("XXXXXX", file) < 0, 0);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(bad.item.file, sizeof bad.item.file, "%s", rig->logo);
    set(rig, &bad);
    settle(rig);
    assert_int_equal(draw(rig), drawn);
    expect_report(rig, 1, MESSAGE_OVERLAY_IS_KEPT, "broken PNG");
    (void)snprintf(good.item.font, sizeof good.item.font, "/nowhere.ttf");
    set(rig, &good);
    settle(rig);
    assert_int_equal(draw(rig), drawn);
    expect_report(rig, 1, MESSAGE_OVERLAY_IS_KEPT, "there is no /nowhere.ttf");
    bad = order_of(2, MESSAGE_OVERLAY_QR);
    memset(bad.item.text, 'x', sizeof bad.item.text - 1);
    set(rig, &bad);
    settle(rig);
    expect_report(rig, 2, MESSAGE_OVERLAY_HAS_FAILED, "more than the picture");
    (void)snprintf(bad.item.text, sizeof bad.item.text, "{time}");
    set(rig, &bad);
    settle(rig);
    expect_report(rig, 2, MESSAGE_OVERLAY_HAS_FAILED, "the same in all frames");
}

// The digits of a frame are those that the text of the same characters has.
static void test_a_clock_is_its_frames(void **state)
{
    struct rig *rig = *state;
    struct message_overlay clock = order_of(0, MESSAGE_OVERLAY_CLOCK);
    struct message_overlay text = order_of(1, MESSAGE_OVERLAY_TEXT);
    uint8_t *before = malloc(rig->layout.size_bytes);

    assert_non_null(before);
    (void)snprintf(clock.item.font, sizeof clock.item.font, "mono");
    (void)snprintf(clock.item.text, sizeof clock.item.text, "frame {frame}");
    rig->frame.sequence = 1234566;
    set(rig, &clock);
    settle(rig);
    assert_true(draw(rig) > 500);
    memcpy(before, rig->memory, rig->layout.size_bytes);
    clock.item.kind = MESSAGE_OVERLAY_OFF;
    set(rig, &clock);
    text.item.size_px = 24;
    (void)snprintf(text.item.font, sizeof text.item.font, "mono");
    (void)snprintf(text.item.text, sizeof text.item.text, "frame 0001234567");
    set(rig, &text);
    settle(rig);
    assert_true(draw(rig) > 500);
    assert_memory_equal(before, rig->memory, rig->layout.size_bytes);
    free(before);
}

static void test_the_last_of_many_orders_counts(void **state)
{
    struct rig *rig = *state;
    struct message_overlay order = order_of(5, MESSAGE_OVERLAY_LOGO);
    struct message_overlay_state report;

    (void)snprintf(order.item.file, sizeof order.item.file, "%s", rig->logo);
    for (uint32_t i = 0; i < 500; i++) {
        order.item.kind = i % 5 == 4 ? MESSAGE_OVERLAY_OFF : MESSAGE_OVERLAY_LOGO;
        order.item.size_px = 8 + i % 32 * 2;
        set(rig, &order);
        if (i % 3 == 0)
            (void)draw(rig);
        if (i % 5 == 4)
            assert_int_equal(draw(rig), 0);
        while (overlay_report(rig->overlay, &report))
            assert_int_equal(report.index, 5);
    }
    order.item.kind = MESSAGE_OVERLAY_LOGO;
    order.item.size_px = 16;
    set(rig, &order);
    settle(rig);
    assert_int_equal(draw(rig), 32 * 16);
}

// While a large picture is prepared, frames go on with what was there.
static void test_preparing_holds_up_nothing(void **state)
{
    struct rig *rig = *state;
    struct message_overlay order = order_of(0, MESSAGE_OVERLAY_LOGO);
    struct message_overlay large = order_of(1, MESSAGE_OVERLAY_LOGO);
    int64_t worst_ns = 0;
    uint32_t frames = 0;

    (void)snprintf(order.item.file, sizeof order.item.file, "%s", rig->logo);
    order.item.size_px = 0;
    set(rig, &order);
    settle(rig);
    (void)snprintf(large.item.file, sizeof large.item.file, "%s", rig->logo);
    large.item.size_px = 800;
    set(rig, &large);
    while (!overlay_wait(rig->overlay, 1)) {
        int64_t before_ns = castor_now_ns();

        if (overlay_prepare(rig->overlay))
            overlay_draw(rig->overlay, &rig->frame);
        before_ns = castor_now_ns() - before_ns;
        worst_ns = before_ns > worst_ns ? before_ns : worst_ns;
        assert_int_equal(luma(rig, 0, 0), 235);
        frames++;
    }
    assert_true(frames > 10);
    assert_int_equal(draw(rig), WIDTH * HEIGHT);
    print_message("the longest of %u frames while 1600 x 800 pixels were prepared: %lld us\n", frames,
                  (long long)worst_ns / 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nothing_is_drawn_without_items, begin, end),
        cmocka_unit_test_setup_teardown(test_a_logo_by_each_anchor, begin, end),
        cmocka_unit_test_setup_teardown(test_size_and_opacity, begin, end),
        cmocka_unit_test_setup_teardown(test_bad_items, begin, end),
        cmocka_unit_test_setup_teardown(test_a_clock_is_its_frames, begin, end),
        cmocka_unit_test_setup_teardown(test_the_last_of_many_orders_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_preparing_holds_up_nothing, begin, end)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
