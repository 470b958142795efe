// SPDX-License-Identifier: Apache-2.0
// Access units into segments.
#include <stdio.h>
#include <string.h>

#include "base/coded.h"
#include "base/log.h"
#include "base/nal.h"
#include "record/writer_internal.h"

bool writer_wants(const struct writer *w)
{
    return w->configured && (w->config.mode == MESSAGE_RECORD_PREROLL || w->recording);
}

bool writer_keeps(const struct writer *w)
{
    return w->config.mode != MESSAGE_RECORD_PREROLL || w->recording;
}

static enum encoder_codec codec_of(const struct writer *w)
{
    return w->start.stream.codec == MESSAGE_CODEC_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
}

// ---- the container's host ----

static int host_write(struct container_host *host, const uint8_t *data, size_t size_bytes)
{
    struct writer *w = (struct writer *)host;

    if (!w->segment_open)
        return CASTOR_OK; // what bridges the time before a segment belongs to nobody
    w->state.bytes += size_bytes;
    return disk_write(&w->disk, data, size_bytes);
}

static int end_segment(struct writer *w)
{
    uint64_t numbers = w->segment.last_sequence - w->segment.first_sequence + 1;

    if (!w->segment_open)
        return CASTOR_OK;
    w->segment_open = false;
    const struct catalogue_entry *entry = catalogue_find(&w->disk.listed, w->segment.file);
    if (entry) { // it may have been saved meanwhile
        w->segment.preroll = entry->segment.preroll;
        memcpy(w->segment.recording, entry->segment.recording, sizeof w->segment.recording);
    }
    w->segment.missing = numbers > w->segment.frames ? numbers - w->segment.frames : 0;
    int error = disk_end(&w->disk, &w->segment);
    if (error != CASTOR_OK)
        return error;
    w->unclosed.known = false;
    w->state.closed++;
    w->state.synced_sequence = w->segment.last_sequence;
    w->unsynced_ns = 0;
    return CASTOR_OK;
}

static int host_turn(struct container_host *host)
{
    struct writer *w = (struct writer *)host;
    const struct record_unit *unit = w->first;
    int error = end_segment(w);

    if (error != CASTOR_OK)
        return error;
    memset(&w->segment, 0, sizeof w->segment);
    w->segment = (struct archive_segment){
        .preroll = !writer_keeps(w),
        .codec = codec_of(w) == ENCODER_CODEC_HEVC ? ARCHIVE_HEVC : ARCHIVE_H264,
        .session = w->start.session,
        .first_sequence = unit->sequence,
        .last_sequence = unit->sequence,
        .first_capture_ns = unit->capture_ns,
        .last_capture_ns = unit->capture_ns,
        .utc_offset_ns = unit->utc_offset_ns,
    };
    if (writer_keeps(w))
        memcpy(w->segment.recording, w->recording_name, sizeof w->segment.recording);
    error = disk_begin(&w->disk, &w->segment,
                       w->config.container == MESSAGE_RECORD_MP4 ? ARCHIVE_MP4 : ARCHIVE_TS);
    w->segment_open = error == CASTOR_OK;
    w->unclosed = (struct writer_unclosed){true, unit->sequence, unit->capture_ns};
    return error;
}

struct container_host writer_host = {.write = host_write, .turn = host_turn};

void writer_reset_container(struct writer *w)
{
    if (w->ops)
        w->ops->destroy(w->container);
    w->container = NULL;
    w->ops = NULL;
}

static int need_container(struct writer *w)
{
    struct container_config config = {
        .codec = codec_of(w),
        .format = w->start.stream.format,
        .pts_offset_ns = w->start.stream.pts_offset_ms * CASTOR_NS_PER_MS,
        .pcr_interval_ns = w->start.stream.pcr_interval_ms * CASTOR_NS_PER_MS,
    };

    if (w->container)
        return CASTOR_OK;
    config.track_count = w->start.stream.track_count;
    memcpy(config.tracks, w->start.stream.tracks, sizeof config.tracks);
    memcpy(config.service_name, w->start.stream.service_name, sizeof config.service_name);
    w->ops = w->config.container == MESSAGE_RECORD_MP4 ? &container_mp4 : &container_ts;
    int error = w->ops->create(&config, &w->host, &w->container);
    if (error != CASTOR_OK)
        snprintf(w->disk.text, sizeof w->disk.text, "the recorder's multiplexer cannot be set up: %s",
                 castor_error_text(error));
    return error;
}

// ---- segments ----

// The part of an IDR that holds the parameter sets; whether it is another than that of the last IDR.
static bool headers_change(struct writer *w, const struct record_unit *unit,
                           const struct coded_summary *summary)
{
    struct nal_span nal;
    size_t position = 0, used = 0;
    uint8_t headers[sizeof w->headers];

    while (nal_next(unit->data, summary->first_slice_bytes, &position, &nal)) {
        uint32_t traits = coded_classify(codec_of(w), nal.data, nal.size_bytes);
        if ((traits & (NAL_IS_VPS | NAL_IS_SPS | NAL_IS_PPS)) && used + nal.size_bytes <= sizeof headers) {
            memcpy(headers + used, nal.data, nal.size_bytes);
            used += nal.size_bytes;
        }
    }
    bool change = used != w->headers_bytes || memcmp(headers, w->headers, used) != 0;
    memcpy(w->headers, headers, used);
    w->headers_bytes = used;
    return change;
}

static enum segmenter_verdict judge(struct writer *w, const struct record_unit *unit)
{
    const struct segmenter_config config = {
        .segment_ns = w->config.segment_seconds * CASTOR_NS_PER_S,
        .segment_bytes = (uint64_t)w->config.segment_mb * 1000000,
    };
    struct segmenter_unit asked = {
        .wanted = writer_wants(w),
        .gap_before = unit->gap.frames > 0,
        .capture_ns = unit->capture_ns,
        .size_bytes = unit->size_bytes,
    };
    struct coded_summary summary;

    if (unit->idr) {
        coded_summarize(codec_of(w), unit->data, unit->size_bytes, CODED_SCAN_HEADERS, &summary);
        asked.idr = summary.idr && summary.parameter_sets;
        asked.other_headers =
            asked.idr && headers_change(w, unit, &summary) && w->ops && w->ops->headers_apart;
    }
    return segmenter_unit(&w->segmenter, &config, &asked);
}

static int write_unit(struct writer *w, const struct record_unit *unit, bool begin)
{
    int error = need_container(w);

    if (error != CASTOR_OK)
        return error;
    w->first = unit;
    error = w->ops->write(w->container, unit, begin);
    if (error == CASTOR_ERR_INVALID) // of the unit, not of the disk: it cannot be recorded, others can
        snprintf(w->disk.text, sizeof w->disk.text, "frame %llu cannot be put into a segment",
                 (unsigned long long)unit->sequence);
    if (error != CASTOR_OK || !w->segment_open)
        return error;
    // A container may hold back what it is given until it is told to settle.
    if (w->unsynced_ns == 0)
        w->unsynced_ns = castor_now_ns();
    w->segment.last_sequence = unit->sequence;
    w->segment.last_capture_ns = unit->capture_ns;
    w->segment.frames++;
    w->state.frames++;
    w->last_sequence = unit->sequence;
    return CASTOR_OK;
}

void writer_close_segment(struct writer *w)
{
    int error = w->ops && w->segment_open ? w->ops->end(w->container) : CASTOR_OK;

    if (error == CASTOR_OK)
        error = end_segment(w);
    segmenter_close(&w->segmenter);
    writer_reset_container(w);
    if (error != CASTOR_OK)
        writer_fail(w, error);
}

void writer_sync(struct writer *w)
{
    int error = w->ops && w->segment_open ? w->ops->settle(w->container) : CASTOR_OK;

    w->unsynced_ns = 0;
    if (!w->segment_open)
        return;
    if (error == CASTOR_OK)
        error = disk_sync(&w->disk);
    if (error != CASTOR_OK) {
        writer_fail(w, error);
        return;
    }
    w->state.synced_sequence = w->last_sequence;
}

static void take_sound(struct writer *w, const struct record_unit *unit)
{
    int error = w->segment_open ? w->ops->sound(w->container, unit) : CASTOR_OK;

    // One that the container does not take is left out; the picture goes on.
    if (error != CASTOR_OK && error != CASTOR_ERR_INVALID && error != CASTOR_ERR_AGAIN)
        writer_fail(w, error);
}

void writer_take_unit(struct writer *w, const struct record_unit *unit)
{
    int error = CASTOR_OK;

    if (unit->sound) {
        take_sound(w, unit);
        return;
    }

    w->utc_offset_ns = unit->utc_offset_ns;
    if (!w->folder_ok) {
        if (writer_wants(w))
            writer_leave_out(w, unit);
        return;
    }
    writer_count_lost(w, unit);
    enum segmenter_verdict verdict = judge(w, unit);
    // After a failure everything up to the IDR is missing, too.
    if (verdict == SEGMENTER_SKIP && w->gap.frames > 0 && writer_wants(w))
        writer_leave_out(w, unit);
    if (verdict == SEGMENTER_END)
        writer_close_segment(w);
    if (verdict == SEGMENTER_BEGIN)
        error = writer_note_gaps(w, &unit->gap);
    if (error == CASTOR_OK && (verdict == SEGMENTER_BEGIN || verdict == SEGMENTER_APPEND))
        error = write_unit(w, unit, verdict == SEGMENTER_BEGIN);
    if (error == CASTOR_OK)
        return;
    writer_leave_out(w, unit);
    if (error != CASTOR_ERR_INVALID) {
        writer_fail(w, error);
        return;
    }
    // It is the unit's fault and not the disk's: the next IDR begins anew.
    log_error("%s", w->disk.text);
    writer_close_segment(w);
}
