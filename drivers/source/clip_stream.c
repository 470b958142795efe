// SPDX-License-Identifier: Apache-2.0
#include "clip_stream.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PICTURE_MAX_PIXELS (8192 * 8192)
#define THREADS_MAX 4

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

static int refuse(const char *path, int av_error, const char *what, struct source_text *why)
{
    char reason[AV_ERROR_MAX_STRING_SIZE];

    av_strerror(av_error, reason, sizeof reason);
    return source_text_set(why, av_error == AVERROR(ENOMEM) ? CASTOR_ERR_NO_MEMORY : CASTOR_ERR_INVALID,
                           "clip \"%.100s\" %s (%s): check it with ffprobe, or choose another file", path,
                           what, reason);
}

static int open_format(const char *path, enum AVMediaType kind, AVIOInterruptCB interrupt,
                       struct clip_stream *in, struct source_text *why)
{
    AVDictionary *options = NULL;
    int result;

    in->format = avformat_alloc_context();
    if (!in->format)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip");
    in->format->interrupt_callback = interrupt;
    in->format->max_analyze_duration = 2 * AV_TIME_BASE;
    // A playlist must not make the box read elsewhere.
    av_dict_set(&options, "protocol_whitelist", "file", 0);
    result = avformat_open_input(&in->format, path, NULL, &options);
    av_dict_free(&options);
    if (result < 0)
        return refuse(path, result, "is not a media file, or is damaged", why);
    result = avformat_find_stream_info(in->format, NULL);
    if (result < 0)
        return refuse(path, result, "has no readable streams", why);
    result = av_find_best_stream(in->format, kind, -1, -1, NULL, 0);
    if (result < 0) {
        (void)refuse(path, result, kind == AVMEDIA_TYPE_VIDEO ? "has no video stream" : "has no sound", why);
        return CASTOR_ERR_END;
    }
    in->stream = in->format->streams[result];
    for (unsigned i = 0; i < in->format->nb_streams; i++)
        if (in->format->streams[i] != in->stream)
            in->format->streams[i]->discard = AVDISCARD_ALL;
    return CASTOR_OK;
}

static int decoder_threads(const struct clip_stream *in, uint32_t threads)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    if (threads)
        return (int)threads;
    if ((int64_t)in->codec->width * in->codec->height <= 1280 * 720)
        return 1;
    return processors > THREADS_MAX ? THREADS_MAX : processors < 1 ? 1 : (int)processors;
}

static int open_codec(const char *path, uint32_t threads, struct clip_stream *in, struct source_text *why)
{
    const AVCodec *codec = avcodec_find_decoder(in->stream->codecpar->codec_id);
    int result;

    if (!codec)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED, "clip \"%.120s\": no decoder for %s is installed",
                               path, avcodec_get_name(in->stream->codecpar->codec_id));
    in->codec = avcodec_alloc_context3(codec);
    if (!in->codec)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the decoder");
    result = avcodec_parameters_to_context(in->codec, in->stream->codecpar);
    if (result < 0)
        return refuse(path, result, "has unusable codec parameters", why);
    in->codec->pkt_timebase = in->stream->time_base;
    in->codec->max_pixels = PICTURE_MAX_PIXELS;
    in->codec->thread_count = decoder_threads(in, threads);
    result = avcodec_open2(in->codec, codec, NULL);
    if (result < 0)
        return refuse(path, result, "cannot be decoded", why);
    return CASTOR_OK;
}

int clip_stream_open(const char *path, enum AVMediaType kind, uint32_t threads, AVIOInterruptCB interrupt,
                     struct clip_stream *out, struct source_text *why)
{
    int error = check_path(path, why);

    av_log_set_level(AV_LOG_QUIET); // errors are counted and reported by us
    if (!error)
        error = open_format(path, kind, interrupt, out, why);
    if (!error)
        error = open_codec(path, threads, out, why);
    if (error)
        clip_stream_close(out);
    return error;
}

void clip_stream_close(struct clip_stream *stream)
{
    avcodec_free_context(&stream->codec);
    avformat_close_input(&stream->format);
    stream->stream = NULL;
}
