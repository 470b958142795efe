// SPDX-License-Identifier: Apache-2.0
// What the messages about sound may and may not say, and the grid that they count on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/sound_grid.h"
#include "ipc/message.h"

static int check(const struct message *m, enum message_sender sender)
{
    const char *why = NULL;
    int result = message_check(m, m->header.size, sender, &why);

    assert_true(result == CASTOR_OK || why != NULL);
    return result;
}

// `set` spoils a good message of `sender`; the message is good again afterwards.
#define SPOILT(m, sender, set)                                                                               \
    do {                                                                                                     \
        struct message good = *(m);                                                                          \
        set;                                                                                                 \
        assert_int_equal(check(m, sender), CASTOR_ERR_INVALID);                                              \
        *(m) = good;                                                                                         \
        assert_int_equal(check(m, sender), CASTOR_OK);                                                       \
    } while (0)

static void start_and_mix_are_checked(void **unused)
{
    struct message m;
    struct message_sound_start *start = &m.body.sound_start;

    (void)unused;
    message_init(&m, MESSAGE_SOUND_START);
    start->video_rate = (struct castor_rational){30, 1};
    start->ring_bytes = MESSAGE_SOUND_RING_BYTES;
    start->track_count = 2;
    for (unsigned i = 0; i < 2; i++)
        start->tracks[i] = (struct message_sound_track){
            .codec = MESSAGE_SOUND_AAC, .channels = 2, .bitrate_bps = 128000, .mix = {.delay_ms = -500}};
    assert_int_equal(check(&m, MESSAGE_FROM_SUPERVISOR), CASTOR_OK);
    assert_int_equal(check(&m, MESSAGE_FROM_SOUND), CASTOR_ERR_INVALID);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->track_count = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->track_count = MESSAGE_SOUND_TRACKS_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].channels = 3);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].codec = MESSAGE_SOUND_CODECS);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].bitrate_bps = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].mix.delay_ms = -501);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].mix.delay_ms = 501);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].mix.level = -1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->tracks[1].mix.factor[5][7] = MESSAGE_SOUND_FACTOR_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->video_rate.den = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->channels = MESSAGE_SOUND_INPUTS_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->ring_bytes = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->grid_origin_ns = -1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->origin.capture_ns = -1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, memset(start->path, 'x', sizeof start->path));

    message_init(&m, MESSAGE_SOUND_SET_MIX);
    assert_int_equal(check(&m, MESSAGE_FROM_SUPERVISOR), CASTOR_OK);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, m.body.sound_set_mix.track = MESSAGE_SOUND_TRACKS_MAX);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, m.body.sound_set_mix.mix.standard = 2);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, m.body.sound_set_mix.mix.delay_ms = INT32_MIN);
}

static void ready_unit_and_stats_are_checked(void **unused)
{
    struct message m;
    struct message_sound_stream *stream = &m.body.sound_ready.tracks[0];
    struct message_sound_unit *unit = &m.body.sound_unit;

    (void)unused;
    message_init(&m, MESSAGE_SOUND_READY);
    m.body.sound_ready.track_count = 1;
    *stream = (struct message_sound_stream){
        .channels = 6, .rate_hz = 48000, .samples_per_unit = 1024, .silence_bytes = 20};
    assert_int_equal(check(&m, MESSAGE_FROM_SUPERVISOR), CASTOR_OK); // it is handed on
    SPOILT(&m, MESSAGE_FROM_SOUND, m.body.sound_ready.track_count = MESSAGE_SOUND_TRACKS_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->rate_hz = 44100);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->samples_per_unit = 0);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->silence_bytes = 0);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->silence_bytes = MESSAGE_SOUND_SILENCE_MAX_BYTES + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->config_bytes = MESSAGE_SOUND_CONFIG_MAX_BYTES + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, stream->channels = 7);

    message_init(&m, MESSAGE_SOUND_UNIT);
    *unit = (struct message_sound_unit){.index = 9, .capture_ns = 1, .size_bytes = 300, .samples = 1024};
    assert_int_equal(check(&m, MESSAGE_FROM_CAPTURE), CASTOR_ERR_INVALID);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->track = MESSAGE_SOUND_TRACKS_MAX);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->size_bytes = 0);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->size_bytes = MESSAGE_SOUND_UNIT_MAX_BYTES + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->index = UINT64_MAX);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->capture_ns = 0);
    SPOILT(&m, MESSAGE_FROM_SOUND, unit->samples = 1);

    message_init(&m, MESSAGE_SOUND_STATS);
    SPOILT(&m, MESSAGE_FROM_SOUND, m.body.sound_stats.source = MESSAGE_SOUND_SOURCES);
    SPOILT(&m, MESSAGE_FROM_SOUND, m.body.sound_stats.signal = MESSAGE_SIGNAL_NONE + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, m.body.sound_stats.track_count = MESSAGE_SOUND_TRACKS_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SOUND, memset(m.body.sound_stats.reason, 'x', sizeof m.body.sound_stats.reason));
}

static void what_egress_and_capture_say_of_sound_is_checked(void **unused)
{
    struct message m;
    struct message_egress_start *start = &m.body.egress_start;

    (void)unused;
    message_init(&m, MESSAGE_EGRESS_START);
    *start = (struct message_egress_start){
        .stream =
            {
                .format = {.width_px = 640, .height_px = 360, .pixel = CASTOR_PIXEL_I420, .rate = {30, 1}},
                .path_count = 1,
                .ring_bytes = 1u << 20,
                .pcr_interval_ms = 20,
                .track_count = 1,
                .sound_ring_bytes = MESSAGE_SOUND_RING_BYTES,
                .tracks = {{.channels = 2,
                            .samples_per_unit = 960,
                            .codec = MESSAGE_SOUND_OPUS,
                            .language = "eng"}},
            },
    };
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.track_count = MESSAGE_SOUND_TRACKS_MAX + 1);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.sound_ring_bytes = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.tracks[0].channels = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.tracks[0].samples_per_unit = 0);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.tracks[0].codec = MESSAGE_SOUND_CODECS);
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->stream.tracks[0].language[3] = 'x');
    SPOILT(&m, MESSAGE_FROM_SUPERVISOR, start->grid_origin_ns = -1);

    message_init(&m, MESSAGE_EGRESS_SOUND);
    SPOILT(&m, MESSAGE_FROM_EGRESS, m.body.egress_sound.track = MESSAGE_SOUND_TRACKS_MAX);

    message_init(&m, MESSAGE_CAPTURE_ORIGIN);
    m.body.capture_origin.capture_ns = 1;
    assert_int_equal(check(&m, MESSAGE_FROM_SUPERVISOR), CASTOR_OK); // it is handed on
    SPOILT(&m, MESSAGE_FROM_CAPTURE, m.body.capture_origin.capture_ns = 0);
    SPOILT(&m, MESSAGE_FROM_CAPTURE, m.body.capture_origin.media_ns = INT64_MIN);
    SPOILT(&m, MESSAGE_FROM_CAPTURE, m.body.capture_origin.sequence = UINT64_MAX);
}

static void grid_is_exact_and_goes_both_ways(void **unused)
{
    const int64_t origin_ns = INT64_C(1234567) * CASTOR_NS_PER_S;
    const uint64_t years = UINT64_C(48000) * 86400 * 365 * 20; // samples

    (void)unused;
    assert_int_equal(sound_grid_time_ns(origin_ns, 48000), origin_ns + CASTOR_NS_PER_S);
    assert_int_equal(sound_grid_time_ns(origin_ns, years),
                     origin_ns + (int64_t)(years / 48000) * CASTOR_NS_PER_S);
    assert_int_equal(sound_grid_sample_at(origin_ns, origin_ns - 1), 0);
    for (uint64_t sample = years; sample < years + 2048; sample++) {
        int64_t at_ns = sound_grid_time_ns(origin_ns, sample);
        // A time is cut to whole nanoseconds, which never makes it another sample's.
        assert_int_equal(sound_grid_sample_at(origin_ns, at_ns), sample);
        assert_int_equal(sound_grid_sample_at(origin_ns, at_ns + 1), sample + 1);
    }
    assert_int_equal(sound_grid_unit_at(origin_ns, 1024, sound_grid_unit_ns(origin_ns, 1024, 777)), 777);
    assert_int_equal(sound_grid_unit_at(origin_ns, 1024, sound_grid_unit_ns(origin_ns, 1024, 777) + 1), 778);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(start_and_mix_are_checked),
        cmocka_unit_test(ready_unit_and_stats_are_checked),
        cmocka_unit_test(what_egress_and_capture_say_of_sound_is_checked),
        cmocka_unit_test(grid_is_exact_and_goes_both_ways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
