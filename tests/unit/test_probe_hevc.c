// SPDX-License-Identifier: Apache-2.0
// The probe on H.265: access units by themselves, and a whole stream with what can be wrong in it.
#include "test_probe_stream.h"

#include "probe/analysis.h"
#include "probe/hevc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define AUD 0, 0, 0, 1, 0x46, 0x01, 0x50
#define VPS 0, 0, 1, 0x40, 0x01, 0x0c, 0x01
#define SPS                                                                                                  \
    0, 0, 1, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00, 0x03, \
        0x00, 0x7b, 0xa0, 0x05, 0x02, 0x01, 0x71, 0xf2, 0xe5, 0x80
#define PPS 0, 0, 1, 0x44, 0x01, 0xc1, 0x73
#define IDR 0, 0, 1, 0x26, 0x01, 0xaf, 0x12
#define IDR_LATER 0, 0, 1, 0x26, 0x01, 0x2f, 0x12
#define CRA 0, 0, 1, 0x2a, 0x01, 0xaf, 0x12
#define P 0, 0, 1, 0x02, 0x01, 0xd0, 0x24

#define INSPECT(au, ...) hevc_inspect((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__}), (au))

static void test_access_units(void **state)
{
    (void)state;
    struct h264_au au;
    INSPECT(&au, AUD, VPS, SPS, PPS, IDR, IDR_LATER);
    assert_true(au.aud_first && au.idr && au.parameters_set && au.has_sps && !au.malformed);
    assert_int_equal(au.slices, 2);
    assert_int_equal(au.nals, 6);
    assert_int_equal(au.sps.width_px, 640);
    assert_int_equal(au.sps.height_px, 360);
    assert_int_equal(au.sps.profile_idc, 1);
    assert_int_equal(au.sps.bit_depth, 8);
    assert_int_equal(au.sps.level_idc, 123);
    INSPECT(&au, AUD, P);
    assert_true(au.aud_first && !au.idr && !au.parameters_set && !au.malformed);
    INSPECT(&au, AUD, VPS, SPS, PPS, CRA);
    assert_true(!au.idr && au.parameters_set && !au.malformed);
    INSPECT(&au, AUD, SPS, PPS, IDR);
    assert_true(au.idr && !au.parameters_set);
    INSPECT(&au, VPS, AUD, P);
    assert_true(!au.aud_first && !au.malformed);
}

static void test_broken_units(void **state)
{
    (void)state;
    struct h264_au au;
    INSPECT(&au, AUD, VPS, SPS, PPS);
    assert_true(au.malformed); // no picture
    INSPECT(&au, AUD, P, P);
    assert_true(au.malformed); // two
    INSPECT(&au, AUD, IDR_LATER);
    assert_true(au.malformed); // its first slice is missing
    INSPECT(&au, AUD, VPS, SPS, PPS, IDR, 0, 0, 1, 0x02, 0x01, 0x50);
    assert_true(au.malformed); // slices of two types
    INSPECT(&au, AUD, 0, 0, 1, 0x82, 0x01, 0xd0);
    assert_true(au.malformed); // forbidden_zero_bit
    INSPECT(&au, AUD, P, 0, 0, 1, 0x02, 0x00, 0x50);
    assert_true(au.malformed); // nuh_temporal_id_plus1 0
    INSPECT(&au, AUD, VPS, 0, 0, 1, 0x42, 0x01, 0x01, PPS, IDR);
    assert_true(au.malformed); // an SPS that ends early
    INSPECT(&au, AUD, P, 0, 0, 1, 0x02, 0x09, 0xd0);
    assert_false(au.malformed); // another layer is none of ours
}

// As libx265 wrote it: Main 10, without cropping.
static void test_ten_bits(void **state)
{
    (void)state;
    static const uint8_t nal[] = {0x42, 0x01, 0x01, 0x02, 0x20, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00,
                                  0x00, 0x03, 0x00, 0x00, 0x03, 0x00, 0x3f, 0xa0, 0x05, 0x02, 0x01,
                                  0x69, 0x36, 0x59, 0x59, 0xa4, 0x93, 0x2b, 0xc0, 0x5a, 0x02, 0x00,
                                  0x00, 0x03, 0x00, 0x02, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x10};
    struct h264_sps sps;
    assert_int_equal(hevc_parse_sps(nal, sizeof nal, &sps), CASTOR_OK);
    assert_int_equal(sps.bit_depth, 10);
    assert_int_equal(sps.profile_idc, 2);
    assert_int_equal(sps.width_px, 640);
    assert_int_equal(sps.height_px, 360);
}

static void test_cut_sps(void **state)
{
    (void)state;
    static const uint8_t nal[] = {SPS};
    struct h264_sps sps = {.width_px = 7};
    for (size_t bytes = 0; bytes < 24; bytes++) {
        uint8_t *exact = malloc(bytes + 1);
        memcpy(exact, nal + 3, bytes);
        assert_int_equal(hevc_parse_sps(exact, bytes, &sps), CASTOR_ERR_INVALID);
        free(exact);
    }
    assert_int_equal(sps.width_px, 7);
    assert_int_equal(hevc_parse_sps(nal + 3, sizeof nal - 3, &sps), CASTOR_OK);
    assert_int_equal(sps.height_px, 360);
}

static struct analysis *analyse(struct stream *s)
{
    static const struct analysis_settings settings = {
        .rate = {30, 1}, .seam_tolerance_us = 1000, .pcr_limit_ns = 40000000};
    const struct probe_arrival arrival = {0};
    struct analysis *a = NULL;
    assert_int_equal(analysis_create(&settings, &a), CASTOR_OK);
    analysis_feed(a, s->data, s->bytes, &arrival);
    analysis_finish(a);
    return a;
}

static void test_stream(void **state)
{
    (void)state;
    struct stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->hevc = true;
    stream_good(s, 0, 40);
    struct analysis *a = analyse(s);
    const struct analysis_video *v = &a->video;
    assert_int_equal(ts_get_video_type(a->ts), TS_STREAM_HEVC);
    assert_int_equal(v->frames, 41);
    assert_int_equal(v->syntax_errors, 0);
    assert_int_equal(v->missing_aud, 0);
    assert_int_equal(v->idr_frames, 5);
    assert_int_equal(v->idr_unprepared, 0);
    assert_int_equal(v->random_access_mismatches, 0);
    assert_int_equal(v->sps.height_px, 360);
    assert_int_equal(a->marks.without_identity, 0);
    assert_int_equal(a->marks.without_time, 0);
    assert_int_equal(a->marks.sequence.lost, 0);
    assert_int_equal(a->marks.sequence.highest, 40);
    analysis_destroy(a);
    free(s);
}

static void test_defects(void **state)
{
    (void)state;
    struct stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->hevc = true;
    stream_good(s, 0, 9);
    struct stream_frame f;
    stream_frame_init(&f, 10); // an IDR without its parameter sets
    f.hevc = true;
    f.sps = f.pps = false;
    stream_frame(s, &f);
    stream_frame_init(&f, 12); // 11 is lost; no delimiter; flagged as a random access point
    f.hevc = true;
    f.aud = false;
    f.random_access = true;
    stream_frame(s, &f);
    struct analysis *a = analyse(s);
    assert_int_equal(a->video.frames, 12);
    assert_int_equal(a->video.idr_unprepared, 1);
    assert_int_equal(a->video.missing_aud, 1);
    assert_int_equal(a->video.random_access_mismatches, 1);
    assert_int_equal(a->marks.sequence.lost, 1);
    analysis_destroy(a);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_access_units), cmocka_unit_test(test_broken_units),
        cmocka_unit_test(test_ten_bits),     cmocka_unit_test(test_cut_sps),
        cmocka_unit_test(test_stream),       cmocka_unit_test(test_defects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
