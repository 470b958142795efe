// SPDX-License-Identifier: Apache-2.0
// The thread that codes, one picture after the other.
#include "standin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GARBAGE_BYTES 700

static int32_t value_of(struct standin_device *device, uint32_t id, int32_t otherwise)
{
    const struct standin_control *control = standin_control_find(device, id);

    return control ? control->value : otherwise;
}

static bool is_semi_planar(uint32_t fourcc)
{
    return fourcc == V4L2_PIX_FMT_NV12 || fourcc == V4L2_PIX_FMT_NV12M || fourcc == V4L2_PIX_FMT_P010;
}

static bool keys_are_idr(struct standin_device *device)
{
    return device->capture.fourcc != V4L2_PIX_FMT_HEVC ||
           value_of(device, V4L2_CID_MPEG_VIDEO_HEVC_REFRESH_TYPE, 0) == V4L2_MPEG_VIDEO_HEVC_REFRESH_IDR;
}

static struct standin_codec *make_codec(struct standin_device *device)
{
    bool hevc = device->capture.fourcc == V4L2_PIX_FMT_HEVC;
    struct standin_settings settings = {
        .width_px = device->crop.width,
        .height_px = device->crop.height,
        .rate_num = device->interval.denominator,
        .rate_den = device->interval.numerator,
        .semi_planar = is_semi_planar(device->output.fourcc),
        .bitrate_bps = value_of(device, V4L2_CID_MPEG_VIDEO_BITRATE, 1000000),
        .vbv_kbytes = value_of(device, V4L2_CID_MPEG_VIDEO_VBV_SIZE, 0),
        .gop = value_of(device, V4L2_CID_MPEG_VIDEO_GOP_SIZE, 0),
        .level = value_of(device, hevc ? V4L2_CID_MPEG_VIDEO_HEVC_LEVEL : V4L2_CID_MPEG_VIDEO_H264_LEVEL, 0),
        .profile =
            value_of(device, hevc ? V4L2_CID_MPEG_VIDEO_HEVC_PROFILE : V4L2_CID_MPEG_VIDEO_H264_PROFILE, 0),
        .delimiter = value_of(device, V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 0),
        .repeat = value_of(device, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0),
        .ten = device->output.fourcc == V4L2_PIX_FMT_P010,
        .high_tier = value_of(device, V4L2_CID_MPEG_VIDEO_HEVC_TIER, 0) == V4L2_MPEG_VIDEO_HEVC_TIER_HIGH,
        .idr_refresh = keys_are_idr(device),
    };

    return hevc ? standin_hevc_create(&settings) : standin_h264_create(&settings);
}

static void find_raster(const struct standin_queue *queue, const struct standin_buffer *buffer,
                        struct standin_raster *out)
{
    bool semi = is_semi_planar(queue->fourcc);
    int stride = (int)queue->stride_bytes[0];
    size_t luma = (size_t)stride * queue->height_px;

    *out = (struct standin_raster){{buffer->memory[0]}, {stride}};
    if (queue->planes > 1) {
        for (uint32_t i = 1; i < queue->planes; i++) {
            out->plane[i] = buffer->memory[i];
            out->stride_bytes[i] = (int)queue->stride_bytes[i];
        }
        return;
    }
    out->plane[1] = buffer->memory[0] + luma;
    out->stride_bytes[1] = semi ? stride : stride / 2;
    if (!semi) {
        out->plane[2] = out->plane[1] + (size_t)(stride / 2) * ((queue->height_px + 1) / 2);
        out->stride_bytes[2] = stride / 2;
    }
}

static void finish(struct standin_device *device, struct standin_buffer *buffer)
{
    standin_import_check(buffer);
    buffer->state = STATE_DONE;
    buffer->order = ++device->order;
    standin_device_changed(device);
}

static void put_bytes(struct standin_buffer *buffer, const uint8_t *data, size_t size)
{
    if (buffer->used[0] + size > buffer->length[0]) {
        buffer->used[0] = 0;
        buffer->flags |= V4L2_BUF_FLAG_ERROR;
        return;
    }
    memcpy(buffer->memory[0] + buffer->used[0], data, size);
    buffer->used[0] += (uint32_t)size;
}

static bool has_fault(const struct standin_device *device, enum standin_fault fault)
{
    return standin_find_fault(&device->options, fault, device->picture) != NULL;
}

// A coded buffer that holds something other than a picture. False when none is free now.
static bool put_extra(struct standin_device *device, const uint8_t *data, size_t size)
{
    struct standin_buffer *buffer = standin_queue_first(&device->capture, STATE_QUEUED);

    if (!buffer)
        return false;
    buffer->used[0] = 0;
    buffer->stamp = (struct timeval){0, 0};
    put_bytes(buffer, data, size);
    finish(device, buffer);
    return true;
}

// What a device puts out before the first picture of a stream. False: has to wait for a buffer.
static bool begin_stream(struct standin_device *device)
{
    static const uint8_t junk[64] = {0x12, 0x34};
    uint8_t headers[512];

    if (device->options.junk_first && !device->junk_given) {
        if (!put_extra(device, junk, sizeof junk))
            return false;
        device->junk_given = true;
    }
    if (!device->stream_start || !device->options.headers_apart)
        return true;
    return put_extra(device, headers, device->codec->ops->headers(device->codec, headers, sizeof headers));
}

static void spoil(struct standin_device *device, struct standin_buffer *coded)
{
    if (has_fault(device, FAULT_ERROR)) {
        coded->flags |= V4L2_BUF_FLAG_ERROR;
        coded->used[0] = 0;
    }
    if (has_fault(device, FAULT_EMPTY))
        coded->used[0] = 0;
    if (has_fault(device, FAULT_GARBAGE)) {
        memset(coded->memory[0], 0xA5, GARBAGE_BYTES);
        coded->used[0] = GARBAGE_BYTES;
    }
    if (has_fault(device, FAULT_BAD_TIME))
        coded->stamp.tv_sec += 7;
    if (has_fault(device, FAULT_SAME_TIME))
        coded->stamp = device->last_stamp;
}

// The slow part, without the lock.
static size_t code(struct standin_device *device, const struct standin_buffer *raw, bool key,
                   const uint8_t **data, bool *idr)
{
    struct standin_raster raster;

    find_raster(&device->output, raw, &raster);
    pthread_mutex_unlock(&device->lock);
    size_t size = device->codec->ops->encode(device->codec, &raster, key, data, idr);
    pthread_mutex_lock(&device->lock);
    return size;
}

static void wait_for(struct standin_device *device, enum standin_fault fault)
{
    const struct standin_rule *rule = standin_find_fault(&device->options, fault, device->picture);
    struct timespec until;

    if (!rule)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += rule->value / 1000;
    until.tv_nsec += (long)(rule->value % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    while (!device->quit && pthread_cond_timedwait(&device->work, &device->lock, &until) == 0)
        ;
}

static void code_one(struct standin_device *device, struct standin_buffer *raw, struct standin_buffer *coded)
{
    uint8_t headers[512];
    const uint8_t *data = NULL;
    bool idr = false;
    bool forced = device->force_key && keys_are_idr(device) && !has_fault(device, FAULT_NO_KEY);
    bool key = forced || device->stream_start;
    bool needs_headers = device->stream_start && !device->options.headers_apart &&
                         value_of(device, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 0) == 0;
    bool is_last = (device->draining && raw->order == device->drain_order && device->options.last_on_data) ||
                   has_fault(device, FAULT_LAST);

    device->force_key = false;
    raw->state = coded->state = STATE_WORKING;
    wait_for(device, FAULT_SLOW);
    size_t header_size = device->codec->ops->headers(device->codec, headers, sizeof headers);
    size_t size = code(device, raw, key, &data, &idr);
    device->stream_start = false;
    coded->used[0] = 0;
    coded->flags = idr ? V4L2_BUF_FLAG_KEYFRAME : V4L2_BUF_FLAG_PFRAME;
    coded->stamp = raw->stamp;
    if (needs_headers && !standin_is_bad(&device->options, "no_sets"))
        put_bytes(coded, headers, header_size);
    put_bytes(coded, data, size);
    spoil(device, coded);
    device->last_stamp = raw->stamp;
    bool keeps = has_fault(device, FAULT_KEEP);
    if (!keeps)
        finish(device, raw);
    if (has_fault(device, FAULT_DROP)) {
        coded->state = STATE_QUEUED; // swallowed
    } else {
        if (is_last)
            coded->flags |= V4L2_BUF_FLAG_LAST;
        finish(device, coded);
    }
    if (keeps) { // what it coded is out, and it still reads
        wait_for(device, FAULT_KEEP);
        finish(device, raw);
    }
    if (is_last) {
        device->draining = false;
        device->stopped = true;
    }
}

static void run_faults_before(struct standin_device *device)
{
    if (has_fault(device, FAULT_HANG))
        device->hung = true;
    if (has_fault(device, FAULT_EIO))
        device->dead = true;
    if (has_fault(device, FAULT_STUCK))
        device->stuck = true;
    if (has_fault(device, FAULT_DEAF))
        device->deaf = true;
    if (has_fault(device, FAULT_SOURCE_CHANGE) && device->subscribed)
        device->events++;
    standin_device_changed(device);
}

// The next raw picture to code, or NULL. One that was queued after a STOP waits for the START.
static struct standin_buffer *next_raw(struct standin_device *device)
{
    struct standin_buffer *raw = standin_queue_first(&device->output, STATE_QUEUED);
    unsigned waiting = 0;

    if (!raw || (device->draining && raw->order > device->drain_order))
        return NULL;
    for (uint32_t i = 0; i < device->output.count; i++)
        waiting += device->output.buffers[i].state == STATE_QUEUED;
    return waiting >= device->options.hoard || device->draining ? raw : NULL;
}

static bool step(struct standin_device *device)
{
    struct standin_buffer *coded = standin_queue_first(&device->capture, STATE_QUEUED);

    if (device->hung || device->dead || device->stopped || !device->output.streaming ||
        !device->capture.streaming || !coded)
        return false;
    struct standin_buffer *raw = next_raw(device);
    if (!raw && device->draining) {
        coded->used[0] = 0;
        coded->flags = V4L2_BUF_FLAG_LAST;
        coded->stamp = device->last_stamp;
        device->draining = false;
        device->stopped = true;
        finish(device, coded);
        return true;
    }
    if (!raw)
        return false;
    if (!device->codec && !(device->codec = make_codec(device))) {
        device->hung = true;
        return false;
    }
    if (device->rate_changed)
        device->codec->ops->set_rate(device->codec, value_of(device, V4L2_CID_MPEG_VIDEO_BITRATE, 1000000),
                                     value_of(device, V4L2_CID_MPEG_VIDEO_VBV_SIZE, 0));
    device->rate_changed = false;
    run_faults_before(device);
    if (device->hung || device->dead || !begin_stream(device))
        return false;
    coded = standin_queue_first(&device->capture, STATE_QUEUED);
    if (!coded) {
        device->stream_start = true;
        return false;
    }
    code_one(device, raw, coded);
    device->picture++;
    return true;
}

void *standin_work(void *argument)
{
    struct standin_device *device = argument;

    pthread_mutex_lock(&device->lock);
    while (!device->quit) {
        device->working = true;
        bool did = step(device);
        device->working = false;
        pthread_cond_broadcast(&device->work);
        if (!did && !device->quit)
            pthread_cond_wait(&device->work, &device->lock);
    }
    pthread_mutex_unlock(&device->lock);
    return NULL;
}
