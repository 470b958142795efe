// SPDX-License-Identifier: Apache-2.0
// The parsers by themselves: parameter sets of a real encoder, the two marks, sections, PES headers, odd
// input.
#include "test_probe_stream.h"

#include "probe/analysis.h"
#include "probe/h264.h"
#include "probe/pes.h"
#include "probe/psi.h"
#include "probe/sei.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void expect_sps(const uint8_t *nal, size_t bytes, unsigned level, unsigned width, unsigned height)
{
    struct h264_sps sps;
    assert_int_equal(h264_parse_sps(nal, bytes, &sps), CASTOR_OK);
    assert_int_equal(sps.profile_idc, 66);
    assert_int_equal(sps.level_idc, level);
    assert_int_equal(sps.width_px, width);
    assert_int_equal(sps.height_px, height);
    assert_int_equal(sps.bit_depth, 8);
    assert_true(sps.has_timing);
    assert_int_equal(sps.time_scale / sps.num_units_in_tick, 50); // 25 fps, counted in fields
}

// As libx264 wrote them: without cropping, with (1088 rows coded, 1080 shown), and large.
static void test_sps_of_x264(void **state)
{
    (void)state;
    static const uint8_t small[] = {0x67, 0x42, 0xc0, 0x0c, 0xda, 0x05, 0x06, 0x7e, 0x7c, 0x04, 0x40, 0x00,
                                    0x00, 0x03, 0x00, 0x40, 0x00, 0x00, 0x0c, 0x83, 0xc5, 0x0a, 0xa8};
    static const uint8_t full[] = {0x67, 0x42, 0xc0, 0x28, 0xda, 0x01, 0xe0, 0x08, 0x9f,
                                   0x97, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10, 0x00,
                                   0x00, 0x03, 0x03, 0x20, 0xf1, 0x83, 0x2a};
    static const uint8_t large[] = {0x67, 0x42, 0xc0, 0x33, 0xda, 0x00, 0xf0, 0x01, 0x0f,
                                    0xb0, 0x11, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00,
                                    0x03, 0x00, 0x32, 0x0f, 0x18, 0x32, 0xa0};
    expect_sps(small, sizeof small, 12, 320, 180);
    expect_sps(full, sizeof full, 40, 1920, 1080);
    expect_sps(large, sizeof large, 51, 3840, 2160);
    static const uint8_t high10[] = {0x67, 0x6e, 0x00, 0x1e, 0xa6, 0xcd, 0x94, 0x0a, 0x02,
                                     0xff, 0x97, 0x01, 0x10, 0x00, 0x00, 0x03, 0x00, 0x10,
                                     0x00, 0x00, 0x03, 0x03, 0xc0, 0xf1, 0x62, 0xd9, 0x60};
    struct h264_sps deep;
    assert_int_equal(h264_parse_sps(high10, sizeof high10, &deep), CASTOR_OK);
    assert_int_equal(deep.bit_depth, 10);
    assert_int_equal(deep.profile_idc, 110);
    assert_int_equal(deep.height_px, 360);
    struct h264_sps sps = {.width_px = 7};
    for (size_t bytes = 0; bytes < 9; bytes++)
        assert_int_equal(h264_parse_sps(full, bytes, &sps), CASTOR_ERR_INVALID);
    assert_int_equal(sps.width_px, 7);
}

static void test_nal_units(void **state)
{
    (void)state;
    static const uint8_t data[] = {0xAA, 0, 0, 1, 0x09, 0xF0, 0, 0, 0, 1, 0x41, 1,
                                   0,    0, 3, 1, 0,    0,    0, 0, 1, 0, 0,    1};
    struct h264_nal nal;
    size_t pos = 0;
    assert_int_equal(h264_next_nal(data, sizeof data, &pos, &nal), CASTOR_OK);
    assert_int_equal(nal.type, H264_AUD);
    assert_int_equal(nal.bytes, 2);
    assert_int_equal(h264_next_nal(data, sizeof data, &pos, &nal), CASTOR_OK);
    assert_int_equal(nal.type, H264_SLICE);
    assert_int_equal(nal.bytes, 6);
    assert_int_equal(h264_next_nal(data, sizeof data, &pos, &nal), CASTOR_ERR_END);
    uint8_t out[8];
    assert_int_equal(h264_unescape(nal.data, nal.bytes, out, sizeof out), 5);
    assert_memory_equal(out, ((uint8_t[]){0x41, 1, 0, 0, 1}), 5);
}

static void test_marks(void **state)
{
    (void)state;
    struct stream_frame f;
    stream_frame_init(&f, UINT64_C(0x0000000300000000)); // needs emulation prevention
    f.path = 1;
    f.epoch = 0x01000002;
    uint8_t nal[160];
    size_t bytes = stream_sei(&f, nal);
    struct sei_marks marks = {0};
    sei_parse(nal + 4, bytes - 4, &marks);
    assert_true(marks.has_time && marks.has_identity && !marks.malformed);
    assert_int_equal(marks.capture_us, f.capture_us);
    assert_int_equal(marks.time_status, 0x1F);
    assert_int_equal(marks.sequence, f.sequence);
    assert_int_equal(marks.path, 1);
    assert_int_equal(marks.epoch, 0x01000002);
    assert_false(marks.first_after_switch);
}

static void test_cut_marks(void **state)
{
    (void)state;
    struct stream_frame f;
    stream_frame_init(&f, 5);
    uint8_t nal[160];
    size_t bytes = stream_sei(&f, nal);
    for (size_t cut = 7; cut < bytes - 4 - 1; cut++) {
        struct sei_marks marks = {0};
        sei_parse(nal + 4, cut, &marks);
        assert_false(marks.has_identity);
        // Between the two payloads nothing is wrong but that the rest is missing.
        assert_true(marks.malformed || marks.has_time);
    }
}

static void test_time_without_markers(void **state)
{
    (void)state;
    struct stream_frame f;
    stream_frame_init(&f, 5);
    uint8_t nal[160];
    size_t bytes = stream_sei(&f, nal);
    nal[4 + 1 + 2 + 19] = 0xFE;
    struct sei_marks marks = {0};
    sei_parse(nal + 4, bytes - 4, &marks);
    assert_true(marks.malformed && !marks.has_time && marks.has_identity);
}

static void test_pes_header(void **state)
{
    (void)state;
    uint8_t p[19] = {0,    0,    1,    0xE0, 0,    0,    0x80, 0xC0, 10,  0x31,
                     0x00, 0x01, 0x00, 0x03, 0x11, 0x00, 0x01, 0x00, 0x01};
    struct pes_header h;
    assert_int_equal(pes_parse_header(p, sizeof p, &h), CASTOR_OK);
    assert_int_equal(h.pts_90k, 1);
    assert_int_equal(h.dts_90k, 0);
    assert_int_equal(h.header_bytes, 19);
    assert_int_equal(h.total_bytes, 0);
    p[7] = 0x40; // DTS without PTS is forbidden
    assert_int_equal(pes_parse_header(p, sizeof p, &h), CASTOR_ERR_INVALID);
    p[7] = 0xC0;
    p[11] = 0x00; // marker bit
    assert_int_equal(pes_parse_header(p, sizeof p, &h), CASTOR_ERR_INVALID);
    p[11] = 0x01;
    p[8] = 9; // too short for both
    assert_int_equal(pes_parse_header(p, sizeof p, &h), CASTOR_ERR_INVALID);
    p[8] = 11; // runs past the end
    assert_int_equal(pes_parse_header(p, sizeof p, &h), CASTOR_ERR_INVALID);
}

static void count_section(void *context, const uint8_t *section, size_t bytes)
{
    size_t *seen = context;
    assert_true(section[0] == 0x42 || section[0] == 0x46);
    *seen = *seen * 1000 + bytes;
}

// Two sections, the first in two packets, the second begins in the middle of a packet.
static void test_sections_across_packets(void **state)
{
    (void)state;
    struct psi_section section = {0};
    size_t seen = 0;
    uint8_t first[184] = {0, 0x42, 0xB0, 197}; // 200 bytes, of which 183 are here
    uint8_t second[184] = {17};
    second[18] = 0x46;
    second[19] = 0xB0;
    second[20] = 50; // 53 bytes
    memset(second + 1 + 17 + 53, 0xFF, sizeof second - 71);
    psi_feed(&section, first, sizeof first, true, count_section, &seen);
    assert_int_equal(seen, 0);
    psi_feed(&section, second, sizeof second, true, count_section, &seen);
    assert_int_equal(seen, 200053);
    // A pointer past the end and a continuation of nothing are ignored.
    psi_feed(&section, (uint8_t[]){5, 1}, 2, true, count_section, &seen);
    psi_feed(&section, first, sizeof first, false, count_section, &seen);
    assert_int_equal(seen, 200053);
}

static void analyze_in_pieces(const struct stream *s, size_t piece, struct analysis **a)
{
    struct analysis_settings settings = {.pcr_limit_ns = 40 * CASTOR_NS_PER_MS, .seam_tolerance_us = 1000};
    assert_int_equal(analysis_create(&settings, a), CASTOR_OK);
    for (size_t at = 0; at < s->bytes; at += piece) {
        size_t bytes = s->bytes - at < piece ? s->bytes - at : piece;
        analysis_feed(*a, s->data + at, bytes, &(struct probe_arrival){0});
    }
}

// However the bytes are cut, the result is the same.
static void test_pieces(void **state)
{
    (void)state;
    struct stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    stream_good(s, 0, 19);
    static const size_t pieces[] = {1, 7, 187, 188, 189, 1316, 5000, STREAM_BYTES};
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct analysis *a = NULL;
        analyze_in_pieces(s, pieces[i], &a);
        analysis_finish(a);
        assert_int_equal(a->video.frames, 20);
        assert_int_equal(ts_get_counters(a->ts)->packets, stream_packets(s));
        assert_int_equal(ts_get_counters(a->ts)->cc_errors, 0);
        analysis_destroy(a);
    }
    free(s);
}

// A sender that comes back: continuity starts anew, and what is missing in between is lost in a reconnection.
static void test_reconnection(void **state)
{
    (void)state;
    struct stream *s = calloc(1, sizeof *s);
    struct stream *t = calloc(1, sizeof *t);
    assert_true(s != NULL && t != NULL);
    stream_good(s, 0, 12);
    stream_good(t, 20, 29);
    t->data[3] = 0x1B; // a PAT with another continuity count than expected
    struct analysis *a = NULL;
    analyze_in_pieces(s, 1316, &a);
    analysis_reconnected(a);
    analysis_feed(a, t->data, t->bytes, &(struct probe_arrival){0});
    analysis_finish(a);
    assert_int_equal(a->video.frames, 23);
    assert_int_equal(a->marks.sequence.lost, 7);
    assert_int_equal(a->marks.sequence.lost_reconnect, 7);
    assert_int_equal(ts_get_counters(a->ts)->cc_errors, 0);
    assert_int_equal(a->pcr.gaps, 0);
    assert_int_equal(a->pts.jumps, 0);
    analysis_destroy(a);
    // Cut in the middle of an access unit: that frame is lost too.
    size_t last = stream_find(s, stream_packets(s) - 4, STREAM_VIDEO_PID, true);
    s->bytes = (last + 1) * 188;
    analyze_in_pieces(s, 1316, &a);
    analysis_reconnected(a);
    analysis_feed(a, t->data, t->bytes, &(struct probe_arrival){0});
    analysis_finish(a);
    assert_int_equal(a->video.frames, 22);
    assert_int_equal(ts_get_counters(a->ts)->pes_partial, 1);
    assert_int_equal(a->marks.sequence.lost_reconnect, 8);
    analysis_destroy(a);
    free(s);
    free(t);
}

// Capture to arrival is the time of the last packet, on the clock of the wall; gaps are on the other one.
static void test_latency(void **state)
{
    (void)state;
    struct stream *s = calloc(1, sizeof *s);
    assert_non_null(s);
    struct analysis_settings settings = {.late_ns = 90 * CASTOR_NS_PER_MS};
    struct analysis *a = NULL;
    assert_int_equal(analysis_create(&settings, &a), CASTOR_OK);
    stream_tables(s, true, true);
    for (uint64_t n = 0; n < 10; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        stream_frame(s, &f);
        int64_t latency_us = n == 4 ? 100000 : 80000;
        struct probe_arrival first = {true, 1, (f.capture_us + 1) * 1000};
        struct probe_arrival last = {true, (f.capture_us - 1700000000000000 + latency_us) * 1000,
                                     (f.capture_us + latency_us) * 1000};
        analysis_feed(a, s->data, s->bytes - 188, &first);
        analysis_feed(a, s->data + s->bytes - 188, 188, &last);
        s->bytes = 0;
    }
    analysis_finish(a);
    assert_int_equal(a->marks.latency_us.count, 10);
    assert_int_equal(a->marks.latency_us.min, 80000);
    assert_int_equal(a->marks.latency_us.max, 100000);
    assert_int_equal(a->marks.late, 1);
    assert_in_range(a->gap_us.max, 53333, 53334);
    analysis_destroy(a);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sps_of_x264),
        cmocka_unit_test(test_nal_units),
        cmocka_unit_test(test_marks),
        cmocka_unit_test(test_cut_marks),
        cmocka_unit_test(test_time_without_markers),
        cmocka_unit_test(test_pes_header),
        cmocka_unit_test(test_sections_across_packets),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_reconnection),
        cmocka_unit_test(test_latency),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
