// SPDX-License-Identifier: Apache-2.0
// What comes out of a device, made into an access unit: delimiter first, parameter sets before an IDR.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/h264.h"
#include "base/hevc.h"
#include "encoder/v4l2m2m_unit.h"

#define ROOM_BYTES (V4L2M2M_HEADROOM_BYTES + 4096)

static const uint8_t sps[] = {0, 0, 0, 1, 0x67, 0x42, 0xC0, 0x1E, 0xDA};
static const uint8_t pps[] = {0, 0, 0, 1, 0x68, 0xCE, 0x3C, 0x80};
static const uint8_t aud[] = {0, 0, 0, 1, 0x09, 0x10};
static const uint8_t idr[] = {0, 0, 1, 0x65, 0x88, 0x84};
static const uint8_t slice[] = {0, 0, 0, 1, 0x41, 0x9A, 0x02};

struct bench {
    bool hevc;
    struct v4l2m2m_sets sets;
    struct v4l2m2m_unit unit;
    uint8_t room[ROOM_BYTES];
    size_t size_bytes;
    const uint8_t *out;
    size_t out_bytes;
};

static void add(struct bench *bench, const uint8_t *data, size_t size_bytes)
{
    memcpy(bench->room + V4L2M2M_HEADROOM_BYTES + bench->size_bytes, data, size_bytes);
    bench->size_bytes += size_bytes;
}

#define ADD(bench, array) add(bench, array, sizeof(array))

static bool finish(struct bench *bench)
{
    const uint8_t *data = bench->room + V4L2M2M_HEADROOM_BYTES;
    enum encoder_codec codec = bench->hevc ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;

    v4l2m2m_unit_scan(codec, data, bench->size_bytes, &bench->sets, &bench->unit);
    bool done = v4l2m2m_unit_complete(codec, &bench->unit, &bench->sets, bench->room, bench->size_bytes,
                                      &bench->out, &bench->out_bytes);
    bench->size_bytes = 0;
    return done;
}

static void check_types(const struct bench *bench, const uint8_t *types, size_t count)
{
    struct nal_span nal;
    size_t position = 0, found = 0;

    while (nal_next(bench->out, bench->out_bytes, &position, &nal)) {
        assert_true(found < count);
        assert_int_equal(bench->hevc ? nal.data[0] >> 1 : nal.data[0] & 0x1f, types[found++]);
    }
    assert_int_equal(found, count);
}

#define CHECK_TYPES(bench, ...)                                                                              \
    do {                                                                                                     \
        static const uint8_t types[] = {__VA_ARGS__};                                                        \
        check_types(bench, types, sizeof types);                                                             \
    } while (0)

static void a_complete_unit_stays_as_it_is(void **state)
{
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, aud);
    ADD(&bench, sps);
    ADD(&bench, pps);
    ADD(&bench, idr);
    size_t size_bytes = bench.size_bytes;
    assert_true(finish(&bench));
    assert_ptr_equal(bench.out, bench.room + V4L2M2M_HEADROOM_BYTES);
    assert_int_equal(bench.out_bytes, size_bytes);
    assert_true(bench.unit.idr);
}

static void a_delimiter_is_put_first(void **state)
{
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, slice);
    assert_true(finish(&bench));
    assert_false(bench.unit.idr);
    CHECK_TYPES(&bench, H264_NAL_AUD, H264_NAL_SLICE);
}

// The device's own delimiter must not end up behind the parameter sets.
static void parameter_sets_go_between_delimiter_and_slice(void **state)
{
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, sps);
    ADD(&bench, pps);
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_HEADERS);
    ADD(&bench, aud);
    ADD(&bench, idr);
    assert_true(finish(&bench));
    CHECK_TYPES(&bench, H264_NAL_AUD, H264_NAL_SPS, H264_NAL_PPS, H264_NAL_IDR);
    ADD(&bench, idr);
    assert_true(finish(&bench));
    CHECK_TYPES(&bench, H264_NAL_AUD, H264_NAL_SPS, H264_NAL_PPS, H264_NAL_IDR);
    ADD(&bench, slice);
    assert_true(finish(&bench));
    CHECK_TYPES(&bench, H264_NAL_AUD, H264_NAL_SLICE);
}

static void newer_parameter_sets_replace_older(void **state)
{
    static const uint8_t newer[] = {0, 0, 0, 1, 0x67, 0x64, 0x00, 0x28, 0xAC, 0x2B};
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, sps);
    ADD(&bench, pps);
    (void)finish(&bench);
    ADD(&bench, newer);
    ADD(&bench, pps);
    ADD(&bench, pps);
    (void)finish(&bench);
    assert_int_equal(bench.sets.used_bytes[V4L2M2M_SET_SPS], sizeof newer);
    assert_memory_equal(bench.sets.bytes[V4L2M2M_SET_SPS], newer, sizeof newer);
    assert_int_equal(bench.sets.used_bytes[V4L2M2M_SET_PPS], 2 * sizeof pps);
}

static void an_idr_without_any_is_refused(void **state)
{
    static uint8_t huge[V4L2M2M_SETS_MAX_BYTES] = {0, 0, 0, 1, 0x67};
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, idr);
    assert_false(finish(&bench));
    memset(huge + 5, 0x55, sizeof huge - 5);
    ADD(&bench, huge);
    ADD(&bench, pps);
    (void)finish(&bench);
    assert_int_equal(bench.sets.used_bytes[V4L2M2M_SET_SPS], sizeof huge); // just fits
    ADD(&bench, huge);
    ADD(&bench, huge);
    (void)finish(&bench);
    assert_int_equal(bench.sets.used_bytes[V4L2M2M_SET_SPS], 0); // two do not: none rather than half
    ADD(&bench, idr);
    assert_false(finish(&bench));
}

static void what_is_no_h264_is_called_nothing(void **state)
{
    static const uint8_t noise[] = {0xA5, 0xA5, 0, 0, 0, 0, 2, 0, 1};
    static const uint8_t forbidden[] = {0, 0, 1, 0xE5, 0x88};
    struct bench bench = {.size_bytes = 0};

    (void)state;
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_NOTHING);
    ADD(&bench, noise);
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_NOTHING);
    ADD(&bench, forbidden);
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_NOTHING);
}

// Bytes before the first start code belong to nothing and are left out.
static void leading_bytes_are_left_out(void **state)
{
    static const uint8_t stray[] = {0x12, 0x34};
    struct bench bench = {.size_bytes = 0};

    (void)state;
    ADD(&bench, stray);
    ADD(&bench, aud);
    ADD(&bench, slice);
    assert_true(finish(&bench));
    assert_int_equal(bench.out_bytes, sizeof aud + sizeof slice);
    assert_memory_equal(bench.out, aud, sizeof aud);
}

// The same for HEVC, with a set more. A CRA is no IDR, and a decoder may join there all the same.
static void hevc_has_three_parameter_sets(void **state)
{
    static const uint8_t hevc_vps[] = {0, 0, 0, 1, 0x40, 0x01, 0x0C},
                         hevc_sps[] = {0, 0, 0, 1, 0x42, 0x01, 0x01};
    static const uint8_t hevc_pps[] = {0, 0, 0, 1, 0x44, 0x01, 0xC1},
                         hevc_aud[] = {0, 0, 0, 1, 0x46, 0x01, 0x10};
    static const uint8_t hevc_idr[] = {0, 0, 1, 0x28, 0x01, 0xAF}, cra[] = {0, 0, 1, 0x2A, 0x01, 0xAF};
    static const uint8_t trail[] = {0, 0, 1, 0x02, 0x01, 0xD0}, no_layer[] = {0, 0, 1, 0x02, 0x00, 0xD0};
    struct bench bench = {.hevc = true};

    (void)state;
    ADD(&bench, hevc_idr);
    assert_false(finish(&bench));
    ADD(&bench, hevc_vps);
    ADD(&bench, hevc_sps);
    ADD(&bench, hevc_pps);
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_HEADERS);
    ADD(&bench, hevc_aud);
    ADD(&bench, hevc_idr);
    assert_true(finish(&bench));
    assert_true(bench.unit.idr);
    CHECK_TYPES(&bench, HEVC_NAL_AUD, HEVC_NAL_VPS, HEVC_NAL_SPS, HEVC_NAL_PPS, HEVC_NAL_IDR_N_LP);
    ADD(&bench, cra);
    assert_true(finish(&bench));
    assert_false(bench.unit.idr);
    CHECK_TYPES(&bench, HEVC_NAL_AUD, HEVC_NAL_VPS, HEVC_NAL_SPS, HEVC_NAL_PPS, HEVC_NAL_CRA);
    ADD(&bench, trail);
    assert_true(finish(&bench));
    CHECK_TYPES(&bench, HEVC_NAL_AUD, 1);
    ADD(&bench, no_layer);
    (void)finish(&bench);
    assert_int_equal(bench.unit.content, V4L2M2M_CONTENT_NOTHING);
}

// Any bytes: no read or write beside the buffers (seen by a sanitizer), and what comes out begins with a
// delimiter and holds the bytes that went in.
static void any_bytes_are_survived(void **state)
{
    struct bench bench = {.size_bytes = 0};
    uint32_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 40000; round++) {
        bench.hevc = round >= 20000;
        uint8_t bytes[48];
        size_t size_bytes = round % sizeof bytes;
        for (size_t i = 0; i < size_bytes; i++) {
            seed = seed * 1664525u + 1013904223u;
            uint8_t value = (uint8_t)(seed >> 24);
            bytes[i] = value < 180 ? value % 3 % 2 : value; // mostly zeros and ones
        }
        add(&bench, bytes, size_bytes);
        if (!finish(&bench) || bench.unit.content == V4L2M2M_CONTENT_NOTHING)
            continue;
        assert_true(bench.out >= bench.room);
        assert_true(bench.out + bench.out_bytes <= bench.room + sizeof bench.room);
        assert_true(bench.out_bytes > 4);
        uint8_t header = bench.out[bench.out[2] == 1 ? 3 : 4];
        assert_int_equal(bench.hevc ? header >> 1 : header & 0x1F, bench.hevc ? HEVC_NAL_AUD : H264_NAL_AUD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_unit_stays_as_it_is),
        cmocka_unit_test(a_delimiter_is_put_first),
        cmocka_unit_test(parameter_sets_go_between_delimiter_and_slice),
        cmocka_unit_test(newer_parameter_sets_replace_older),
        cmocka_unit_test(an_idr_without_any_is_refused),
        cmocka_unit_test(what_is_no_h264_is_called_nothing),
        cmocka_unit_test(leading_bytes_are_left_out),
        cmocka_unit_test(hevc_has_three_parameter_sets),
        cmocka_unit_test(any_bytes_are_survived),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
