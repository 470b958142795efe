// SPDX-License-Identifier: Apache-2.0
// A capture device that writes into the pool itself, by DMA-BUFs of either kind: the pictures are right and
// nobody copied them. Devices that cannot, or say so and then do not: frames go on by copying, and a note
// tells why. Stand-ins play the device and the allocators.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../pool_view.h"
#include "reference.h"
#include "source_v4l2_rig.h"

#define FRAMES 12
#define HEAP "/dev/dma_heap/castor"

struct box {
    struct rig rig;
    struct pool *owner, *pool; // the supervisor's and capture's
};

static void box_open(struct box *box, const char *made, const char *faults, const char *heap,
                     const struct castor_format *wanted)
{
    struct dmabuf_text why;

    rig_open(&box->rig, made, faults, wanted);
    assert_int_equal(pool_create_for_devices(&box->rig.source->format, RIG_SLOTS, heap, &box->owner, &why),
                     CASTOR_OK);
    assert_string_equal(why.text, "");
    box->pool = pool_view(box->owner, &box->rig.source->format, POOL_ROLE_CAPTURE);
    assert_non_null(box->pool);
    for (uint32_t i = 0; i < RIG_SLOTS; i++)
        pool_frame(box->pool, i, &box->rig.slot[i]);
}

static void box_close(struct box *box)
{
    rig_close(&box->rig);
    pool_destroy(box->pool);
    pool_destroy(box->owner);
}

static uint8_t chroma_of(uint32_t pixel, const struct castor_frame *frame, uint32_t plane, uint32_t x,
                         uint32_t y)
{
    return pixel == CASTOR_PIXEL_I420
               ? frame->plane[plane][(size_t)y * frame->stride_bytes[plane] + x]
               : frame->plane[1][(size_t)y * frame->stride_bytes[1] + 2 * (size_t)x + plane - 1];
}

// That the frame is the device's picture of the number that stands in it.
static void check_picture(const struct rig *rig, const struct castor_frame *frame)
{
    const struct castor_format *format = &rig->source->format;
    struct castor_format i420 = *format;
    struct castor_frame_layout layout;
    struct castor_frame drawn = {0};
    uint8_t *memory;

    i420.pixel = CASTOR_PIXEL_I420;
    assert_int_equal(castor_frame_layout_compute(&i420, 64, &layout), CASTOR_OK);
    memory = malloc(layout.size_bytes);
    assert_non_null(memory);
    castor_frame_map(&layout, memory, &drawn);
    standin_v4l2cap_reference(&i420, &drawn, rig_number(rig, frame));
    for (uint32_t y = 0; y < format->height_px; y++)
        assert_memory_equal(frame->plane[0] + (size_t)y * frame->stride_bytes[0],
                            drawn.plane[0] + (size_t)y * drawn.stride_bytes[0], format->width_px);
    for (uint32_t plane = 1; plane < 3; plane++)
        for (uint32_t y = 0; y < format->height_px / 2; y++)
            for (uint32_t x = 0; x < format->width_px / 2; x++)
                assert_int_equal(chroma_of(format->pixel, frame, plane, x, y),
                                 chroma_of(CASTOR_PIXEL_I420, &drawn, plane, x, y));
    free(memory);
}

static void test_device_writes_into_the_pool(void **state)
{
    static const struct {
        const char *made;
        struct castor_format wanted;
    } devices[] = {
        {"formats=NV12", {320, 180, CASTOR_PIXEL_NV12, {100, 1}}},
        {"formats=YUYV:NV12:YU12", {640, 360, CASTOR_PIXEL_I420, {100, 1}}}, // what fits is chosen
        {"formats=YU12:NV12", {320, 180, CASTOR_PIXEL_NV12, {100, 1}}},
        {"mplane,formats=NV12", {640, 360, CASTOR_PIXEL_NV12, {100, 1}}},
        {"formats=NV12,buffers=2", {320, 180, CASTOR_PIXEL_NV12, {100, 1}}}, // fewer than slots are lent
    };
    static const char *const heaps[] = {"", HEAP};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof devices / sizeof devices[0]; i++) {
        struct box box;

        box_open(&box, devices[i / 2].made, "", heaps[i % 2], &devices[i / 2].wanted);
        for (int k = 0; k < FRAMES; k++) {
            struct castor_frame frame = rig_frame(&box.rig);
            if (!frame.by_device)
                fail_msg("%s: %s", devices[i / 2].made, source_note(box.rig.source));
            check_picture(&box.rig, &frame);
        }
        assert_int_equal(source_counters(box.rig.source).cpu_copies, 0);
        assert_string_equal(source_note(box.rig.source), "");
        box_close(&box);
    }
}

static void test_others_are_copied(void **state)
{
    static const struct {
        const char *made;
        const char *note;
        uint32_t width_px, pixel;
        uint64_t least, most; // copies
    } devices[] = {
        {"formats=NV12,noimport", "copied into the pool, which it cannot write", 320, CASTOR_PIXEL_NV12,
         FRAMES, FRAMES},
        {"formats=NV12,refuse=0", "Bad address", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"mplane,formats=NV12,refuse=2", "Bad address", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"formats=NV12,refuse=9", "Bad address", 320, CASTOR_PIXEL_NV12, 1, FRAMES - 1},
        {"formats=NV12,lie=used", "sizes that cannot be", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"formats=NV12,extra=65536", "it wants buffers of 155648 bytes", 320, CASTOR_PIXEL_NV12, FRAMES,
         FRAMES},
        {"formats=NV12,pad=64", "rows of 384 bytes", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"formats=YU12", "rows of 160 bytes", 320, CASTOR_PIXEL_I420, FRAMES, FRAMES},
        {"mplane,formats=NM12", "a memory of its own", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"formats=YUYV", "converted", 320, CASTOR_PIXEL_NV12, FRAMES, FRAMES},
        {"formats=NV12", "converted", 320, CASTOR_PIXEL_I420, FRAMES, FRAMES},
    };

    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct castor_format wanted = {devices[i].width_px, 180, devices[i].pixel, {100, 1}};
        struct box box;
        uint64_t copies;

        box_open(&box, devices[i].made, "", "", &wanted);
        for (int k = 0; k < FRAMES; k++) {
            struct castor_frame frame = rig_frame(&box.rig);
            check_picture(&box.rig, &frame);
        }
        copies = source_counters(box.rig.source).cpu_copies;
        assert_in_range(copies, devices[i].least, devices[i].most);
        if (!strstr(source_note(box.rig.source), devices[i].note))
            fail_msg("%s: \"%s\"", devices[i].made, source_note(box.rig.source));
        box_close(&box);
    }
}

// A buffer that is broken stays with the device, and one that is passed over too.
static void test_broken_pictures_cost_no_slot(void **state)
{
    const struct castor_format wanted = {320, 180, CASTOR_PIXEL_NV12, {100, 1}};
    const struct castor_format slower = {320, 180, CASTOR_PIXEL_NV12, {40, 1}};
    struct box box;

    (void)state;
    box_open(&box, "formats=NV12", "error@3:2,short@8:1", "", &wanted);
    for (int k = 0; k < 4 * FRAMES; k++) {
        struct castor_frame frame = rig_frame(&box.rig);
        check_picture(&box.rig, &frame);
    }
    assert_int_equal(source_counters(box.rig.source).decode_errors, 3);
    assert_int_equal(source_counters(box.rig.source).cpu_copies, 0);
    box_close(&box);

    box_open(&box, "formats=NV12,fixed,size=320x180,rate=100/1", "", "", &slower);
    for (int k = 0; k < FRAMES; k++)
        (void)rig_frame(&box.rig);
    assert_int_equal(source_counters(box.rig.source).cpu_copies, 0);
    box_close(&box);
}

static void test_unplugged(void **state)
{
    const struct castor_format wanted = {320, 180, CASTOR_PIXEL_NV12, {100, 1}};
    struct castor_frame frame;
    struct box box;
    int error;

    (void)state;
    box_open(&box, "formats=NV12", "gone@20", HEAP, &wanted);
    while ((error = rig_next(&box.rig, &frame)) == CASTOR_OK)
        check_picture(&box.rig, &frame);
    assert_int_equal(error, CASTOR_ERR_LOST);
    assert_non_null(strstr(source_fault(box.rig.source), "unplugged"));
    box_close(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_device_writes_into_the_pool),
        cmocka_unit_test(test_others_are_copied),
        cmocka_unit_test(test_broken_pictures_cost_no_slot),
        cmocka_unit_test(test_unplugged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
