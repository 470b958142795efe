// SPDX-License-Identifier: Apache-2.0
#include "export/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_sequence(const void *a, const void *b)
{
    const struct catalogue_entry *const *left = a, *const *right = b;
    uint64_t l = (*left)->segment.first_sequence, r = (*right)->segment.first_sequence;

    return l < r ? -1 : l > r;
}

// Where the segment ends; one that is open may hold anything from its beginning on.
static uint64_t end_of(const struct catalogue_entry *entry)
{
    return entry->open ? UINT64_MAX : entry->segment.last_sequence;
}

static int not_found(struct export_text *why, const char *what, uint64_t from, uint64_t to)
{
    snprintf(why->text, sizeof why->text,
             "%s: frames %" PRIu64 " to %" PRIu64
             " are in no segment. They were not recorded, or retention has removed them; gaps that are not "
             "exported yet can be kept with castorctl record protect",
             what, from, to);
    return CASTOR_ERR_NOT_FOUND;
}

// Between two segments frames may be missing that were never captured: a hole shows when they are counted.
static bool is_hole(const struct export_request *request, uint64_t from, uint64_t to)
{
    uint64_t span = request->last_sequence - request->first_sequence + 1;

    return from <= to && to - from + 1 > span - request->frames;
}

static int collect(const struct catalogue *catalogue, const struct export_request *request,
                   struct export_plan *plan, struct export_text *why)
{
    plan->count = 0;
    for (size_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_entry *entry = &catalogue->entries[i];
        if (entry->segment.session != request->session ||
            entry->segment.first_sequence > request->last_sequence || end_of(entry) < request->first_sequence)
            continue;
        if (plan->count == PLAN_SEGMENTS_MAX) {
            snprintf(why->text, sizeof why->text,
                     "the gap lies in more than %u segments; export it from the segments themselves",
                     PLAN_SEGMENTS_MAX);
            return CASTOR_ERR_FULL;
        }
        plan->segments[plan->count++] = entry;
    }
    qsort(plan->segments, plan->count, sizeof plan->segments[0], by_sequence);
    return CASTOR_OK;
}

static const struct catalogue_entry *find_after(const struct catalogue *catalogue, uint64_t session,
                                                const struct catalogue_entry *last)
{
    const struct catalogue_entry *after = NULL;

    for (size_t i = 0; i < catalogue->count; i++) {
        const struct catalogue_entry *entry = &catalogue->entries[i];
        if (entry->segment.session == session && entry->segment.first_sequence > end_of(last) &&
            (!after || entry->segment.first_sequence < after->segment.first_sequence))
            after = entry;
    }
    return after;
}

static int check_covered(const struct export_request *request, const struct export_plan *out,
                         struct export_text *why)
{
    uint64_t next;

    if (out->count == 0)
        return not_found(why, "nothing of this gap is in the recording", request->first_sequence,
                         request->last_sequence);
    next = out->segments[0]->segment.first_sequence;
    if (next > request->first_sequence)
        return not_found(why, "the recording begins after the gap", request->first_sequence, next - 1);
    for (uint32_t i = 0; i < out->count; i++) {
        const struct catalogue_entry *entry = out->segments[i];
        if (is_hole(request, next, entry->segment.first_sequence - 1))
            return not_found(why, "the recording has a hole in the gap", next,
                             entry->segment.first_sequence - 1);
        if (end_of(entry) >= request->last_sequence)
            return CASTOR_OK;
        next = end_of(entry) + 1;
    }
    return is_hole(request, next, request->last_sequence)
               ? not_found(why, "the recording ends before the gap does", next, request->last_sequence)
               : CASTOR_OK;
}

int plan_make(const struct catalogue *catalogue, const struct export_request *request,
              struct export_plan *out, struct export_text *why)
{
    int error = collect(catalogue, request, out, why);

    if (error == CASTOR_OK)
        error = check_covered(request, out, why);
    if (error == CASTOR_OK)
        out->after = find_after(catalogue, request->session, out->segments[out->count - 1]);
    return error;
}
