// SPDX-License-Identifier: Apache-2.0
// The folder: opening it, room in it, and what happens when its disk says no.
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "record/recovery.h"
#include "record/writer_internal.h"

#define RETRY_FIRST_NS (500 * CASTOR_NS_PER_MS)
#define RETRY_MAX_NS (10 * CASTOR_NS_PER_S)
#define REMOVALS_MAX 32 // at a time, so that media does not wait for more
#define DEAD_LINES_MAX 1000u

void writer_fail(struct writer *w, int error)
{
    if (strcmp(w->state.text, w->disk.text) != 0)
        log_error("%s", w->disk.text);
    w->state.error = error;
    snprintf(w->state.text, sizeof w->state.text, "%s", w->disk.text);
    w->segment_open = false;
    w->unsynced_ns = 0;
    writer_reset_container(w);
    segmenter_close(&w->segmenter);
    disk_close(&w->disk);
    w->folder_ok = false;
    w->retry_delay_ns = w->retry_delay_ns ? w->retry_delay_ns * 2 : RETRY_FIRST_NS;
    if (w->retry_delay_ns > RETRY_MAX_NS)
        w->retry_delay_ns = RETRY_MAX_NS;
    w->retry_ns = castor_now_ns() + w->retry_delay_ns;
    w->told_ns = 0;
}

int64_t writer_open_ns(const struct writer *w)
{
    return w->segment_open ? w->segment.last_capture_ns - w->segment.first_capture_ns : 0;
}

static int make_room(struct writer *w)
{
    const struct retention_config config = {
        .keep_bytes = (uint64_t)w->config.keep_mb * 1000000,
        .free_bytes = (uint64_t)w->config.free_mb * 1000000,
        .preroll_ns = w->config.preroll_minutes * 60 * CASTOR_NS_PER_S,
    };
    struct retention_now now = {.open_ns = writer_open_ns(w),
                                .open_bytes = w->segment_open ? w->disk.file_bytes : 0};
    int error = disk_free_bytes(&w->disk, &now.free_bytes);

    for (int i = 0; i < REMOVALS_MAX && error == CASTOR_OK; i++) {
        size_t at = retention_pick(&w->disk.listed, &config, &now);
        if (at == RETENTION_NONE)
            break;
        log_info("%s is removed: room is needed", w->disk.listed.entries[at].segment.file);
        error = disk_remove(&w->disk, w->disk.listed.entries[at].segment.file);
        w->state.removed++;
        if (error == CASTOR_OK)
            error = disk_free_bytes(&w->disk, &now.free_bytes);
    }
    w->state.free_bytes = now.free_bytes;
    w->state.kept_bytes = retention_bytes(&w->disk.listed);
    w->state.kept_segments = (uint32_t)w->disk.listed.count;
    if (error != CASTOR_OK || !retention_is_starved(&w->disk.listed, &config, &now))
        return error;
    snprintf(w->disk.text, sizeof w->disk.text,
             "%.90s: less than record.free_mb (%u MB) is free, and everything in it is protected; remove "
             "something, or unprotect a recording",
             w->config.folder, w->config.free_mb);
    return CASTOR_ERR_FULL;
}

void writer_make_room(struct writer *w)
{
    if (!w->folder_ok)
        return;
    int error = make_room(w);
    // Lines that say nothing any more are left out now and then.
    if (error == CASTOR_OK && w->disk.listed.dead > DEAD_LINES_MAX + w->disk.listed.count)
        error = disk_rewrite_index(&w->disk);
    if (error != CASTOR_OK)
        writer_fail(w, error);
}

void writer_open_folder(struct writer *w, int64_t now_ns)
{
    if (w->folder_ok || !w->configured || now_ns < w->retry_ns)
        return;
    struct recovery recovery = {.session = w->start.session};
    int error = disk_open(&w->disk, w->config.folder);
    if (error == CASTOR_OK)
        error = make_room(w); // before anything is written: the disk may be full
    if (error == CASTOR_OK)
        error = recovery_run(&w->disk, &recovery);
    w->state.recovered += recovery.recovered;
    if (recovery.interrupted) // also where something fails after that: it is closed by then
        w->unclosed = (struct writer_unclosed){true, recovery.next_sequence, recovery.next_capture_ns};
    if (error == CASTOR_OK)
        error = make_room(w);
    if (error == CASTOR_OK)
        error = disk_check(&w->disk);
    if (error != CASTOR_OK) {
        writer_fail(w, error);
        return;
    }
    writer_find_stop(w);
    w->folder_ok = true;
    w->state.error = CASTOR_OK;
    w->told_ns = 0;
    segmenter_init(&w->segmenter);
}

void writer_close_folder(struct writer *w)
{
    if (w->folder_ok)
        writer_close_segment(w);
    if (w->folder_ok && writer_note_gaps(w, NULL) != CASTOR_OK)
        log_error("%s", w->disk.text);
    disk_close(&w->disk);
    w->folder_ok = false;
    w->retry_ns = w->retry_delay_ns = 0;
    w->state.text[0] = '\0';
    w->state.error = CASTOR_OK;
}

void writer_write_outages(struct writer *w)
{
    if (!w->folder_ok)
        return;
    int error = gap_notes_write(&w->outages, w->disk.folder_fd);
    if (error == CASTOR_OK)
        return;
    snprintf(w->disk.text, sizeof w->disk.text, "%.150s/" JOURNAL_FILE " cannot be written: %s", w->disk.path,
             castor_error_text(error));
    writer_fail(w, error);
}
