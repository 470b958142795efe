// SPDX-License-Identifier: Apache-2.0
// PTS, PCR, source times and table repetition at every frame rate.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hal/time.h"
#include "mux_reader.h"

#define UNITS 10000
#define PCR_GAP_MAX UINT64_C(1080000) // 40 ms

static uint8_t unit_bytes[4096];

static uint64_t expected_pts(int64_t capture_ns, int64_t offset_ns)
{
    castor_uint128 ticks =
        ((castor_uint128)capture_ns * 9 + 50000) / 100000 + (castor_uint128)offset_ns * 9 / 100000;
    return (uint64_t)(ticks & ((UINT64_C(1) << 33) - 1));
}

static uint64_t expected_pcr(int64_t capture_ns)
{
    return (uint64_t)((((castor_uint128)capture_ns * 27 + 500) / 1000) % ((castor_uint128)300 << 33));
}

static void write_unit(struct mux *mux, struct reader *reader, int64_t capture_ns, uint64_t index,
                       int expected)
{
    uint32_t head;
    uint32_t size =
        make_unit(unit_bytes, 200 + (uint32_t)(index * 37 % 1500), index % 50 == 0, (uint32_t)index, &head);
    struct mux_access_unit unit = {
        .data = unit_bytes, .size_bytes = size, .capture_ns = capture_ns, .sequence = index};
    reader_forget(reader);
    assert_int_equal(mux_write_access_unit(mux, &unit, &reader->sink), expected);
}

static struct mux *create(struct mux_config *config)
{
    struct mux *mux = NULL;
    assert_int_equal(mux_create(config, &mux), CASTOR_OK);
    return mux;
}

static void check_run(struct castor_rational rate, int64_t begin_ns, int64_t jitter_ns,
                      int64_t pcr_interval_ns)
{
    struct mux_config config;
    struct reader reader;
    mux_config_init(&config);
    config.pcr_interval_ns = pcr_interval_ns;
    struct mux *mux = create(&config);
    reader_init(&reader);
    uint32_t seed = 7;
    for (uint64_t i = 0; i < UNITS; i++) {
        seed = seed * 1664525u + 1013904223u;
        int64_t capture_ns = begin_ns + castor_frame_time_ns(rate, i);
        if (jitter_ns > 0)
            capture_ns += (int64_t)(seed >> 8) % jitter_ns;
        write_unit(mux, &reader, capture_ns, i, CASTOR_OK);
        assert_true(reader_pts(&reader) == expected_pts(capture_ns, config.pts_offset_ns));
        assert_true(reader.last_pcr == expected_pcr(capture_ns));
        assert_int_equal(reader.random_access, i % 50 == 0);
        assert_int_equal(reader.joins, i % 50 == 0);
        assert_true(reader.source_ns == capture_ns);
    }
    assert_true(reader_is_clean(&reader));
    assert_int_equal(reader.pes_packets, UNITS);
    assert_in_range(reader.max_pcr_gap, 1, (uint64_t)pcr_interval_ns * 27 / 1000);
    assert_in_range(reader.max_pat_gap_ns, 1, 100 * CASTOR_NS_PER_MS);
    assert_in_range(reader.max_sdt_gap_ns, 1, 2 * CASTOR_NS_PER_S);
    assert_int_equal(reader.pats, reader.pmts);
    assert_int_equal(reader.discontinuities, 0);
    mux_destroy(mux);
    reader_finish(&reader);
}

static const struct castor_rational rates[] = {
    {24000, 1001}, {24, 1}, {25, 1}, {30000, 1001}, {30, 1}, {50, 1}, {60000, 1001}, {60, 1}, {5, 1},
};

static void every_frame_rate(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        check_run(rates[i], 123456789, 0, MUX_PCR_GAP_MAX_NS);
        check_run(rates[i], 123456789, 0, 20 * CASTOR_NS_PER_MS);
        check_run(rates[i], 987654321, 7 * CASTOR_NS_PER_MS, MUX_PCR_GAP_MAX_NS);
    }
}

// 2^33 / 90000 s: PTS and PCR base wrap there, after 26.5 hours.
static void clocks_wrap(void **state)
{
    (void)state;
    const int64_t wrap_ns = INT64_C(95443717688889);
    check_run((struct castor_rational){30000, 1001}, wrap_ns - 100 * CASTOR_NS_PER_S, 0, MUX_PCR_GAP_MAX_NS);
    check_run((struct castor_rational){50, 1}, 40 * wrap_ns - 100 * CASTOR_NS_PER_S, 0, MUX_PCR_GAP_MAX_NS);
}

static void time_never_goes_back(void **state)
{
    (void)state;
    struct mux_config config;
    struct reader reader;
    mux_config_init(&config);
    struct mux *mux = create(&config);
    reader_init(&reader);
    write_unit(mux, &reader, -1, 0, CASTOR_ERR_INVALID);
    write_unit(mux, &reader, INT64_MAX, 0, CASTOR_ERR_INVALID);
    write_unit(mux, &reader, 1000000, 0, CASTOR_OK);
    uint64_t packets = reader.packets;
    write_unit(mux, &reader, 1000000, 1, CASTOR_ERR_INVALID);
    write_unit(mux, &reader, 999999, 1, CASTOR_ERR_INVALID);
    assert_int_equal(reader.packets, packets);
    write_unit(mux, &reader, 34000000, 1, CASTOR_OK);
    assert_true(reader_is_clean(&reader));
    mux_destroy(mux);
    reader_finish(&reader);
}

// Up to the bound a gap is bridged by PCRs; beyond it one marked PCR and the access unit's own follow.
static void holes(void **state)
{
    (void)state;
    struct mux_config config;
    struct reader reader;
    struct mux_statistics statistics;
    mux_config_init(&config);
    struct mux *mux = create(&config);
    reader_init(&reader);
    write_unit(mux, &reader, 0, 0, CASTOR_OK);
    write_unit(mux, &reader, CASTOR_NS_PER_S, 1, CASTOR_OK);
    assert_int_equal(reader.pcrs, 26);
    assert_in_range(reader.max_pcr_gap, 1, PCR_GAP_MAX);
    assert_int_equal(reader.discontinuities, 0);

    write_unit(mux, &reader, 2 * CASTOR_NS_PER_S + 1, 2, CASTOR_OK);
    write_unit(mux, &reader, 3600 * CASTOR_NS_PER_S, 3, CASTOR_OK);
    assert_int_equal(reader.pcrs, 30);
    assert_int_equal(reader.discontinuities, 2);
    assert_in_range(reader.max_pcr_gap, 1, PCR_GAP_MAX);
    assert_true(reader_is_clean(&reader));
    mux_get_statistics(mux, &statistics);
    assert_int_equal(statistics.holes, 2);
    assert_int_equal(statistics.pcr_packets, reader.pcrs);
    assert_int_equal(statistics.packets, reader.packets);
    assert_int_equal(statistics.payloads, reader.payloads);
    mux_destroy(mux);
    reader_finish(&reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frame_rate),
        cmocka_unit_test(clocks_wrap),
        cmocka_unit_test(time_never_goes_back),
        cmocka_unit_test(holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
