// SPDX-License-Identifier: Apache-2.0
// Headers of driver vaapi, read back by a reader of the test's own; access units made of what devices write.
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "h264_level.h"
#include "vaapi_headers.h"
#include "vaapi_unit.h"

struct reader {
    uint8_t bytes[VAAPI_HEADER_MAX_BYTES];
    size_t size, position;
};

// Removes the start code, the NAL header and emulation prevention; fails on a forbidden pattern.
static uint8_t open_nal(struct reader *reader, const uint8_t *bytes, size_t size)
{
    unsigned zeros = 0;
    size_t i = 0;

    while (bytes[i] == 0)
        i++;
    assert_int_equal(bytes[i++], 1);
    uint8_t header = bytes[i++];
    reader->size = reader->position = 0;
    for (; i < size; i++) {
        if (zeros >= 2) {
            assert_in_range(bytes[i], 3, 255); // 7.4.1: never 0, 1 or 2 after two zero bytes
            if (bytes[i] == 3) {
                zeros = 0;
                continue;
            }
        }
        zeros = bytes[i] == 0 ? zeros + 1 : 0;
        reader->bytes[reader->size++] = bytes[i];
    }
    return header;
}

static uint32_t get(struct reader *reader, unsigned count)
{
    uint32_t value = 0;

    while (count-- > 0) {
        assert_true(reader->position < reader->size * 8);
        value = value << 1 | (reader->bytes[reader->position / 8] >> (7 - reader->position % 8) & 1);
        reader->position++;
    }
    return value;
}

static uint32_t get_ue(struct reader *reader)
{
    unsigned zeros = 0;

    while (get(reader, 1) == 0)
        zeros++;
    return (1u << zeros) - 1 + get(reader, zeros);
}

static const struct vaapi_stream stream = {
    .codec = ENCODER_CODEC_H264,
    .format = {.width_px = 640, .height_px = 362, .pixel = CASTOR_PIXEL_I420, .rate = {30000, 1001}},
    .level_idc = 32,
    .cabac = true,
};

static void check_slice(const struct vaapi_ids *ids)
{
    struct vaapi_header header;
    struct reader reader;

    vaapi_header_slice(&stream, ids, &header);
    assert_int_equal(header.size_bytes, (header.size_bits + 7) / 8);
    assert_int_equal(open_nal(&reader, header.bytes, header.size_bytes), ids->idr ? 0x65 : 0x61);
    assert_int_equal(get_ue(&reader), 0);
    assert_int_equal(get_ue(&reader), ids->idr ? 7 : 5);
    assert_int_equal(get_ue(&reader), 0);
    assert_int_equal(get(&reader, 8), ids->frame_num);
    if (ids->idr)
        assert_int_equal(get_ue(&reader), ids->idr_pic_id);
    assert_int_equal(get(&reader, 8), ids->poc_lsb);
    assert_int_equal(get(&reader, ids->idr ? 2 : 3), 0);
    if (!ids->idr)
        assert_int_equal(get_ue(&reader), 0); // cabac_init_idc
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(get_ue(&reader), 0); // QP and deblocking
    size_t unused = reader.size * 8 - reader.position;
    assert_int_equal(unused, (8 - header.size_bits % 8) % 8); // size_bits is exact
}

static void numbers_wrap(void **state)
{
    struct vaapi_ids ids = {.since_idr = 0};

    (void)state;
    vaapi_ids_next(&ids, true);
    for (uint32_t i = 0; i < 1000; i++) {
        assert_int_equal(ids.frame_num, i % 256);
        assert_int_equal(ids.poc, 2 * i);
        assert_int_equal(ids.poc_lsb, 2 * i % 256);
        check_slice(&ids);
        vaapi_ids_next(&ids, false);
    }
}

// Every idr_pic_id, among them those whose code holds so many zeros that emulation prevention is needed.
static void idr_numbers_wrap(void **state)
{
    struct vaapi_ids ids = {.since_idr = 0};
    unsigned escaped = 0;

    (void)state;
    for (uint32_t i = 1; i < 70000; i++) {
        struct vaapi_header header;
        vaapi_ids_next(&ids, true);
        assert_int_equal(ids.idr_pic_id, i % 65536);
        check_slice(&ids);
        vaapi_header_slice(&stream, &ids, &header);
        for (size_t b = 4; b + 2 < header.size_bytes; b++)
            escaped += header.bytes[b] == 0 && header.bytes[b + 1] == 0 && header.bytes[b + 2] == 3;
    }
    assert_true(escaped > 0);
}

static void sequence_parameter_set_is_read_back(void **state)
{
    struct vaapi_header header;
    struct reader reader;
    size_t pps = 4;

    (void)state;
    vaapi_header_parameter_sets(&stream, &header);
    while (memcmp(header.bytes + pps, "\0\0\0\1", 4) != 0)
        pps++;
    assert_int_equal(open_nal(&reader, header.bytes, pps), 0x67);
    assert_int_equal(get(&reader, 8), 77);
    assert_int_equal(get(&reader, 8), 0x40);
    assert_int_equal(get(&reader, 8), 32);
    static const uint32_t wanted[] = {0, 4, 0, 4, 1};
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(get_ue(&reader), wanted[i]);
    assert_int_equal(get(&reader, 1), 0);
    assert_int_equal(get_ue(&reader), 39);
    assert_int_equal(get_ue(&reader), 22);
    assert_int_equal(get(&reader, 3), 7);
    static const uint32_t crop[] = {0, 0, 0, 3}; // 368 - 362 = 3 pairs of lines
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(get_ue(&reader), crop[i]);
    assert_int_equal(get(&reader, 1), 1);
    assert_int_equal(get(&reader, 9), 0x101); // square samples
    (void)get(&reader, 1 + 1 + 3 + 1);
    assert_int_equal(get(&reader, 25), 0x1010101);
    assert_int_equal(get(&reader, 2), 1);
    assert_int_equal(get(&reader, 32), 1001);
    assert_int_equal(get(&reader, 32), 60000);
    assert_int_equal(get(&reader, 6), 0x23); // fixed; no HRD, no pic_struct; restriction, vectors over edges
    static const uint32_t limits[] = {0, 0, 15, 15, 0, 1};
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(get_ue(&reader), limits[i]);
    assert_int_equal(get(&reader, 1), 1);
    assert_true(reader.size * 8 - reader.position < 8);
    assert_int_equal(open_nal(&reader, header.bytes + pps, header.size_bytes - pps), 0x68);
    assert_int_equal(get_ue(&reader), 0);
    assert_int_equal(get_ue(&reader), 0);
    assert_int_equal(get(&reader, 1), 1); // CABAC
}

static uint8_t level(uint32_t width_px, uint32_t height_px, uint32_t fps, uint32_t bitrate_bps)
{
    struct castor_format format = {.width_px = width_px, .height_px = height_px, .rate = {fps, 1}};
    const struct h264_level *found = h264_level_choose(&format, bitrate_bps, 0, H264_FACTOR_MAIN);
    return found ? found->idc : 0;
}

static void levels_fit(void **state)
{
    (void)state;
    assert_int_equal(level(640, 360, 30, 1000000), 32);
    assert_int_equal(level(1920, 1080, 30, 6000000), 40);
    assert_int_equal(level(1920, 1080, 30, 20000001), 41);
    assert_int_equal(level(1920, 1080, 60, 6000000), 42);
    assert_int_equal(level(3840, 2160, 30, 6000000), 51);
    assert_int_equal(level(3840, 2160, 60, 6000000), 52);
    assert_int_equal(level(3840, 180, 30, 6000000), 40); // long and thin: A.3.1
    assert_int_equal(level(3840, 2160, 60, 300000000), 61);
    assert_int_equal(level(3840, 2160, 60, 800000001), 0);
}

// ---- access units ----

struct coded {
    uint8_t bytes[VAAPI_UNIT_ROOM_BYTES + 256];
    size_t size;
};

static int make(const void *bytes, size_t size, struct vaapi_parameter_sets *sets, struct coded *coded,
                struct vaapi_unit *unit)
{
    memset(coded, 0xEE, sizeof *coded);
    memcpy(coded->bytes + VAAPI_UNIT_ROOM_BYTES, bytes, size);
    return vaapi_unit_make(ENCODER_CODEC_H264, coded->bytes + VAAPI_UNIT_ROOM_BYTES, size, sets, unit);
}

#define MAKE(text) make(text, sizeof(text) - 1, &sets, &coded, &unit)
#define AUD_IDR "\0\0\0\1\x09\x10"
#define AUD_P "\0\0\0\1\x09\x30"
#define SETS "\0\0\0\1\x67ss\0\0\0\1\x68pp"

static void expect(const struct vaapi_unit *unit, const void *bytes, size_t size, bool idr)
{
    assert_int_equal(unit->size_bytes, size);
    assert_memory_equal(unit->data, bytes, size);
    assert_int_equal(unit->idr, idr);
}
#define EXPECT(text, is_idr) expect(&unit, text, sizeof(text) - 1, is_idr)

static void units_begin_as_they_should(void **state)
{
    struct vaapi_parameter_sets sets = {.size_bytes = 0};
    struct vaapi_unit unit;
    struct coded coded;

    (void)state;
    assert_int_equal(MAKE("\0\0\1\x65slice"), CASTOR_ERR_INVALID); // an IDR, and nobody knows the sets
    assert_int_equal(MAKE("\0\0\0\1\x67ss\0\0\1\x68pp\0\0\0\1\x65slice"), CASTOR_OK);
    EXPECT(AUD_IDR "\0\0\0\1\x67ss\0\0\1\x68pp\0\0\0\1\x65slice", true);
    assert_int_equal(sets.size_bytes, sizeof(SETS) - 1);
    assert_memory_equal(sets.bytes, SETS, sizeof(SETS) - 1);
    assert_int_equal(MAKE("\0\0\1\x65slice"), CASTOR_OK);
    EXPECT(AUD_IDR SETS "\0\0\1\x65slice", true);
    assert_int_equal(MAKE("\0\0\0\1\x09\x10\0\0\1\x06sei\0\0\1\x65slice"), CASTOR_OK);
    EXPECT(AUD_IDR SETS "\0\0\1\x06sei\0\0\1\x65slice", true);
    assert_int_equal(MAKE("\0\0\0\1\x09\xF0\0\0\1\x41slice"), CASTOR_OK);
    EXPECT(AUD_P "\0\0\0\1\x41slice", false);
}

static void what_is_no_stream_is_refused(void **state)
{
    struct vaapi_parameter_sets sets = {.size_bytes = 0};
    struct vaapi_unit unit;
    struct coded coded;
    char long_set[VAAPI_PARAMETER_SETS_MAX_BYTES + 100] = "\0\0\1\x67";

    (void)state;
    assert_int_equal(MAKE(""), CASTOR_ERR_INVALID);
    assert_int_equal(MAKE("\0\0\1"), CASTOR_ERR_INVALID);
    assert_int_equal(MAKE("\xA5\xA5\xA5\xA5"), CASTOR_ERR_INVALID);
    assert_int_equal(MAKE("\xA5\0\0\1\x41slice"), CASTOR_ERR_INVALID); // does not begin with a start code
    assert_int_equal(MAKE("\0\0\1\xC1slice"), CASTOR_ERR_INVALID);     // forbidden_zero_bit
    assert_int_equal(MAKE(SETS), CASTOR_ERR_INVALID);                  // no slice
    memset(long_set + 4, 's', sizeof long_set - 4);
    uint8_t *big = malloc(VAAPI_UNIT_ROOM_BYTES + sizeof long_set);
    assert_non_null(big);
    memcpy(big + VAAPI_UNIT_ROOM_BYTES, long_set, sizeof long_set);
    assert_int_equal(
        vaapi_unit_make(ENCODER_CODEC_H264, big + VAAPI_UNIT_ROOM_BYTES, sizeof long_set, &sets, &unit),
        CASTOR_ERR_INVALID);
    free(big);
    assert_int_equal(sets.size_bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_wrap),
        cmocka_unit_test(idr_numbers_wrap),
        cmocka_unit_test(sequence_parameter_set_is_read_back),
        cmocka_unit_test(levels_fit),
        cmocka_unit_test(units_begin_as_they_should),
        cmocka_unit_test(what_is_no_stream_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
