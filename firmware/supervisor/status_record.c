// SPDX-License-Identifier: Apache-2.0
// The recording. The keys are described in status.h.
#include "supervisor/status_values.h"

static void add(json_t *object, const char *key, json_t *value)
{
    json_object_set_new(object, key, value);
}

static void add_counters(json_t *object, const struct message_record_state *state)
{
    add(object, "frames", status_count(state->frames));
    add(object, "left_out", status_count(state->left_out));
    add(object, "gaps", status_count(state->gaps));
    add(object, "synced", status_count(state->synced_sequence));
    add(object, "bytes", status_count(state->bytes));
    add(object, "closed", status_count(state->closed));
    add(object, "removed", status_count(state->removed));
    add(object, "recovered", status_count(state->recovered));
    add(object, "kept_segments", status_count(state->kept_segments));
    add(object, "kept_bytes", status_count(state->kept_bytes));
    add(object, "free_bytes", status_count(state->free_bytes));
    add(object, "queue_bytes", status_count(state->queue_bytes));
    add(object, "queue_size_bytes", status_count(state->queue_size_bytes));
    add(object, "slowest_ms", status_count(state->slowest_ms));
}

json_t *status_record(const struct status_snapshot *s)
{
    static const char *const containers[] = {[CONFIG_CONTAINER_TS] = "ts", [CONFIG_CONTAINER_MP4] = "mp4"};
    static const char *const modes[] = {[CONFIG_RECORD_CONTINUOUS] = "continuous",
                                        [CONFIG_RECORD_COMMAND] = "command",
                                        [CONFIG_RECORD_PREROLL] = "preroll"};
    static const char *const states[] = {
        [MESSAGE_RECORD_STARTING] = "starting",   [MESSAGE_RECORD_IDLE] = "idle",
        [MESSAGE_RECORD_RECORDING] = "recording", [MESSAGE_RECORD_PREROLLING] = "preroll",
        [MESSAGE_RECORD_FAILING] = "failing",
    };
    const struct config_record *config = &s->config->record;
    const struct recorder *recorder = s->recorder;
    const struct message_record_state *state = &recorder->state;

    if (config->folder[0] == '\0')
        return json_null();
    json_t *object = json_pack(
        "{s:o, s:s, s:s, s:o, s:o, s:b, s:o, s:o}", "folder", json_text(config->folder), "container",
        STATUS_NAME(containers, config->container), "mode", STATUS_NAME(modes, config->mode), "state",
        recorder->worker.pid > 0 && state->status ? json_text(STATUS_NAME(states, state->status))
                                                  : json_null(),
        "text", status_text_or_null(state->text), "recording", recorder->recording, "name",
        status_text_or_null(recorder->name), "file", status_text_or_null(state->file));
    add_counters(object, state);
    add(object, "last_order", status_count(recorder->orders));
    add(object, "answered", status_count(state->answered));
    add(object, "answer", status_text_or_null(state->answer));
    add(object, "answer_ok", json_boolean(state->answer_error == CASTOR_OK));
    add(object, "relayed", status_count(recorder->relayed));
    add(object, "not_relayed", status_count(recorder->not_relayed));
    add(object, "relay_slowest_us", status_count((uint64_t)(recorder->relay_slowest_ns / CASTOR_NS_PER_US)));
    add(object, "worker", status_worker(s, &recorder->worker));
    return object;
}
