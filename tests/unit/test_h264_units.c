// SPDX-License-Identifier: Apache-2.0
// What coded.c and h264.c see in H.264 access units, good ones and broken ones; and what nal.c does for
// either codec.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/h264.h"
#include "coded_rows.h"

#define AUD 0, 0, 0, 1, 9, 0xf0
// SPS of libx264 for 640x360, High profile, level 3.0, no cropping in x, 8 rows cropped at the bottom.
#define SPS_640X360                                                                                          \
    0, 0, 0, 1, 0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x11, 0x00, 0x00, 0x03,    \
        0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d, 0x96
// The same in 10 bit, High 10.
#define SPS_10_BIT                                                                                           \
    0, 0, 0, 1, 0x67, 0x6e, 0x00, 0x1e, 0xa6, 0xcd, 0x94, 0x0a, 0x02, 0xff, 0x97, 0x01, 0x10, 0x00, 0x00,    \
        0x03, 0x00, 0x10, 0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x62, 0xd9, 0x60
#define PPS 0, 0, 0, 1, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0
#define SEI 0, 0, 1, 6, 5, 1, 0x55, 0x80
#define IDR 0, 0, 1, 0x65, 0x88, 0x84, 0x12, 0x34
#define IDR_LATER 0, 0, 1, 0x65, 0x48, 0x84, 0x12, 0x34 // first_mb_in_slice 1
#define P 0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c
#define P_LATER 0, 0, 1, 0x41, 0x5a, 0x24, 0x6c

static const struct castor_format agreed = {.width_px = 640, .height_px = 360};
static const struct castor_format other = {.width_px = 1280, .height_px = 720};
static const struct castor_format in_8_bit = {640, 360, CASTOR_PIXEL_NV12, {0, 0}};
static const struct castor_format in_10_bit = {640, 360, CASTOR_PIXEL_P010, {0, 0}};

static const struct coded_row rows[] = {
    ROW(CODED_OK, &agreed, 0, AUD, SPS_640X360, PPS, SEI, IDR),
    ROW(CODED_OK, NULL, 0, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_OK, &agreed, 0, AUD, P),
    ROW(CODED_OK, &agreed, CODED_SCAN_ALL, AUD, P, P_LATER, P_LATER),
    ROW(CODED_NO_START_CODE, &agreed, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    ROW(CODED_NO_START_CODE, &agreed, 0, 0, 0, 1),
    ROW(CODED_NO_START_CODE, &agreed, 0, 0),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD, SPS_640X360, PPS, SEI),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, P_LATER),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, SPS_640X360, PPS, IDR_LATER),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, 0, 0, 1, 0x41),
    ROW(CODED_NO_AUD, &agreed, 0, P),
    ROW(CODED_NO_AUD, &agreed, 0, SPS_640X360, PPS, AUD, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, SPS_640X360, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, PPS, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, CODED_SCAN_ALL, AUD, IDR, SPS_640X360, PPS),
    ROW(CODED_BAD_PARAMETER_SET, &agreed, 0, AUD, 0, 0, 1, 0x67, 0x64, 0, 0x1e, 0xac, PPS, IDR),
    ROW(CODED_BAD_PARAMETER_SET, NULL, 0, AUD, 0, 0, 1, 0x67, PPS, IDR),
    ROW(CODED_WRONG_PICTURE_SIZE, &other, 0, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_OK, &in_8_bit, 0, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_OK, &in_10_bit, 0, AUD, SPS_10_BIT, PPS, IDR),
    ROW(CODED_OK, &agreed, 0, AUD, SPS_10_BIT, PPS, IDR), // no pixel format was
    ROW(CODED_WRONG_BIT_DEPTH, &in_10_bit, 0, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_WRONG_BIT_DEPTH, &in_8_bit, 0, AUD, SPS_10_BIT, PPS, IDR),
    ROW(CODED_TWO_PICTURES, &agreed, CODED_SCAN_ALL, AUD, P, AUD, P),
    ROW(CODED_TWO_PICTURES, &agreed, CODED_SCAN_ALL, AUD, SPS_640X360, PPS, IDR, P_LATER),
    ROW(CODED_OK, &agreed, 0, AUD, P, P), // not looked for
};

static void verdicts(void **state)
{
    (void)state;
    coded_rows_check(ENCODER_CODEC_H264, rows, sizeof rows / sizeof rows[0]);
}

static void summary(void **state)
{
    (void)state;
    static const uint8_t unit[] = {AUD, SPS_640X360, PPS, SEI, IDR, IDR_LATER};
    struct coded_summary s;
    coded_summarize(ENCODER_CODEC_H264, unit, sizeof unit, CODED_SCAN_ALL, &s);
    assert_true(s.aud_first && s.parameter_sets && s.idr && s.random_access && !s.non_idr);
    assert_int_equal(s.slices, 2);
    assert_int_equal(s.pictures, 1);
    assert_int_equal(s.first_slice_bytes, sizeof unit - 16);
    assert_int_equal(s.sps_size_bytes, 26);
    assert_ptr_equal(s.sps_data, unit + 10);
    coded_summarize(ENCODER_CODEC_H264, unit, sizeof unit, CODED_SCAN_HEADERS, &s);
    assert_int_equal(s.slices, 1);

    static const uint8_t with_prefix[] = {AUD, 0,    0, 1,
                                          14,  0x80, P}; // a prefix NAL unit belongs to its slice
    coded_summarize(ENCODER_CODEC_H264, with_prefix, sizeof with_prefix, 0, &s);
    assert_int_equal(s.first_slice_bytes, 6);
    static const uint8_t four_byte_code[] = {AUD, P};
    coded_summarize(ENCODER_CODEC_H264, four_byte_code, sizeof four_byte_code, 0, &s);
    assert_int_equal(s.first_slice_bytes, 6);
    coded_summarize(ENCODER_CODEC_H264, unit, 20, 0, &s);
    assert_int_equal(s.first_slice_bytes, 20);
}

static void nal_units(void **state)
{
    (void)state;
    static const uint8_t unit[] = {AUD, 0, SPS_640X360, PPS, SEI, IDR, 0, 0, 1};
    static const uint8_t types[] = {9, 7, 8, 6, 5};
    static const uint32_t sizes[] = {2, 26, 6, 5, 5};
    size_t position = 0;
    struct nal_span nal;
    for (size_t i = 0; i < sizeof types; i++) {
        assert_true(nal_next(unit, sizeof unit, &position, &nal));
        assert_int_equal(nal.data[0] & 0x1f, types[i]);
        assert_int_equal(nal.size_bytes, sizes[i]);
    }
    assert_false(nal_next(unit, sizeof unit, &position, &nal));

    static const uint8_t doubled[] = {0, 0, 1, 0, 0, 1, 0x41, 0x9a};
    position = 0;
    assert_true(nal_next(doubled, sizeof doubled, &position, &nal));
    assert_ptr_equal(nal.data, doubled + 6);
    assert_int_equal(nal.start_bytes, 3);
}

struct bit_writer {
    uint8_t bytes[64];
    uint32_t bits;
};

static void put_ue(struct bit_writer *w, uint32_t value)
{
    uint32_t length = 0;
    while ((value + 1) >> (length + 1) != 0)
        length++;
    w->bits += length;
    for (uint32_t i = 0; i <= length; i++, w->bits++)
        w->bytes[w->bits / 8] |= (uint8_t)(((value + 1) >> (length - i) & 1) << (7 - w->bits % 8));
}

static void put_flag(struct bit_writer *w, bool flag)
{
    w->bytes[w->bits / 8] |= (uint8_t)(flag ? 0x80 >> w->bits % 8 : 0);
    w->bits++;
}

// In field coding the height counts pairs of macroblock rows, and the cropping pairs of chroma rows.
static void sps_of_fields(void **state)
{
    (void)state;
    struct bit_writer w = {.bytes = {0x67, 77, 0, 40}, .bits = 32};
    // seq_parameter_set_id, log2_max_frame_num_minus4, pic_order_cnt_type, max_num_ref_frames
    static const uint32_t before[] = {0, 0, 2, 1};
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
        put_ue(&w, before[i]);
    put_flag(&w, false); // gaps_in_frame_num_value_allowed_flag
    put_ue(&w, 119);
    put_ue(&w, 33);
    put_flag(&w, false);                            // frame_mbs_only_flag
    put_flag(&w, false);                            // mb_adaptive_frame_field_flag
    put_flag(&w, true);                             // direct_8x8_inference_flag
    put_flag(&w, true);                             // frame_cropping_flag
    static const uint32_t offsets[] = {1, 2, 0, 2}; // left, right, top, bottom
    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++)
        put_ue(&w, offsets[i]);
    put_flag(&w, false); // vui_parameters_present_flag
    put_flag(&w, true);  // rbsp_stop_one_bit
    struct nal_sps sps;
    assert_int_equal(h264_parse_sps(w.bytes, (w.bits + 7) / 8, &sps), CASTOR_OK);
    assert_int_equal(sps.width_px, 1920 - 2 * (1 + 2));
    assert_int_equal(sps.height_px, 1088 - 4 * 2);
}

// A large order count offset puts runs of zero bytes, and so emulation prevention, before the picture size.
static void sps_with_emulation_prevention(void **state)
{
    (void)state;
    struct bit_writer w = {.bytes = {0x67, 66, 0xc0, 31}, .bits = 32};
    static const uint32_t before[] = {0, 0, 1}; // id, log2_max_frame_num_minus4, pic_order_cnt_type
    for (size_t i = 0; i < 3; i++)
        put_ue(&w, before[i]);
    w.bits++; // delta_pic_order_always_zero_flag 0
    put_ue(&w, 1u << 25);
    put_ue(&w, 0);
    put_ue(&w, 0); // no reference frames in the cycle
    put_ue(&w, 1);
    w.bits++; // gaps_in_frame_num_value_allowed_flag 0
    put_ue(&w, 119);
    put_ue(&w, 66);
    w.bytes[w.bits / 8] |= (uint8_t)(0x80 >> w.bits % 8); // frame_mbs_only_flag
    w.bits += 4;                                          // then 0, no cropping, no VUI
    w.bytes[w.bits / 8] |= (uint8_t)(0x80 >> w.bits % 8);
    uint8_t nal[NAL_ESCAPED_BYTES_MAX(sizeof w.bytes)];
    size_t size = 0;
    struct nal_sps sps;
    assert_int_equal(nal_escape(w.bytes, w.bits / 8 + 1, nal, sizeof nal, &size), CASTOR_OK);
    assert_true(size > w.bits / 8 + 1);
    assert_int_equal(h264_parse_sps(nal, size, &sps), CASTOR_OK);
    assert_int_equal(sps.width_px, 1920);
    assert_int_equal(sps.height_px, 1072);
}

static void sps_fields(void **state)
{
    (void)state;
    static const uint8_t high[] = {SPS_640X360};
    // Written bit by bit from 7.3.2.1.1: Baseline 3.1, 80 x 45 macroblocks, frames only, no cropping, no VUI.
    static const uint8_t baseline[] = {0x67, 0x42, 0xc0, 0x1f, 0xda, 0x01, 0x40, 0x16, 0xe4};
    struct nal_sps sps;
    assert_int_equal(h264_parse_sps(high + 4, sizeof high - 4, &sps), CASTOR_OK);
    assert_memory_equal(sps.profile, high + 5, 3); // profile_idc, constraint flags, level_idc
    assert_int_equal(sps.width_px, 640);
    assert_int_equal(sps.height_px, 360);
    assert_int_equal(h264_parse_sps(baseline, sizeof baseline, &sps), CASTOR_OK);
    assert_int_equal(sps.width_px, 1280);
    assert_int_equal(sps.height_px, 720);
    coded_cuts_check(h264_parse_sps, baseline, 8);
    assert_int_equal(h264_parse_sps((const uint8_t[]){0x68, 1, 2, 3, 4, 5}, 6, &sps), CASTOR_ERR_INVALID);
}

static void emulation_prevention(void **state)
{
    (void)state;
    uint8_t escaped[NAL_ESCAPED_BYTES_MAX(64)];
    size_t size = 0;
    static const uint8_t raw[] = {0, 0, 1, 0, 0, 0, 0, 3, 0, 0, 4, 0, 0, 2, 0x80};
    static const uint8_t want[] = {0, 0, 3, 1, 0, 0, 3, 0, 0, 3, 3, 0, 0, 4, 0, 0, 3, 2, 0x80};
    assert_int_equal(nal_escape(raw, sizeof raw, escaped, sizeof escaped, &size), CASTOR_OK);
    assert_int_equal(size, sizeof want);
    assert_memory_equal(escaped, want, sizeof want);
    size = 77;
    assert_int_equal(nal_escape(raw, sizeof raw, escaped, sizeof want - 1, &size), CASTOR_ERR_FULL);
    assert_int_equal(size, 77);

    uint32_t seed = 1;
    for (uint32_t round = 0; round < 20000; round++) {
        uint8_t bytes[64];
        uint32_t length = 1 + round % 64;
        for (uint32_t i = 0; i < length; i++) {
            seed = seed * 1664525u + 1013904223u;
            bytes[i] = (seed >> 28) < 12 ? 0 : (uint8_t)(seed >> 24 & 7);
        }
        bytes[length - 1] |= 0x80;
        assert_int_equal(nal_escape(bytes, length, escaped, sizeof escaped, &size), CASTOR_OK);
        for (size_t i = 0; i + 2 < size; i++)
            assert_false(escaped[i] == 0 && escaped[i + 1] == 0 && escaped[i + 2] < 3);
        struct nal_bits r = {.data = escaped, .size_bytes = size};
        for (uint32_t i = 0; i < length; i++)
            assert_int_equal(nal_read_bits(&r, 8), bytes[i]);
        assert_true(!r.broken && r.at_bytes == size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(summary),
        cmocka_unit_test(nal_units),
        cmocka_unit_test(sps_fields),
        cmocka_unit_test(emulation_prevention),
        cmocka_unit_test(sps_with_emulation_prevention),
        cmocka_unit_test(sps_of_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
