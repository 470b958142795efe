// SPDX-License-Identifier: Apache-2.0
// The V4L2 encoder driver with slots of the pool as its raw buffers: the same access units as from copies,
// and no copy; devices that refuse, at once or later, are copied for; a picture is its owner's again only
// when the device has let go of it. Runs against the stand-ins of the device and of the allocators.
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "../pool_view.h"
#include "encoder_rig.h"
#include "hal/time.h"

#define FRAMES 12
#define HEAP "/dev/dma_heap/castor"

struct box {
    struct rig rig;
    struct pool *owner, *pool; // the supervisor's and one that can write
};

static void make_pool(struct box *box, const struct castor_format *format, const char *heap)
{
    struct dmabuf_text why;

    assert_int_equal(pool_create_for_devices(format, RIG_PICTURES, heap, &box->owner, &why), CASTOR_OK);
    assert_string_equal(why.text, "");
    assert_int_equal(pool_descriptors(box->owner).dmabuf_count, RIG_PICTURES);
    box->pool = pool_view(box->owner, format, POOL_ROLE_CAPTURE);
    assert_non_null(box->pool);
}

// The rig's pictures in slots of a pool, and the encoder opened with one of them. `heap` NULL: in plain
// memory.
static void box_open(struct box *box, const char *words, const char *faults, const char *heap,
                     enum castor_pixel_format pixel)
{
    struct encoder_config config = rig_default_config(pixel);
    struct rig *rig = &box->rig;
    struct encoder_text why = {""};

    if (pixel == CASTOR_PIXEL_P010)
        config.codec = ENCODER_CODEC_HEVC;
    setenv("CASTOR_STANDIN_V4L2M2M", words, 1);
    setenv("CASTOR_STANDIN_V4L2M2M_FAULT", faults, 1);
    box->owner = box->pool = NULL;
    rig_open(rig, encoder_named("v4l2m2m"), &config);
    if (!heap)
        return;
    encoder_close(rig->encoder);
    make_pool(box, &config.format, heap);
    for (uint32_t i = 0; i < RIG_PICTURES; i++) {
        struct castor_frame slot = {0};
        pool_frame(box->pool, i, &slot);
        for (int p = 0; p < CASTOR_PLANES_MAX && slot.plane[p]; p++)
            memcpy(slot.plane[p], rig->pictures[i].plane[p],
                   (size_t)slot.stride_bytes[p] *
                       (p ? config.format.height_px / 2 : config.format.height_px));
        rig->pictures[i] = slot;
    }
    config.slot = &rig->pictures[0];
    if (encoder_open(encoder_named("v4l2m2m"), &config, &rig->encoder, &why) != CASTOR_OK)
        fail_msg("\"%s\": %s", words, why.text);
}

static void box_close(struct box *box)
{
    rig_close(&box->rig);
    pool_destroy(box->pool);
    pool_destroy(box->owner);
}

static uint64_t add_bytes(uint64_t sum, const struct castor_packet *packet)
{
    for (size_t i = 0; i < packet->size_bytes; i++)
        sum = (sum ^ packet->data[i]) * 1099511628211u;
    return sum;
}

// Codes frames and returns a sum of all their bytes; *copies is how many copies were counted.
static uint64_t code_frames(struct box *box, uint64_t *copies)
{
    uint64_t sum = 14695981039346656037u;

    *copies = 0;
    for (uint64_t i = 0; i < FRAMES; i++) {
        struct encoder_output output;
        rig_code(&box->rig, i, i == 7 ? ENCODER_SUBMIT_IDR : 0, &output);
        sum = add_bytes(sum, &output.packet);
        *copies += output.cpu_copies;
    }
    return sum;
}

static uint64_t sum_of_copied(const char *words, enum castor_pixel_format pixel)
{
    struct box box;
    uint64_t copies, sum;

    box_open(&box, words, "", NULL, pixel);
    sum = code_frames(&box, &copies);
    assert_int_equal(copies, FRAMES);
    assert_string_equal(encoder_note(box.rig.encoder), "");
    box_close(&box);
    return sum;
}

static void device_reads_the_pool(void **state)
{
    static const struct {
        const char *words;
        enum castor_pixel_format pixel;
    } devices[] = {
        {"", CASTOR_PIXEL_I420},
        {"nv12,no_repeat,no_aud", CASTOR_PIXEL_NV12},
        {"mplane,nv12,stride=128", CASTOR_PIXEL_NV12},
        {"mplane,i420,no_force_key", CASTOR_PIXEL_I420},
        {"hevc,p010", CASTOR_PIXEL_P010},
    };
    static const char *const heaps[] = {"", HEAP};

    (void)state;
    for (size_t i = 0; i < 2 * sizeof devices / sizeof devices[0]; i++) {
        struct box box;
        uint64_t copies, sum;

        box_open(&box, devices[i / 2].words, "", heaps[i % 2], devices[i / 2].pixel);
        sum = code_frames(&box, &copies);
        if (copies != 0)
            fail_msg("\"%s\": %s", devices[i / 2].words, encoder_note(box.rig.encoder));
        assert_string_equal(encoder_note(box.rig.encoder), "");
        box_close(&box);
        assert_true(sum == sum_of_copied(devices[i / 2].words, devices[i / 2].pixel));
    }
}

static void others_are_copied_for(void **state)
{
    static const struct {
        const char *words, *note;
        enum castor_pixel_format pixel;
    } devices[] = {
        {"no_import", "Invalid argument", CASTOR_PIXEL_NV12},
        {"refuse=0", "Bad address", CASTOR_PIXEL_NV12},
        {"stride=1024", "rows of another length", CASTOR_PIXEL_NV12},
        {"rows=16", "more rows than the picture has", CASTOR_PIXEL_NV12},
        {"extra=65536", "larger buffers", CASTOR_PIXEL_I420},
        {"nv12", "another pixel format", CASTOR_PIXEL_I420},
        {"mplane,nv12m", "a memory of its own", CASTOR_PIXEL_NV12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof devices / sizeof devices[0]; i++) {
        struct box box;
        uint64_t copies, sum;

        box_open(&box, devices[i].words, "", "", devices[i].pixel);
        sum = code_frames(&box, &copies);
        assert_int_equal(copies, FRAMES);
        if (!strstr(encoder_note(box.rig.encoder), devices[i].note))
            fail_msg("\"%s\": \"%s\"", devices[i].words, encoder_note(box.rig.encoder));
        box_close(&box);
        assert_true(sum == sum_of_copied(devices[i].words, devices[i].pixel));
    }
}

// One that is refused in the middle: every frame has its result, in order, from an IDR on.
static void refusal_in_the_middle(void **state)
{
    static const char *const kinds[] = {"refuse=5", "mplane,nv12,refuse=5,no_cmd", "refuse=6,hoard=3"};

    (void)state;
    for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
        struct box box;
        uint64_t in = 0, copies = 0;
        bool idr_seen = false;

        box_open(&box, kinds[k], "", "", CASTOR_PIXEL_NV12);
        for (uint64_t out = 0; out < FRAMES; out++) {
            struct encoder_output output;
            while (in < FRAMES && encoder_in_flight(box.rig.encoder) < box.rig.encoder->max_in_flight)
                assert_int_equal(rig_submit(&box.rig, in++, 0), CASTOR_OK);
            if (in == FRAMES && out >= FRAMES - 3 && strstr(kinds[k], "hoard"))
                break; // it keeps the last ones
            assert_int_equal(rig_receive(&box.rig, &output), CASTOR_OK);
            assert_int_equal(output.kind, ENCODER_OUTPUT_CODED);
            assert_int_equal(output.packet.sequence, out);
            if (output.cpu_copies && copies == 0)
                idr_seen = output.packet.flags & CASTOR_PACKET_IDR;
            copies += output.cpu_copies;
        }
        assert_true(idr_seen);
        assert_in_range(copies, 1, FRAMES - 3);
        assert_non_null(strstr(encoder_note(box.rig.encoder), "Bad address"));
        box_close(&box);
    }
}

// The access unit is out before the device has done with the picture: the result waits, the descriptor tells
// when, and what is then drawn into the slot does not meet the device (the stand-in would abort).
static void pictures_come_back_when_the_device_lets_go(void **state)
{
    struct box box;
    int wakings = 0;

    (void)state;
    box_open(&box, "", "keep=60@2,keep=30@5,keep=20@6,drop@8", "", CASTOR_PIXEL_NV12);
    for (uint64_t i = 0; i < FRAMES; i++) {
        struct castor_frame *picture = &box.rig.pictures[i % RIG_PICTURES];
        struct encoder_output output;
        int64_t began_ns = castor_now_ns();
        int error;

        assert_int_equal(rig_submit(&box.rig, i, 0), CASTOR_OK);
        if (i == 8) // dropped in silence: the next one tells
            continue;
        while ((error = encoder_receive(box.rig.encoder, &output, castor_now_ns())) == CASTOR_ERR_TIMEOUT) {
            struct pollfd ready = {.fd = encoder_descriptor(box.rig.encoder), .events = POLLIN};
            assert_int_equal(poll(&ready, 1, 5000), 1);
            wakings++;
        }
        assert_int_equal(error, CASTOR_OK);
        if (i == 9) {
            assert_int_equal(output.kind, ENCODER_OUTPUT_DROPPED);
            assert_int_equal(rig_receive(&box.rig, &output), CASTOR_OK);
        }
        assert_int_equal(output.packet.sequence, i);
        assert_int_equal(output.cpu_copies, 0);
        if (i == 2)
            assert_true(castor_now_ns() - began_ns >= 60 * CASTOR_NS_PER_MS);
        for (size_t k = 0; k < 4096; k++)
            picture->plane[0][k] ^= 0x15;
    }
    assert_in_range(wakings, FRAMES / 2, 6 * FRAMES);
    box_close(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(device_reads_the_pool),
        cmocka_unit_test(others_are_copied_for),
        cmocka_unit_test(refusal_in_the_middle),
        cmocka_unit_test(pictures_come_back_when_the_device_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
