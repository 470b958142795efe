// SPDX-License-Identifier: Apache-2.0
// What goes in comes out: access units of every size, the SEI, errors of the sink.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "mux_reader.h"

struct fixture {
    struct mux *mux;
    struct reader reader;
    uint8_t bytes[400 * 1024];
    uint64_t written;
};

static struct fixture f;

static int begin(void **state)
{
    (void)state;
    struct mux_config config;
    mux_config_init(&config);
    f.written = 0;
    reader_init(&f.reader);
    return mux_create(&config, &f.mux);
}

static int end(void **state)
{
    (void)state;
    mux_destroy(f.mux);
    reader_finish(&f.reader);
    return 0;
}

// Writes bytes[0..size) as the next access unit and checks that it comes out whole, with the SEI before its
// slice.
static void check_unit(uint32_t size, uint32_t head, struct mux_access_unit unit)
{
    unit.data = f.bytes;
    unit.size_bytes = size;
    unit.capture_ns = (int64_t)(f.written++ * 33000000);
    reader_forget(&f.reader);
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_OK);
    uint32_t got_size;
    const uint8_t *got = reader_unit(&f.reader, &got_size);
    struct sei_content sei;
    uint32_t sei_bytes = 0;
    assert_memory_equal(f.reader.pes, "\0\0\1\xe0", 4);
    assert_memory_equal(got, f.bytes, head);
    assert_true(read_sei(got + head, got_size - head, &sei, &sei_bytes));
    assert_int_equal(got_size, size + sei_bytes);
    assert_memory_equal(got + head + sei_bytes, f.bytes + head, size - head);
    assert_int_equal(reader_pes_length(&f.reader), got_size + 8 > 65535 ? 0 : got_size + 8);
    assert_true(reader_is_clean(&f.reader));
    assert_int_equal(sei.status, 0x1f);
    assert_true(sei.utc_us == (uint64_t)(unit.capture_ns + unit.utc_offset_ns) / 1000);
    assert_true(sei.sequence == unit.sequence);
    assert_int_equal(sei.epoch, unit.epoch);
    assert_int_equal(sei.path, unit.path);
    assert_int_equal(sei.flags, unit.flags);
}

static void every_size(void **state)
{
    (void)state;
    for (uint32_t slice = 6; slice <= 2000; slice++) {
        uint32_t head;
        uint32_t size = make_unit(f.bytes, slice, slice % 7 == 0, slice, &head);
        check_unit(size, head, (struct mux_access_unit){.sequence = slice});
    }
    for (uint32_t i = 1; i <= 40; i++) {
        uint32_t head;
        uint32_t slice = i <= 20 ? 65000 + i * 37 : i * 7500;
        uint32_t size = make_unit(f.bytes, slice, i % 3 == 0, i, &head);
        check_unit(size, head, (struct mux_access_unit){.sequence = i});
    }
}

// Values full of zeros and ones need emulation prevention in the SEI.
static void sei_survives_any_value(void **state)
{
    (void)state;
    static const uint64_t sequences[] = {0,
                                         1,
                                         0x000001,
                                         0x0000010000010000,
                                         0x0100000100000100,
                                         0x0003000003000002,
                                         0x00000000000000ff,
                                         UINT64_MAX};
    for (uint32_t i = 0; i < sizeof sequences / sizeof sequences[0]; i++) {
        for (uint32_t epoch = 0; epoch < 4; epoch++) {
            uint32_t head;
            uint32_t size = make_unit(f.bytes, 100, false, i, &head);
            check_unit(size, head,
                       (struct mux_access_unit){.sequence = sequences[i],
                                                .epoch = epoch << 8,
                                                .path = (uint8_t)epoch,
                                                .flags = epoch & MUX_ACCESS_UNIT_AFTER_SWITCH,
                                                .utc_offset_ns = INT64_C(1760000000000000000) * (epoch & 1)});
        }
    }
}

static void missing_delimiter_is_added(void **state)
{
    (void)state;
    uint32_t head;
    uint32_t size = make_unit(f.bytes, 300, true, 1, &head);
    struct mux_access_unit unit = {.data = f.bytes + 6, .size_bytes = size - 6};
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_OK);
    uint32_t got_size;
    const uint8_t *got = reader_unit(&f.reader, &got_size);
    assert_memory_equal(got, f.bytes, head);
    assert_true(f.reader.random_access);
}

// The rest of a picture coded in several slices stays behind the SEI, in order.
static void several_slices(void **state)
{
    (void)state;
    uint32_t head;
    uint32_t size = make_unit(f.bytes, 500, true, 1, &head);
    static const uint8_t second[] = {0, 0, 1, 0x65, 0x48, 0x99, 0x88, 0x77};
    memcpy(f.bytes + size, second, sizeof second);
    check_unit(size + sizeof second, head, (struct mux_access_unit){.sequence = 1});
}

static void what_is_no_picture_is_refused(void **state)
{
    (void)state;
    static const uint8_t no_slice[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 6, 5, 1, 1, 0x80};
    static const uint8_t noise[] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct mux_access_unit unit = {.data = no_slice, .size_bytes = sizeof no_slice};
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_ERR_INVALID);
    unit.data = noise;
    unit.size_bytes = sizeof noise;
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_ERR_INVALID);
    unit.size_bytes = 0;
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_ERR_INVALID);
    unit.data = NULL;
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_ERR_INVALID);
    assert_int_equal(f.reader.payloads, 0);
}

// An IDR without parameter sets is no place to join, whatever its slice type says.
static void idr_without_sets_is_no_entry(void **state)
{
    (void)state;
    static const uint8_t bare[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x65, 0x88, 1, 2, 3, 4};
    memcpy(f.bytes, bare, sizeof bare);
    check_unit(sizeof bare, 6, (struct mux_access_unit){.sequence = 3});
    assert_false(f.reader.random_access);
    assert_int_equal(f.reader.joins, 0);
}

static void sink_errors_hide_nothing(void **state)
{
    (void)state;
    uint32_t head;
    struct mux_statistics statistics;
    uint32_t size = make_unit(f.bytes, 5000, true, 1, &head);
    struct mux_access_unit unit = {.data = f.bytes, .size_bytes = size};
    f.reader.answer = CASTOR_ERR_LOST;
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_ERR_LOST);
    mux_get_statistics(f.mux, &statistics);
    assert_int_equal(statistics.sink_errors, f.reader.payloads);
    assert_true(f.reader.payloads > 3);
    f.reader.answer = 0;
    unit.capture_ns = 33000000;
    assert_int_equal(mux_write_access_unit(f.mux, &unit, &f.reader.sink), CASTOR_OK);
    assert_true(reader_is_clean(&f.reader));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_size, begin, end),
        cmocka_unit_test_setup_teardown(sei_survives_any_value, begin, end),
        cmocka_unit_test_setup_teardown(missing_delimiter_is_added, begin, end),
        cmocka_unit_test_setup_teardown(several_slices, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_picture_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(idr_without_sets_is_no_entry, begin, end),
        cmocka_unit_test_setup_teardown(sink_errors_hide_nothing, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
