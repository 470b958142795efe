// SPDX-License-Identifier: Apache-2.0
// Video sources. struct source_driver is what a driver implements; the source_*() functions below it are what
// a program calls: they check arguments, call the driver, and check its answers (order, identity, lending).
//
// The way of a frame, shaped like V4L2's queue: source_queue() lends an empty pool slot to the driver, which
// may fill it ahead of time (decode, draw, DMA); source_dequeue() gives it back, filled, at its time. A frame
// is named once, here, by its sequence and its capture time. Sequences that are skipped were never captured.
//
// The time grid: a paced source publishes frame k after the anchor with sequence anchor_sequence + k at
// exactly anchor_ns + castor_frame_time_ns(rate, k). After a restart of capture the same anchor continues the
// grid without a phase seam; what passed meanwhile shows as a gap in the sequence. A device source takes the
// sequence from the device's own counter, and places its first frame on the grid by time.
//
// Threads: all calls on one source come from one thread. Nothing is allocated per frame.
#ifndef HAL_SOURCE_H
#define HAL_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/frame.h"

#define SOURCE_QUEUE_MAX 16
#define SOURCE_RATE_MAX 240 // frames per second
#define SOURCE_NO_DEADLINE INT64_MAX
#define SOURCE_ORIGINS_MAX 8

// What went wrong, why, what to do: for logs and operators. Always terminated.
struct source_text {
    char text[252];
};

// What to open. Strings are read during probe() and open() only and may be NULL for "".
struct source_config {
    const char *path;    // device node, file, or "-" for standard input
    const char *options; // "key=value,key=value", the driver's own keys; unknown keys are refused
    // Wanted. Width and height 0, rate.num 0, pixel CASTOR_PIXEL_NONE = the source's own.
    struct castor_format format;
    // The last frame that was published before a restart. anchor_ns 0 = first start: the first frame has
    // sequence anchor_sequence, and the grid starts with it. Otherwise frames begin after the anchor.
    uint64_t anchor_sequence;
    int64_t anchor_ns;
};

// Frames that the source itself lost, by cause; totals since open().
struct source_counters {
    uint64_t captured;         // given out by dequeue()
    uint64_t lost_no_slot;     // no empty slot was lent to the driver at the frame's time
    uint64_t lost_device;      // the device's counter, or the time between frames, jumped
    uint64_t lost_decode_late; // the picture was not decoded by its time
    uint64_t decode_errors;    // packets that were broken and skipped; not frames
    uint64_t times_corrected;  // frames whose stamp from the device repeated, went back or made no sense
    // Raw pictures that the processor copied or converted from one memory into another for these frames (and
    // those drawn ahead of their time), each step once. Drawing or decoding into the slot, and changes in
    // place, are no copies; nor is what the device itself writes.
    uint64_t cpu_copies;
};

// A source with a timeline of its own (a file, a pattern that repeats) says where on the house clock it lies,
// so that sound can go in step with it: the frame of that sequence, captured at capture_ns, shows the
// picture of media time media_ns. Time 0 is the file's first picture.
struct source_origin {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t media_ns;
};

enum source_signal {
    SOURCE_SIGNAL_UNKNOWN = 0,
    SOURCE_SIGNAL_PRESENT = 1,
    SOURCE_SIGNAL_NONE = 2, // no cable, no sync, or nothing behind it
};

struct source_driver;

// The part of a source that is common to all drivers: each embeds it as the first member of its own struct.
// `format`, `queue_depth` and `counters` but for `captured` are the driver's; the rest is hal/source.c's.
struct source {
    const struct source_driver *driver;
    struct castor_format format; // actual, set by open(), never changes
    uint32_t queue_depth; // slots that the driver likes to have lent, 1..SOURCE_QUEUE_MAX; set by open()
    struct source_counters counters;
    struct source_text fault; // driver: why the last call failed
    struct source_text note;  // driver: what operators should know of how it works, see source_note()
    uint32_t lent[SOURCE_QUEUE_MAX];
    uint32_t lent_count;
    struct source_origin origins[SOURCE_ORIGINS_MAX]; // told by the driver, not yet taken; oldest first
    uint32_t origin_count;
    bool published;
    uint64_t last_sequence;
    int64_t last_capture_ns;
};

// A driver: one const table. Every member is present.
struct source_driver {
    const char *name; // "clip"; unique, at most 15 characters, static storage
    const char *description;

    // What: looks whether `config` could be opened and what it would deliver, leaving nothing open. Blocks:
    // at most 5 s. Errors: as open().
    int (*probe)(const struct source_config *config, struct castor_format *out, struct source_text *why);

    // What: opens the source; (*out)->format is what it delivers, (*out)->queue_depth how many slots to lend.
    // The config has passed source_open()'s range checks. Owner: *out is the caller's until close(). Blocks:
    // at most 5 s. Errors: NOT_FOUND, DENIED, BUSY, INVALID (not a video, unknown option), UNSUPPORTED,
    // NO_MEMORY, IO; *why names what, why and what to do. A failed open leaves nothing behind.
    int (*open)(const struct source_config *config, struct source **out, struct source_text *why);

    // What: lends an empty slot; its planes have the opened format, its strides are at least the row's bytes.
    // Where frame->dmabuf_fd is not -1 a device driver may import it instead of copying (all slots have one,
    // or none); a driver that keeps what it left in a slot looks at frame->overdrawn first; frame->by_device
    // then says so when it comes back, and source->note why not. Owner: the pixels are the driver's until the
    // frame is dequeued or the source closed; *frame is copied. Blocks: at most one picture's drawing or
    // copying (10 ms), the first time also for a device to start again with slots that it imports. Errors:
    // FULL (SOURCE_QUEUE_MAX lent), IO, LOST.
    int (*queue)(struct source *source, const struct castor_frame *frame);

    // What: the next finished frame in order of time, as it was queued, with sequence and capture_ns set;
    // both rise strictly. A paced source never gives it out before its capture time. Owner: the slot is the
    // caller's again. Never blocks. Errors: AGAIN nothing finished yet; END the stream is over; LOST the
    // device or file is gone; IO it failed for good. After END, LOST and IO only close() is allowed.
    int (*dequeue)(struct source *source, struct castor_frame *out);

    // What: the descriptor that polls readable when dequeue() would yield a frame or its state changed; -1
    // while nothing can come before another slot is queued. It may change with every queue() and dequeue(),
    // so ask before each poll. Readable does not promise a frame. Owner: the driver. Never blocks or fails.
    int (*descriptor)(const struct source *source);

    // What: the time of the next finished or expected frame on the house clock, SOURCE_NO_DEADLINE when not
    // known. For watchdogs; the descriptor is what to wait for. Never blocks or fails.
    int64_t (*next_deadline)(const struct source *source);

    // What: whether a picture arrives at the source; while it is NONE, source->fault says why, as far as that
    // is known. Never blocks or fails.
    enum source_signal (*signal)(const struct source *source);

    // What: ends capture, whatever its state; slots still lent are the caller's again. Accepts NULL. Blocks:
    // at most 1 s.
    void (*close)(struct source *source);
};

// ---- what programs call ----

// The driver of that name. Drivers with heavy libraries are modules that this loads (CASTOR_MODULE_DIR,
// otherwise ../lib beside the program's folder, or the folder itself). Owner: static storage. Blocks: for
// loading. Errors: NOT_FOUND no such driver, *why lists the names; UNSUPPORTED its module or library is
// missing, *why says which.
CASTOR_MUST_USE int source_driver_find(const char *name, const struct source_driver **out,
                                       struct source_text *why);

// The name of driver `index`, NULL beyond the last. Loads nothing.
const char *source_driver_name(size_t index);

// As the driver's probe() and open(), after checking the config's ranges (CASTOR_ERR_INVALID with *why).
CASTOR_MUST_USE int source_probe(const struct source_driver *driver, const struct source_config *config,
                                 struct castor_format *out, struct source_text *why);
CASTOR_MUST_USE int source_open(const struct source_driver *driver, const struct source_config *config,
                                struct source **out, struct source_text *why);

// As the driver's queue(); CASTOR_ERR_FULL with SOURCE_QUEUE_MAX slots lent. Lending a slot twice asserts.
CASTOR_MUST_USE int source_queue(struct source *source, const struct castor_frame *frame);

// As the driver's dequeue(), with its answer checked: a frame that is out of order or whose slot was never
// lent is CASTOR_ERR_INTERNAL, after which only source_close() is allowed.
CASTOR_MUST_USE int source_dequeue(struct source *source, struct castor_frame *out);

int source_descriptor(const struct source *source);
int64_t source_next_deadline(const struct source *source);
enum source_signal source_signal(const struct source *source);
struct source_counters source_counters(const struct source *source);

// Slots lent to the driver now.
uint32_t source_lent(const struct source *source);

// Why the last call failed, in words; "" when the driver had nothing to say. Never NULL.
const char *source_fault(const struct source *source);

// What: the next origin that the source has told, in order; also ahead of its time. Ask after every queue and
// dequeue. Never blocks. Errors: AGAIN there is none.
CASTOR_MUST_USE int source_origin(struct source *source, struct source_origin *out);

// What operators should know of how the source works now: why pictures are copied although the slots are
// DMA-BUFs. "" = nothing. Never NULL.
const char *source_note(const struct source *source);

// Closes; accepts NULL.
void source_close(struct source *source);

// ---- for drivers ----

// Writes a text, cut to size. Returns `error`.
int source_text_set(struct source_text *text, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// Tells an origin, as soon as it is known: when a file starts anew, when a timeline moved. The last
// SOURCE_ORIGINS_MAX that nobody has taken are kept. From the thread of the calls on this source only.
void source_tell_origin(struct source *source, const struct source_origin *origin);

// One key that a driver understands: a number within a range, or a text (a path; without a comma in it).
struct source_option {
    const char *key;
    uint32_t low, high;
    uint32_t *value; // holds the default; overwritten when the key is given. NULL for a text
    char *text;      // the same, with room for text_bytes, its end included
    size_t text_bytes;
};

// Reads "key=value,key=value" (NULL = ""). Errors: INVALID; *why names the word and what would be right.
CASTOR_MUST_USE int source_options_parse(const char *options, const struct source_option *known,
                                         size_t known_count, struct source_text *why);

#endif
