// SPDX-License-Identifier: Apache-2.0
// Video encoders. Two interfaces in one header: struct encoder_driver is what a driver implements, the
// encoder_*() functions below it are what a program calls; they check the arguments, call the driver, and
// check its answers (order, identity, size), so that a driver that breaks its contract is found at once.
//
// The way of a frame: encoder_submit() lends it to the encoder; it stays lent, and its pixels must not
// change, until the encoder_receive() that returns the result for it, or encoder_close(). Every frame that
// was submitted gets exactly one result, in the order of submission: coded, or dropped with its identity. The
// same frame may be submitted again, also while it is still in flight, and an older one after a newer one:
// that is a failover. Drivers therefore match output to input by an id of their own (a time stamp, an opaque
// pointer, a buffer index), never by counting and never by the frame's sequence number.
//
// Threads: all calls on one encoder come from one thread. A driver whose library may block runs a thread of
// its own and shows results by its descriptor, so that each call here returns by the time it names.
//
// Bit stream: H.264 (ITU-T Rec. H.264) or H.265 Annex B byte stream. Every access unit begins with an access
// unit delimiter (7.3.2.4); parameter sets come before every IDR slice, inserted by the driver where the
// device does not repeat them; no reordering (max_num_reorder_frames 0); a new session starts with an IDR.
#ifndef HAL_ENCODER_H
#define HAL_ENCODER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/frame.h"
#include "hal/packet.h"

#define ENCODER_IN_FLIGHT_MAX 16
#define ENCODER_ACCESS_UNIT_MAX_BYTES (4u << 20) // a larger one is a broken driver
#define ENCODER_BITRATE_MIN_BPS 10000u
#define ENCODER_BITRATE_MAX_BPS 400000000u
#define ENCODER_VBV_MAX_MS 10000u
#define ENCODER_CPU_COPIES_MAX 16u // more of one picture is a broken driver

enum encoder_codec {
    ENCODER_CODEC_H264 = 1,
    ENCODER_CODEC_HEVC = 2,
    ENCODER_CODEC_END // one past the last
};

// What went wrong, why, what to do: for logs and operators. Always terminated.
struct encoder_text {
    char text[200];
};

// One device that a driver could use. Two paths should not share a fault domain: what takes down one encoder
// of the domain (a card, a kernel driver, the processor) may take down all of them.
struct encoder_device {
    char name[128]; // as struct encoder_config takes it: "/dev/video11", "0000:01:00.0", "" for software
    char fault_domain[64];
    char description[64];
};

enum encoder_cap_flags {
    ENCODER_CAP_FORCE_IDR = 1u << 0,   // ENCODER_SUBMIT_IDR makes exactly that frame an IDR
    ENCODER_CAP_SET_BITRATE = 1u << 1, // set_bitrate works without opening again
    ENCODER_CAP_VBV = 1u << 2,         // the rate stays within the buffer of vbv_ms
    // Coding happens on the caller's thread inside receive(), which cannot be cut short once it has begun:
    // receive() may then last one frame's coding time longer than its deadline. descriptor() gives -1.
    ENCODER_CAP_SYNCHRONOUS = 1u << 3,
    ENCODER_CAP_DMABUF = 1u << 4, // reads frame->dmabuf_fd without a copy where it is not -1
};

// What a device can do. Sizes are inclusive.
struct encoder_caps {
    // What it takes for each codec, a bit mask of 1u << enum castor_pixel_format; 0: it has not that codec.
    uint32_t pixels[ENCODER_CODEC_END];
    uint32_t min_width_px, min_height_px;
    uint32_t max_width_px, max_height_px;
    uint64_t max_pixels_per_second; // 0 = not known
    uint32_t max_in_flight;         // frames lent at the same time, 1..ENCODER_IN_FLIGHT_MAX
    uint32_t flags;                 // enum encoder_cap_flags
};

// How to encode. Strings are read during open() only and may be NULL for "" (the driver's default).
struct encoder_config {
    enum encoder_codec codec;
    struct castor_format format;
    uint32_t bitrate_bps; // mean and peak
    uint32_t vbv_ms;      // VBV (coded picture buffer) size as time at bitrate_bps; 0 = the driver's choice
    uint32_t gop_frames;  // IDR distance; 0 = never, only on request
    uint32_t threads;     // of a software encoder; 0 = the driver's choice
    const char *preset;   // speed against quality, the driver's own names
    const char *device;   // struct encoder_device.name
    const char *script;   // schedule of faults; refused by every driver but `fake`
    // Where all frames will lie (the frame pool as this process maps it), so that a driver can lock the pages
    // or register them with its device once. NULL where frames come from elsewhere. Mapped until close().
    const uint8_t *memory;
    size_t memory_bytes;
    // One of the slots in which all frames will lie, where these are DMA-BUFs and a driver may import them
    // (dmabuf_fd, planes, strides), for a trial. NULL where there are none. Read during open() only.
    const struct castor_frame *slot;
};

enum encoder_submit_flags {
    ENCODER_SUBMIT_IDR = 1u << 0, // code this frame as an IDR with parameter sets
};

enum encoder_output_kind {
    ENCODER_OUTPUT_CODED = 1,
    ENCODER_OUTPUT_DROPPED = 2, // the encoder made no access unit of this frame; it will not come any more
};

// The result for one frame, which is lent no longer. packet.sequence and packet.capture_ns are those that
// were submitted. DROPPED: packet.data NULL, size 0. CODED: data belongs to the driver and lives until the
// next call on this encoder.
struct encoder_output {
    enum encoder_output_kind kind;
    struct castor_packet packet;
    // How often the processor copied or converted this frame's pixels on their way from the slot to what
    // codes them, copies inside the library included as far as they are known. 0: read where they lie.
    uint32_t cpu_copies;
};

struct encoder_driver;

// What hal/encoder.c remembers of a frame that is lent out.
struct encoder_lent {
    uint64_t sequence;
    int64_t capture_ns;
};

// The part of an encoder that is common to all drivers: each embeds it as the first member of its own struct.
// Everything but max_in_flight, fault and note belongs to hal/encoder.c.
struct encoder {
    const struct encoder_driver *driver;
    struct castor_format format;
    uint32_t max_in_flight;                          // set by open(); at most the caps' value
    struct encoder_text fault;                       // driver: why the last call failed
    struct encoder_text note;                        // driver: see encoder_note()
    struct encoder_lent lent[ENCODER_IN_FLIGHT_MAX]; // oldest first, a circle
    uint32_t lent_first;
    uint32_t lent_count;
    bool flushing;
    bool held_valid; // `held` waits until the frames that were dropped before it have been reported
    struct encoder_output held;
};

// A driver: one const table. In all members `deadline_ns` is a time on the house clock (castor_now_ns());
// one in the past means "do not wait". Every member is present.
struct encoder_driver {
    const char *name; // "x264"; unique, at most 15 characters, static storage
    const char *description;

    // What: lists the devices that this driver could use. Owner: the caller's array, of which at most
    // `capacity` entries are written; *count is how many. None is no error. Blocks: looking at device nodes
    // only, at most 1 s. Errors: CASTOR_ERR_UNSUPPORTED when the vendor's library is not installed.
    int (*devices)(struct encoder_device *list, uint32_t capacity, uint32_t *count);

    // What: the capabilities of one device (name as in struct encoder_device, "" = the first). Blocks: at
    // most 5 s; a vendor library may crash or hang in it, so the selection calls it in a child process.
    // Errors: NOT_FOUND no such device, DENIED, UNSUPPORTED library missing or too old, BUSY, IO; *why then
    // says so in words.
    int (*probe)(const char *device, struct encoder_caps *out, struct encoder_text *why);

    // What: opens a session. The config has passed encoder_open()'s own checks (ranges, against probe()'s
    // capabilities). Owner: *out is the caller's until close(); the strings stay the caller's. Blocks: at
    // most 5 s. Errors: INVALID (unknown preset, bad script: *why names the word), UNSUPPORTED, NOT_FOUND,
    // DENIED, BUSY, NO_MEMORY (the device's session limit too), IO. A failed open leaves nothing behind.
    int (*open)(const struct encoder_config *config, struct encoder **out, struct encoder_text *why);

    // What: a descriptor that polls readable while receive() would return at once; -1 when synchronous.
    // Owner: the driver; valid until close(); the caller only polls it. Never blocks, never fails.
    int (*descriptor)(const struct encoder *encoder);

    // What: lends a frame to the encoder, flags of enum encoder_submit_flags. Never called with more than
    // max_in_flight frames lent. Owner: on success the frame's pixels are lent until its result is received;
    // *frame itself is not kept. On failure nothing was lent. Blocks: at most 10 ms. Errors: FULL the device
    // takes no more now (receive first), IO, LOST. After flush() a submit starts a new sequence with an IDR.
    int (*submit)(struct encoder *encoder, const struct castor_frame *frame, uint32_t flags);

    // What: the result for a submitted frame. The driver reports a frame that its device dropped as soon as a
    // later one comes out, or earlier; hal/encoder.c fills in the gap where it cannot know. Owner: see struct
    // encoder_output. Blocks: until deadline_ns (see ENCODER_CAP_SYNCHRONOUS). Errors: AGAIN nothing is in
    // flight; TIMEOUT the deadline passed, the frame is still lent; END flushed and everything delivered; IO
    // this frame failed for good; LOST the device is gone. After IO or LOST only close() is allowed.
    int (*receive)(struct encoder *encoder, struct encoder_output *out, int64_t deadline_ns);

    // What: another mean and peak rate from the next submitted frame on; the VBV keeps its size in time, so
    // its size in bits follows the rate. The measured rate follows within 2 s of frames. bitrate_bps is in
    // ENCODER_BITRATE_MIN_BPS..MAX. Blocks: at most 10 ms. Errors: UNSUPPORTED (open again instead), IO,
    // LOST.
    int (*set_bitrate)(struct encoder *encoder, uint32_t bitrate_bps);

    // What: no frame follows; a later submit() begins anew. The device finishes what it has. receive() then
    // yields all results and after the last one CASTOR_ERR_END. Blocks: until deadline_ns. Errors: TIMEOUT,
    // IO, LOST.
    int (*flush)(struct encoder *encoder, int64_t deadline_ns);

    // What: ends the session, whatever its state; frames still lent are the caller's again. Accepts NULL.
    // Blocks: a vendor's library may hang in it, so programs that cannot wait end the process instead.
    void (*close)(struct encoder *encoder);
};

// ---- what programs call ----

// The name of a codec in lower case, as configurations and reports write it ("hevc"); NULL for what is none.
const char *encoder_codec_name(uint32_t codec);

// Whether a device codes pictures of this pixel format. Any number may be asked.
bool encoder_caps_take(const struct encoder_caps *caps, uint32_t codec, uint32_t pixel);

// Checks codec, pixel format, size and rate of pictures against what a device can do. Errors: UNSUPPORTED;
// *why then says what is wanted and what it takes.
CASTOR_MUST_USE int encoder_caps_check(const struct encoder_caps *caps, uint32_t codec,
                                       const struct castor_format *format, struct encoder_text *why);

// Opens a session after checking `config` against ranges, format and the device's capabilities. Blocks as
// probe() and open(). Errors: theirs; CASTOR_ERR_INVALID for a value out of range, CASTOR_ERR_UNSUPPORTED
// for one that this device cannot do; *why (not NULL) then says which value and what would be right.
CASTOR_MUST_USE int encoder_open(const struct encoder_driver *driver, const struct encoder_config *config,
                                 struct encoder **out, struct encoder_text *why);

// The descriptor to poll, or -1 (synchronous driver: call encoder_receive()).
int encoder_descriptor(const struct encoder *encoder);

// True when encoder_receive() would return at once although the descriptor does not show it. The bytes of
// such a result live in the driver, so it must be received before the encoder is asked for anything else:
// until then encoder_submit() is CASTOR_ERR_FULL, and encoder_set_bitrate() and encoder_flush() assert.
bool encoder_has_held(const struct encoder *encoder);

// As the driver's submit(); CASTOR_ERR_FULL with max_in_flight frames lent.
CASTOR_MUST_USE int encoder_submit(struct encoder *encoder, const struct castor_frame *frame, uint32_t flags);

// As the driver's receive(), with its answer checked: a result that skips frames is preceded by DROPPED for
// each of them; an access unit that is empty or larger than ENCODER_ACCESS_UNIT_MAX_BYTES becomes DROPPED; a
// result for a frame that is not lent is CASTOR_ERR_INTERNAL, after which only encoder_close() is allowed.
CASTOR_MUST_USE int encoder_receive(struct encoder *encoder, struct encoder_output *out, int64_t deadline_ns);

// As the driver's set_bitrate(); CASTOR_ERR_INVALID for a rate out of range.
CASTOR_MUST_USE int encoder_set_bitrate(struct encoder *encoder, uint32_t bitrate_bps);

// As the driver's flush().
CASTOR_MUST_USE int encoder_flush(struct encoder *encoder, int64_t deadline_ns);

// Frames lent to the encoder now, results held back included.
uint32_t encoder_in_flight(const struct encoder *encoder);

// Why the last call on this encoder failed, in words; "" when the driver had nothing to say. Never NULL.
const char *encoder_fault(const struct encoder *encoder);

// What operators should know of how the encoder works now: why frames are copied although they come as
// DMA-BUFs. "" = nothing. Never NULL.
const char *encoder_note(const struct encoder *encoder);

// Closes; accepts NULL.
void encoder_close(struct encoder *encoder);

// ---- for drivers ----

// Writes a text, cut to size. Returns `error`, so that a driver can write "return encoder_text_set(...)".
int encoder_text_set(struct encoder_text *text, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
