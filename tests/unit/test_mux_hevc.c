// SPDX-License-Identifier: Apache-2.0
// HEVC through the mux: tables, where the SEI goes, delimiters, random access.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "mux_reader.h"

#define AUD 0, 0, 0, 1, 0x46, 0x01, 0x50
#define VPS 0, 0, 0, 1, 0x40, 0x01, 0x0c, 0x01
// Main profile at the given level, 640x360 (see test_hevc_units.c).
#define SPS(level)                                                                                           \
    0, 0, 0, 1, 0x42, 0x01, 0x01, 0x01, 0x60, 0x00, 0x00, 0x03, 0x00, 0x90, 0x00, 0x00, 0x03, 0x00, 0x00,    \
        0x03, 0x00, (level), 0xa0, 0x05, 0x02, 0x01, 0x71, 0xf2, 0xe5, 0x80
#define PPS 0, 0, 0, 1, 0x44, 0x01, 0xc1, 0x73
#define IDR 0, 0, 1, 0x26, 0x01, 0xaf, 0x12, 0x34
#define CRA 0, 0, 1, 0x2a, 0x01, 0xaf, 0x12, 0x34
#define P 0, 0, 0, 1, 0x02, 0x01, 0xd0, 0x24

struct bench {
    struct mux *mux;
    struct reader reader;
    int64_t capture_ns;
};

static void bench_open(struct bench *bench)
{
    struct mux_config config;
    mux_config_init(&config);
    assert_int_equal(mux_stream_init(MUX_CODEC_HEVC, 0x100, NULL, &config.streams[0]), CASTOR_OK);
    assert_int_equal(mux_create(&config, &bench->mux), CASTOR_OK);
    reader_init(&bench->reader);
    bench->capture_ns = 1000000000;
}

static void bench_close(struct bench *bench)
{
    assert_true(reader_is_clean(&bench->reader));
    reader_finish(&bench->reader);
    mux_destroy(bench->mux);
}

static int write_unit(struct bench *bench, const uint8_t *data, size_t size_bytes)
{
    struct mux_access_unit unit = {
        .data = data,
        .size_bytes = size_bytes,
        .capture_ns = bench->capture_ns,
        .sequence = 77,
        .epoch = 3,
        .path = 1,
    };
    reader_forget(&bench->reader);
    bench->capture_ns += 33000000;
    return mux_write_access_unit(bench->mux, &unit, &bench->reader.sink);
}

#define WRITE(bench, ...)                                                                                    \
    assert_int_equal(write_unit(bench, (const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})),    \
                     CASTOR_OK)

static void tables(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    WRITE(&bench, AUD, VPS, SPS(0x7b), PPS, IDR);
    const uint8_t *es = bench.reader.pmt + 12;
    assert_int_equal(bench.reader.pmt[5], 0xc1); // version 0
    assert_int_equal(es[0], 0x24);
    assert_int_equal((es[3] & 0xf) << 8 | es[4], 21);
    assert_memory_equal(es + 5, "\x05\x04HEVC", 6);
    // HEVC_video_descriptor: the profile as it stands in the SPS, without emulation prevention.
    assert_memory_equal(es + 11, "\x38\x0d\x01\x60\x00\x00\x00\x90\x00\x00\x00\x00\x00\x7b\x1f", 15);
    assert_int_equal(
        reader_crc(bench.reader.pmt, 3 + ((bench.reader.pmt[1] & 0xfu) << 8 | bench.reader.pmt[2])), 0);
    assert_int_equal(bench.reader.sdt[16 + 2], 0x1f); // service_type: HEVC
    WRITE(&bench, AUD, P);
    WRITE(&bench, AUD, VPS, SPS(0x7b), PPS, IDR);
    assert_int_equal(bench.reader.pmt[5], 0xc1);
    // Another path with another level: a new version of the PMT, its counters going on.
    WRITE(&bench, AUD, VPS, SPS(0x99), PPS, IDR);
    assert_int_equal(bench.reader.pmt[5], 0xc3);
    assert_int_equal(bench.reader.pmt[12 + 11 + 13], 0x99);
    assert_int_equal((bench.reader.pmt[12 + 3] & 0xf) << 8 | bench.reader.pmt[12 + 4], 21);
    bench_close(&bench);
}

// Without an SPS that can be read the PMT says what it can.
static void unreadable_parameters(void **state)
{
    (void)state;
    struct bench bench;
    bench_open(&bench);
    WRITE(&bench, AUD, VPS, 0, 0, 1, 0x42, 0x01, 0x01, PPS, IDR);
    assert_int_equal((bench.reader.pmt[15] & 0xf) << 8 | bench.reader.pmt[16], 6);
    bench_close(&bench);
}

// The SEI as mux_reader.h reads it has the header of H.264, one byte; here it is two.
static void expect_sei(const uint8_t *at, size_t left_bytes)
{
    uint8_t h264[256] = {0, 0, 1, 6};
    struct sei_content sei;
    uint32_t sei_bytes = 0;
    assert_true(left_bytes > 5);
    assert_memory_equal(at, "\0\0\1\x4e\x01", 5);
    memcpy(h264 + 4, at + 5, left_bytes - 5 < 250 ? left_bytes - 5 : 250);
    assert_true(read_sei(h264, 200, &sei, &sei_bytes));
    assert_int_equal(sei.sequence, 77);
    assert_int_equal(sei.epoch, 3);
    assert_int_equal(sei.path, 1);
}

static void units(void **state)
{
    (void)state;
    static const uint8_t head[] = {AUD, VPS, SPS(0x7b), PPS};
    static const uint8_t slice[] = {IDR};
    uint32_t size = 0;
    struct bench bench;
    bench_open(&bench);
    WRITE(&bench, AUD, VPS, SPS(0x7b), PPS, IDR);
    assert_true(bench.reader.random_access);
    assert_int_equal(bench.reader.joins, 1);
    const uint8_t *unit = reader_unit(&bench.reader, &size);
    assert_memory_equal(unit, head, sizeof head);
    expect_sei(unit + sizeof head, size - sizeof head);
    assert_memory_equal(unit + size - sizeof slice, slice, sizeof slice);

    WRITE(&bench, P); // the delimiter is added
    assert_false(bench.reader.random_access);
    unit = reader_unit(&bench.reader, &size);
    assert_memory_equal(unit, ((const uint8_t[]){AUD}), 7);
    expect_sei(unit + 7, size - 7);

    WRITE(&bench, AUD, VPS, SPS(0x7b), PPS, CRA); // leading pictures may follow: nobody is let in here
    assert_false(bench.reader.random_access);
    WRITE(&bench, AUD, IDR); // without parameter sets neither
    assert_false(bench.reader.random_access);
    static const uint8_t no_picture[] = {AUD, VPS, SPS(0x7b), PPS};
    assert_int_equal(write_unit(&bench, no_picture, sizeof no_picture), CASTOR_ERR_INVALID);
    bench_close(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(unreadable_parameters),
        cmocka_unit_test(units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
