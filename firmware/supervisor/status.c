// SPDX-License-Identifier: Apache-2.0
// The status document as a whole. The keys are described in status.h.
#include "supervisor/status_values.h"

static json_t *warnings(const struct status_snapshot *s)
{
    const struct config *config = s->config;
    json_t *list = json_array();

    for (uint32_t i = 0; i < config->warning_count; i++)
        json_array_append_new(list, json_text(config->warnings[i]));
    return list;
}

static json_t *encoders(const struct status_snapshot *s)
{
    return selection_json(s->selection);
}

static const struct section {
    const char *key;
    json_t *(*make)(const struct status_snapshot *s);
} sections[] = {
    {"warnings", warnings},
    {"source", status_source},
    {"slate", status_slate},
    {"stream", status_stream},
    {"on_air", status_on_air},
    {"paths", status_paths},
    {"encoders", encoders},
    {"sound", status_sound},
    {"pool", status_pool},
    {"egress", status_egress},
    {"destinations", status_destinations},
    {"record", status_record},
    {"frames", status_frames},
    {"losses", status_losses},
    {"latency", status_latency},
    {"switches", status_switches},
    {"overlay", status_overlay},
};

char *status_json(const struct status_snapshot *s)
{
    json_t *document = json_pack(
        "{s:i, s:o, s:s, s:o, s:o, s:b}", "schema_version", STATUS_SCHEMA_VERSION, "name",
        json_text(s->config->name), "version", CASTOR_VERSION, "time", status_time_of_day(s, s->now_ns),
        "uptime_s", status_seconds(s->now_ns - s->started_ns), "faults_allowed", s->config->allow_faults);

    for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
        json_object_set_new(document, sections[i].key, sections[i].make(s));
    char *text = json_dumps(document, JSON_COMPACT | JSON_REAL_PRECISION(12));

    json_decref(document);
    return text;
}
