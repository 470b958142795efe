// SPDX-License-Identifier: Apache-2.0
// Constant rate: PCR by byte position, null packets, access units that are too large.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "hal/time.h"
#include "mux_reader.h"

#define FRAME_NS INT64_C(33366666)

static uint8_t bytes[400 * 1024];

struct run {
    struct mux *mux;
    struct reader reader;
    struct mux_config config;
    int64_t capture_ns;
    uint64_t units;
};

static struct run r;

static void begin(uint64_t rate_bps, int64_t pts_offset_ns)
{
    r.capture_ns = INT64_C(5555555555);
    r.units = 0;
    mux_config_init(&r.config);
    r.config.rate_bps = rate_bps;
    r.config.pts_offset_ns = pts_offset_ns;
    assert_int_equal(mux_create(&r.config, &r.mux), CASTOR_OK);
    reader_init(&r.reader);
    r.reader.rate_bps = rate_bps;
}

static void end(void)
{
    mux_destroy(r.mux);
    reader_finish(&r.reader);
}

static void write_unit(uint32_t slice_bytes, bool idr)
{
    uint32_t head;
    uint32_t size = make_unit(bytes, slice_bytes, idr, (uint32_t)r.units, &head);
    struct mux_access_unit unit = {
        .data = bytes, .size_bytes = size, .capture_ns = r.capture_ns, .sequence = r.units};
    reader_forget(&r.reader);
    assert_int_equal(mux_write_access_unit(r.mux, &unit, &r.reader.sink), CASTOR_OK);
    uint32_t got_size;
    reader_unit(&r.reader, &got_size);
    assert_in_range(got_size, size + 69, size + 110);
    assert_int_equal(r.reader.joins, idr);
    r.units++;
    r.capture_ns += FRAME_NS;
}

// Rates that divide nothing evenly, for long enough that a rounding error would add up.
static void pcr_follows_the_bytes(void **state)
{
    (void)state;
    static const uint64_t rates[] = {2000003, 5000000, 9999991, 40000000};
    for (size_t k = 0; k < sizeof rates / sizeof rates[0]; k++) {
        begin(rates[k], 500 * CASTOR_NS_PER_MS);
        uint64_t slice_total = 0;
        for (uint32_t i = 0; i < 2000; i++) {
            uint32_t slice = i % 60 == 0 ? 20000 : 1000 + i * 131 % 4000;
            slice_total += slice;
            write_unit(slice, i % 60 == 0);
        }
        assert_true(reader_is_clean(&r.reader));
        // The first packet is at capture time; its PCR is the time of the byte that ends it.
        assert_true(r.reader.first_pcr ==
                    (INT64_C(5555555555) * 27 + 500) / 1000 +
                        (r.reader.first_pcr_byte * 8 * 27000000 + rates[k] / 2) / rates[k]);
        assert_in_range(r.reader.max_pcr_gap, 1, 1080000);
        assert_in_range(r.reader.max_pat_gap_ns, 1, 100 * CASTOR_NS_PER_MS);
        assert_in_range(r.reader.max_sdt_gap_ns, 1, 2 * CASTOR_NS_PER_S);
        struct mux_statistics s;
        mux_get_statistics(r.mux, &s);
        assert_int_equal(s.rate_overflow, 0);
        assert_int_equal(s.null_packets, r.reader.nulls);
        // All the time between first and last access unit is filled, to within what one access unit spills.
        uint64_t expected = (uint64_t)(1999 * FRAME_NS) / 1000 * rates[k] / 8000000;
        assert_in_range(s.bytes, expected, expected + 30000);
        assert_true(s.null_packets > 0 && s.null_packets * 188 < s.bytes - slice_total);
        end();
    }
}

// An IDR that takes ten frame intervals at this rate: the frames after it wait, and catch up before their
// PTS.
static void spill_is_caught_up(void **state)
{
    (void)state;
    begin(4000000, CASTOR_NS_PER_S);
    for (uint32_t i = 0; i < 300; i++)
        write_unit(i % 100 == 0 ? 160000 : 3000, i % 100 == 0);
    struct mux_statistics s;
    mux_get_statistics(r.mux, &s);
    assert_int_equal(s.rate_overflow, 0);
    assert_true(reader_is_clean(&r.reader));
    assert_in_range(r.reader.max_pcr_gap, 1, 1080000);
    end();
}

// Twice as much as the rate carries: reported, complete, never after its PTS, clocks never back.
static void too_low_a_rate(void **state)
{
    (void)state;
    begin(1000000, 100 * CASTOR_NS_PER_MS);
    r.reader.rate_bps = 0;
    for (uint32_t i = 0; i < 300; i++) {
        write_unit(8000, i % 100 == 0);
        assert_true(r.reader.source_ns <= r.capture_ns - FRAME_NS + r.config.pts_offset_ns);
    }
    struct mux_statistics s;
    mux_get_statistics(r.mux, &s);
    assert_in_range(s.rate_overflow, 290, 300);
    assert_true(reader_is_clean(&r.reader));
    assert_in_range(r.reader.max_pcr_gap, 1, 1080000);
    assert_int_equal(r.reader.discontinuities, 0);
    end();
}

static void a_hole_is_not_filled(void **state)
{
    (void)state;
    begin(5000000, 100 * CASTOR_NS_PER_MS);
    r.reader.rate_bps = 0;
    write_unit(5000, true);
    write_unit(5000, false);
    uint64_t packets = r.reader.packets;
    r.capture_ns += 60 * CASTOR_NS_PER_S;
    write_unit(5000, false);
    assert_in_range(r.reader.packets - packets, 100, 250);
    assert_int_equal(r.reader.discontinuities, 1);
    write_unit(5000, false);
    assert_true(reader_is_clean(&r.reader));
    assert_in_range(r.reader.max_pcr_gap, 1, 1080000);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcr_follows_the_bytes),
        cmocka_unit_test(spill_is_caught_up),
        cmocka_unit_test(too_low_a_rate),
        cmocka_unit_test(a_hole_is_not_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
