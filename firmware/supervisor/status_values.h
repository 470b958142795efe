// SPDX-License-Identifier: Apache-2.0
// What the files of the status document share: small values as JSON, and the document's sections. Nobody else
// includes this. What is returned is a new reference, NULL when out of memory.
#ifndef SUPERVISOR_STATUS_VALUES_H
#define SUPERVISOR_STATUS_VALUES_H

#include <jansson.h>

#include "supervisor/json_text.h"
#include "supervisor/status.h"

json_t *status_real(double value, double step); // rounded to a multiple of step
json_t *status_milliseconds(int64_t ns);
json_t *status_seconds(int64_t ns);
json_t *status_count(uint64_t value);
json_t *status_text_or_null(const char *text); // null for ""
json_t *status_letter(uint32_t path);          // null for no path
// A time on the house clock as time of day; null when it is not known.
json_t *status_time_of_day(const struct status_snapshot *s, int64_t at_ns);
json_t *status_per_frame(uint64_t total, uint64_t frames); // null before frames
json_t *status_worker(const struct status_snapshot *s, const struct worker *worker);

// names[index], "unknown" beyond them.
const char *status_name_of(const char *const *names, size_t names_count, uint32_t index);
#define STATUS_NAME(names, index) status_name_of(names, sizeof(names) / sizeof((names)[0]), index)

// The sections, one file a subject.
json_t *status_source(const struct status_snapshot *s);
json_t *status_slate(const struct status_snapshot *s);
json_t *status_sound(const struct status_snapshot *s);
json_t *status_pool(const struct status_snapshot *s);
json_t *status_paths(const struct status_snapshot *s);
json_t *status_on_air(const struct status_snapshot *s);
json_t *status_stream(const struct status_snapshot *s);
json_t *status_egress(const struct status_snapshot *s);
json_t *status_destinations(const struct status_snapshot *s);
json_t *status_record(const struct status_snapshot *s);
json_t *status_destination_gaps(const struct status_snapshot *s, uint32_t index); // of destinations[]
json_t *status_frames(const struct status_snapshot *s);
json_t *status_losses(const struct status_snapshot *s);
json_t *status_latency(const struct status_snapshot *s);
json_t *status_switches(const struct status_snapshot *s);
json_t *status_overlay(const struct status_snapshot *s);

#endif
