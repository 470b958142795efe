// SPDX-License-Identifier: Apache-2.0
// The status document: valid JSON with its documented keys, whatever the box is like, and without secrets.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "supervisor/control.h"
#include "supervisor/status.h"

#define S CASTOR_NS_PER_S
#define MS CASTOR_NS_PER_MS

static struct config config;
static struct switch_state switching;
static struct path path[SWITCH_PATHS_MAX];
static struct source source;
static struct outlet outlet;
static struct recorder recorder;
static struct metrics metrics;
static struct utc_offset utc;
static struct burn_in burn_in;
static struct status_snapshot snapshot;

static const char document[] =
    "{\"name\":\"box\",\"source\":{\"rate\":30},\"encoder\":{\"chain\":[{\"preset\":\"veryfast\"},{},{"
    "\"driver\":\"fake\"}]},"
    "\"destinations\":[{\"name\":\"edge\",\"url\":\"srt://h:1?passphrase=swordfish-one&streamid=keyfish\"},"
    "{\"name\":\"other\",\"url\":\"srt://"
    ":2\",\"passphrase\":\"swordfish-two\"}],\"control\":{\"allow_faults\":true}}";

static int setup(void **state)
{
    struct config_error error;

    (void)state;
    if (config_parse(document, strlen(document), &config, &error) != CASTOR_OK)
        fail_msg("%s: %s", error.path, error.text);
    memset(&switching, 0, sizeof switching);
    memset(path, 0, sizeof path);
    memset(&source, 0, sizeof source);
    memset(&outlet, 0, sizeof outlet);
    memset(&recorder, 0, sizeof recorder);
    memset(&burn_in, 0, sizeof burn_in);
    metrics_init(&metrics, 100 * S);
    utc = (struct utc_offset){.known = true, .offset_ns = 1767225600 * S}; // 2026-01-01
    for (uint32_t i = 0; i < SWITCH_PATHS_MAX; i++)
        path[i].index = i;
    snapshot = (struct status_snapshot){.now_ns = 200 * S,
                                        .started_ns = 100 * S,
                                        .config = &config,
                                        .switching = &switching,
                                        .paths = path,
                                        .path_count = 3,
                                        .source = &source,
                                        .outlet = &outlet,
                                        .recorder = &recorder,
                                        .burn_in = &burn_in,
                                        .metrics = &metrics,
                                        .utc = &utc};
    return 0;
}

static json_t *status(void)
{
    char *text = status_json(&snapshot);

    assert_non_null(text);
    assert_null(strstr(text, "fish"));
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    free(text);
    return object;
}

// "paths.1.state" and the like.
static json_t *at(json_t *object, const char *where)
{
    char copy[128];
    char *rest = copy;

    snprintf(copy, sizeof copy, "%s", where);
    for (char *key; object && (key = strsep(&rest, ".")) != NULL;)
        object =
            json_is_array(object) ? json_array_get(object, (size_t)atoi(key)) : json_object_get(object, key);
    if (!object)
        fail_msg("there is no %s", where);
    return object;
}

static void is_text(json_t *object, const char *where, const char *wanted)
{
    json_t *value = at(object, where);

    if (!json_is_string(value) || strcmp(json_string_value(value), wanted) != 0)
        fail_msg("%s is %s", where, json_dumps(value, JSON_ENCODE_ANY));
}

static void is_number(json_t *object, const char *where, double wanted)
{
    json_t *value = at(object, where);

    if (!json_is_number(value) || json_number_value(value) < wanted - 1e-9 ||
        json_number_value(value) > wanted + 1e-9)
        fail_msg("%s is %s", where, json_dumps(value, JSON_ENCODE_ANY));
}

static void test_before_the_source_is_open(void **state)
{
    (void)state;
    snapshot.switching = NULL;
    utc.known = false;
    json_t *object = status();
    is_number(object, "schema_version", STATUS_SCHEMA_VERSION);
    is_text(object, "name", "box");
    is_number(object, "uptime_s", 100);
    assert_true(json_is_null(at(object, "time")));
    assert_true(json_is_null(at(object, "on_air.path")));
    assert_true(json_is_null(at(object, "source.width")));
    assert_true(json_is_null(at(object, "pool")));
    assert_true(json_is_false(at(object, "encoders.tried")));
    is_text(object, "paths.2.state", "down");
    is_text(object, "source.worker.state", "idle");
    assert_int_equal(json_array_size(at(object, "switches.last")), 0);
    json_decref(object);
}

static void fill(void)
{
    const struct castor_format format = {1280, 720, CASTOR_PIXEL_I420, {30000, 1001}};

    source.format = format;
    assert_int_equal(pool_create(&format, 12, &source.pool), CASTOR_OK);
    source.stats = (struct message_capture_stats){.captured = 10,
                                                  .lost_device = 2,
                                                  .times_corrected = 3,
                                                  .cpu_copies = 20,
                                                  .signal = MESSAGE_SIGNAL_NONE,
                                                  .reason = "no cable: plug it in"};
    source.stats_before.captured = 5;
    snprintf(source.no_dmabuf.text, sizeof source.no_dmabuf.text, "/dev/udmabuf: no");
    source.stats_before.times_corrected = 4;
    switching.active = 1;
    switching.active_since_ns = 150 * S;
    switching.held_count = 3;
    switching.path[1].state = SWITCH_PATH_ACTIVE;
    switching.path[1].orders = 2;
    snapshot.active_cause = SWITCH_CAUSE_EXIT;
    path[1].worker.pid = 4711;
    path[1].coded_now = 4;
    path[1].cpu_copies = 6;
    path[1].worker.restart.starts = 4;
    path[1].worker.ended_ns = 190 * S;
    memcpy(path[1].worker.last_failure, "exited with status 2", 21);
    path[1].last_cause = SWITCH_CAUSE_STALL;
    path[1].failures[SWITCH_CAUSE_STALL] = 3;
    // Bytes that are no text: whatever a worker says must not break the document.
    memcpy(path[1].last_failure, "wrong \xff\xfe bytes", 15);
    for (int i = 0; i < 30; i++) {
        metrics_add(&metrics, 199 * S, METRICS_CAPTURED, 1);
        metrics_add(&metrics, 199 * S, METRICS_EMITTED, 1);
        metrics_add(&metrics, 199 * S, METRICS_BYTES, 1000);
        metrics_latency(&metrics, 199 * S, METRICS_STAGE_ORIGIN, 12 * MS);
    }
    metrics_lose(&metrics, 199 * S, METRICS_LOSS_NO_PATH, 10);
    const struct metrics_switch change = {.at_ns = 160 * S + 250 * MS,
                                          .from = 0,
                                          .to = 1,
                                          .cause = SWITCH_CAUSE_EXIT,
                                          .epoch = 7,
                                          .replayed = 2};
    metrics_switched(&metrics, &change);
    metrics_resumed(&metrics, 7, 1800, 160 * S + 281 * MS);
    outlet.destination[0].state = (struct message_destination_state){.status = MESSAGE_DESTINATION_WAITING,
                                                                     .reason = MESSAGE_REASON_PASSPHRASE,
                                                                     .connections = 2,
                                                                     .text = "no"};
    outlet.destination[0].stats.rtt_us = 1500;
    outlet.destination[1].sent = 9;
}

static void test_running(void **state)
{
    (void)state;
    fill();
    json_t *object = status();
    is_text(object, "time", "2026-01-01T00:03:20.000Z");
    is_text(object, "on_air.path", "B");
    is_text(object, "on_air.cause", switch_cause_name(SWITCH_CAUSE_EXIT));
    is_number(object, "on_air.since_s", 50);
    is_text(object, "source.rate", "30000/1001");
    is_text(object, "source.signal", "none");
    is_text(object, "source.signal_reason", "no cable: plug it in");
    is_number(object, "source.frames.captured", 15);
    is_number(object, "source.frames.lost_device", 2);
    is_number(object, "source.frames.times_corrected", 7);
    is_number(object, "source.frames.cpu_copies", 20);
    is_number(object, "source.cpu_copies_per_frame", 2);
    is_number(object, "paths.1.cpu_copies_per_frame", 1.5);
    assert_true(json_is_null(at(object, "paths.0.cpu_copies_per_frame")));
    is_number(object, "source.measured_fps", 6); // 30 frames within the last 5 s
    is_number(object, "stream.measured_kbps_1s", 240);
    is_number(object, "stream.measured_kbps_10s", 24);
    is_number(object, "pool.slots", 12);
    is_number(object, "pool.held", 3);
    is_text(object, "pool.dmabuf", "none");
    is_text(object, "pool.dmabuf_reason", "/dev/udmabuf: no");
    is_text(object, "paths.1.state", "active");
    is_text(object, "paths.0.preset", "veryfast");
    is_text(object, "paths.1.last_failure", "wrong ?? bytes");
    is_number(object, "paths.1.worker.pid", 4711);
    is_number(object, "paths.1.worker.restarts", 3);
    // Of the process before, until there is something to say of this one.
    is_text(object, "paths.1.worker.failure", "exited with status 2");
    is_text(object, "paths.1.worker.ended", "2026-01-01T00:03:10.000Z");
    assert_true(json_is_null(at(object, "paths.0.worker.ended")));
    assert_true(json_is_null(at(object, "paths.0.worker.failure")));
    is_number(object, "paths.1.orders", 2);
    assert_int_equal(json_object_size(at(object, "paths.1.failures")), 1);
    is_text(object, "destinations.0.state", "waiting");
    is_text(object, "destinations.0.reason", "passphrase");
    is_number(object, "destinations.0.srt.rtt_ms", 1.5);
    is_text(object, "destinations.0.url", "srt://h:1?mode=caller&latency=250");
    assert_true(json_is_null(at(object, "destinations.1.state")));
    is_number(object, "destinations.1.sent", 9);
    is_number(object, "losses.frames.no_path", 10);
    is_number(object, "losses.per_mille.minute.all", 250);
    is_number(object, "latency.origin.minute.p50_ms", 12);
    is_number(object, "switches.count", 1);
    is_text(object, "switches.last.0.time", "2026-01-01T00:02:40.250Z");
    is_text(object, "switches.last.0.from", "A");
    is_number(object, "switches.last.0.duration_ms", 31);
    is_number(object, "switches.last.0.frame", 1800);
    assert_true(json_is_true(at(object, "faults_allowed")));
    json_decref(object);
    pool_destroy(source.pool);
}

static void test_overlay(void **state)
{
    struct message message;

    (void)state;
    config.overlay_count = 3;
    for (uint32_t i = 0; i < 3; i++) {
        config.overlay[i].kind = i == 1 ? MESSAGE_OVERLAY_OFF : MESSAGE_OVERLAY_CLOCK;
        burn_in_change(&burn_in, i);
    }
    burn_in_order(&burn_in, &config, 2, &message);
    assert_int_equal(message.body.overlay.revision, 3);
    assert_int_equal(message.body.overlay.item.kind, MESSAGE_OVERLAY_CLOCK);
    burn_in_answer(&burn_in, &(const struct message_overlay_state){0, 77, MESSAGE_OVERLAY_IS_PREPARED, ""});
    burn_in_answer(&burn_in, &(const struct message_overlay_state){2, 3, MESSAGE_OVERLAY_IS_KEPT, "no font"});
    json_t *object = status();
    is_text(object, "overlay.0.state", "preparing"); // the answer was to another order
    is_text(object, "overlay.1.state", "off");
    is_text(object, "overlay.2.kind", "clock");
    is_text(object, "overlay.2.state", "kept");
    is_text(object, "overlay.2.reason", "no font");
    is_number(object, "overlay.2.index", 2);
    json_decref(object);
    burn_in_change(&burn_in, 2);
    object = status();
    is_text(object, "overlay.2.state", "preparing");
    json_decref(object);
}

// The fullest document there can be still is one answer of the control socket.
static void test_size(void **state)
{
    (void)state;
    fill();
    snapshot.path_count = SWITCH_PATHS_MAX;
    config.encoder.chain_count = SWITCH_PATHS_MAX;
    config.destination_count = CONFIG_DESTINATIONS_MAX;
    memset(config.source.path, 'p', sizeof config.source.path - 1);
    for (uint32_t i = 0; i < CONFIG_DESTINATIONS_MAX; i++) {
        memset(config.destinations[i].url, 'u', sizeof config.destinations[i].url - 1);
        memset(outlet.destination[i].state.text, '\x01', sizeof outlet.destination[i].state.text - 1);
    }
    for (uint32_t i = 0; i < SWITCH_PATHS_MAX; i++) {
        memset(path[i].last_failure, '\x01', sizeof path[i].last_failure - 1);
        memset(path[i].worker.failure, '\x01', sizeof path[i].worker.failure - 1);
        memset(config.encoder.chain[i].device, 'd', sizeof config.encoder.chain[i].device - 1);
        for (int k = 0; k < SWITCH_CAUSES; k++)
            path[i].failures[k] = UINT32_MAX;
    }
    config.overlay_count = MESSAGE_OVERLAY_ITEMS_MAX;
    for (uint32_t i = 0; i < MESSAGE_OVERLAY_ITEMS_MAX; i++) {
        config.overlay[i].kind = MESSAGE_OVERLAY_LOGO;
        memset(config.overlay[i].text, '"', sizeof config.overlay[i].text - 1);
        memset(config.overlay[i].file, '"', sizeof config.overlay[i].file - 1);
        memset(config.overlay[i].font, '"', sizeof config.overlay[i].font - 1);
        memset(burn_in.item[i].state.reason, '\x01', sizeof burn_in.item[i].state.reason - 1);
        burn_in.item[i].answered = true;
    }
    config.warning_count = CONFIG_WARNINGS_MAX;
    for (int i = 0; i < CONFIG_WARNINGS_MAX; i++)
        memset(config.warnings[i], '"', sizeof config.warnings[i] - 1);
    for (uint32_t i = 0; i < 2 * METRICS_SWITCH_LOG; i++) {
        const struct metrics_switch change = {.at_ns = 150 * S, .sequence = UINT64_MAX, .epoch = i};
        metrics_switched(&metrics, &change);
    }
    char *text = status_json(&snapshot);
    assert_non_null(text);
    assert_true(strlen(text) + 64 < CONTROL_REPLY_MAX_BYTES);
    free(text);
    pool_destroy(source.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_before_the_source_is_open, setup),
        cmocka_unit_test_setup(test_running, setup),
        cmocka_unit_test_setup(test_overlay, setup),
        cmocka_unit_test_setup(test_size, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
