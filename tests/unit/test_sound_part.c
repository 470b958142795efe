// SPDX-License-Identifier: Apache-2.0
// What the supervisor believes of the sound worker: units at their time, within their ring, each once; and no
// more of it than it has to say.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/sound_grid.h"
#include "ipc/channel.h"
#include "supervisor/sound.h"

#define NOW_NS (INT64_C(5000) * CASTOR_NS_PER_S + 123456789)

static struct config config;
static struct sound_part part;
static uint64_t position;

static int setup(void **state)
{
    static const char json[] = "{\"sound\":{\"tracks\":[{},{\"codec\":\"opus\"}]}}";
    struct config_error error;

    (void)state;
    assert_int_equal(config_parse(json, sizeof json - 1, &config, &error), CASTOR_OK);
    assert_int_equal(sound_part_init(&part, &config, NOW_NS), CASTOR_OK);
    assert_int_equal(part.grid_origin_ns % CASTOR_NS_PER_S, 0);
    part.worker.ready = true;
    position = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sound_part_finish(&part);
    return 0;
}

static struct message_sound_unit unit_of(uint32_t track, uint64_t index)
{
    const uint32_t samples = track == 1 ? 960 : 1024;

    return (struct message_sound_unit){
        .track = track,
        .index = index,
        .capture_ns = sound_grid_unit_ns(part.grid_origin_ns, samples, index),
        .position = position,
        .size_bytes = 300,
        .samples = samples,
    };
}

// Judged at the unit's own time.
static int judge(const struct message_sound_unit *unit, bool *relay)
{
    const char *why = "";
    int result =
        sound_part_unit(&part, &config, unit, unit->capture_ns + 100 * CASTOR_NS_PER_MS, relay, &why);

    assert_true(result == CASTOR_OK || why[0] != '\0');
    return result;
}

static void good_units_are_handed_on_once(void **unused)
{
    bool relay = false;

    (void)unused;
    for (uint64_t i = 10; i < 20; i++) {
        struct message_sound_unit unit = unit_of(0, i);
        assert_int_equal(judge(&unit, &relay), CASTOR_OK);
        assert_true(relay);
        position += 300;
        unit = unit_of(0, i - 5); // made again by a worker that was replaced
        assert_int_equal(judge(&unit, &relay), CASTOR_OK);
        assert_false(relay);
        position += 300;
    }
    struct message_sound_unit other = unit_of(1, 3); // the other track counts for itself
    assert_int_equal(judge(&other, &relay), CASTOR_OK);
    assert_true(relay);
    assert_int_equal(part.units, 11);
    assert_int_equal(part.repeated, 10);
}

#define REFUSED(spoil)                                                                                       \
    do {                                                                                                     \
        position = 1000;                                                                                     \
        part.ring_head = 500;                                                                                \
        struct message_sound_unit unit = unit_of(0, 500);                                                    \
        assert_int_equal(judge(&unit, &relay), CASTOR_OK);                                                   \
        part.ring_head = 500;                                                                                \
        spoil;                                                                                               \
        assert_int_equal(judge(&unit, &relay), CASTOR_ERR_INVALID);                                          \
    } while (0)

static void lies_are_refused(void **unused)
{
    const char *why = "";
    bool relay;

    (void)unused;
    REFUSED(unit.track = 2);
    REFUSED(unit.samples = 960);
    REFUSED(unit.capture_ns++);
    REFUSED(unit.index++);
    REFUSED(unit.position = 499);
    REFUSED(unit.position = MESSAGE_SOUND_RING_BYTES + 501);
    REFUSED(unit.position = MESSAGE_SOUND_RING_BYTES - 299);
    REFUSED(part.worker.ready = false);
    part.worker.ready = true;
    // At its own time, but that is not now.
    struct message_sound_unit unit = unit_of(0, 600);
    assert_int_equal(sound_part_unit(&part, &config, &unit, unit.capture_ns - CASTOR_NS_PER_S, &relay, &why),
                     CASTOR_ERR_INVALID);
    assert_int_equal(
        sound_part_unit(&part, &config, &unit, unit.capture_ns + 11 * CASTOR_NS_PER_S, &relay, &why),
        CASTOR_ERR_INVALID);
}

static void tracks_that_were_not_ordered_are_refused(void **unused)
{
    struct message ready;
    struct message_sound_ready *body = &ready.body.sound_ready;

    (void)unused;
    message_init(&ready, MESSAGE_SOUND_READY);
    body->track_count = 2;
    body->tracks[0] = (struct message_sound_stream){.channels = 2, .samples_per_unit = 1024};
    body->tracks[1] = (struct message_sound_stream){.channels = 2, .samples_per_unit = 960};
    assert_int_equal(sound_part_ready(&part, &config, &ready, NOW_NS), CASTOR_ERR_INVALID); // not asked yet
    part.told = true;
    assert_int_equal(sound_part_ready(&part, &config, &ready, NOW_NS), CASTOR_OK);
    body->tracks[1].channels = 6;
    assert_int_equal(sound_part_ready(&part, &config, &ready, NOW_NS), CASTOR_ERR_INVALID);
    body->tracks[1].channels = 2;
    body->track_count = 1;
    assert_int_equal(sound_part_ready(&part, &config, &ready, NOW_NS), CASTOR_ERR_INVALID);
}

static void who_says_too_much_is_noticed(void **unused)
{
    int64_t now_ns = NOW_NS;
    unsigned said = 0;

    (void)unused;
    for (int i = 0; i < 60 * 202; i++, now_ns += CASTOR_NS_PER_S / 202) // four tracks and the statistics
        assert_true(sound_part_may_speak(&part, now_ns));
    now_ns += CASTOR_NS_PER_S;
    for (int i = 0; i < 110; i++) // after half a second that it was not let run
        assert_true(sound_part_may_speak(&part, now_ns));
    while (sound_part_may_speak(&part, now_ns))
        said++;
    assert_in_range(said, 100, 500);
}

// Whoever hangs, the operator is told who it is.
static void a_driver_that_hangs_is_named(void **unused)
{
    const int64_t s_ns = CASTOR_NS_PER_S;

    (void)unused;
    part.worker.pid = 1;
    part.told = true;
    part.heard_ns = NOW_NS;
    part.stats.source = MESSAGE_SOUND_SOURCE_RUNNING;
    assert_null(sound_part_hangs(&part, NOW_NS + s_ns));
    assert_non_null(strstr(sound_part_hangs(&part, NOW_NS + s_ns + 1), "driver hangs in reading"));
    part.stats.source = MESSAGE_SOUND_SOURCE_OPENING;
    assert_null(sound_part_hangs(&part, NOW_NS + 8 * s_ns));
    assert_non_null(strstr(sound_part_hangs(&part, NOW_NS + 8 * s_ns + 1), "driver hangs in opening"));
    assert_in_range(strlen(sound_part_hangs(&part, NOW_NS + 9 * s_ns)), 50, sizeof part.worker.failure - 1);
    part.stats.source = MESSAGE_SOUND_SOURCE_WAITING; // it calls no driver
    assert_null(strstr(sound_part_hangs(&part, NOW_NS + 9 * s_ns), "driver"));
    part.worker.killed = true;
    assert_null(sound_part_hangs(&part, NOW_NS + 9 * s_ns));
    part.worker.pid = 0;
}

static void another_unit_length_counts_anew(void **unused)
{
    static const char json[] = "{\"sound\":{\"tracks\":[{\"codec\":\"opus\"},{\"codec\":\"opus\"}]}}";
    struct config_error error;

    (void)unused;
    part.next_index[0] = part.next_index[1] = 77;
    assert_int_equal(config_parse(json, sizeof json - 1, &config, &error), CASTOR_OK);
    assert_int_equal(sound_part_reconfigure(&part, &config), CASTOR_OK);
    assert_int_equal(part.next_index[0], 0);
    assert_int_equal(part.next_index[1], 77);
    assert_int_equal(part.ready.header.type, 0);
}

// What the next process is told; there is no program, and what it would get is read here.
static struct message_sound_start start_of_next_process(void)
{
    struct worker *worker = &part.worker;
    struct message told;
    int fds[2];

    assert_int_equal(sound_part_start(&part, "/nowhere", NOW_NS), CASTOR_ERR_NOT_FOUND);
    assert_int_equal(channel_pair(fds), CASTOR_OK);
    worker->channel_fd = fds[0];
    assert_int_equal(sound_part_tell(&part, &config, (struct castor_rational){30, 1}), CASTOR_OK);
    assert_int_equal(channel_receive(fds[1], MESSAGE_FROM_SUPERVISOR, &told, NULL, NULL, NULL), CASTOR_OK);
    close(fds[1]);
    worker_close_channel(worker);
    return told.body.sound_start;
}

static void the_next_process_knows_the_clock(void **unused)
{
    (void)unused;
    part.stats = (struct message_sound_stats){.drift_ppb = 200500, .drift_known = 1};
    struct message_sound_start start = start_of_next_process();
    assert_int_equal(start.drift_known, 1);
    assert_int_equal(start.drift_ppb, 200500);
    // It ends before it could say anything, and the next one after it knows it all the same.
    start = start_of_next_process();
    assert_int_equal(start.drift_known, 1);
    assert_int_equal(start.drift_ppb, 200500);
    // Another configuration may mean another card.
    part.stats = (struct message_sound_stats){.drift_ppb = 200500, .drift_known = 1};
    assert_int_equal(sound_part_reconfigure(&part, &config), CASTOR_OK);
    assert_int_equal(start_of_next_process().drift_known, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(good_units_are_handed_on_once),
        TEST(the_next_process_knows_the_clock),
        TEST(lies_are_refused),
        TEST(tracks_that_were_not_ordered_are_refused),
        TEST(who_says_too_much_is_noticed),
        TEST(a_driver_that_hangs_is_named),
        TEST(another_unit_length_counts_anew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
