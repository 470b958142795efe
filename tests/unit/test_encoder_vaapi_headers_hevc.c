// SPDX-License-Identifier: Apache-2.0
// HEVC's headers of driver vaapi, read back by the stand-in's reader; access units made of what devices
// write.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../standin/va/va_hevc_headers.h"
#include "vaapi_headers.h"
#include "vaapi_unit.h"

static const struct vaapi_stream plain = {
    .codec = ENCODER_CODEC_HEVC,
    .format = {.width_px = 642, .height_px = 362, .pixel = CASTOR_PIXEL_NV12, .rate = {30000, 1001}},
    .coded_width_px = 648,
    .coded_height_px = 368,
    .level_idc = 123,
    .hevc = {.min_cb_log2 = 3,
             .max_cb_log2 = 5,
             .min_tb_log2 = 2,
             .max_tb_log2 = 5,
             .depth_inter = 2,
             .depth_intra = 1},
};

static void read_sets(const struct vaapi_stream *stream, struct hevc_sets *sets)
{
    struct vaapi_header header;

    vaapi_header_parameter_sets(stream, &header);
    assert_int_equal(header.size_bits, header.size_bytes * 8);
    assert_memory_equal(header.bytes, "\0\0\0\1\x40\1", 6); // with zero_byte, B.2.2; a VPS
    assert_true(hevc_read_sets(header.bytes, header.size_bytes, sets));
}

static void sets_are_read_back(void **state)
{
    struct hevc_sets sets;

    (void)state;
    read_sets(&plain, &sets);
    assert_memory_equal(&sets.vps.profile, &sets.sps.profile, sizeof sets.sps.profile);
    assert_int_equal(sets.sps.profile.profile_idc, 1);
    assert_int_equal(sets.sps.profile.compatibility, 0x60000000); // a Main stream is a Main 10 stream
    assert_int_equal(sets.sps.profile.tier_flag, 0);
    assert_int_equal(sets.sps.profile.level_idc, 123);
    assert_int_equal(sets.sps.width, 648);
    assert_int_equal(sets.sps.height, 368);
    assert_int_equal(sets.sps.win_right, 3);
    assert_int_equal(sets.sps.win_bottom, 3);
    assert_int_equal(sets.sps.bit_depth_luma_minus8, 0);
    assert_int_equal(sets.sps.poc_lsb_bits, 8);
    assert_int_equal(sets.sps.ordering.max_dec_pic_buffering_minus1, 1);
    assert_int_equal(sets.sps.ordering.max_num_reorder_pics, 0);
    assert_int_equal(sets.sps.log2_min_cb_minus3, 0);
    assert_int_equal(sets.sps.log2_diff_cb, 2);
    assert_int_equal(sets.sps.log2_min_tb_minus2, 0);
    assert_int_equal(sets.sps.log2_diff_tb, 3);
    assert_int_equal(sets.sps.depth_inter, 2);
    assert_int_equal(sets.sps.depth_intra, 1);
    assert_int_equal(sets.sps.vui.primaries * 10000 + sets.sps.vui.transfer * 100 + sets.sps.vui.matrix,
                     10101);
    assert_int_equal(sets.sps.vui.full_range, 0);
    assert_int_equal(sets.sps.vui.num_units_in_tick, 1001);
    assert_int_equal(sets.sps.vui.time_scale, 30000);
    assert_int_equal(sets.pps.init_qp_minus26, 0);
}

static void main10_and_high_tier(void **state)
{
    struct vaapi_stream stream = plain;
    struct hevc_sets sets;

    (void)state;
    stream.format.pixel = CASTOR_PIXEL_P010;
    stream.format.width_px = stream.coded_width_px;
    stream.format.height_px = stream.coded_height_px;
    stream.high_tier = true;
    read_sets(&stream, &sets);
    assert_int_equal(sets.sps.profile.profile_idc, 2);
    assert_int_equal(sets.sps.profile.compatibility, 0x20000000);
    assert_int_equal(sets.sps.profile.tier_flag, 1);
    assert_int_equal(sets.sps.bit_depth_luma_minus8, 2);
    assert_int_equal(sets.sps.bit_depth_chroma_minus8, 2);
    assert_int_equal(sets.sps.win_right + sets.sps.win_bottom, 0);
}

// Each tool has its flag and no other's.
static void tools_have_their_flags(void **state)
{
    (void)state;
    for (unsigned tool = 0; tool < 8; tool++) {
        struct vaapi_stream stream = plain;
        struct hevc_sets sets;
        stream.hevc.amp = tool == 0;
        stream.hevc.sao = tool == 1;
        stream.hevc.temporal_mvp = tool == 2;
        stream.hevc.strong_intra_smoothing = tool == 3;
        stream.hevc.sign_data_hiding = tool == 4;
        stream.hevc.constrained_intra_pred = tool == 5;
        stream.hevc.transform_skip = tool == 6;
        stream.hevc.cu_qp_delta = tool == 7;
        read_sets(&stream, &sets);
        assert_int_equal(sets.sps.amp_enabled, tool == 0);
        assert_int_equal(sets.sps.sao_enabled, tool == 1);
        assert_int_equal(sets.sps.temporal_mvp_enabled, tool == 2);
        assert_int_equal(sets.sps.strong_intra_smoothing_enabled, tool == 3);
        assert_int_equal(sets.pps.sign_data_hiding_enabled, tool == 4);
        assert_int_equal(sets.pps.constrained_intra_pred, tool == 5);
        assert_int_equal(sets.pps.transform_skip_enabled, tool == 6);
        assert_int_equal(sets.pps.cu_qp_delta_enabled, tool == 7);
    }
}

static void check_slice(const struct vaapi_stream *stream, const struct hevc_sets *sets,
                        const struct vaapi_ids *ids)
{
    struct vaapi_header header;
    struct hevc_slice slice;
    struct reader reader;

    vaapi_header_slice(stream, ids, &header);
    assert_int_equal(header.size_bits, header.size_bytes * 8); // byte_alignment() is part of it
    assert_memory_equal(header.bytes, "\0\0\1", 3);
    assert_int_equal(header.bytes[4], 1);
    reader_open(&reader, header.bytes + 5, header.size_bytes - 5, (header.size_bytes - 5) * 8, true);
    assert_true(hevc_read_slice(&reader, header.bytes[3] >> 1, &sets->sps, &sets->pps, &slice));
    assert_true(reader_is_trailing(&reader));
    assert_int_equal(slice.nal_type, ids->idr ? HEVC_IDR_W_RADL : HEVC_TRAIL_R);
    assert_int_equal(slice.type, ids->idr ? HEVC_I : stream->hevc.b_for_p ? HEVC_B : HEVC_P);
    assert_int_equal(slice.qp_delta, 0);
    assert_int_equal(slice.sao_luma, stream->hevc.sao);
    assert_int_equal(slice.sao_chroma, stream->hevc.sao);
    if (ids->idr)
        return;
    assert_int_equal(slice.poc_lsb, ids->since_idr % 256);
    assert_int_equal(slice.num_negative_pics, 1);
    assert_int_equal(slice.delta_poc_s0_minus1, 0);
    assert_int_equal(slice.used_by_curr_pic_s0, 1);
    assert_int_equal(slice.five_minus_max_num_merge_cand, 0);
    assert_int_equal(slice.temporal_mvp_enabled, stream->hevc.temporal_mvp);
}

static void slices_count_and_wrap(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 8; kind++) {
        struct vaapi_ids ids = {.since_idr = 0};
        struct vaapi_stream stream = plain;
        struct hevc_sets sets;
        stream.hevc.b_for_p = kind & 1;
        stream.hevc.sao = kind & 2;
        stream.hevc.temporal_mvp = kind & 4;
        read_sets(&stream, &sets);
        vaapi_ids_next(&ids, true);
        for (unsigned i = 0; i < 600; i++) {
            assert_int_equal(ids.since_idr, i);
            check_slice(&stream, &sets, &ids);
            vaapi_ids_next(&ids, false);
        }
    }
}

// ---- access units ----

static uint8_t bytes[VAAPI_UNIT_ROOM_BYTES + 256];

static int make(const void *coded, size_t size, struct vaapi_parameter_sets *sets, struct vaapi_unit *unit)
{
    memset(bytes, 0xEE, sizeof bytes);
    memcpy(bytes + VAAPI_UNIT_ROOM_BYTES, coded, size);
    return vaapi_unit_make(ENCODER_CODEC_HEVC, bytes + VAAPI_UNIT_ROOM_BYTES, size, sets, unit);
}

#define MAKE(text) make(text, sizeof(text) - 1, &sets, &unit)
#define EXPECT(text, is_idr)                                                                                 \
    do {                                                                                                     \
        assert_int_equal(unit.size_bytes, sizeof(text) - 1);                                                 \
        assert_memory_equal(unit.data, text, sizeof(text) - 1);                                              \
        assert_int_equal(unit.idr, is_idr);                                                                  \
    } while (0)
#define AUD_IDR "\0\0\0\1\x46\1\x10"
#define AUD_P "\0\0\0\1\x46\1\x50"
#define SETS "\0\0\0\1\x40\1vv\0\0\0\1\x42\1ss\0\0\0\1\x44\1pp"

static void units_begin_as_they_should(void **state)
{
    struct vaapi_parameter_sets sets = {.size_bytes = 0};
    struct vaapi_unit unit;

    (void)state;
    assert_int_equal(MAKE("\0\0\1\x26\1slice"), CASTOR_ERR_INVALID); // an IDR, and nobody knows the sets
    assert_int_equal(MAKE("\0\0\0\1\x42\1ss\0\0\0\1\x44\1pp\0\0\1\x26\1slice"), CASTOR_ERR_INVALID); // no VPS
    assert_int_equal(MAKE(SETS "\0\0\1\x26\1slice"), CASTOR_OK);
    EXPECT(AUD_IDR "\0\0\0\1\x40\1vv\0\0\0\1\x42\1ss\0\0\0\1\x44\1pp\0\0\1\x26\1slice", true);
    assert_int_equal(sets.size_bytes, sizeof(SETS) - 1);
    assert_int_equal(MAKE("\0\0\1\x28\1slice"), CASTOR_OK); // IDR_N_LP
    EXPECT(AUD_IDR SETS "\0\0\1\x28\1slice", true);
    assert_int_equal(MAKE("\0\0\1\x2A\1slice"), CASTOR_OK); // CRA: not what was asked for
    assert_false(unit.idr);
    assert_int_equal(MAKE("\0\0\0\1\x46\1\x10\0\0\1\x4E\1sei\0\0\1\x02\1slice"), CASTOR_OK);
    EXPECT(AUD_P "\0\0\0\1\x4E\1sei\0\0\1\x02\1slice", false);
    assert_int_equal(MAKE(SETS), CASTOR_ERR_INVALID);                // no slice
    assert_int_equal(MAKE("\0\0\1\xA6\1slice"), CASTOR_ERR_INVALID); // forbidden_zero_bit
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_read_back),         cmocka_unit_test(main10_and_high_tier),
        cmocka_unit_test(tools_have_their_flags),     cmocka_unit_test(slices_count_and_wrap),
        cmocka_unit_test(units_begin_as_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
