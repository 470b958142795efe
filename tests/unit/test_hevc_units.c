// SPDX-License-Identifier: Apache-2.0
// What coded.c and hevc.c see in H.265 access units, good ones and broken ones.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "base/hevc.h"
#include "coded_rows.h"

// Written bit by bit from 7.3: Main profile, level 4.1; 640x368 coded, of which the window shows 360 rows.
#define SPS_640X360_NAL                                                                                      \
    0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00,    \
        0x7b, 0xa0, 0x05, 0x02, 0x01, 0x71, 0xf2, 0xe5, 0x80
// Of libx265, Main 10.
#define SPS_10_BIT                                                                                           \
    0, 0, 0, 1, 0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,    \
        0x03, 0x00, 0x3f, 0xa0, 0x05, 0x02, 0x01, 0x69, 0x36, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x5a,      \
        0x02, 0x00, 0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x10
#define AUD 0, 0, 0, 1, 0x46, 0x01, 0x50
#define VPS 0, 0, 0, 1, 0x40, 0x01, 0x0c, 0x01
#define SPS_640X360 0, 0, 0, 1, SPS_640X360_NAL
#define SPS_SHORT 0, 0, 0, 1, 0x42, 0x01, 0x01, 0x01, 0x60
#define PPS 0, 0, 0, 1, 0x44, 0x01, 0xc1, 0x73
#define SEI 0, 0, 1, 0x4e, 0x01, 5, 1, 0x55, 0x80
#define IDR 0, 0, 1, 0x26, 0x01, 0xaf, 0x12, 0x34       // IDR_W_RADL
#define IDR_N_LP 0, 0, 1, 0x28, 0x01, 0xaf, 0x12, 0x34  // the other kind
#define IDR_LATER 0, 0, 1, 0x26, 0x01, 0x2f, 0x12, 0x34 // first_slice_segment_in_pic_flag 0
#define CRA 0, 0, 1, 0x2a, 0x01, 0xaf, 0x12, 0x34
#define P 0, 0, 0, 1, 0x02, 0x01, 0xd0, 0x24
#define P_LATER 0, 0, 1, 0x02, 0x01, 0x50, 0x24
#define OTHER_LAYER 0, 0, 1, 0x02, 0x09, 0xd0, 0x24 // nuh_layer_id 1
#define SETS VPS, SPS_640X360, PPS

static const struct castor_format agreed = {.width_px = 640, .height_px = 360};
static const struct castor_format other = {.width_px = 640, .height_px = 368};
static const struct castor_format in_8_bit = {640, 360, CASTOR_PIXEL_NV12, {0, 0}};
static const struct castor_format in_10_bit = {640, 360, CASTOR_PIXEL_P010, {0, 0}};

static const struct coded_row rows[] = {
    ROW(CODED_OK, &agreed, 0, AUD, SETS, SEI, IDR),
    ROW(CODED_OK, NULL, 0, AUD, SETS, IDR_N_LP),
    ROW(CODED_OK, &agreed, 0, AUD, SETS, CRA),
    ROW(CODED_OK, &agreed, 0, AUD, P),
    ROW(CODED_OK, &agreed, CODED_SCAN_ALL, AUD, P, P_LATER, P_LATER),
    ROW(CODED_OK, &agreed, CODED_SCAN_ALL, AUD, P, OTHER_LAYER),
    ROW(CODED_NO_START_CODE, &agreed, 0, 1, 2, 3, 4, 5, 6, 7, 8),
    ROW(CODED_NO_START_CODE, &agreed, 0, 0, 0, 1),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD, SETS, SEI),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD, OTHER_LAYER),
    ROW(CODED_NO_SLICE, &agreed, 0, AUD, 0, 0, 1, 0x02),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, P_LATER),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, SETS, IDR_LATER),
    ROW(CODED_NO_FIRST_SLICE, &agreed, 0, AUD, 0, 0, 1, 0x02, 0x01),
    ROW(CODED_NO_AUD, &agreed, 0, P),
    ROW(CODED_NO_AUD, &agreed, 0, VPS, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_TWO_PICTURES, &agreed, CODED_SCAN_ALL, AUD, P, AUD, P),
    ROW(CODED_TWO_PICTURES, &agreed, CODED_SCAN_ALL, AUD, SETS, IDR, P_LATER),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, SPS_640X360, PPS, IDR),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, VPS, PPS, IDR_N_LP),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, 0, AUD, VPS, SPS_640X360, CRA),
    ROW(CODED_WITHOUT_PARAMETER_SETS, &agreed, CODED_SCAN_ALL, AUD, IDR, SETS),
    ROW(CODED_BAD_PARAMETER_SET, &agreed, 0, AUD, VPS, SPS_SHORT, PPS, IDR),
    ROW(CODED_BAD_PARAMETER_SET, NULL, 0, AUD, SPS_SHORT, P),
    ROW(CODED_WRONG_PICTURE_SIZE, &other, 0, AUD, SETS, IDR),
    ROW(CODED_OK, &in_8_bit, 0, AUD, SETS, IDR),
    ROW(CODED_OK, &in_10_bit, 0, AUD, VPS, SPS_10_BIT, PPS, IDR),
    ROW(CODED_WRONG_BIT_DEPTH, &in_10_bit, 0, AUD, SETS, IDR),
    ROW(CODED_WRONG_BIT_DEPTH, &in_8_bit, 0, AUD, VPS, SPS_10_BIT, PPS, IDR),
    ROW(CODED_OK, &agreed, 0, AUD, P, P), // not looked for
};

static void verdicts(void **state)
{
    (void)state;
    coded_rows_check(ENCODER_CODEC_HEVC, rows, sizeof rows / sizeof rows[0]);
}

static void summary(void **state)
{
    (void)state;
    static const uint8_t unit[] = {AUD, SETS, SEI, IDR, IDR_LATER};
    struct coded_summary s;
    coded_summarize(ENCODER_CODEC_HEVC, unit, sizeof unit, CODED_SCAN_ALL, &s);
    assert_true(s.aud_first && s.parameter_sets && s.idr && s.random_access && !s.non_idr);
    assert_int_equal(s.slices, 2);
    assert_int_equal(s.pictures, 1);
    assert_int_equal(s.first_slice_bytes, sizeof unit - 16);
    assert_int_equal(s.sps_size_bytes, 26);
    assert_ptr_equal(s.sps_data, unit + 19);
    coded_summarize(ENCODER_CODEC_HEVC, unit, sizeof unit, CODED_SCAN_HEADERS, &s);
    assert_int_equal(s.slices, 1);

    static const uint8_t cra[] = {AUD, SETS, CRA};
    coded_summarize(ENCODER_CODEC_HEVC, cra, sizeof cra, 0, &s);
    assert_true(s.random_access && s.non_idr && !s.idr);
    static const uint8_t four_byte_code[] = {AUD, P};
    coded_summarize(ENCODER_CODEC_HEVC, four_byte_code, sizeof four_byte_code, 0, &s);
    assert_int_equal(s.first_slice_bytes, 7);
    coded_summarize(ENCODER_CODEC_HEVC, unit, 20, 0, &s);
    assert_int_equal(s.first_slice_bytes, 20);
}

static void sps_fields(void **state)
{
    (void)state;
    static const uint8_t cropped[] = {SPS_640X360_NAL};
    // Three temporal layers, each with a profile and a level of its own; 1280x720.
    static const uint8_t layered[] = {0x42, 0x01, 0x05, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00,
                                      0x03, 0x00, 0x00, 0x03, 0x00, 0x7b, 0xf0, 0x00, 0x01, 0x60, 0x00, 0x00,
                                      0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x7b, 0x01,
                                      0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03,
                                      0x00, 0x7b, 0xa0, 0x02, 0x80, 0x80, 0x2d, 0x16, 0x58};
    static const uint8_t profile[] = {0x01, 0x60, 0, 0, 0, 0x90, 0, 0, 0, 0, 0, 0x7b};
    struct nal_sps sps;
    assert_int_equal(hevc_parse_sps(cropped, sizeof cropped, &sps), CASTOR_OK);
    assert_int_equal(sps.width_px, 640);
    assert_int_equal(sps.height_px, 360);
    assert_memory_equal(sps.profile, profile, sizeof profile);
    assert_int_equal(hevc_parse_sps(layered, sizeof layered, &sps), CASTOR_OK);
    assert_int_equal(sps.width_px, 1280);
    assert_int_equal(sps.height_px, 720);
    coded_cuts_check(hevc_parse_sps, cropped, 24);
    uint8_t bad[sizeof cropped];
    memcpy(bad, cropped, sizeof bad);
    bad[2] = 0x0f; // eight sub-layers
    assert_int_equal(hevc_parse_sps(bad, sizeof bad, &sps), CASTOR_ERR_INVALID);
    bad[2] = 0x01;
    bad[0] = 0x44; // a PPS
    assert_int_equal(hevc_parse_sps(bad, sizeof bad, &sps), CASTOR_ERR_INVALID);
}

// Each codec is read by its own parser: what is good in one is broken in the other.
static void either_codec(void **state)
{
    (void)state;
    static const uint8_t hevc[] = {AUD, SETS, SEI, IDR};
    static const uint8_t h264[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x41, 0x9a, 0x24, 0x6c};
    struct coded_summary s;
    assert_int_equal(coded_check_access_unit(ENCODER_CODEC_HEVC, hevc, sizeof hevc, &agreed, 0, &s),
                     CODED_OK);
    assert_true(s.idr);
    assert_int_equal(coded_check_access_unit(ENCODER_CODEC_H264, h264, sizeof h264, &agreed, 0, &s),
                     CODED_OK);
    assert_true(!s.idr && !s.parameter_sets);
    assert_int_equal(coded_check_access_unit(ENCODER_CODEC_H264, hevc, sizeof hevc, &agreed, 0, NULL),
                     CODED_NO_SLICE);
    assert_int_equal(coded_check_access_unit(ENCODER_CODEC_HEVC, h264, sizeof h264, &agreed, 0, NULL),
                     CODED_NO_SLICE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(summary),
        cmocka_unit_test(sps_fields),
        cmocka_unit_test(either_codec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
