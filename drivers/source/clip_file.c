// SPDX-License-Identifier: Apache-2.0
#include "clip_file.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

#define OPEN_BUDGET_NS (5 * CASTOR_NS_PER_S)
#define PICTURE_MAX_PIXELS (8192 * 8192)
#define THREADS_MAX 4

struct clip_file {
    char *path;
    uint32_t threads;
    const atomic_bool *stop;
    int64_t open_deadline_ns; // of the open in progress, SOURCE_NO_DEADLINE otherwise
    AVFormatContext *format;
    AVCodecContext *codec;
    AVPacket *packet;
    AVStream *stream;
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

static int check_path(const char *path, struct source_text *why)
{
    struct stat info;

    if (stat(path, &info) != 0 || access(path, R_OK) != 0) {
        int number = errno;
        return source_text_set(why, castor_error_from_errno(number), "cannot read clip \"%.120s\": %s", path,
                               strerror(number));
    }
    if (!S_ISREG(info.st_mode))
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "clip \"%.120s\" is a %s: give the name of a media file", path,
                               S_ISDIR(info.st_mode) ? "directory" : "device or pipe");
    if (info.st_size == 0)
        return source_text_set(why, CASTOR_ERR_INVALID, "clip \"%.120s\" is empty: was it copied completely?",
                               path);
    return CASTOR_OK;
}

static int refuse(const struct clip_file *file, int av_error, const char *what, struct source_text *why)
{
    char reason[AV_ERROR_MAX_STRING_SIZE];

    av_strerror(av_error, reason, sizeof reason);
    return source_text_set(why, av_error == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY : CASTOR_ERR_INVALID,
                           "clip \"%.100s\" %s (%s): check it with ffprobe, or choose another file",
                           file->path, what, reason);
}

static void close_contexts(struct clip_file *file)
{
    avcodec_free_context(&file->codec);
    avformat_close_input(&file->format);
    file->stream = NULL;
    file->draining = false;
}

static int open_format(struct clip_file *file, struct source_text *why)
{
    AVDictionary *options = NULL;
    int result;

    file->format = avformat_alloc_context();
    if (!file->format)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip");
    file->format->interrupt_callback = (AVIOInterruptCB){interrupted, file};
    file->format->max_analyze_duration = 2 * AV_TIME_BASE;
    // A playlist must not make the box read elsewhere.
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    result = avformat_open_input(&file->format, file->path, NULL, &options);
    av_dict_free(&options);
    if (result < 0)
        return refuse(file, result, "is not a media file, or is damaged", why);
    result = avformat_find_stream_info(file->format, NULL);
    if (result < 0)
        return refuse(file, result, "has no readable streams", why);
    result = av_find_best_stream(file->format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
    if (result < 0)
        return refuse(file, result, "has no video stream", why);
    file->stream = file->format->streams[result];
    for (unsigned i = 0; i < file->format->nb_streams; i++)
        if (file->format->streams[i] != file->stream)
            file->format->streams[i]->discard = AVDISCARD_ALL;
    return CASTOR_OK;
}

static int decoder_threads(const struct clip_file *file)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (file->threads)
        return (int)file->threads;
    if ((int64_t)file->codec->width * file->codec->height <= 1280 * 720)
        return 1;
    return processors > THREADS_MAX ? THREADS_MAX : processors < 1 ? 1 : (int)processors;
}

static int open_codec(struct clip_file *file, struct source_text *why)
{
    const AVCodec *codec = avcodec_find_decoder(file->stream->codecpar->codec_id);
    int result;

    if (!codec)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED, "clip \"%.120s\": no decoder for %s is installed",
                               file->path, avcodec_get_name(file->stream->codecpar->codec_id));
    file->codec = avcodec_alloc_context3(codec);
    if (!file->codec)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the decoder");
    result = avcodec_parameters_to_context(file->codec, file->stream->codecpar);
    if (result < 0)
        return refuse(file, result, "has unusable codec parameters", why);
    file->codec->pkt_timebase = file->stream->time_base;
    file->codec->max_pixels = PICTURE_MAX_PIXELS;
    file->codec->thread_count = decoder_threads(file);
    result = avcodec_open2(file->codec, codec, NULL);
    if (result < 0)
        return refuse(file, result, "cannot be decoded", why);
    return CASTOR_OK;
}

static int open_contexts(struct clip_file *file, struct source_text *why)
{
    int error = check_path(file->path, why);

    if (error)
        return error;
    file->open_deadline_ns = castor_now_ns() + OPEN_BUDGET_NS;
    error = open_format(file, why);
    if (!error)
        error = open_codec(file, why);
    file->open_deadline_ns = SOURCE_NO_DEADLINE;
    if (error)
        close_contexts(file);
    return error;
}

int clip_file_open(const char *path, uint32_t threads, const atomic_bool *stop, struct clip_file **out,
                   struct source_text *why)
{
    struct clip_file *file = calloc(1, sizeof *file);
    int error = CASTOR_ERR_NO_MEMORY;

    if (!file)
        return source_text_set(why, error, "out of memory for the clip");
    av_log_set_level(AV_LOG_QUIET); // errors are counted and reported by us
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
    AVRational average = file->stream->avg_frame_rate, base = file->stream->r_frame_rate;
    AVRational rate = rational_usable(average) ? average : rational_usable(base) ? base : (AVRational){25, 1};
    struct clip_shape shape = {.width_px = (uint32_t)file->codec->width,
                               .height_px = (uint32_t)file->codec->height};

    // A container with coarse time stamps averages to something near the true rate.
    if (rational_usable(base) && fabs(av_q2d(base) - av_q2d(rate)) < av_q2d(base) * 0.002) {
        rate = base;
        shape.constant_rate = true;
    }
    shape.rate = (struct castor_rational){(uint32_t)rate.num, (uint32_t)rate.den};
    return shape;
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
    int64_t start = file->stream->start_time == AV_NOPTS_VALUE ? 0 : file->stream->start_time;

    if (file->pictures == 0)
        return source_text_set(
            why, CASTOR_ERR_LOST,
            "clip \"%.100s\" has no picture that can be decoded: check it with ffprobe, or "
            "choose another file",
            file->path);
    file->pictures = 0;
    file->draining = false;
    if (!file->reopen_to_loop &&
        av_seek_frame(file->format, file->stream->index, start, AVSEEK_FLAG_BACKWARD) >= 0) {
        avcodec_flush_buffers(file->codec);
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
    int result = av_read_frame(file->format, file->packet);

    if (result < 0) {
        if (result != AVERROR_EOF && result != AVERROR_EXIT)
            file->errors++;
        file->draining = true;
        (void)avcodec_send_packet(file->codec, NULL); // a decoder that cannot drain says so in receive
        return;
    }
    if (file->packet->stream_index == file->stream->index &&
        avcodec_send_packet(file->codec, file->packet) < 0)
        file->errors++;
    av_packet_unref(file->packet);
}

static int decode(struct clip_file *file, AVFrame *picture, struct source_text *why)
{
    for (;;) {
        int result, error;

        if (atomic_load(file->stop))
            return CASTOR_ERR_END;
        result = avcodec_receive_frame(file->codec, picture);
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
            int64_t since_ns = av_rescale_q(timestamp - file->pass_timestamp, file->stream->time_base,
                                            (AVRational){1, (int)CASTOR_NS_PER_S});
            if (file->pass_ns + since_ns > file->last_ns)
                *time_ns = file->pass_ns + since_ns;
        }
    }
    file->last_ns = *time_ns;
    picture->sample_aspect_ratio = av_guess_sample_aspect_ratio(file->format, file->stream, picture);
    return CASTOR_OK;
}
