// SPDX-License-Identifier: Apache-2.0
#include "clip_file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "clip_stream.h"

#define OPEN_BUDGET_NS (5 * CASTOR_NS_PER_S)

struct clip_file {
    char *path;
    uint32_t threads;
    const atomic_bool *stop;
    int64_t open_deadline_ns; // of the open in progress, SOURCE_NO_DEADLINE otherwise
    struct clip_stream in;
    AVPacket *packet;
    bool draining;
    bool reopen_to_loop;     // seeking to the start does not work in this file
    int64_t first_timestamp; // of the first pass
    uint64_t pictures;       // in this pass
    int64_t pass_timestamp;  // of the first picture in this pass
    int64_t pass_ns;         // time of the first picture in this pass
    int64_t last_ns;
    uint64_t errors;
};

static int interrupted(void *opaque)
{
    const struct clip_file *file = opaque;

    return atomic_load(file->stop) || castor_now_ns() > file->open_deadline_ns;
}

static void close_contexts(struct clip_file *file)
{
    clip_stream_close(&file->in);
    file->draining = false;
}

static int open_contexts(struct clip_file *file, struct source_text *why)
{
    int error;

    file->open_deadline_ns = castor_now_ns() + OPEN_BUDGET_NS;
    error = clip_stream_open(file->path, AVMEDIA_TYPE_VIDEO, file->threads,
                             (AVIOInterruptCB){interrupted, file}, &file->in, why);
    file->open_deadline_ns = SOURCE_NO_DEADLINE;
    return error == CASTOR_ERR_END ? CASTOR_ERR_INVALID : error;
}

int clip_file_open(const char *path, uint32_t threads, const atomic_bool *stop, struct clip_file **out,
                   struct source_text *why)
{
    struct clip_file *file = calloc(1, sizeof *file);
    int error = CASTOR_ERR_NO_MEMORY;

    if (!file)
        return source_text_set(why, error, "out of memory for the clip");
    file->threads = threads;
    file->stop = stop;
    file->first_timestamp = AV_NOPTS_VALUE;
    file->path = strdup(path);
    file->packet = av_packet_alloc();
    if (file->path && file->packet)
        error = open_contexts(file, why);
    else
        source_text_set(why, error, "out of memory for the clip");
    if (error) {
        clip_file_close(file);
        return error;
    }
    *out = file;
    return CASTOR_OK;
}

void clip_file_close(struct clip_file *file)
{
    if (!file)
        return;
    close_contexts(file);
    av_packet_free(&file->packet);
    free(file->path);
    free(file);
}

static bool rational_usable(AVRational rate)
{
    return rate.num > 0 && rate.den > 0 && rate.num >= rate.den && rate.num / rate.den <= SOURCE_RATE_MAX;
}

struct clip_shape clip_file_shape(const struct clip_file *file)
{
    AVRational average = file->in.stream->avg_frame_rate, base = file->in.stream->r_frame_rate;
    AVRational rate = rational_usable(average) ? average : rational_usable(base) ? base : (AVRational){25, 1};
    struct clip_shape shape = {.width_px = (uint32_t)file->in.codec->width,
                               .height_px = (uint32_t)file->in.codec->height};

    // A container with coarse time stamps averages to something near the true rate.
    if (rational_usable(base) && fabs(av_q2d(base) - av_q2d(rate)) < av_q2d(base) * 0.002) {
        rate = base;
        shape.constant_rate = true;
    }
    shape.rate = (struct castor_rational){(uint32_t)rate.num, (uint32_t)rate.den};
    return shape;
}

int64_t clip_file_first_ns(const struct clip_file *file)
{
    return file->first_timestamp == AV_NOPTS_VALUE
               ? 0
               : av_rescale_q(file->first_timestamp, file->in.stream->time_base,
                              (AVRational){1, (int)CASTOR_NS_PER_S});
}

int64_t clip_file_pass_ns(const struct clip_file *file)
{
    return file->pass_ns;
}

uint64_t clip_file_errors(const struct clip_file *file)
{
    return file->errors;
}

// Back to the start, by seeking or by opening again.
static int rewind_file(struct clip_file *file, struct source_text *why)
{
    int64_t start = file->in.stream->start_time == AV_NOPTS_VALUE ? 0 : file->in.stream->start_time;

    if (file->pictures == 0)
        return source_text_set(
            why, CASTOR_ERR_LOST,
            "clip \"%.100s\" has no picture that can be decoded: check it with ffprobe, or "
            "choose another file",
            file->path);
    file->pictures = 0;
    file->draining = false;
    if (!file->reopen_to_loop &&
        av_seek_frame(file->in.format, file->in.stream->index, start, AVSEEK_FLAG_BACKWARD) >= 0) {
        avcodec_flush_buffers(file->in.codec);
        return CASTOR_OK;
    }
    file->reopen_to_loop = true;
    close_contexts(file);
    if (open_contexts(file, why))
        return CASTOR_ERR_LOST;
    return CASTOR_OK;
}

// Gives the decoder one packet, or the end of the stream.
static void feed(struct clip_file *file)
{
    int result = av_read_frame(file->in.format, file->packet);

    if (result < 0) {
        if (result != AVERROR_EOF && result != AVERROR_EXIT)
            file->errors++;
        file->draining = true;
        (void)avcodec_send_packet(file->in.codec, NULL); // a decoder that cannot drain says so in receive
        return;
    }
    if (file->packet->stream_index == file->in.stream->index &&
        avcodec_send_packet(file->in.codec, file->packet) < 0)
        file->errors++;
    av_packet_unref(file->packet);
}

static int decode(struct clip_file *file, AVFrame *picture, struct source_text *why)
{
    for (;;) {
        int result, error;

        if (atomic_load(file->stop))
            return CASTOR_ERR_END;
        result = avcodec_receive_frame(file->in.codec, picture);
        if (result == 0)
            return CASTOR_OK;
        if (result != AVERROR(EAGAIN) && result != AVERROR_EOF)
            file->errors++;
        if (!file->draining) {
            feed(file);
            continue;
        }
        error = rewind_file(file, why);
        if (error)
            return error;
    }
}

int clip_file_next(struct clip_file *file, AVFrame *picture, int64_t *time_ns, struct source_text *why)
{
    struct castor_rational rate;
    int64_t interval_ns, timestamp;
    bool first_ever = file->pictures == 0 && file->first_timestamp == AV_NOPTS_VALUE && file->last_ns == 0;
    int error = decode(file, picture, why);

    if (!error && file->pictures == 0 && !first_ever && !file->reopen_to_loop &&
        picture->best_effort_timestamp != file->first_timestamp) {
        // The seek went somewhere else.
        file->reopen_to_loop = true;
        file->pictures = 1;
        error = rewind_file(file, why);
        if (!error)
            error = decode(file, picture, why);
    }
    if (error)
        return error;
    rate = clip_file_shape(file).rate;
    interval_ns = castor_frame_interval_ns(rate);
    timestamp = picture->best_effort_timestamp;
    if (picture->decode_error_flags)
        file->errors++;
    if (file->pictures++ == 0) {
        file->pass_timestamp = timestamp;
        file->pass_ns = first_ever ? 0 : file->last_ns + interval_ns;
        if (first_ever)
            file->first_timestamp = timestamp;
        *time_ns = file->pass_ns;
    } else {
        *time_ns = file->last_ns + interval_ns;
        if (timestamp != AV_NOPTS_VALUE && file->pass_timestamp != AV_NOPTS_VALUE) {
            int64_t since_ns = av_rescale_q(timestamp - file->pass_timestamp, file->in.stream->time_base,
                                            (AVRational){1, (int)CASTOR_NS_PER_S});
            if (file->pass_ns + since_ns > file->last_ns)
                *time_ns = file->pass_ns + since_ns;
        }
    }
    file->last_ns = *time_ns;
    picture->sample_aspect_ratio = av_guess_sample_aspect_ratio(file->in.format, file->in.stream, picture);
    return CASTOR_OK;
}
