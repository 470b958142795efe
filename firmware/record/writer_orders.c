// SPDX-License-Identifier: Apache-2.0
// What operators want of the recorder.
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "record/writer_internal.h"

__attribute__((format(printf, 3, 4))) static int answer(struct writer *w, int error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(w->state.answer, sizeof w->state.answer, format, args);
    va_end(args);
    return error;
}

static int refuse_name(struct writer *w, const char *name)
{
    return answer(w, CASTOR_ERR_INVALID,
                  "\"%.48s\" is no name for a recording: letters, digits, - and _, at most 48", name);
}

static int start(struct writer *w, const struct message_record_order *order)
{
    if (order->text[0] && !archive_name_is_valid(order->text))
        return refuse_name(w, order->text);
    w->recording = true;
    snprintf(w->recording_name, sizeof w->recording_name, "%.48s", order->text);
    segmenter_ask_cut(&w->segmenter);
    if (!w->folder_ok)
        return answer(w, CASTOR_ERR_AGAIN, "recording begins as soon as the folder can be written to");
    return answer(w, CASTOR_OK, "recording%s%s from the next IDR on", order->text[0] ? " " : "", order->text);
}

static int stop(struct writer *w)
{
    bool was = w->recording;

    w->recording = false;
    w->recording_name[0] = '\0';
    if (w->config.mode == MESSAGE_RECORD_PREROLL)
        segmenter_ask_cut(&w->segmenter);
    else if (w->folder_ok)
        writer_close_segment(w);
    return answer(w, CASTOR_OK, was ? "recording has ended" : "nothing was being recorded");
}

static int mark(struct writer *w, const struct writer_order *order)
{
    struct archive_line line = {
        .kind = ARCHIVE_MARK,
        .note = {.session = w->start.session,
                 .first_sequence = order->sequence,
                 .last_sequence = order->sequence,
                 .capture_ns = order->capture_ns,
                 .utc_offset_ns = order->utc_offset_ns},
    };

    if (!order->has_unit)
        return answer(w, CASTOR_ERR_AGAIN, "there is no picture yet that a mark could stand at");
    memcpy(line.note.text, order->order.text, sizeof line.note.text);
    int error = disk_note(&w->disk, &line);
    if (error == CASTOR_OK)
        error = disk_sync_index(&w->disk);
    if (error == CASTOR_ERR_INVALID)
        return answer(w, error, "this text cannot stand in the index");
    if (error != CASTOR_OK)
        return answer(w, error, "%.160s", w->disk.text);
    return answer(w, CASTOR_OK, "marked at frame %llu", (unsigned long long)order->sequence);
}

struct selection {
    struct writer *writer;
    const char *name;
    enum archive_kind kind;
    unsigned count;
    int error;
};

static void note_entry(struct catalogue_entry *entry, void *context)
{
    struct selection *selection = context;
    struct archive_line line = {.kind = selection->kind};

    if (selection->error != CASTOR_OK)
        return;
    memcpy(line.segment.file, entry->segment.file, sizeof line.segment.file);
    if (selection->kind == ARCHIVE_SAVED)
        snprintf(line.segment.recording, sizeof line.segment.recording, "%.48s", selection->name);
    selection->error = disk_note(&selection->writer->disk, &line);
    selection->count++;
}

static int finish(struct writer *w, struct selection *selection, const char *done)
{
    if (selection->error == CASTOR_OK)
        selection->error = disk_sync_index(&w->disk);
    if (selection->error != CASTOR_OK)
        return answer(w, selection->error, "%.160s", w->disk.text);
    return answer(w, CASTOR_OK, "%u segment%s %s", selection->count, selection->count == 1 ? " is" : "s are",
                  done);
}

static int save(struct writer *w, const struct message_record_order *order)
{
    struct selection selection = {.writer = w, .name = order->text, .kind = ARCHIVE_SAVED};

    if (order->text[0] && !archive_name_is_valid(order->text))
        return refuse_name(w, order->text);
    retention_visit_preroll(&w->disk.listed, writer_open_ns(w), order->number * 60 * CASTOR_NS_PER_S,
                            note_entry, &selection);
    if (selection.count == 0)
        return answer(w, CASTOR_ERR_NOT_FOUND, "there is no pre-roll to save; it exists in mode \"preroll\"");
    return finish(w, &selection, "saved");
}

static int protect(struct writer *w, const struct message_record_order *order)
{
    bool on = order->kind == MESSAGE_RECORD_ORDER_PROTECT;
    struct selection selection = {.writer = w, .kind = on ? ARCHIVE_PROTECTED : ARCHIVE_UNPROTECTED};

    for (size_t i = 0; i < w->disk.listed.count; i++) {
        struct catalogue_entry *entry = &w->disk.listed.entries[i];
        if (strcmp(entry->segment.file, order->text) == 0 ||
            strcmp(entry->segment.recording, order->text) == 0)
            note_entry(entry, &selection);
    }
    if (selection.count == 0)
        return answer(w, CASTOR_ERR_NOT_FOUND,
                      "there is no segment or recording \"%.60s\"; see castorctl record list", order->text);
    return finish(w, &selection, on ? "protected" : "not protected any more");
}

static int carry_out(struct writer *w, const struct writer_order *order)
{
    enum message_record_order_kind kind = (enum message_record_order_kind)order->order.kind;

    if (kind == MESSAGE_RECORD_ORDER_START)
        return start(w, &order->order);
    if (kind == MESSAGE_RECORD_ORDER_STOP)
        return stop(w);
    if (!w->folder_ok)
        return answer(w, CASTOR_ERR_AGAIN, "%.160s",
                      w->state.text[0] ? w->state.text : "the recording folder is not open yet");
    switch (kind) {
    case MESSAGE_RECORD_ORDER_MARK:
        return mark(w, order);
    case MESSAGE_RECORD_ORDER_SAVE:
        return save(w, &order->order);
    default:
        return protect(w, &order->order);
    }
}

void writer_carry_out(struct writer *w, const struct writer_order *order)
{
    w->state.answer[0] = '\0';
    w->state.answer_error = carry_out(w, order);
    w->state.answered = order->order.serial;
    w->told_ns = 0;
}
