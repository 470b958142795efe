// SPDX-License-Identifier: Apache-2.0
// The stand-in's own parts. See README.md for what it does.
#ifndef STANDIN_V4L2M2M_STANDIN_H
#define STANDIN_V4L2M2M_STANDIN_H

#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>

#include <linux/videodev2.h>

#include "../dmabuf/view.h"

#define STANDIN_FIRST_NODE 90
#define STANDIN_NODES_MAX 4
#define STANDIN_BUFFERS_MAX 8
#define STANDIN_PLANES_MAX 3
#define STANDIN_FAULTS_MAX 16
#define STANDIN_PLANE_ROOM_BYTES (16u << 20) // of the address space that mmap offsets come from

// ---- options.c ----

enum standin_raw {
    STANDIN_I420 = 1,
    STANDIN_I420M = 2,
    STANDIN_NV12 = 4,
    STANDIN_NV12M = 8,
    STANDIN_P010 = 16
};

enum standin_fault {
    FAULT_HANG,
    FAULT_EIO,
    FAULT_DROP,
    FAULT_ERROR,
    FAULT_EMPTY,
    FAULT_GARBAGE,
    FAULT_SLOW,
    FAULT_BAD_TIME,
    FAULT_SAME_TIME,
    FAULT_NO_KEY,
    FAULT_SOURCE_CHANGE,
    FAULT_KEEP,
    FAULT_STUCK,
    FAULT_DEAF,
    FAULT_LAST,
    FAULT_COUNT,
};

struct standin_rule {
    enum standin_fault fault;
    uint64_t at;
    bool onward;
    unsigned value;
};

struct standin_options {
    bool mplane;
    unsigned raws; // of enum standin_raw
    bool hevc;     // beside H.264
    unsigned stride_align, rows_align;
    bool no_force_key, no_repeat, no_aud, no_vbv, no_gop, no_cmd, no_crop, no_parm;
    bool headers_apart, junk_first, last_on_data;
    bool no_import, refuses;
    unsigned refuse_at, extra_bytes;
    unsigned hoard, nodes;
    char bad[16];
    struct standin_rule rules[STANDIN_FAULTS_MAX];
    unsigned rule_count;
};

// Reads the environment; a word that is not known ends the process, since a test would test nothing.
void standin_options_read(struct standin_options *out);
// Takes what was told to happen now (../now.h) in place of the faults, if anything was; `picture` is next.
void standin_options_renew(struct standin_options *options, bool opens, uint64_t picture);
bool standin_is_bad(const struct standin_options *options, const char *what);
const struct standin_rule *standin_find_fault(const struct standin_options *options, enum standin_fault fault,
                                              uint64_t picture);

// ---- codec_h264.c, codec_hevc.c ----

struct standin_settings {
    unsigned width_px, height_px, rate_num, rate_den;
    bool semi_planar;
    int bitrate_bps, vbv_kbytes, gop, level, profile; // V4L2's values
    bool delimiter, repeat;
    bool ten, high_tier, idr_refresh; // HEVC only
};

// Of a semi-planar picture the third plane is NULL.
struct standin_raster {
    uint8_t *plane[3];
    int stride_bytes[3];
};

struct standin_codec {
    const struct standin_codec_ops *ops;
};

struct standin_codec_ops {
    void (*destroy)(struct standin_codec *codec);
    void (*set_rate)(struct standin_codec *codec, int bitrate_bps, int vbv_kbytes);
    // The parameter sets; returns their size, at most `capacity`.
    size_t (*headers)(struct standin_codec *codec, uint8_t *out, size_t capacity);
    // One picture; the bytes live until the next call. Returns their size.
    size_t (*encode)(struct standin_codec *codec, const struct standin_raster *raster, bool idr,
                     const uint8_t **out, bool *was_idr);
};

// NULL with a reason on stderr when the settings cannot be coded.
struct standin_codec *standin_h264_create(const struct standin_settings *settings);
struct standin_codec *standin_hevc_create(const struct standin_settings *settings);

// ---- device ----

enum standin_state { STATE_IDLE = 0, STATE_QUEUED, STATE_WORKING, STATE_DONE };

struct standin_buffer {
    enum standin_state state;
    uint64_t order; // of queueing, then of being done
    uint8_t *memory[STANDIN_PLANES_MAX];
    uint32_t length[STANDIN_PLANES_MAX];
    uint32_t used[STANDIN_PLANES_MAX];
    uint32_t flags;
    struct timeval stamp;
    struct standin_dmabuf view; // imported
    uint64_t sum;               // of the picture, when it was queued
};

struct standin_queue {
    bool is_output;
    bool format_set;
    bool streaming;
    uint32_t planes;
    uint32_t count;  // allocated buffers
    uint32_t memory; // enum v4l2_memory
    uint32_t width_px, height_px, fourcc;
    uint32_t stride_bytes[STANDIN_PLANES_MAX];
    uint32_t size_bytes[STANDIN_PLANES_MAX];
    uint32_t payload_bytes[STANDIN_PLANES_MAX]; // what a whole picture fills
    struct standin_buffer buffers[STANDIN_BUFFERS_MAX];
};

struct standin_control {
    uint32_t id;
    uint32_t type;
    int32_t minimum, maximum, value;
    bool missing;
};

#define STANDIN_CONTROLS 24

struct standin_device {
    struct standin_options options;
    int fd;     // memfd: mmap works on it untouched
    int change; // eventfd: something that poll() looks at has changed
    int level;  // eventfd: readable while the device has what epoll waits for
    short level_wanted;
    bool level_shown;
    uint32_t imports; // DMA-BUFs queued so far
    pthread_mutex_t lock;
    pthread_cond_t work; // both ways
    pthread_t thread;
    bool has_thread, quit, working;
    struct standin_queue output, capture;
    struct v4l2_rect crop;
    struct v4l2_fract interval;
    struct standin_control controls[STANDIN_CONTROLS];
    struct standin_codec *codec;
    uint64_t order;
    uint64_t picture; // raw pictures begun since the node was opened
    bool force_key, rate_changed, stream_start, junk_given;
    bool draining, stopped, last_taken;
    uint64_t drain_order; // raw pictures queued up to this are still coded
    bool hung, dead, stuck, deaf;
    bool subscribed;
    unsigned events;
    struct timeval last_stamp;
};

// A client broke the contract: says so, aborts in strict mode, gives back -`error`.
int standin_misuse(int error, const char *format, ...) __attribute__((format(printf, 2, 3)));

struct standin_device *standin_device_create(void); // NULL with errno
void standin_device_destroy(struct standin_device *device);
// What ioctl(2) would give; negative errno.
int standin_device_ioctl(struct standin_device *device, unsigned long request, void *argument);
short standin_device_events(struct standin_device *device, short wanted);
void standin_device_changed(struct standin_device *device);

struct standin_control *standin_control_find(struct standin_device *device, uint32_t id);
void standin_controls_init(struct standin_device *device);
int standin_control_ioctl(struct standin_device *device, unsigned long request, void *argument);

int standin_format_ioctl(struct standin_device *device, unsigned long request, void *argument);
int standin_buffer_ioctl(struct standin_device *device, unsigned long request, void *argument);
void standin_queue_release(struct standin_device *device, struct standin_queue *queue);
// The queue of a buffer type, or NULL when this device does not speak it.
struct standin_queue *standin_queue_of(struct standin_device *device, uint32_t type);
// The buffer in this state that has the lowest order, or NULL.
struct standin_buffer *standin_queue_first(struct standin_queue *queue, enum standin_state state);

// Imports the DMA-BUF that VIDIOC_QBUF names; 0 or a negative errno. The picture in it is remembered, and
// looked at again when the device is done with it.
int standin_import(struct standin_device *device, struct standin_queue *queue,
                   const struct v4l2_buffer *asked);
void standin_import_seal(struct standin_buffer *buffer);
void standin_import_check(const struct standin_buffer *buffer);

// For epoll: what `level` waits for, and showing it. With the lock held.
void standin_device_show(struct standin_device *device);

// The thread that codes.
void *standin_work(void *device);

#endif
