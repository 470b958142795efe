// SPDX-License-Identifier: Apache-2.0
// Frames that went on air and are in no segment, because the disk failed or there was no recorder: how many
// they are shows only when a disk takes them again.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "record/writer_internal.h"

void writer_leave_out(struct writer *w, const struct record_unit *unit)
{
    if (w->gap.frames == 0) {
        w->gap = unit->gap;
        w->gap.first_sequence = unit->gap.frames > 0 ? unit->gap.first_sequence : unit->sequence;
        w->gap.capture_ns = unit->gap.frames > 0 ? unit->gap.capture_ns : unit->capture_ns;
        w->state.gaps++;
    } else {
        w->gap.frames += unit->gap.frames;
    }
    w->gap.frames++;
    w->gap.last_sequence = unit->sequence;
    w->state.left_out++;
}

static void stopped_after(struct writer *w, uint64_t last_sequence, int64_t next_capture_ns)
{
    if (!w->stopped.known || last_sequence >= w->stopped.next_sequence)
        w->stopped = (struct writer_unclosed){true, last_sequence + 1, next_capture_ns};
}

// The recorder before this one may have ended between two segments, and may already have told of a gap there.
// Where an operator decides when to record, it may have had nothing to do.
static void find_last_told(struct writer *w)
{
    const struct catalogue *listed = &w->disk.listed;
    const int64_t interval_ns = castor_frame_interval_ns(w->start.stream.format.rate);

    if (w->config.mode == MESSAGE_RECORD_COMMAND)
        return;
    for (size_t i = 0; i < listed->count; i++) {
        const struct archive_segment *segment = &listed->entries[i].segment;
        if (segment->session == w->start.session)
            stopped_after(w, segment->last_sequence, segment->last_capture_ns + interval_ns);
    }
    for (size_t i = 0; i < listed->note_count; i++) {
        const struct archive_note *gap = &listed->notes[i].note;
        const int64_t frames = (int64_t)(gap->last_sequence - gap->first_sequence) + 1;
        if (listed->notes[i].kind == ARCHIVE_GAP && gap->session == w->start.session)
            stopped_after(w, gap->last_sequence, gap->capture_ns + frames * interval_ns);
    }
}

void writer_find_stop(struct writer *w)
{
    if (w->unclosed.known)
        w->stopped = w->unclosed;
    else if (!w->opened)
        find_last_told(w);
    w->unclosed.known = false;
    w->opened = true;
}

void writer_count_lost(struct writer *w, const struct record_unit *unit)
{
    const struct writer_unclosed stopped = w->stopped;
    struct record_gap *gap = &w->gap;
    uint64_t end = unit->gap.frames > 0 ? unit->gap.first_sequence : unit->sequence;

    if (gap->frames > 0)
        end = gap->first_sequence;
    else if (w->state.frames > 0) // written, and not on the disk when it failed
        end = w->last_sequence + 1;
    w->stopped.known = false;
    if (!stopped.known || stopped.next_sequence >= end)
        return;
    if (gap->frames == 0) {
        gap->last_sequence = end - 1;
        w->state.gaps++;
    }
    gap->first_sequence = stopped.next_sequence;
    gap->capture_ns = stopped.capture_ns;
    gap->frames += end - stopped.next_sequence;
    w->state.left_out += end - stopped.next_sequence;
}

static int note(struct writer *w, const struct record_gap *gap, const char *why)
{
    struct archive_line line = {
        .kind = ARCHIVE_GAP,
        .note = {.session = w->start.session,
                 .first_sequence = gap->first_sequence,
                 .last_sequence = gap->last_sequence,
                 .capture_ns = gap->capture_ns,
                 .utc_offset_ns = w->utc_offset_ns},
    };

    snprintf(line.note.text, sizeof line.note.text, "%s", why);
    log_warning("%llu frame(s) from %llu on are not recorded: %s", (unsigned long long)gap->frames,
                (unsigned long long)gap->first_sequence, why);
    return disk_note(&w->disk, &line);
}

int writer_note_gaps(struct writer *w, const struct record_gap *before)
{
    const char *why = w->state.text[0]      ? w->state.text
                      : w->state.frames > 0 ? "the disk failed"
                                            : "there was no recorder: it had ended, and was started anew";
    int error = CASTOR_OK;

    if (before && before->frames > 0)
        error = note(w, before, "the disk, or the recorder itself, was too slow");
    if (error == CASTOR_OK && w->gap.frames > 0)
        error = note(w, &w->gap, why);
    if (error == CASTOR_OK)
        memset(&w->gap, 0, sizeof w->gap);
    return error;
}
