// SPDX-License-Identifier: Apache-2.0
// Driver vaapi against its stand-in in mode pcm: macroblocks are I_PCM behind our own headers, so what
// libavcodec decodes must equal the source bit for bit; a single wrong bit in a header shows.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "hal/time.h"
#include "vaapi_rig.h"

static void draw(const struct vaapi_rig *run, uint8_t *memory, uint64_t number)
{
    uint32_t seed = (uint32_t)number * 2654435761u + 1;

    for (size_t i = 0; i < run->layout.size_bytes; i++) {
        seed = seed * 1664525u + 1013904223u;
        // Many zeros and small numbers, so that emulation prevention has work in the middle of pictures.
        memory[i] = seed >> 30 ? (uint8_t)(seed >> 24) : (uint8_t)(seed >> 28 & 3);
    }
}

static uint8_t source_sample(const struct vaapi_rig *run, const uint8_t *memory, unsigned plane, uint32_t x,
                             uint32_t y)
{
    const struct castor_frame_layout *layout = &run->layout;

    if (plane > 0 && run->format.pixel == CASTOR_PIXEL_NV12)
        return memory[layout->offset_bytes[1] + (size_t)y * layout->stride_bytes[1] + x * 2 + plane - 1];
    return memory[layout->offset_bytes[plane] + (size_t)y * layout->stride_bytes[plane] + x];
}

static void compare(const struct vaapi_rig *run, const uint8_t *memory, uint64_t number)
{
    for (unsigned plane = 0; plane < 3; plane++) {
        uint32_t shift = plane > 0;
        for (uint32_t y = 0; y < run->format.height_px >> shift; y++) {
            for (uint32_t x = 0; x < run->format.width_px >> shift; x++) {
                uint8_t decoded =
                    run->picture->data[plane][(size_t)y * (size_t)run->picture->linesize[plane] + x];
                if (decoded != source_sample(run, memory, plane, x, y))
                    fail_msg("picture %llu, plane %u: %u,%u differs", (unsigned long long)number, plane, x,
                             y);
            }
        }
    }
}

static void code_and_compare(struct vaapi_rig *run, unsigned frames, unsigned idr_every)
{
    uint8_t *memory = malloc(run->layout.size_bytes);
    struct encoder_output output;

    assert_non_null(memory);
    for (uint64_t i = 0; i < frames; i++) {
        struct castor_frame frame = {.sequence = i, .capture_ns = (int64_t)i, .dmabuf_fd = -1};
        bool idr = idr_every && i % idr_every == 0;
        castor_frame_map(&run->layout, memory, &frame);
        draw(run, memory, i);
        assert_int_equal(encoder_submit(run->encoder, &frame, idr ? ENCODER_SUBMIT_IDR : 0), CASTOR_OK);
        vaapi_rig_receive(run, &output);
        assert_int_equal(output.cpu_copies, strstr(getenv("CASTOR_STANDIN_VA"), "noderive") ? 2 : 1);
        assert_int_equal((output.packet.flags & CASTOR_PACKET_IDR) != 0, idr || i == 0);
        vaapi_rig_decode(run, &output.packet);
        compare(run, memory, i);
    }
    free(memory);
}

static void sizes_and_layouts(void **state)
{
    static const struct {
        uint32_t width_px, height_px;
    } sizes[] = {{640, 360}, {642, 362}, {1920, 1080}, {334, 190}};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_NV12; pixel++) {
            struct vaapi_rig run;
            vaapi_rig_open(&run, ENCODER_CODEC_H264, sizes[i].width_px, sizes[i].height_px, pixel);
            code_and_compare(&run, 4, 2);
            vaapi_rig_close(&run);
        }
    }
}

static void every_way_of_upload(void **state)
{
    static const char *const words[] = {"pcm", "pcm,noderive", "pcm,noderive,putyuv", "pcm,nosyncbuffer"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_NV12; pixel++) {
            struct vaapi_rig run;
            setenv("CASTOR_STANDIN_VA", words[i], 1);
            vaapi_rig_open(&run, ENCODER_CODEC_H264, 642, 362, pixel);
            code_and_compare(&run, 3, 0);
            vaapi_rig_close(&run);
        }
    }
    setenv("CASTOR_STANDIN_VA", "pcm", 1);
}

// frame_num has 8 bits, pic_order_cnt_lsb too and counts twice as fast.
static void numbers_wrap_in_a_long_gop(void **state)
{
    struct vaapi_rig run;

    (void)state;
    vaapi_rig_open(&run, ENCODER_CODEC_H264, 320, 180, CASTOR_PIXEL_I420);
    code_and_compare(&run, 600, 0);
    vaapi_rig_close(&run);
}

static void many_idrs_in_a_row(void **state)
{
    struct vaapi_rig run;

    (void)state;
    vaapi_rig_open(&run, ENCODER_CODEC_H264, 320, 180, CASTOR_PIXEL_NV12);
    code_and_compare(&run, 300, 1);
    vaapi_rig_close(&run);
}

// ---- frames in DMA-BUFs: memfds, which the stand-in maps, as there is no device ----

// As many frames in flight as it takes; each is its source bit for bit, and was copied so often.
static void import_and_compare(uint32_t pixel, uint32_t cpu_copies)
{
    struct encoder_output output;
    struct vaapi_rig run;
    uint64_t in = 0;

    vaapi_rig_open(&run, ENCODER_CODEC_H264, 642, 362, pixel);
    vaapi_rig_open_slots(&run);
    for (uint64_t out = 0; out < 4 * VAAPI_RIG_SLOTS; out++) {
        for (; in < 4 * VAAPI_RIG_SLOTS && encoder_in_flight(run.encoder) < run.encoder->max_in_flight;
             in++) {
            draw(&run, run.memory[in % VAAPI_RIG_SLOTS], in);
            vaapi_rig_lend(&run, in, (unsigned)(in % VAAPI_RIG_SLOTS));
        }
        vaapi_rig_receive(&run, &output);
        assert_int_equal(output.packet.sequence, out);
        assert_int_equal(output.cpu_copies, cpu_copies);
        vaapi_rig_decode(&run, &output.packet);
        compare(&run, run.memory[out % VAAPI_RIG_SLOTS], out);
    }
    vaapi_rig_close(&run);
}

static bool claims_dmabuf(void)
{
    struct encoder_caps caps;
    struct encoder_text why;

    assert_int_equal(encoder_named("vaapi")->probe("", &caps, &why), CASTOR_OK);
    return caps.flags & ENCODER_CAP_DMABUF;
}

static void frames_are_read_where_they_lie(void **state)
{
    (void)state;
    assert_true(claims_dmabuf());
    import_and_compare(CASTOR_PIXEL_NV12, 0);
    setenv("CASTOR_STANDIN_VA", "pcm,nosyncbuffer", 1);
    import_and_compare(CASTOR_PIXEL_NV12, 0);
    setenv("CASTOR_STANDIN_VA", "pcm", 1);
}

static void what_cannot_be_imported_is_copied_once(void **state)
{
    (void)state;
    import_and_compare(CASTOR_PIXEL_I420, 1); // no device reads it
    setenv("CASTOR_STANDIN_VA", "pcm,badprime", 1);
    assert_true(claims_dmabuf());
    import_and_compare(CASTOR_PIXEL_NV12, 1);
    setenv("CASTOR_STANDIN_VA", "pcm,noprime", 1);
    assert_false(claims_dmabuf());
    import_and_compare(CASTOR_PIXEL_NV12, 1);
    setenv("CASTOR_STANDIN_VA", "pcm", 1);
}

// As after a failover: the frame that is being coded comes again, before it is done.
static void a_frame_comes_twice(void **state)
{
    struct encoder_output output;
    struct vaapi_rig run;

    (void)state;
    vaapi_rig_open(&run, ENCODER_CODEC_H264, 320, 180, CASTOR_PIXEL_NV12);
    vaapi_rig_open_slots(&run);
    draw(&run, run.memory[0], 5);
    for (unsigned i = 0; i < run.encoder->max_in_flight; i++)
        vaapi_rig_lend(&run, 5, 0);
    for (unsigned i = 0; i < run.encoder->max_in_flight; i++) {
        vaapi_rig_receive(&run, &output);
        assert_int_equal(output.cpu_copies, 0);
        vaapi_rig_decode(&run, &output.packet);
        compare(&run, run.memory[0], 5);
    }
    vaapi_rig_close(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_layouts),
        cmocka_unit_test(every_way_of_upload),
        cmocka_unit_test(numbers_wrap_in_a_long_gop),
        cmocka_unit_test(many_idrs_in_a_row),
        cmocka_unit_test(frames_are_read_where_they_lie),
        cmocka_unit_test(what_cannot_be_imported_is_copied_once),
        cmocka_unit_test(a_frame_comes_twice),
    };
    setenv("CASTOR_STANDIN_VA", "pcm", 1);
    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
