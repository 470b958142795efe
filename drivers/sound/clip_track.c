// SPDX-License-Identifier: Apache-2.0
#include "clip_track.h"

#include <libavutil/channel_layout.h>
#include <libswresample/swresample.h>
#include <stdlib.h>
#include <string.h>

#include "source/clip_file.h"
#include "source/clip_stream.h"

#define OPEN_BUDGET_NS (5 * CASTOR_NS_PER_S)
#define HEAD_MS 500        // of the beginning, kept decoded for the next time
#define SEEK_BEFORE_MS 500 // a decoder needs some packets before it is right
#define FORWARD_MS 5000    // as far ahead is decoded rather than sought
#define STEP_MS 10         // time stamps that are nearer to the count are only rounded
#define READY_MS 2000      // what one packet can yield, and more

struct clip_track {
    char *path;
    const atomic_bool *stop;
    int64_t deadline_ns;
    struct clip_stream in;
    AVPacket *packet;
    AVFrame *frame;
    struct SwrContext *converter;
    AVChannelLayout in_layout; // what the converter is set up for
    int in_rate, in_format;
    struct sound_format format;
    int64_t zero_ns; // the file's own time of media time 0
    bool draining, at_end, counted;
    int64_t end; // media sample; -1: not seen
    uint64_t errors;
    // Decoded and not yet taken: media samples from `at` on.
    int64_t at;
    float *ready;
    uint32_t ready_count, ready_room;
    float *head; // media samples 0 to head_count
    uint32_t head_count;
};

static int interrupted(void *opaque)
{
    const struct clip_track *track = opaque;

    return atomic_load(track->stop) || castor_now_ns() > track->deadline_ns;
}

static int64_t samples_of_ms(const struct clip_track *track, int64_t ms)
{
    return ms * track->format.rate_hz / 1000;
}

static int open_stream(struct clip_track *track, struct source_text *why)
{
    int error;

    track->deadline_ns = castor_now_ns() + OPEN_BUDGET_NS;
    error = clip_stream_open(track->path, AVMEDIA_TYPE_AUDIO, 1, (AVIOInterruptCB){interrupted, track},
                             &track->in, why);
    track->deadline_ns = SOURCE_NO_DEADLINE;
    track->draining = track->at_end = track->counted = false;
    track->ready_count = 0;
    track->at = 0;
    return error;
}

// Where media time 0 is: by the very picture that the source of pictures shows first.
static int64_t find_zero_ns(const char *path, const atomic_bool *stop, const AVFormatContext *format)
{
    struct source_text why;
    struct clip_file *file = NULL;
    AVFrame *picture = av_frame_alloc();
    int64_t zero_ns = format->start_time == AV_NOPTS_VALUE ? 0 : format->start_time * 1000, time_ns;

    if (picture && clip_file_open(path, 1, stop, &file, &why) == CASTOR_OK &&
        clip_file_next(file, picture, &time_ns, &why) == CASTOR_OK)
        zero_ns = clip_file_first_ns(file);
    clip_file_close(file);
    av_frame_free(&picture);
    return zero_ns;
}

static int choose_format(struct clip_track *track, const struct sound_format *wanted, struct source_text *why)
{
    uint32_t rate_hz = wanted->rate_hz ? wanted->rate_hz : (uint32_t)track->in.codec->sample_rate;
    uint32_t channels =
        wanted->channels ? wanted->channels : (uint32_t)track->in.codec->ch_layout.nb_channels;

    if (rate_hz < SOUND_RATE_MIN_HZ || rate_hz > SOUND_RATE_MAX_HZ || channels == 0)
        return source_text_set(
            why, CASTOR_ERR_UNSUPPORTED,
            "the sound of clip \"%.100s\" has %u Hz and %u channels: name a rate (%d to %d) "
            "and a number of channels that it is to be converted to",
            track->path, rate_hz, channels, SOUND_RATE_MIN_HZ, SOUND_RATE_MAX_HZ);
    if (channels > SOUND_CHANNELS_MAX) // more than anybody takes: mixed down
        channels = 2;
    track->format = (struct sound_format){rate_hz, channels, SOUND_SAMPLE_FLOAT};
    track->ready_room = (uint32_t)samples_of_ms(track, READY_MS);
    track->ready = calloc((size_t)track->ready_room * channels, sizeof *track->ready);
    track->head_count = (uint32_t)samples_of_ms(track, HEAD_MS);
    track->head = calloc((size_t)track->head_count * channels, sizeof *track->head);
    return track->ready && track->head
               ? CASTOR_OK
               : source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip's sound");
}

int clip_track_open(const char *path, const struct sound_format *wanted, const atomic_bool *stop,
                    struct sound_format *format, struct clip_track **out, struct source_text *why)
{
    struct clip_track *track = calloc(1, sizeof *track);
    float *head;
    uint32_t head_count;
    int error = CASTOR_ERR_NO_MEMORY;

    if (!track)
        return source_text_set(why, error, "out of memory for the clip's sound");
    track->stop = stop;
    track->end = -1;
    track->path = strdup(path);
    track->packet = av_packet_alloc();
    track->frame = av_frame_alloc();
    if (track->path && track->packet && track->frame)
        error = open_stream(track, why);
    else
        source_text_set(why, error, "out of memory for the clip's sound");
    if (!error)
        error = choose_format(track, wanted, why);
    if (error) {
        clip_track_close(track);
        return error;
    }
    track->zero_ns = find_zero_ns(path, stop, track->in.format);
    head = track->head;
    head_count = track->head_count;
    track->head_count = 0; // it is not there yet
    (void)clip_track_get(track, 0, head, head_count, why);
    track->head_count = head_count;
    *format = track->format;
    *out = track;
    return CASTOR_OK;
}

// Sets the converter up for the frame, where it is another than before.
static bool fit_converter(struct clip_track *track)
{
    const AVFrame *frame = track->frame;
    AVChannelLayout out_layout;
    bool fits;

    if (track->converter && frame->sample_rate == track->in_rate && frame->format == track->in_format &&
        av_channel_layout_compare(&frame->ch_layout, &track->in_layout) == 0)
        return true;
    swr_free(&track->converter);
    av_channel_layout_uninit(&track->in_layout);
    av_channel_layout_default(&out_layout, (int)track->format.channels);
    fits = frame->sample_rate > 0 && av_channel_layout_copy(&track->in_layout, &frame->ch_layout) >= 0 &&
           swr_alloc_set_opts2(&track->converter, &out_layout, AV_SAMPLE_FMT_FLT, (int)track->format.rate_hz,
                               &track->in_layout, frame->format, frame->sample_rate, 0, NULL) >= 0 &&
           swr_init(track->converter) >= 0;
    av_channel_layout_uninit(&out_layout);
    track->in_rate = frame->sample_rate;
    track->in_format = frame->format;
    if (!fits)
        swr_free(&track->converter);
    return fits;
}

static float *ready_at(struct clip_track *track, uint32_t index)
{
    return track->ready + (size_t)index * track->format.channels;
}

// The sound before the frame is silence where the file skips it, or where its packets were broken; what
// overlaps is cut.
static int64_t place(struct clip_track *track, int64_t media)
{
    const int64_t next = track->at + track->ready_count;
    int64_t gap = media - next;

    if (!track->counted) {
        track->at = media;
        track->counted = true;
        return 0;
    }
    if (llabs(gap) <= samples_of_ms(track, STEP_MS))
        return 0;
    if (gap < 0)
        return gap;
    if (track->ready_count == 0) {
        track->at = media; // clip_track_get() fills it
        return 0;
    }
    if (gap > track->ready_room - track->ready_count)
        gap = track->ready_room - track->ready_count;
    memset(ready_at(track, track->ready_count), 0,
           (size_t)gap * track->format.channels * sizeof *track->ready);
    track->ready_count += (uint32_t)gap;
    return 0;
}

// Converts the frame that was decoded, and lays it at its time.
static void take_frame(struct clip_track *track)
{
    const AVFrame *frame = track->frame;
    int64_t media, cut;
    uint8_t *out;
    int count;

    if (!fit_converter(track)) {
        track->errors++;
        return;
    }
    media = frame->best_effort_timestamp == AV_NOPTS_VALUE
                ? track->at + track->ready_count
                : av_rescale_q_rnd(av_rescale_q(frame->best_effort_timestamp, track->in.stream->time_base,
                                                (AVRational){1, (int)CASTOR_NS_PER_S}) -
                                       track->zero_ns,
                                   (AVRational){1, (int)CASTOR_NS_PER_S},
                                   (AVRational){1, (int)track->format.rate_hz}, AV_ROUND_NEAR_INF);
    // What the converter holds back comes before this frame's.
    media -= swr_get_delay(track->converter, track->format.rate_hz);
    cut = -place(track, media);
    out = (uint8_t *)ready_at(track, track->ready_count);
    count = swr_convert(track->converter, &out, (int)(track->ready_room - track->ready_count),
                        (const uint8_t **)(uintptr_t)frame->extended_data, frame->nb_samples);
    if (count < 0) {
        track->errors++;
        return;
    }
    if (cut > count)
        cut = count;
    memmove(out, ready_at(track, track->ready_count + (uint32_t)cut),
            (size_t)(count - cut) * track->format.channels * sizeof *track->ready);
    track->ready_count += (uint32_t)(count - cut);
}

// Gives the decoder one packet, or the end of the stream.
static void feed(struct clip_track *track)
{
    int result = av_read_frame(track->in.format, track->packet);

    if (result < 0) {
        if (result != AVERROR_EOF && result != AVERROR_EXIT)
            track->errors++;
        track->draining = true;
        (void)avcodec_send_packet(track->in.codec, NULL); // a decoder that cannot drain says so in receive
        return;
    }
    if (track->packet->stream_index == track->in.stream->index &&
        avcodec_send_packet(track->in.codec, track->packet) < 0)
        track->errors++;
    av_packet_unref(track->packet);
}

// Decodes until something is ready or the file ends.
static void decode(struct clip_track *track)
{
    while (track->ready_count == 0 && !track->at_end && !atomic_load(track->stop)) {
        int result = avcodec_receive_frame(track->in.codec, track->frame);
        if (result == 0) {
            take_frame(track);
            av_frame_unref(track->frame);
            continue;
        }
        if (result != AVERROR(EAGAIN) && result != AVERROR_EOF)
            track->errors++;
        if (!track->draining) {
            feed(track);
            continue;
        }
        track->at_end = true;
        track->end = track->at;
    }
}

static void take(struct clip_track *track, uint32_t count)
{
    track->at += count;
    track->ready_count -= count;
    memmove(track->ready, ready_at(track, count),
            (size_t)track->ready_count * track->format.channels * sizeof *track->ready);
}

// Goes to a place that is not where the decoder is: the file is opened anew, so that the beginning is always
// decoded in the same way, and sought if it is far.
static bool go_to(struct clip_track *track, int64_t media, struct source_text *why)
{
    if (media >= track->at && media < track->at + samples_of_ms(track, FORWARD_MS))
        return true;
    if (track->at_end && track->end >= 0 && media >= track->end)
        return true;
    clip_stream_close(&track->in);
    swr_free(&track->converter);
    if (open_stream(track, why)) {
        track->at_end = true;
        track->at = media;
        return false;
    }
    if (media > samples_of_ms(track, FORWARD_MS)) {
        int64_t there_ns = track->zero_ns + sound_time_ns(track->format.rate_hz, (uint64_t)media) -
                           SEEK_BEFORE_MS * CASTOR_NS_PER_MS;
        if (avformat_seek_file(track->in.format, -1, INT64_MIN, there_ns / 1000, there_ns / 1000, 0) >= 0)
            avcodec_flush_buffers(track->in.codec);
    }
    return true;
}

// Copies from the beginning that is kept. Returns how many samples.
static uint32_t from_head(const struct clip_track *track, int64_t media, float *out, uint32_t count)
{
    if (media >= track->head_count)
        return 0;
    if (count > track->head_count - media)
        count = (uint32_t)(track->head_count - media);
    memcpy(out, track->head + (size_t)media * track->format.channels,
           (size_t)count * track->format.channels * sizeof *out);
    return count;
}

bool clip_track_get(struct clip_track *track, int64_t media, float *out, uint32_t count,
                    struct source_text *why)
{
    const uint32_t channels = track->format.channels;
    bool readable = true;

    memset(out, 0, (size_t)count * channels * sizeof *out);
    if (media < 0) {
        uint32_t before = (uint64_t)-media < count ? (uint32_t)-media : count;
        media += before, out += (size_t)before * channels, count -= before;
    }
    if (count > 0 && media < track->head_count) {
        uint32_t copied = from_head(track, media, out, count);
        media += copied, out += (size_t)copied * channels, count -= copied;
    }
    if (count > 0)
        readable = go_to(track, media, why);
    while (count > 0 && readable && !atomic_load(track->stop)) {
        decode(track);
        if (track->at_end && track->ready_count == 0)
            break;
        if (track->at < media) { // on the way there
            int64_t skip = media - track->at;
            take(track, skip < track->ready_count ? (uint32_t)skip : track->ready_count);
        } else if (track->at > media) { // the file has no sound there
            uint32_t gap = track->at - media < count ? (uint32_t)(track->at - media) : count;
            media += gap, out += (size_t)gap * channels, count -= gap;
        } else {
            uint32_t part = count < track->ready_count ? count : track->ready_count;
            memcpy(out, track->ready, (size_t)part * channels * sizeof *out);
            take(track, part);
            media += part, out += (size_t)part * channels, count -= part;
        }
    }
    return readable;
}

int64_t clip_track_end(const struct clip_track *track)
{
    return track->end;
}

uint64_t clip_track_errors(const struct clip_track *track)
{
    return track->errors;
}

void clip_track_close(struct clip_track *track)
{
    if (!track)
        return;
    clip_stream_close(&track->in);
    swr_free(&track->converter);
    av_channel_layout_uninit(&track->in_layout);
    av_frame_free(&track->frame);
    av_packet_free(&track->packet);
    free(track->head);
    free(track->ready);
    free(track->path);
    free(track);
}
