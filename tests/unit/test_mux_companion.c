// SPDX-License-Identifier: Apache-2.0
// What goes along with the video lies in the stream where its time puts it: between pictures, in the middle
// of a large one at a constant rate, and not at all in a hole.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "hal/time.h"
#include "mux_reader.h"

#define FRAME_NS INT64_C(33333333)
#define SOUND_NS INT64_C(21333333)
#define SOUND_BYTES 400
#define SOUND_PID 0x101

static uint8_t bytes[400 * 1024];
static uint8_t sound[SOUND_BYTES];

static struct run {
    struct mux_companion companion; // first
    struct mux_sink sink;
    struct mux *mux;
    struct reader reader;
    int64_t capture_ns, sound_ns;
    uint64_t frames, sounds;
    int64_t sound_late_max_ns; // from the time for a packet to that at which its first byte leaves
    uint32_t skips;
    int64_t skipped_ns;
} r;

static bool next(struct mux_companion *companion, int64_t until_ns, struct mux_pes *out)
{
    (void)companion;
    if (r.sound_ns > until_ns)
        return false;
    if (until_ns - r.sound_ns > r.sound_late_max_ns)
        r.sound_late_max_ns = until_ns - r.sound_ns;
    *out = (struct mux_pes){.stream = 1,
                            .data = sound,
                            .size_bytes = sizeof sound,
                            .pts_ns = r.sound_ns,
                            .source_ns = r.sound_ns,
                            .random_access = true};
    r.sound_ns += SOUND_NS;
    r.sounds++;
    return true;
}

static void skip_to(struct mux_companion *companion, int64_t until_ns)
{
    (void)companion;
    r.skips++;
    r.skipped_ns = until_ns;
    while (r.sound_ns < until_ns)
        r.sound_ns += SOUND_NS;
}

static void begin(uint64_t rate_bps)
{
    struct mux_config config;

    memset(&r, 0, sizeof r);
    mux_config_init(&config);
    config.rate_bps = rate_bps;
    config.pts_offset_ns = 300 * CASTOR_NS_PER_MS;
    assert_int_equal(mux_stream_init(MUX_CODEC_AAC, SOUND_PID, "eng", &config.streams[1]), CASTOR_OK);
    config.stream_count = 2;
    assert_int_equal(mux_create(&config, &r.mux), CASTOR_OK);
    reader_init(&r.reader);
    r.reader.rate_bps = rate_bps;
    r.companion = (struct mux_companion){next, skip_to};
    r.capture_ns = r.sound_ns = INT64_C(5555555555);
    mux_set_companion(r.mux, &r.companion);
}

static void end(void)
{
    mux_destroy(r.mux);
    reader_finish(&r.reader);
}

static void write_unit(uint32_t slice_bytes)
{
    uint32_t head;
    uint32_t size = make_unit(bytes, slice_bytes, r.frames % 30 == 0, (uint32_t)r.frames, &head);
    struct mux_access_unit unit = {
        .data = bytes, .size_bytes = size, .capture_ns = r.capture_ns, .sequence = r.frames};

    assert_int_equal(mux_write_access_unit(r.mux, &unit, &r.reader.sink), CASTOR_OK);
    r.frames++;
    r.capture_ns += FRAME_NS;
}

static void sound_goes_between_pictures(void **unused)
{
    struct mux_statistics statistics;

    (void)unused;
    begin(0);
    for (int i = 0; i < 300; i++)
        write_unit(3000);
    mux_get_statistics(r.mux, &statistics);
    assert_true(r.sounds > 460);
    assert_int_equal(statistics.pes_packets, r.sounds);
    assert_int_equal(statistics.refused_pes, 0);
    assert_true(reader_is_clean(&r.reader)); // among them: source times never go back
    assert_in_range(r.reader.max_pcr_gap, 1, 27000 * 40);
    end();
}

// Frames that are far apart: PCR packets bridge the time, and the sound lies between them.
static void clock_references_go_on_between_sounds(void **unused)
{
    (void)unused;
    begin(0);
    for (int i = 0; i < 40; i++) {
        write_unit(3000);
        r.capture_ns += 500 * CASTOR_NS_PER_MS;
    }
    assert_true(reader_is_clean(&r.reader));
    assert_in_range(r.reader.max_pcr_gap, 1, 27000 * 40);
    end();
}

// 100 kB at 4 Mbit/s take 200 ms; a sound unit is never more than some packets late.
static void sound_goes_into_a_large_picture(void **unused)
{
    (void)unused;
    begin(4000000);
    for (int i = 0; i < 300; i++)
        write_unit(i % 30 == 0 ? 100000 : 5000);
    assert_true(r.sounds > 460);
    assert_in_range(r.sound_late_max_ns, 0, 4 * CASTOR_NS_PER_MS);
    assert_true(reader_is_clean(&r.reader)); // among them: each PCR where the rate puts it
    end();
}

static void a_hole_is_told(void **unused)
{
    for (int constant = 0; constant < 2; constant++) {
        (void)unused;
        begin(constant ? 4000000 : 0);
        write_unit(3000);
        write_unit(3000);
        assert_int_equal(r.skips, 0);
        r.capture_ns += 5 * CASTOR_NS_PER_S;
        uint64_t before = r.sounds;
        int64_t after_ns = r.capture_ns;
        write_unit(3000);
        assert_int_equal(r.skips, 1);
        assert_int_equal(r.skipped_ns, after_ns);
        assert_in_range(r.sounds - before, 0, 1);
        write_unit(3000);
        assert_true(r.sounds > before);
        assert_int_equal(r.reader.discontinuities, 1);
        end();
    }
}

static void opus_is_described(void **unused)
{
    struct mux_stream stream;
    uint8_t header[MUX_OPUS_HEADER_BYTES_MAX];
    static const uint8_t six[] = {0x05, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 6, 0x0a, 4, 'd', 'e', 'u', 0};

    (void)unused;
    assert_int_equal(mux_stream_init(MUX_CODEC_OPUS, SOUND_PID, "deu", &stream), CASTOR_OK);
    mux_stream_set_channels(&stream, 6);
    assert_int_equal(stream.descriptors_size_bytes, sizeof six);
    assert_memory_equal(stream.descriptors, six, sizeof six);
    assert_int_equal(mux_stream_init(MUX_CODEC_AAC, SOUND_PID, "deu", &stream), CASTOR_OK);
    mux_stream_set_channels(&stream, 6);
    assert_memory_equal(stream.descriptors, six + 10, 6);
    assert_int_equal(mux_opus_header(254, header), 3);
    assert_memory_equal(header, ((const uint8_t[]){0x7f, 0xe0, 254}), 3);
    assert_int_equal(mux_opus_header(255, header), 4);
    assert_memory_equal(header, ((const uint8_t[]){0x7f, 0xe0, 255, 0}), 4);
    assert_int_equal(mux_opus_header(8191, header), 2 + 33);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_goes_between_pictures),
        cmocka_unit_test(clock_references_go_on_between_sounds),
        cmocka_unit_test(sound_goes_into_a_large_picture),
        cmocka_unit_test(a_hole_is_told),
        cmocka_unit_test(opus_is_described),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
