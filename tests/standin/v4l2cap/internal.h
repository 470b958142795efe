// SPDX-License-Identifier: Apache-2.0
// The insides of the stand-in capture device. One lock, taken in interpose.c, guards everything.
#ifndef STANDIN_V4L2CAP_INTERNAL_H
#define STANDIN_V4L2CAP_INTERNAL_H

#include <linux/videodev2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../dmabuf/view.h"
#include "hal/frame.h"

#define STANDIN_FORMATS_MAX 16
#define STANDIN_FAULTS_MAX 16
#define STANDIN_BUFFERS_MAX 8
#define STANDIN_DEFAULT_NODE "/dev/video-castor0"

enum fault_kind {
    FAULT_GAP,      // `value` pictures are lost in the device; its counter goes on
    FAULT_JUMP,     // the counter jumps by `value`, no time passes
    FAULT_RESET,    // the counter begins again at 0
    FAULT_REPEAT,   // for `value` pictures the stamp is that of the one before
    FAULT_BACK,     // the stamp goes back by `value` ms
    FAULT_FUTURE,   // the stamp lies `value` ms ahead
    FAULT_ERROR,    // `value` buffers have the error flag
    FAULT_SHORT,    // `value` buffers are half filled
    FAULT_JUNK,     // `value` buffers hold noise
    FAULT_EIO,      // the next `value` attempts to dequeue fail
    FAULT_CHANGE,   // another signal arrives (`value` = width, height to match), and an event
    FAULT_QUIETLY,  // the same, and the event never comes
    FAULT_NOSIGNAL, // for `value` pictures, 0 = for ever
    FAULT_NOSYNC,
    FAULT_NORANGE, // no lock, as the timings are beyond the receiver
    FAULT_NOCABLE,
    FAULT_STALL, // nothing comes any more, and nothing says why
    FAULT_GONE,  // unplugged
};

struct fault {
    enum fault_kind kind;
    uint64_t at; // picture
    uint32_t value;
};

enum lie { LIE_NONE, LIE_STRIDE, LIE_SIZE, LIE_LENGTH, LIE_FORMAT, LIE_USED };

// How the device is made, from the environment; see plan.c for the words.
struct plan {
    char node[64];
    uint32_t width, height;
    uint32_t rate_num, rate_den;
    uint32_t format[STANDIN_FORMATS_MAX];
    uint32_t format_count;
    uint32_t pad_bytes; // added to every row
    uint32_t buffers;   // given at most
    int jpeg;           // subsampling: 420, 422, 444 or 400
    enum lie lie;
    bool fixed;      // the size cannot be set
    bool mplane;     // multi-planar API
    bool dv;         // DV timings
    bool no_rate;    // S_PARM is not there
    bool no_stamp;   // stamps are of no known clock
    bool no_counter; // the sequence is always 0
    bool busy;       // somebody else streams
    bool nodata;     // a node without video
    bool sd;         // BT.601 instead of BT.709
    bool full;       // full range
    bool video;      // RGB in limited range
    bool no_import;  // takes no DMA-BUFs
    bool no_edid;    // dv, but takes no EDID
    bool hotplug;    // a new EDID makes the signal go away for a while
    bool refuses;    // takes them until import number refuse_at
    uint32_t refuse_at;
    uint32_t extra_bytes; // wanted for a picture beyond what it needs
    struct fault fault[STANDIN_FAULTS_MAX];
    uint32_t fault_count;
};

// Reads CASTOR_STANDIN_V4L2CAP and CASTOR_STANDIN_V4L2CAP_FAULTS. False: a word that is not known, and says
// so.
bool plan_read(struct plan *plan);

// ---- pictures ----

struct canvas; // the reference picture, and room for packing

struct canvas *canvas_create(uint32_t width, uint32_t height, const struct plan *plan);
void canvas_destroy(struct canvas *canvas);

// Where the planes of a wire format lie; `separate`: each in its own memory.
struct wire {
    uint32_t fourcc;
    uint32_t memory_planes;
    uint32_t stride[3];
    uint32_t size[3]; // sizeimage
};

// False for a format that is not known.
bool wire_layout(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t pad_bytes, struct wire *out);

// Writes picture `number`; used[i] is set to the bytes of each memory plane.
void canvas_pack(struct canvas *canvas, const struct wire *wire, uint64_t number, uint8_t *const memory[3],
                 size_t used[3]);

// ---- the device ----

enum buffer_state { BUFFER_IDLE, BUFFER_QUEUED, BUFFER_DONE };

struct standin_buffer {
    enum buffer_state state;
    size_t offset[3];
    size_t length[3];
    uint64_t order; // among those in the same state, the smallest is first
    size_t used[3];
    uint32_t flags;
    uint32_t sequence;
    int64_t stamp_ns;
    struct standin_dmabuf view; // imported
};

struct device {
    int fd;    // a memfd with the buffers; what the program holds. -1 = closed
    int timer; // readable when the device is
    uint8_t *memory;
    size_t memory_bytes;
    struct plan plan;
    uint32_t width, height;               // in force
    uint32_t signal_width, signal_height; // what arrives (DV)
    uint32_t rate_num, rate_den;
    struct wire wire;
    struct canvas *canvas;
    struct standin_buffer buffer[STANDIN_BUFFERS_MAX];
    uint32_t buffer_count;
    uint32_t memory_type; // enum v4l2_memory of the buffers
    uint32_t imports;     // DMA-BUFs queued so far
    uint64_t order;
    bool streaming;
    int64_t start_ns;
    uint64_t tick;    // the next picture in time
    uint64_t filled;  // pictures delivered
    uint32_t counter; // its number for the program
    int64_t stamp_before_ns;
    bool subscribed;
    uint32_t events;      // waiting
    uint32_t event_count; // all of them
    bool gone, silent;
    enum fault_kind link; // FAULT_GAP = good
    uint64_t link_until;  // tick at which it is good again, 0 = never
    uint32_t eio;
};

bool device_create(struct device *device, const struct plan *plan);
void device_destroy(struct device *device);

// Lets the device's time come up to now, and sets its timer.
void device_step(struct device *device);

// Returns 0 or errno.
int device_ioctl(struct device *device, unsigned long request, void *argument);

// What poll(2) would say: POLLIN, POLLPRI, POLLERR.
short device_poll(const struct device *device);

// Imports the DMA-BUF that QBUF names. Returns 0 or errno.
int import_slot(struct device *device, const struct v4l2_buffer *body);
void import_release(struct device *device);

// The EDID. Return 0 or errno.
int edid_get(const struct device *device, struct v4l2_edid *body);
int edid_set(struct device *device, struct v4l2_edid *body);
// The size that it prefers; unchanged without one.
void edid_shape(uint32_t *width, uint32_t *height);

// Prints what the program did wrong; aborts in strict mode. Returns EINVAL.
int misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
