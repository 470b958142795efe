// SPDX-License-Identifier: Apache-2.0
// The encoder paths. The keys are described in status.h.
#include "supervisor/status_values.h"

static json_t *failures(const struct path *path)
{
    json_t *object = json_object();

    for (uint32_t i = 0; i < SWITCH_CAUSES; i++)
        if (path->failures[i] > 0)
            json_object_set_new(object, switch_cause_name((enum switch_cause)i),
                                status_count(path->failures[i]));
    return object;
}

static json_t *one_path(const struct status_snapshot *s, uint32_t index)
{
    const struct path *path = &s->paths[index];
    const struct config_encoder *encoder = &s->config->encoder.chain[index];
    const struct switch_path *state = s->switching ? &s->switching->path[index] : NULL;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "path",
        status_letter(index), "driver", json_text(encoder->driver), "device",
        status_text_or_null(encoder->device), "preset", status_text_or_null(encoder->preset), "description",
        status_text_or_null(path->description), "state",
        switch_path_state_name(state ? state->state : SWITCH_PATH_DOWN), "orders",
        status_count(state ? state->orders : 0), "coded", status_count(path->coded), "dropped",
        status_count(path->dropped), "cpu_copies_per_frame",
        status_per_frame(path->cpu_copies, path->coded_now), "failures", failures(path), "last_cause",
        path->last_cause != SWITCH_CAUSE_NONE ? json_text(switch_cause_name(path->last_cause)) : json_null(),
        "last_failure", status_text_or_null(path->last_failure), "outdated", path->outdated, "worker",
        status_worker(s, &path->worker));
}

json_t *status_paths(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->path_count; i++)
        json_array_append_new(list, one_path(s, i));
    return list;
}

json_t *status_on_air(const struct status_snapshot *s)
{
    if (!s->switching || s->switching->active >= s->path_count)
        return json_pack("{s:n, s:s, s:n}", "path", "cause", switch_cause_name(s->active_cause), "since_s");
    return json_pack("{s:o, s:s, s:o}", "path", status_letter(s->switching->active), "cause",
                     switch_cause_name(s->active_cause), "since_s",
                     status_seconds(s->now_ns - s->switching->active_since_ns));
}
