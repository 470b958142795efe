// SPDX-License-Identifier: Apache-2.0
// PAT, PMT and SDT with several streams; PES packets of other streams; configurations that are refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "mux_reader.h"

static uint8_t bytes[70000];

static void add_stream(struct mux_config *config, enum mux_codec codec, const char *language)
{
    uint32_t index = config->stream_count++;
    assert_int_equal(mux_stream_init(codec, (uint16_t)(0x100 + index), language, &config->streams[index]),
                     CASTOR_OK);
}

static void write_picture(struct mux *mux, struct reader *reader, int64_t capture_ns)
{
    uint32_t head;
    uint32_t size = make_unit(bytes, 500, true, 1, &head);
    struct mux_access_unit unit = {.data = bytes, .size_bytes = size, .capture_ns = capture_ns};
    assert_int_equal(mux_write_access_unit(mux, &unit, &reader->sink), CASTOR_OK);
}

static const uint8_t *find_es(const struct reader *reader, uint16_t pid)
{
    const uint8_t *pmt = reader->pmt;
    uint32_t end = 3 + ((pmt[1] & 0xfu) << 8 | pmt[2]) - 4;
    uint32_t at = 12 + ((pmt[10] & 0xfu) << 8 | pmt[11]);
    while (at < end) {
        if (((pmt[at + 1] & 0x1f) << 8 | pmt[at + 2]) == pid)
            return pmt + at;
        at += 5 + ((pmt[at + 3] & 0xfu) << 8 | pmt[at + 4]);
    }
    return NULL;
}

static void many_streams(void **state)
{
    (void)state;
    struct mux_config config;
    struct reader reader;
    struct mux *mux = NULL;
    mux_config_init(&config);
    config.psi_version = 5;
    strcpy(config.service_name, "Caf\xc3\xa9");
    add_stream(&config, MUX_CODEC_AAC, "eng");
    add_stream(&config, MUX_CODEC_OPUS, "deu");
    add_stream(&config, MUX_CODEC_ID3, NULL);
    add_stream(&config, MUX_CODEC_HEVC, NULL);
    while (config.stream_count < MUX_STREAMS_MAX)
        add_stream(&config, MUX_CODEC_OPUS, "fra");
    assert_int_equal(mux_create(&config, &mux), CASTOR_OK);
    reader_init(&reader);
    write_picture(mux, &reader, 0);
    write_picture(mux, &reader, 33000000);

    uint32_t length = 3 + ((reader.pmt[1] & 0xfu) << 8 | reader.pmt[2]);
    assert_int_equal(reader.pmt_pid, 0x1000);
    assert_true(length > 184 && length <= reader.pmt_size_bytes); // spans packets
    assert_int_equal(reader_crc(reader.pmt, length), 0);
    assert_int_equal(reader.pmt[5], 0xc0 | 5 << 1 | 1);
    assert_int_equal((reader.pmt[8] & 0x1f) << 8 | reader.pmt[9], 0x100); // PCR_PID
    assert_memory_equal(reader.pmt + 12, "\x25\x0f\xff\xffID3 \xffID3 \x00\x1f\x00\x01", 17);
    assert_int_equal(find_es(&reader, 0x100)[0], 0x1b);
    assert_int_equal(find_es(&reader, 0x101)[0], 0x0f);
    assert_memory_equal(find_es(&reader, 0x101) + 5,
                        "\x0a\x04"
                        "eng\0",
                        6);
    assert_int_equal(find_es(&reader, 0x102)[0], 0x06);
    assert_memory_equal(find_es(&reader, 0x102) + 5,
                        "\x05\x04Opus\x7f\x02\x80\x02\x0a\x04"
                        "deu\0",
                        16);
    assert_int_equal(find_es(&reader, 0x103)[0], 0x15);
    assert_memory_equal(find_es(&reader, 0x103) + 5, "\x26\x0d\xff\xffID3 \xffID3 \x00\x0f", 15);
    assert_int_equal(find_es(&reader, 0x104)[0], 0x24);
    assert_int_equal(find_es(&reader, 0x10f)[0], 0x06);
    assert_null(find_es(&reader, 0x110));
    assert_int_equal(reader_crc(reader.sdt, 3 + ((reader.sdt[1] & 0xfu) << 8 | reader.sdt[2])), 0);
    assert_memory_equal(reader.sdt + 16,
                        "\x48\x0f\x19\x06"
                        "Castor\x06\x15"
                        "Caf\xc3\xa9",
                        17);
    assert_true(reader_is_clean(&reader));
    mux_destroy(mux);
    reader_finish(&reader);
}

static void other_streams(uint64_t rate_bps)
{
    struct mux_config config;
    struct reader reader;
    struct mux *mux = NULL;
    mux_config_init(&config);
    config.rate_bps = rate_bps;
    add_stream(&config, MUX_CODEC_AAC, "eng");
    assert_int_equal(mux_create(&config, &mux), CASTOR_OK);
    reader_init(&reader);
    reader.rate_bps = rate_bps;
    struct mux_pes pes = {.stream = 1, .data = bytes, .size_bytes = 10, .random_access = true};
    assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_ERR_AGAIN);
    write_picture(mux, &reader, 1000000000);
    reader.pes_pid = 0x101;
    for (uint32_t i = 1; i < 1000; i++) {
        pes.size_bytes = i;
        pes.pts_ns = pes.source_ns = 1000000000 + i * INT64_C(21333333);
        for (uint32_t k = 0; k < i; k++)
            bytes[k] = (uint8_t)(k * i);
        reader_forget(&reader);
        assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_OK);
        uint32_t size;
        const uint8_t *got = reader_unit(&reader, &size);
        assert_int_equal(size, i);
        assert_memory_equal(got, bytes, i);
        assert_memory_equal(reader.pes, "\0\0\1\xc0", 4);
        assert_int_equal(reader_pes_length(&reader), i + 8);
        assert_true(reader_pts(&reader) == 90000 + ((uint64_t)i * 21333333 * 9 + 50000) / 100000 + 9000);
        assert_true(reader.random_access);
        write_picture(mux, &reader, pes.pts_ns + 1);
    }
    assert_true(reader_is_clean(&reader));
    assert_in_range(reader.max_pcr_gap, 1, 1080000);
    pes.size_bytes = 65528;
    assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_ERR_INVALID);
    pes.size_bytes = 0;
    assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_ERR_INVALID);
    pes.size_bytes = 1;
    pes.stream = 2;
    assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_ERR_INVALID);
    pes.stream = 0;
    assert_int_equal(mux_write_pes(mux, &pes, &reader.sink), CASTOR_ERR_INVALID);
    mux_destroy(mux);
    reader_finish(&reader);
}

static void pes_of_other_streams(void **state)
{
    (void)state;
    other_streams(0);
    other_streams(3000000);
}

static void refuse(void (*spoil)(struct mux_config *config))
{
    struct mux_config config;
    struct mux *mux = NULL;
    mux_config_init(&config);
    add_stream(&config, MUX_CODEC_AAC, "eng");
    spoil(&config);
    assert_int_equal(mux_create(&config, &mux), CASTOR_ERR_INVALID);
    assert_null(mux);
}

#define SPOIL(name, statement)                                                                               \
    static void name(struct mux_config *config)                                                              \
    {                                                                                                        \
        statement;                                                                                           \
    }
SPOIL(same_pid, config->streams[1].pid = 0x100)
SPOIL(pmt_pid_taken, config->streams[1].pid = config->pmt_pid)
SPOIL(reserved_pid, config->streams[1].pid = 0x11)
SPOIL(null_pid, config->streams[1].pid = 0x1fff)
SPOIL(bad_stream_id, config->streams[1].stream_id = 0xbe)
SPOIL(cut_descriptor, config->streams[1].descriptors_size_bytes = 3)
SPOIL(no_streams, config->stream_count = 0)
SPOIL(too_many_streams, config->stream_count = MUX_STREAMS_MAX + 1)
SPOIL(first_not_video, config->streams[0].stream_type = 0x0f)
SPOIL(long_name, memset(config->service_name, 'a', MUX_NAME_BYTES_MAX))
SPOIL(slow_pcr, config->pcr_interval_ns = MUX_PCR_GAP_MAX_NS + 1)
SPOIL(tiny_rate, config->rate_bps = 1000)
SPOIL(no_offset_for_rate, config->rate_bps = 5000000; config->pts_offset_ns = 0)
SPOIL(bad_version, config->psi_version = 32)
SPOIL(no_service, config->service_id = 0)

static void bad_configurations(void **state)
{
    (void)state;
    void (*const spoilers[])(struct mux_config *) = {
        same_pid,       pmt_pid_taken, reserved_pid,       null_pid,        bad_stream_id,
        cut_descriptor, no_streams,    too_many_streams,   first_not_video, long_name,
        slow_pcr,       tiny_rate,     no_offset_for_rate, bad_version,     no_service};
    for (size_t i = 0; i < sizeof spoilers / sizeof spoilers[0]; i++)
        refuse(spoilers[i]);
    struct mux_stream stream;
    assert_int_equal(mux_stream_init(MUX_CODEC_AAC, 0x101, "en", &stream), CASTOR_ERR_INVALID);
    assert_int_equal(mux_stream_init((enum mux_codec)99, 0x101, NULL, &stream), CASTOR_ERR_INVALID);
    mux_destroy(NULL);
}

// Sixteen streams with the longest descriptors do not fit the one section that a PMT has.
static void tables_that_do_not_fit(void **state)
{
    (void)state;
    struct mux_config config;
    struct mux *mux = NULL;
    mux_config_init(&config);
    while (config.stream_count < MUX_STREAMS_MAX) {
        add_stream(&config, MUX_CODEC_AAC, NULL);
        struct mux_stream *stream = &config.streams[config.stream_count - 1];
        stream->descriptors[0] = 0x05;
        stream->descriptors[1] = MUX_DESCRIPTORS_BYTES_MAX - 2;
        stream->descriptors_size_bytes = MUX_DESCRIPTORS_BYTES_MAX;
    }
    assert_int_equal(mux_create(&config, &mux), CASTOR_ERR_INVALID);
    // 16 bytes of frame, 5 of the video, 14 * 69 and 5 + 32 are the 1024 that a section has.
    config.streams[15].descriptors[1] = 30;
    config.streams[15].descriptors_size_bytes = 32;
    assert_int_equal(mux_create(&config, &mux), CASTOR_OK);
    mux_destroy(mux);
    mux = NULL;
    config.streams[15].descriptors[1] = 31;
    config.streams[15].descriptors_size_bytes = 33;
    assert_int_equal(mux_create(&config, &mux), CASTOR_ERR_INVALID);
    mux_destroy(mux);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_streams),
        cmocka_unit_test(pes_of_other_streams),
        cmocka_unit_test(bad_configurations),
        cmocka_unit_test(tables_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
