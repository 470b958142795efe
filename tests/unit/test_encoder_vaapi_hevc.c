// SPDX-License-Identifier: Apache-2.0
// Driver vaapi codes HEVC on its stand-in, which puts libx265's slice data behind our own headers and
// libx265's hash of each decoded picture behind that. libavcodec compares what it decodes with the hash: a
// bit of the headers that is wrong makes another picture of it, or none. The stand-in compares them with the
// parameters.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "hal/time.h"
#include "vaapi_rig.h"

#define NAL_SUFFIX_SEI 40

// A picture that can be coded well, another one for each number, in 8 or 10 bits.
static uint32_t sample_of(uint64_t number, unsigned plane, uint32_t x, uint32_t y, uint32_t most)
{
    uint32_t slope = (x + 2 * y + 3 * (uint32_t)number) * (plane + 1) % 512;
    uint32_t wave = slope < 256 ? slope : 511 - slope;

    return wave * most / 255;
}

static void draw(const struct vaapi_rig *rig, uint8_t *memory, uint64_t number)
{
    const struct castor_frame_layout *layout = &rig->layout;
    bool is_deep = rig->format.pixel == CASTOR_PIXEL_P010;

    for (unsigned plane = 0; plane < 3; plane++) {
        bool shares = plane > 0 && rig->format.pixel != CASTOR_PIXEL_I420;
        unsigned at = shares ? 1 : plane, step = shares ? 2 : 1, first = shares ? plane - 1 : 0;
        for (uint32_t y = 0; y < layout->rows[at]; y++) {
            uint8_t *row = memory + layout->offset_bytes[at] + (size_t)y * layout->stride_bytes[at];
            for (uint32_t x = 0; x < rig->format.width_px >> (plane > 0); x++) {
                uint32_t sample = sample_of(number, plane, x, y, is_deep ? 1023 : 255);
                if (is_deep)
                    ((uint16_t *)(void *)row)[x * step + first] = (uint16_t)(sample << 6);
                else
                    row[x * step + first] = (uint8_t)sample;
            }
        }
    }
}

// The mean difference to the source, in samples of 8 bits, in the worst plane.
static double difference(const struct vaapi_rig *rig, uint64_t number)
{
    bool is_deep = rig->format.pixel == CASTOR_PIXEL_P010;
    double worst = 0;

    assert_int_equal(rig->picture->format, is_deep ? AV_PIX_FMT_YUV420P10 : AV_PIX_FMT_YUV420P);
    for (unsigned plane = 0; plane < 3; plane++) {
        uint32_t width = rig->format.width_px >> (plane > 0), height = rig->format.height_px >> (plane > 0);
        double sum = 0;
        for (uint32_t y = 0; y < height; y++) {
            const uint8_t *row =
                rig->picture->data[plane] + (size_t)y * (size_t)rig->picture->linesize[plane];
            for (uint32_t x = 0; x < width; x++) {
                int is = is_deep ? ((const uint16_t *)(const void *)row)[x] : row[x];
                sum += abs(is - (int)sample_of(number, plane, x, y, is_deep ? 1023 : 255));
            }
        }
        sum /= (double)width * height * (is_deep ? 4 : 1);
        worst = sum > worst ? sum : worst;
    }
    return worst;
}

static bool has_hash(const struct castor_packet *packet)
{
    for (size_t i = packet->size_bytes - 4; i > 0; i--) {
        const uint8_t *at = packet->data + i;
        if (at[0] == 0 && at[1] == 0 && at[2] == 1)
            return at[3] >> 1 == NAL_SUFFIX_SEI;
    }
    return false;
}

static void code(const char *words, uint32_t width_px, uint32_t height_px, uint32_t pixel, unsigned frames,
                 unsigned idr_every)
{
    struct encoder_output output;
    struct vaapi_rig rig;
    double worst = 0;

    setenv("CASTOR_STANDIN_VA", words, 1);
    vaapi_rig_open(&rig, ENCODER_CODEC_HEVC, width_px, height_px, pixel);
    uint8_t *memory = malloc(rig.layout.size_bytes);
    assert_non_null(memory);
    for (uint64_t i = 0; i < frames; i++) {
        struct castor_frame frame = {.sequence = i, .capture_ns = (int64_t)i, .dmabuf_fd = -1};
        bool idr = i % idr_every == 0;
        castor_frame_map(&rig.layout, memory, &frame);
        draw(&rig, memory, i);
        assert_int_equal(encoder_submit(rig.encoder, &frame, idr ? ENCODER_SUBMIT_IDR : 0), CASTOR_OK);
        vaapi_rig_receive(&rig, &output);
        assert_int_equal((output.packet.flags & CASTOR_PACKET_IDR) != 0, idr);
        assert_true(has_hash(&output.packet));
        vaapi_rig_decode(&rig, &output.packet);
        double mean = difference(&rig, i);
        worst = mean > worst ? mean : worst;
    }
    free(memory);
    vaapi_rig_close(&rig);
    if (worst > 6)
        fail_msg("%s, %ux%u, pixel format %u: samples differ by %.1f", words, width_px, height_px, pixel,
                 worst);
}

static void sizes_and_layouts(void **state)
{
    (void)state;
    for (uint32_t pixel = CASTOR_PIXEL_I420; pixel <= CASTOR_PIXEL_P010; pixel++) {
        code("hash", 640, 360, pixel, 4, 3);
        code("hash", 642, 362, pixel, 4, 3); // cropped
    }
    code("hash", 1920, 1080, CASTOR_PIXEL_P010, 2, 2);
    code("hash,tools", 334, 190, CASTOR_PIXEL_P010, 3, 3);
}

// Each way of the rate control has a PPS of its own, each way of upload its layouts.
static void devices_of_all_kinds(void **state)
{
    static const char *const words[] = {"hash,cqp", "hash,tools", "hash,tools,cqp", "hash,noderive",
                                        "hash,lponly,vbr,nosyncbuffer"};

    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        code(words[i], 322, 182, CASTOR_PIXEL_NV12, 6, 4);
        code(words[i], 322, 182, CASTOR_PIXEL_P010, 6, 4);
    }
    code("hash,noderive,putyuv", 322, 182, CASTOR_PIXEL_I420, 4, 4);
}

// pic_order_cnt_lsb has 8 bits.
static void numbers_wrap_in_a_long_gop(void **state)
{
    (void)state;
    code("hash,tools", 320, 180, CASTOR_PIXEL_NV12, 300, 1000);
}

static void import(uint32_t pixel, const char *words, uint32_t cpu_copies)
{
    struct encoder_output output;
    struct vaapi_rig rig;

    setenv("CASTOR_STANDIN_VA", words, 1);
    vaapi_rig_open(&rig, ENCODER_CODEC_HEVC, 642, 362, pixel);
    vaapi_rig_open_slots(&rig);
    for (uint64_t i = 0; i < 2 * VAAPI_RIG_SLOTS; i++) {
        draw(&rig, rig.memory[i % VAAPI_RIG_SLOTS], i);
        vaapi_rig_lend(&rig, i, (unsigned)(i % VAAPI_RIG_SLOTS));
        vaapi_rig_receive(&rig, &output);
        assert_int_equal(output.cpu_copies, cpu_copies);
        vaapi_rig_decode(&rig, &output.packet);
        assert_true(difference(&rig, i) < 6);
    }
    vaapi_rig_close(&rig);
}

static void frames_are_read_where_they_lie(void **state)
{
    (void)state;
    import(CASTOR_PIXEL_NV12, "hash", 0);
    import(CASTOR_PIXEL_P010, "hash", 0);
    import(CASTOR_PIXEL_P010, "hash,badprime", 1);
}

static void refuse(const char *words, enum encoder_codec codec, uint32_t height_px, uint32_t pixel,
                   const char *word)
{
    struct encoder_config config = {
        .codec = codec,
        .format = {.width_px = 640, .height_px = height_px, .pixel = pixel, .rate = {30, 1}},
        .bitrate_bps = 2000000,
    };
    struct encoder *encoder = NULL;
    struct encoder_text why = {""};

    setenv("CASTOR_STANDIN_VA", words, 1);
    assert_int_equal(encoder_named("vaapi")->open(&config, &encoder, &why), CASTOR_ERR_UNSUPPORTED);
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
}

static void what_a_device_cannot_do_is_said(void **state)
{
    struct encoder_caps caps;
    struct encoder_text why;

    (void)state;
    refuse("", ENCODER_CODEC_H264, 360, CASTOR_PIXEL_P010, "10-bit H.264");
    refuse("nohevc", ENCODER_CODEC_HEVC, 360, CASTOR_PIXEL_NV12, "HEVC");
    refuse("nohevc", ENCODER_CODEC_HEVC, 360, CASTOR_PIXEL_P010, "10 bit");
    refuse("nopacked", ENCODER_CODEC_HEVC, 362, CASTOR_PIXEL_NV12, "multiples of 8");
    setenv("CASTOR_STANDIN_VA", "nohevc", 1);
    assert_int_equal(encoder_named("vaapi")->probe("", &caps, &why), CASTOR_OK);
    assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC], 0);
    setenv("CASTOR_STANDIN_VA", "", 1);
    assert_int_equal(encoder_named("vaapi")->probe("", &caps, &why), CASTOR_OK);
    assert_int_equal(caps.pixels[ENCODER_CODEC_H264], 1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12);
    assert_int_equal(caps.pixels[ENCODER_CODEC_HEVC],
                     1u << CASTOR_PIXEL_I420 | 1u << CASTOR_PIXEL_NV12 | 1u << CASTOR_PIXEL_P010);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_and_layouts),
        cmocka_unit_test(devices_of_all_kinds),
        cmocka_unit_test(numbers_wrap_in_a_long_gop),
        cmocka_unit_test(frames_are_read_where_they_lie),
        cmocka_unit_test(what_a_device_cannot_do_is_said),
    };
    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
