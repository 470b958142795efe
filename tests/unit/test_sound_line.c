// SPDX-License-Identifier: Apache-2.0
// The time line of the sound that is sent: complete whatever the sound worker does, and never more than a
// receiver's buffer holds.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/sound_grid.h"
#include "egress/sound_line.h"

#define ORIGIN_NS (INT64_C(77) * CASTOR_NS_PER_S)
#define PTS_NS (284 * CASTOR_NS_PER_MS)
#define SILENCE 0xee

static struct sound_line *make(uint32_t tracks, uint32_t codec, uint32_t channels, bool ready)
{
    struct sound_line_config config = {
        .grid_origin_ns = ORIGIN_NS, .pts_offset_ns = PTS_NS, .track_count = tracks};
    struct message_sound_ready streams = {.track_count = tracks};
    struct sound_line *line = NULL;

    for (uint32_t i = 0; i < tracks; i++) {
        config.tracks[i] =
            (struct message_egress_track){.codec = codec,
                                          .channels = channels,
                                          .samples_per_unit = codec == MESSAGE_SOUND_OPUS ? 960 : 1024};
        streams.tracks[i] = (struct message_sound_stream){
            .codec = codec,
            .channels = channels,
            .samples_per_unit = config.tracks[i].samples_per_unit,
            .silence_bytes = 20,
        };
        memset(streams.tracks[i].silence, SILENCE, 20);
    }
    assert_int_equal(sound_line_create(&config, &line), CASTOR_OK);
    if (ready)
        sound_line_ready(line, &streams);
    return line;
}

static void put(struct sound_line *line, uint32_t track, uint64_t index, uint32_t size_bytes)
{
    static uint8_t bytes[MESSAGE_SOUND_UNIT_MAX_BYTES];
    const struct message_sound_unit unit = {
        .track = track, .index = index, .size_bytes = size_bytes, .samples = 1024};

    memset(bytes, (int)index, sizeof bytes);
    sound_line_put(line, &unit, bytes);
}

static int64_t unit_ns(uint64_t index)
{
    return sound_grid_unit_ns(ORIGIN_NS, 1024, index);
}

static struct message_egress_sound totals(const struct sound_line *line, uint32_t track)
{
    struct message_egress_sound out;

    sound_line_totals(line, track, &out);
    return out;
}

static void units_go_out_in_order_at_their_time(void **unused)
{
    struct sound_line *line = make(1, MESSAGE_SOUND_AAC, 2, true);
    struct sound_line_unit unit;
    uint64_t first = sound_grid_unit_at(ORIGIN_NS, 1024, ORIGIN_NS + 10 * CASTOR_NS_PER_S);
    int64_t begin_ns = unit_ns(first) + PTS_NS - SOUND_LINE_LEAD_NS;

    (void)unused;
    assert_false(sound_line_next(line, INT64_MAX, &unit)); // the picture has not begun
    put(line, 0, first, 300);
    put(line, 0, first + 1, 300);
    sound_line_begin(line, begin_ns - 1);
    assert_false(sound_line_next(line, begin_ns - 1, &unit));
    assert_true(sound_line_next(line, begin_ns, &unit));
    assert_int_equal(unit.index, first);
    assert_int_equal(unit.capture_ns, unit_ns(first));
    assert_int_equal(unit.source_ns, begin_ns);
    assert_int_equal(unit.size_bytes, 300);
    assert_int_equal(unit.data[0], (uint8_t)first);
    assert_false(unit.silence);
    assert_false(sound_line_next(line, begin_ns, &unit));
    assert_true(sound_line_next(line, begin_ns + 22 * CASTOR_NS_PER_MS, &unit));
    assert_int_equal(unit.index, first + 1);
    assert_int_equal(unit.source_ns - begin_ns, unit_ns(first + 1) - unit_ns(first));
    assert_int_equal(totals(line, 0).units, 2);
    sound_line_destroy(line);
}

// Whatever comes, late, twice, not at all: of 1000 units each goes out once.
static void silence_fills_what_is_missing(void **unused)
{
    struct sound_line *line = make(1, MESSAGE_SOUND_AAC, 2, true);
    struct sound_line_unit unit;
    uint64_t next = 100, silences = 0, late = 0;

    (void)unused;
    srand(4);
    sound_line_begin(line, unit_ns(next) + PTS_NS - SOUND_LINE_LEAD_NS);
    for (uint64_t i = next; i < next + 1000; i++) {
        int fate = rand() % 10;
        if (fate > 0)
            put(line, 0, i, 200 + (uint32_t)(rand() % 300));
        assert_true(sound_line_next(line, unit_ns(i) + PTS_NS - SOUND_LINE_LEAD_NS, &unit));
        assert_int_equal(unit.index, i);
        assert_int_equal(unit.silence, fate == 0);
        assert_int_equal(unit.data[0], fate == 0 ? SILENCE : (uint8_t)i);
        silences += fate == 0;
        if (fate == 0 || fate == 1) {
            put(line, 0, i, 100);
            late++;
        }
    }
    assert_int_equal(totals(line, 0).silences, silences);
    assert_int_equal(totals(line, 0).units, 1000 - silences);
    assert_int_equal(totals(line, 0).late, late);
    assert_int_equal(totals(line, 0).skipped, 0);
    sound_line_destroy(line);
}

static void what_cannot_be_is_refused(void **unused)
{
    struct sound_line *line = make(1, MESSAGE_SOUND_AAC, 2, true);
    struct message_sound_unit unit = {.index = 100, .size_bytes = 300, .samples = 1024};

    (void)unused;
    sound_line_begin(line, unit_ns(100) + PTS_NS - SOUND_LINE_LEAD_NS);
    sound_line_put(line, &unit, NULL);
    put(line, 0, 100, 2 * 768 + 17);
    put(line, 0, 100000, 300);
    unit.samples = 960;
    sound_line_put(line, &unit, (const uint8_t *)"");
    put(line, 3, 100, 300); // no such track
    assert_int_equal(totals(line, 0).refused, 4);
    sound_line_destroy(line);
}

static void without_silence_there_is_nothing_to_fill_with(void **unused)
{
    struct sound_line *line = make(1, MESSAGE_SOUND_AAC, 2, false);
    struct sound_line_unit unit;

    (void)unused;
    sound_line_begin(line, unit_ns(100) + PTS_NS - SOUND_LINE_LEAD_NS);
    put(line, 0, 103, 300);
    assert_true(sound_line_next(line, unit_ns(103) + PTS_NS, &unit));
    assert_int_equal(unit.index, 103);
    assert_int_equal(totals(line, 0).skipped, 3);
    sound_line_destroy(line);
}

static void a_hole_is_left_out(void **unused)
{
    struct sound_line *line = make(2, MESSAGE_SOUND_AAC, 2, true);
    struct sound_line_unit unit;

    (void)unused;
    sound_line_begin(line, unit_ns(100) + PTS_NS - SOUND_LINE_LEAD_NS);
    sound_line_begin(line, unit_ns(200) + PTS_NS - SOUND_LINE_LEAD_NS - 1);
    assert_true(sound_line_next(line, unit_ns(200) + PTS_NS, &unit));
    assert_int_equal(unit.index, 200);
    assert_int_equal(totals(line, 0).skipped, 100);
    assert_int_equal(totals(line, 1).skipped, 100);
    sound_line_begin(line, unit_ns(100)); // never back
    assert_true(sound_line_next(line, unit_ns(200) + PTS_NS, &unit));
    assert_int_equal(unit.index, 200); // of the other track
    assert_int_equal(unit.track, 1);
    sound_line_destroy(line);
}

// 13818-1 2.4.2.7, from what comes out: a unit is in the buffer from its source time to its PTS.
static void buffer_never_overflows(uint32_t channels, uint32_t unit_bytes, uint32_t buffer_bytes)
{
    struct sound_line *line = make(2, MESSAGE_SOUND_AAC, channels, true);
    struct sound_line_unit sent[400], unit;
    uint32_t count = 0;
    int64_t last_ns = 0;

    sound_line_begin(line, unit_ns(100) + PTS_NS - SOUND_LINE_LEAD_NS);
    for (uint64_t i = 100; i < 300; i++) {
        put(line, 0, i, unit_bytes);
        put(line, 1, i, 100);
        while (count < 400 && sound_line_next(line, unit_ns(i) + PTS_NS, &unit)) {
            assert_true(unit.source_ns >= last_ns);
            assert_true(unit.source_ns <= unit.capture_ns + PTS_NS);
            last_ns = unit.source_ns;
            sent[count++] = unit;
        }
    }
    assert_true(count > 380);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t held = 0;
        for (uint32_t k = 0; k <= i; k++)
            if (sent[k].track == 0 && sent[k].capture_ns + PTS_NS > sent[i].source_ns)
                held += (uint32_t)sent[k].size_bytes + 14;
        assert_in_range(held, 0, buffer_bytes);
    }
    sound_line_destroy(line);
}

static void receivers_buffer_holds_it(void **unused)
{
    (void)unused;
    buffer_never_overflows(2, 427, 3584);  // 160 kbit/s
    buffer_never_overflows(2, 1400, 3584); // more than fits into the lead
    buffer_never_overflows(6, 4600, 8976);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_go_out_in_order_at_their_time),
        cmocka_unit_test(silence_fills_what_is_missing),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(without_silence_there_is_nothing_to_fill_with),
        cmocka_unit_test(a_hole_is_left_out),
        cmocka_unit_test(receivers_buffer_holds_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
