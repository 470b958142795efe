// SPDX-License-Identifier: Apache-2.0
#include "export/copy.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "export/check.h"
#include "export/writer.h"

#define WRAP (INT64_C(1) << 33)
// Sound lies beside its picture in the stream, give or take this.
#define SOUND_BEHIND 90000

struct copy {
    const struct export_plan *plan;
    const int *fds;
    const struct export_request *request;
    int out_fd;
    bool mp4;
    struct copy_result result;
    struct writer *writer;
    uint64_t written; // sequence of the last access unit, while result.frames > 0
    bool ended;       // the last missing frame has been passed
    bool over;        // and all sound that lies beside it
};

// How far b lies behind a, of times that wrap around.
static int64_t behind(int64_t a, int64_t b)
{
    int64_t difference = (b - a) & (WRAP - 1);

    return difference < WRAP / 2 ? difference : difference - WRAP;
}

static int open_segment(const struct copy *copy, const struct catalogue_entry *entry, int fd,
                        struct reader **out, struct export_text *why)
{
    return reader_open(&entry->segment, fd, copy->request->pts_offset_ns, out, why);
}

// First pass, over the first segment: the last IDR up to the first missing frame.
static int find_start(struct copy *copy, struct export_text *why)
{
    struct reader *reader = NULL;
    struct reader_unit unit;
    bool found = false;
    int error = open_segment(copy, copy->plan->segments[0], copy->fds[0], &reader, why);

    while (error == CASTOR_OK && (error = reader_next(reader, &unit, why)) == CASTOR_OK) {
        if (!unit.video)
            continue;
        if (unit.sequence > copy->request->first_sequence)
            break;
        if (!unit.idr)
            continue;
        copy->result.start_sequence = unit.sequence;
        copy->result.start_pts = unit.pts;
        found = true;
    }
    reader_close(reader);
    if (error != CASTOR_OK && error != CASTOR_ERR_END)
        return error;
    if (found)
        return CASTOR_OK;
    snprintf(why->text, sizeof why->text,
             "segment %s holds no IDR before the gap; it cannot be decoded from there",
             copy->plan->segments[0]->segment.file);
    return CASTOR_ERR_INVALID;
}

static int take_video(struct copy *copy, const struct reader_unit *unit, bool *wanted,
                      struct export_text *why)
{
    struct copy_result *result = &copy->result;

    *wanted = unit->sequence >= result->start_sequence && unit->sequence <= copy->request->last_sequence;
    copy->ended = copy->ended || unit->sequence > copy->request->last_sequence;
    if (!*wanted)
        return CASTOR_OK;
    if (result->frames > 0 && unit->sequence <= copy->written) {
        snprintf(why->text, sizeof why->text,
                 "the recording is damaged: frame %" PRIu64 " comes after frame %" PRIu64, unit->sequence,
                 copy->written);
        return CASTOR_ERR_INVALID;
    }
    copy->written = unit->sequence;
    result->frames++;
    result->last_pts = unit->pts;
    if (unit->sequence < copy->request->first_sequence) {
        result->start_offset++;
        return CASTOR_OK;
    }
    if (result->missing++ == 0)
        result->first_pts = unit->pts;
    return CASTOR_OK;
}

static bool wants_sound(const struct copy *copy, const struct reader_unit *unit)
{
    return behind(copy->result.start_pts, unit->pts) >= 0 &&
           (!copy->ended || behind(copy->result.last_pts, unit->pts) <= 0);
}

static bool is_over(const struct copy *copy, const struct reader_unit *unit)
{
    return copy->ended && behind(copy->result.last_pts, unit->pts) > SOUND_BEHIND;
}

static int copy_segment(struct copy *copy, const struct catalogue_entry *entry, int fd,
                        struct export_text *why)
{
    struct reader *reader = NULL;
    struct reader_unit unit;
    int error = open_segment(copy, entry, fd, &reader, why);

    if (error == CASTOR_OK && !copy->writer)
        error = writer_open(copy->out_fd, copy->mp4, reader, copy->result.start_pts, &copy->writer, why);
    while (error == CASTOR_OK && !copy->over && (error = reader_next(reader, &unit, why)) == CASTOR_OK) {
        bool wanted = !unit.video && wants_sound(copy, &unit);
        if (unit.video)
            error = take_video(copy, &unit, &wanted, why);
        if (error == CASTOR_OK && wanted)
            error = writer_put(copy->writer, &unit, why);
        copy->over = is_over(copy, &unit);
    }
    reader_close(reader);
    return error == CASTOR_ERR_END ? CASTOR_OK : error;
}

// The gap is whole without it.
static int copy_after(struct copy *copy, int fd, struct export_text *why)
{
    const struct catalogue_entry *after = copy->plan->after;
    struct export_text ignored;

    if (fd < 0 || copy->over || (!after->open && check_segment(&after->segment, fd, &ignored) != CASTOR_OK))
        return CASTOR_OK;
    copy->ended = true;
    int error = copy_segment(copy, after, fd, why);
    return error == CASTOR_ERR_INVALID ? CASTOR_OK : error;
}

static int check_whole(const struct copy *copy, struct export_text *why)
{
    if (copy->result.missing >= copy->request->frames && copy->written == copy->request->last_sequence)
        return CASTOR_OK;
    snprintf(why->text, sizeof why->text,
             "the recording holds only %" PRIu64 " of the %" PRIu64
             " missing frames. If its last segment is still being written, try again in some seconds; "
             "otherwise the recorder had to leave them out. Nothing was exported",
             copy->result.missing, copy->request->frames);
    return CASTOR_ERR_NOT_FOUND;
}

int copy_gap(const struct export_plan *plan, const int *fds, int after_fd,
             const struct export_request *request, int out_fd, bool mp4, struct copy_result *out,
             struct export_text *why)
{
    struct copy copy = {.plan = plan, .fds = fds, .request = request, .out_fd = out_fd, .mp4 = mp4};
    int error = find_start(&copy, why);

    for (uint32_t i = 0; i < plan->count && error == CASTOR_OK; i++)
        error = copy_segment(&copy, plan->segments[i], fds[i], why);
    if (error == CASTOR_OK)
        error = check_whole(&copy, why);
    if (error == CASTOR_OK)
        error = copy_after(&copy, after_fd, why);
    if (error == CASTOR_OK)
        error = writer_finish(copy.writer, &copy.result.size_bytes, why);
    writer_close(copy.writer);
    if (error == CASTOR_OK)
        *out = copy.result;
    return error;
}
