// SPDX-License-Identifier: Apache-2.0
#include "supervisor/gaps.h"

#include <stdio.h>
#include <string.h>

#include "hal/error.h"

void gaps_init(struct gaps *gaps)
{
    memset(gaps, 0, sizeof *gaps);
}

void gaps_name(struct gaps *gaps, uint32_t index, const char *name)
{
    struct gaps_destination *destination = &gaps->destination[index];

    if (strcmp(destination->name, name) != 0) {
        memset(destination, 0, sizeof *destination);
        snprintf(destination->name, sizeof destination->name, "%s", name);
        destination->done = gaps->units;
    }
    gaps->destination_count = index + 1;
}

// ---- the gaps of one destination ----

static struct gap *newest(struct gaps_destination *destination)
{
    return destination->begun > 0 ? &destination->kept[(destination->begun - 1) % GAPS_KEPT_MAX] : NULL;
}

const struct gap *gaps_newest(const struct gaps_destination *destination)
{
    return destination->begun > 0 ? &destination->kept[(destination->begun - 1) % GAPS_KEPT_MAX] : NULL;
}

const struct gap *gaps_at(const struct gaps_destination *destination, uint32_t i)
{
    uint64_t oldest = destination->begun > GAPS_KEPT_MAX ? destination->begun - GAPS_KEPT_MAX : 0;

    return oldest + i < destination->begun ? &destination->kept[(oldest + i) % GAPS_KEPT_MAX] : NULL;
}

uint64_t gaps_frames(const struct gaps_destination *destination)
{
    uint64_t frames = destination->frames;
    const struct gap *gap;

    for (uint32_t i = 0; (gap = gaps_at(destination, i)) != NULL; i++)
        frames += message_gap_frames(gap->sum.frames);
    return frames;
}

static struct gap *begin(struct gaps *gaps, struct gaps_destination *destination, uint64_t first,
                         int64_t first_ns)
{
    struct gap *gap = &destination->kept[destination->begun++ % GAPS_KEPT_MAX];

    destination->frames += message_gap_frames(gap->sum.frames);
    *gap = (struct gap){.number = ++gaps->numbers,
                        .first = first,
                        .first_ns = first_ns,
                        .utc_offset_ns = gaps->utc_offset_ns,
                        .pts_offset_ns = gaps->pts_offset_ns,
                        .open = true};
    memcpy(gap->destination, destination->name, sizeof gap->destination);
    return gap;
}

// The gap that goes on with access unit `first`: when none lies between that is not in it.
static struct gap *find_or_begin(struct gaps *gaps, struct gaps_destination *destination, uint64_t first,
                                 int64_t first_ns)
{
    struct gap *gap = newest(destination);
    uint64_t oldest = gaps->units > GAPS_UNITS_MAX ? gaps->units - GAPS_UNITS_MAX : 0;

    for (uint64_t i = gaps->units; gap && i > oldest; i--) {
        const struct gaps_unit *unit = &gaps->unit[(i - 1) % GAPS_UNITS_MAX];
        if (unit->sequence >= first)
            continue;
        if (unit->sequence <= gap->last)
            return gap;
        break;
    }
    return begin(gaps, destination, first, first_ns);
}

// An access unit that only the supervisor knows to be lost.
static void add(struct gaps *gaps, struct gaps_destination *destination, const struct gaps_unit *unit)
{
    struct gap *gap = find_or_begin(gaps, destination, unit->sequence, unit->capture_ns);

    gap->last = unit->sequence;
    gap->last_ns = unit->capture_ns;
    gap->sum.frames[MESSAGE_GAP_EGRESS]++;
    gap->sum.possible += !unit->lost;
    gap->egress_number = 0;
    gap->open = gap->changed = true;
}

// Everything up to `sequence` is settled: what egress got has arrived or was told, unless it has ended.
static void walk(struct gaps *gaps, struct gaps_destination *destination, uint64_t sequence, bool ended)
{
    const struct gap *gap = newest(destination);
    uint64_t told = gap && gap->last > destination->settled ? gap->last : destination->settled;

    for (; destination->done < gaps->units; destination->done++) {
        const struct gaps_unit *unit = &gaps->unit[destination->done % GAPS_UNITS_MAX];
        if (unit->sequence > sequence)
            break;
        if (unit->lost || (ended && unit->sequence > told))
            add(gaps, destination, unit);
    }
}

// ---- access units ----

static void enter(struct gaps *gaps, const struct gaps_unit *unit)
{
    const struct gaps_unit *oldest = &gaps->unit[gaps->units % GAPS_UNITS_MAX];

    for (uint32_t i = 0; i < gaps->destination_count; i++)
        if (gaps->units - gaps->destination[i].done == GAPS_UNITS_MAX)
            walk(gaps, &gaps->destination[i], oldest->sequence, false);
    gaps->unit[gaps->units++ % GAPS_UNITS_MAX] = *unit;
    for (uint32_t i = 0; i < gaps->destination_count && !gaps->running; i++)
        walk(gaps, &gaps->destination[i], UINT64_MAX, true);
}

void gaps_handed(struct gaps *gaps, uint64_t sequence, int64_t capture_ns)
{
    gaps->running = true;
    enter(gaps, &(struct gaps_unit){.sequence = sequence, .capture_ns = capture_ns});
}

void gaps_lost(struct gaps *gaps, uint64_t sequence, int64_t capture_ns)
{
    enter(gaps, &(struct gaps_unit){.sequence = sequence, .capture_ns = capture_ns, .lost = true});
}

void gaps_egress_ended(struct gaps *gaps)
{
    gaps->running = false;
    for (uint32_t i = 0; i < gaps->destination_count; i++) {
        struct gaps_destination *destination = &gaps->destination[i];
        struct gap *gap = newest(destination);

        walk(gaps, destination, UINT64_MAX, true);
        destination->settled = 0;
        if (gap)
            gap->egress_number = 0;
    }
}

// ---- what egress tells ----

static bool is_possible(const struct gaps *gaps, const struct gaps_destination *destination,
                        const struct message_gap *told)
{
    const struct gap *gap = gaps_newest(destination);

    if (gaps->units == 0 || told->last > gaps->unit[(gaps->units - 1) % GAPS_UNITS_MAX].sequence)
        return false; // what it was never given
    if (!gap)
        return true;
    return gap->egress_number == told->number ? told->last >= gap->last : told->first > gap->last;
}

int gaps_take(struct gaps *gaps, const struct message_gap *told)
{
    struct gaps_destination *destination = &gaps->destination[told->destination];
    struct gap *gap = newest(destination);

    if (told->destination >= gaps->destination_count || !is_possible(gaps, destination, told))
        return CASTOR_ERR_INVALID;
    if (!gap || gap->egress_number != told->number) {
        gap = find_or_begin(gaps, destination, told->first, told->first_ns);
        gap->before = gap->sum;
        gap->egress_number = told->number;
    }
    gap->last = told->last;
    gap->last_ns = told->last_ns;
    gap->sum.possible = gap->before.possible + told->possible;
    for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
        gap->sum.frames[cause] = gap->before.frames[cause] + told->frames[cause];
    gap->open = (told->flags & MESSAGE_GAP_OPEN) != 0;
    if (!gap->open)
        gap->noted_ns = 0; // that it has ended is written down at once
    gap->changed = true;
    return CASTOR_OK;
}

int gaps_arrived(struct gaps *gaps, const struct message_arrived *told)
{
    struct gaps_destination *destination = &gaps->destination[told->destination];

    if (told->destination >= gaps->destination_count || told->sequence < destination->settled)
        return CASTOR_ERR_INVALID;
    walk(gaps, destination, told->sequence, false);
    destination->settled = told->sequence;
    struct gap *gap = newest(destination);
    if (gap && gap->open && gap->egress_number == 0 && told->sequence > gap->last) {
        gap->open = false;
        gap->changed = true;
        gap->noted_ns = 0;
    }
    return CASTOR_OK;
}

// ---- writing them down ----

static bool is_due(const struct gap *gap, int64_t now_ns)
{
    return gap->changed && (gap->noted_ns == 0 || now_ns - gap->noted_ns >= GAPS_GROWTH_NS);
}

static void fill_note(const struct gap *gap, struct message_gap_note *out)
{
    *out = (struct message_gap_note){
        .number = gap->number,
        .first = gap->first,
        .last = gap->last,
        .first_ns = gap->first_ns,
        .last_ns = gap->last_ns,
        .utc_offset_ns = gap->utc_offset_ns,
        .pts_offset_ns = gap->pts_offset_ns,
        .possible = gap->sum.possible,
        .flags = gap->open ? MESSAGE_GAP_OPEN : 0,
    };
    memcpy(out->destination, gap->destination, sizeof out->destination);
    memcpy(out->frames, gap->sum.frames, sizeof out->frames);
}

bool gaps_next_note(const struct gaps *gaps, int64_t now_ns, struct message_gap_note *out)
{
    const struct gap *gap;

    for (uint32_t i = 0; i < gaps->destination_count; i++) {
        for (uint32_t k = 0; (gap = gaps_at(&gaps->destination[i], k)) != NULL; k++) {
            if (!is_due(gap, now_ns))
                continue;
            fill_note(gap, out);
            return true;
        }
    }
    return false;
}

static void each(struct gaps *gaps, uint64_t number, bool changed, int64_t noted_ns)
{
    for (uint32_t i = 0; i < gaps->destination_count; i++) {
        for (uint32_t k = 0; k < GAPS_KEPT_MAX; k++) {
            struct gap *gap = &gaps->destination[i].kept[k];
            if (gap->number == 0 || (number != 0 && gap->number != number))
                continue;
            gap->changed = changed;
            gap->noted_ns = noted_ns;
        }
    }
}

void gaps_noted(struct gaps *gaps, const struct message_gap_note *note, int64_t now_ns)
{
    each(gaps, note->number, false, now_ns);
}

void gaps_note_all(struct gaps *gaps)
{
    each(gaps, 0, true, 0);
}
