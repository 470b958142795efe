// SPDX-License-Identifier: Apache-2.0
// A good stream shows no fault; every defect shows in exactly the counters that it should, and in no other.
#include "test_probe_stream.h"

#include "probe/collect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FRAMES 40

struct expected {
    enum kpi_id kpi;
    double value;
};

static struct stream *stream;

static int setup(void **state)
{
    (void)state;
    stream = calloc(1, sizeof *stream);
    return stream == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    free(stream);
    return 0;
}

static void analyze(struct kpi_set *kpis)
{
    struct analysis_settings settings = {.pcr_limit_ns = 40 * CASTOR_NS_PER_MS, .seam_tolerance_us = 1000};
    struct srt_stats srt = {0};
    struct analysis *a = NULL;
    assert_int_equal(analysis_create(&settings, &a), CASTOR_OK);
    analysis_feed(a, stream->data, stream->bytes, &(struct probe_arrival){0});
    analysis_finish(a);
    collect_kpis(a, NULL, &srt, kpis);
    analysis_destroy(a);
}

// Every figure in the list has its value, and every fault not in the list is zero.
static void expect_only(const struct expected *list, size_t count)
{
    struct kpi_set kpis;
    analyze(&kpis);
    for (enum kpi_id id = 0; id < KPI_COUNT; id++) {
        double wanted = 0;
        bool listed = false;
        for (size_t i = 0; i < count; i++) {
            if (list[i].kpi == id) {
                wanted = list[i].value;
                listed = true;
            }
        }
        double got = kpis.values[id].known ? kpis.values[id].value : 0;
        if ((listed || kpi_table[id].fault) && got != wanted)
            fail_msg("%s.%s is %g, not %g", kpi_table[id].group, kpi_table[id].key, got, wanted);
    }
}

#define EXPECT_ONLY(...)                                                                                     \
    expect_only((struct expected[]){__VA_ARGS__},                                                            \
                sizeof((struct expected[]){__VA_ARGS__}) / sizeof(struct expected))

// FRAMES frames, of which number 15 was given to `spoil` before it is sent.
static void build(void (*spoil)(struct stream_frame *f))
{
    for (uint64_t n = 0; n < FRAMES; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        if (f.idr)
            stream_tables(stream, true, true);
        if (n == 15)
            spoil(&f);
        stream_frame(stream, &f);
    }
}

static void test_good(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    EXPECT_ONLY({KPI_FRAMES, FRAMES}, {KPI_IDR_FRAMES, 4}, {KPI_IDR_INTERVAL_FRAMES, 10}, {KPI_WIDTH, 640},
                {KPI_HEIGHT, 360}, {KPI_FRAME_RATE, 30}, {KPI_LAST_SEQUENCE, FRAMES - 1}, {KPI_DUPLICATES, 0},
                {KPI_CHANGES, 0}, {KPI_PTS_PCR_MIN, 500}, {KPI_PTS_PCR_MAX, 500}, {KPI_WITHOUT_TIME, 0});
}

static void test_lost_packet(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    stream_remove(stream, stream_find(stream, 50, STREAM_VIDEO_PID, false));
    EXPECT_ONLY({KPI_CC_ERRORS, 1}, {KPI_DAMAGED, 1}, {KPI_FRAMES, FRAMES});
}

static void test_repeated_packet_is_allowed(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    stream_repeat(stream, stream_find(stream, 50, STREAM_VIDEO_PID, false));
    stream_repeat(stream, stream_find(stream, 70, STREAM_VIDEO_PID, true));
    EXPECT_ONLY({KPI_DUPLICATES, 2}, {KPI_FRAMES, FRAMES});
}

static void test_packet_three_times(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    size_t i = stream_find(stream, 50, STREAM_VIDEO_PID, false);
    stream_repeat(stream, i);
    stream_repeat(stream, i);
    EXPECT_ONLY({KPI_DUPLICATES, 2}, {KPI_CC_ERRORS, 1}, {KPI_FRAMES, FRAMES});
}

static void test_transport_error(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    size_t i = stream_find(stream, 0, STREAM_PMT_PID, true);
    stream_packet(stream, stream_find(stream, i + 1, STREAM_PMT_PID, true))[1] |= 0x80;
    EXPECT_ONLY({KPI_TRANSPORT_ERRORS, 1}, {KPI_FRAMES, FRAMES});
}

static void test_lost_sync(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    // Ten bytes of garbage between two packets.
    uint8_t *p = stream_packet(stream, 60);
    memmove(p + 10, p, stream->bytes - 60 * 188);
    memset(p, 0x11, 10);
    stream->bytes += 10;
    EXPECT_ONLY({KPI_SYNC_LOSSES, 1}, {KPI_SKIPPED_BYTES, 10}, {KPI_FRAMES, FRAMES});
}

static void test_bad_crc(void **state)
{
    (void)state;
    stream_good(stream, 0, FRAMES - 1);
    size_t i = stream_find(stream, 0, STREAM_PMT_PID, true);
    stream_packet(stream, stream_find(stream, i + 1, STREAM_PMT_PID, true))[14] ^= 0x01;
    EXPECT_ONLY({KPI_PSI_CRC, 1}, {KPI_FRAMES, FRAMES});
}

static void test_no_pmt(void **state)
{
    (void)state;
    stream_tables(stream, true, false);
    for (uint64_t n = 0; n < FRAMES; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        stream_frame(stream, &f);
    }
    EXPECT_ONLY({KPI_TABLES_MISSING, 1}, {KPI_FRAMES, 0});
}

static void drop_pcr(struct stream_frame *f)
{
    f->pcr = false;
}

static void test_pcr_gap(void **state)
{
    (void)state;
    build(drop_pcr);
    EXPECT_ONLY({KPI_PCR_GAPS, 1}, {KPI_PCR_COUNT, FRAMES - 1});
}

static void turn_pcr_back(struct stream_frame *f)
{
    f->pcr_27m -= 27000000 / 5;
}

static void test_pcr_backwards(void **state)
{
    (void)state;
    build(turn_pcr_back);
    // The step forth again is a long interval.
    EXPECT_ONLY({KPI_PCR_BACKWARDS, 1}, {KPI_PCR_GAPS, 1}, {KPI_PCR_COUNT, FRAMES});
}

static void move_pts(struct stream_frame *f)
{
    f->pts_90k += 900; // 10 ms
}

static void test_pts_seam(void **state)
{
    (void)state;
    build(move_pts);
    // Off the grid on the way there and on the way back.
    EXPECT_ONLY({KPI_PTS_SEAMS, 2}, {KPI_PTS_SEAM_MAX, 10}, {KPI_PTS_JUMPS, 0});
}

static void turn_pts_back(struct stream_frame *f)
{
    f->pts_90k -= 2 * STREAM_FRAME_90K;
}

static void test_pts_backwards(void **state)
{
    (void)state;
    build(turn_pts_back);
    EXPECT_ONLY({KPI_PTS_BACKWARDS, 1}, {KPI_PTS_SEAMS, 0}, {KPI_PTS_JUMPS, 1});
}

static void drop_pts(struct stream_frame *f)
{
    f->has_pts = false;
}

static void test_pts_missing(void **state)
{
    (void)state;
    build(drop_pts);
    EXPECT_ONLY({KPI_PTS_MISSING, 1}, {KPI_PTS_JUMPS, 1});
}

static void break_pes(struct stream_frame *f)
{
    f->broken_pes = true;
}

static void test_pes_error(void **state)
{
    (void)state;
    build(break_pes);
    // The access unit cannot be found, so its frame is missing.
    EXPECT_ONLY({KPI_PES_ERRORS, 1}, {KPI_LOST, 1}, {KPI_FRAMES, FRAMES - 1});
}

static void drop_aud(struct stream_frame *f)
{
    f->aud = false;
}

static void test_missing_aud(void **state)
{
    (void)state;
    build(drop_aud);
    EXPECT_ONLY({KPI_MISSING_AUD, 1}, {KPI_FRAMES, FRAMES});
}

static void idr_without_sps(struct stream_frame *f)
{
    f->idr = true;
    f->random_access = true;
    f->pps = true;
}

static void idr_without_pps(struct stream_frame *f)
{
    f->idr = true;
    f->random_access = true;
    f->sps = true;
}

static void test_missing_sps(void **state)
{
    (void)state;
    build(idr_without_sps);
    EXPECT_ONLY({KPI_MISSING_PARAMETER_SETS, 1}, {KPI_IDR_FRAMES, 5});
}

static void test_missing_pps(void **state)
{
    (void)state;
    build(idr_without_pps);
    EXPECT_ONLY({KPI_MISSING_PARAMETER_SETS, 1}, {KPI_IDR_FRAMES, 5});
}

static void flag_random_access(struct stream_frame *f)
{
    f->random_access = true;
}

static void test_random_access(void **state)
{
    (void)state;
    build(flag_random_access);
    EXPECT_ONLY({KPI_RANDOM_ACCESS, 1}, {KPI_IDR_FRAMES, 4});
}

static void change_size(struct stream_frame *f)
{
    f->sps = true;
    f->width_mbs = 20;
}

static void test_size_change(void **state)
{
    (void)state;
    build(change_size);
    // There and, with the next IDR, back.
    EXPECT_ONLY({KPI_SIZE_CHANGES, 2}, {KPI_WIDTH, 640});
}

static void drop_identity(struct stream_frame *f)
{
    f->identity = false;
}

static void test_no_identity(void **state)
{
    (void)state;
    build(drop_identity);
    EXPECT_ONLY({KPI_WITHOUT_IDENTITY, 1}, {KPI_LOST, 1});
}

static void drop_time(struct stream_frame *f)
{
    f->capture_us = 0;
}

static void test_no_time(void **state)
{
    (void)state;
    build(drop_time);
    EXPECT_ONLY({KPI_WITHOUT_TIME, 1});
}

static void test_lost_frames(void **state)
{
    (void)state;
    stream_good(stream, 0, 14);
    for (uint64_t n = 17; n < FRAMES; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        stream_frame(stream, &f);
    }
    EXPECT_ONLY({KPI_LOST, 2}, {KPI_FRAMES, FRAMES - 2}, {KPI_PTS_JUMPS, 1}, {KPI_PCR_GAPS, 1});
}

static void repeat_number(struct stream_frame *f)
{
    f->sequence--;
}

static void test_repeated_number(void **state)
{
    (void)state;
    build(repeat_number);
    // Frame 15 says that it is 14: one repeated, one missing.
    EXPECT_ONLY({KPI_REPEATED, 1}, {KPI_LOST, 1}, {KPI_FRAMES, FRAMES});
}

static void test_swapped_numbers(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < FRAMES; n++) {
        struct stream_frame f;
        stream_frame_init(&f, n);
        f.sequence = n == 15 ? 16 : n == 16 ? 15 : n;
        if (f.idr)
            stream_tables(stream, true, true);
        stream_frame(stream, &f);
    }
    EXPECT_ONLY({KPI_OUT_OF_ORDER, 1}, {KPI_LOST, 0});
}

static void change_path(struct stream_frame *f)
{
    f->path = 1;
    f->epoch = 1;
}

static void test_change_of_path(void **state)
{
    (void)state;
    build(change_path);
    EXPECT_ONLY({KPI_CHANGES, 2});
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_good),
        T(test_lost_packet),
        T(test_repeated_packet_is_allowed),
        T(test_packet_three_times),
        T(test_transport_error),
        T(test_lost_sync),
        T(test_bad_crc),
        T(test_no_pmt),
        T(test_pcr_gap),
        T(test_pcr_backwards),
        T(test_pts_seam),
        T(test_pts_backwards),
        T(test_pts_missing),
        T(test_pes_error),
        T(test_missing_aud),
        T(test_missing_sps),
        T(test_missing_pps),
        T(test_random_access),
        T(test_size_change),
        T(test_no_identity),
        T(test_no_time),
        T(test_lost_frames),
        T(test_repeated_number),
        T(test_swapped_numbers),
        T(test_change_of_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
