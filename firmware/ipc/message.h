// SPDX-License-Identifier: Apache-2.0
// The messages between the supervisor and its workers: fixed-size structs over SOCK_SEQPACKET, one datagram a
// message. Both ends run on the same machine from the same build, so they are in native byte order; a version
// mismatch is refused all the same. No worker trusts another: whoever receives runs message_check() (the
// channel does) before it looks at a field, and a message that fails it ends the sender.
#ifndef IPC_MESSAGE_H
#define IPC_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/frame.h"

#define MESSAGE_MAGIC 0x4341u // "CA"
#define MESSAGE_VERSION 4u

#define MESSAGE_PATHS_MAX 8                     // encoder paths in a chain
#define MESSAGE_SLOTS_MAX 64                    // slots of the frame pool
#define MESSAGE_DESTINATIONS_MAX 8              // SRT destinations
#define MESSAGE_FDS_MAX (2 + MESSAGE_SLOTS_MAX) // descriptors that travel with one message
#define MESSAGE_ACCESS_UNIT_MAX_BYTES (4u << 20)
#define MESSAGE_RING_MAX_BYTES (256u << 20)
#define MESSAGE_CPU_COPIES_MAX 16u

// The descriptor on which every worker finds its channel.
#define MESSAGE_WORKER_FD 3

enum message_type {
    // supervisor -> any worker
    MESSAGE_STOP = 1, // no body: finish cleanly and exit
    // any worker -> supervisor
    MESSAGE_FAILED = 2, // the worker cannot go on and exits

    // supervisor -> capture
    MESSAGE_CAPTURE_START = 16,
    MESSAGE_CAPTURE_POOL = 17, // with descriptors: pool control page (read-only), then of the pool as below
    // capture -> supervisor
    MESSAGE_CAPTURE_READY = 24,
    MESSAGE_FRAME = 25,
    MESSAGE_CAPTURE_STATS = 26,

    // supervisor -> encode
    MESSAGE_ENCODE_START = 32, // with descriptors: coded ring (read-write), then of the pool as below
    MESSAGE_ENCODE = 33,
    MESSAGE_SET_BITRATE = 34,
    MESSAGE_FAULT = 35,
    // encode -> supervisor
    MESSAGE_ENCODE_READY = 40,
    MESSAGE_CODED = 41,
    MESSAGE_DROPPED = 42,

    // supervisor -> egress
    MESSAGE_EGRESS_START = 48, // with path_count descriptors: the coded rings (read-only), path 0 first
    MESSAGE_DESTINATION = 49,
    MESSAGE_EMIT = 50,
    // egress -> supervisor
    MESSAGE_EGRESS_READY = 56, // no body
    MESSAGE_SENT = 57,
    MESSAGE_DESTINATION_STATE = 58,
    MESSAGE_DESTINATION_STATS = 59,
    MESSAGE_NEED_IDR = 60,
};

// Who sent a message: a worker may only say what is its to say.
enum message_sender {
    MESSAGE_FROM_SUPERVISOR = 1u << 0,
    MESSAGE_FROM_CAPTURE = 1u << 1,
    MESSAGE_FROM_ENCODE = 1u << 2,
    MESSAGE_FROM_EGRESS = 1u << 3,
};

struct message_header {
    uint16_t magic;
    uint16_t version;
    uint16_t type; // enum message_type
    uint16_t size; // header and body together, equal to the datagram's length
};

// Texts for operators: what happened, why, what to do. Never a secret. NUL-terminated.
struct message_failed {
    int32_t error; // enum castor_error
    char text[252];
};

// Open the source. A zero width, height or rate means the source's own.
struct message_capture_start {
    char driver[16];
    char path[1024];   // device node, file, or "-" for standard input
    char options[256]; // driver options, "key=value,key=value"
    struct castor_format format;
    // The time grid to continue after a restart: the last frame that was published. anchor_ns 0 = first
    // start.
    uint64_t anchor_sequence;
    int64_t anchor_ns;
};

// The source is open; from this the supervisor makes (or compares) the frame pool.
struct message_capture_ready {
    struct castor_format format; // what the source really delivers
};

// Of the pool travel: its pixels (capture: read-write, encoders: read-only), then dmabuf_count DMA-BUFs, one
// a slot. The pixels are left out where the DMA-BUFs are all there is of the memory.

// The pool to fill; frames start with this. slot_sequence[i] is the frame that slot i still holds, or
// MESSAGE_SLOT_FREE. The slot becomes free when the pool's control page names that sequence as released.
#define MESSAGE_SLOT_FREE UINT64_MAX
struct message_capture_pool {
    struct castor_format format;
    uint32_t slot_count;   // 4..MESSAGE_SLOTS_MAX
    uint32_t dmabuf_count; // 0 or slot_count
    uint64_t slot_sequence[MESSAGE_SLOTS_MAX];
};

// A frame stands in its slot. Sequences rise strictly; a jump means frames that were never captured.
struct message_frame {
    uint64_t sequence;
    int64_t capture_ns;
    uint32_t slot;
    uint32_t flags; // 0
};

enum message_signal {
    MESSAGE_SIGNAL_UNKNOWN = 0,
    MESSAGE_SIGNAL_PRESENT = 1,
    MESSAGE_SIGNAL_NONE = 2,
};

// Totals since the capture process started, sent once a second.
struct message_capture_stats {
    uint64_t captured;
    uint64_t lost_no_slot;     // the pool had no free slot at the frame's time
    uint64_t lost_device;      // the device's own sequence jumped
    uint64_t lost_decode_late; // a clip's picture was not ready at its time
    uint64_t decode_errors;
    uint64_t times_corrected; // frames whose time stamp from the device made no sense
    uint64_t cpu_copies;      // raw pictures that the processor copied or converted, see hal/source.h
    uint32_t signal;          // enum message_signal
    char reason[252];         // why there is no signal, in words; "" = there is one, or nobody knows
};

enum message_codec {
    MESSAGE_CODEC_H264 = 0,
    MESSAGE_CODEC_HEVC = 1,
    MESSAGE_CODECS = 2,
};
#define MESSAGE_GOP_FRAMES_MAX 100000u

struct message_encode_start {
    char driver[16];
    char device[128];
    char preset[32];
    char script[512]; // schedule of the fake driver; empty otherwise
    struct castor_format format;
    uint32_t path;
    uint32_t bitrate_bps;
    uint32_t vbv_ms;
    uint32_t threads; // 0 = the driver's choice
    uint32_t slot_count;
    uint32_t ring_bytes;
    uint32_t codec;        // enum message_codec
    uint32_t gop_frames;   // IDR distance that the encoder keeps by itself; 0 = an IDR only when ordered
    uint32_t dmabuf_count; // 0 or slot_count
    uint32_t reserved;
    uint64_t ring_position; // where the first access unit goes
    uint64_t ring_tail;     // what a predecessor wrote from here on may still be read
};

struct message_encode_ready {
    char driver[16];
    char description[64];
    uint32_t max_in_flight;
    uint32_t flags; // 0
};

enum message_encode_flags {
    MESSAGE_ENCODE_IDR = 1u << 0,
    MESSAGE_ENCODE_CANARY = 1u << 1, // the output is only checked
};

// Encode one frame. Every ENCODE is answered exactly once, by CODED or DROPPED. An order of a newer epoch
// makes the queued ones of older epochs obsolete (answered DROPPED, superseded).
struct message_encode {
    uint64_t sequence;
    int64_t capture_ns;
    uint64_t ring_tail; // everything in the ring before this position may be overwritten
    uint32_t slot;
    uint32_t epoch;
    uint32_t flags; // enum message_encode_flags
    uint32_t reserved;
};

struct message_set_bitrate {
    uint32_t bitrate_bps;
    uint32_t reserved;
};

// Deliberate faults, for tests and drills; refused unless the box was started with faults allowed.
enum message_fault_kind {
    MESSAGE_FAULT_DROP = 1,    // the next `count` frames are swallowed and reported dropped
    MESSAGE_FAULT_SWALLOW = 2, // the next `count` frames are swallowed without a word
    MESSAGE_FAULT_GARBAGE = 3, // the next `count` access units are random bytes
    MESSAGE_FAULT_SILENCE = 4, // nothing comes out any more, the process lives
    MESSAGE_FAULT_SLOW = 5,    // every frame takes `factor` times as long
    MESSAGE_FAULT_CRASH = 6,   // SIGSEGV in the middle of the next frame
    MESSAGE_FAULT_HANG = 7,    // the main loop stops reading
    MESSAGE_FAULT_BAD_MESSAGE = 8,
};
struct message_fault {
    uint32_t kind;  // enum message_fault_kind
    uint32_t count; // 1..1000
    uint32_t factor;
    uint32_t reserved;
};

enum message_coded_flags {
    MESSAGE_CODED_IDR = 1u << 0, // the driver's claim
};
struct message_coded {
    uint64_t sequence;
    uint64_t position; // of the first byte in the ring
    int64_t started_ns;
    int64_t finished_ns;
    uint32_t size_bytes; // 1..MESSAGE_ACCESS_UNIT_MAX_BYTES
    uint32_t epoch;
    uint32_t flags;      // enum message_coded_flags
    uint32_t cpu_copies; // of the raw picture, 0..MESSAGE_CPU_COPIES_MAX, see hal/encoder.h
};

enum message_drop_cause {
    MESSAGE_DROP_SUPERSEDED = 1, // an order of a newer epoch arrived
    MESSAGE_DROP_RING_FULL = 2,
    MESSAGE_DROP_ENCODER = 3, // the driver gave no access unit for it
    MESSAGE_DROP_CAUSES = 4,
};
struct message_dropped {
    uint64_t sequence;
    uint32_t epoch;
    uint32_t cause; // enum message_drop_cause
};

struct message_egress_start {
    char service_name[64];
    struct castor_format format;
    uint32_t path_count; // 1..MESSAGE_PATHS_MAX
    uint32_t ring_bytes;
    uint32_t pts_offset_ms;
    uint32_t pcr_interval_ms;
    uint32_t mux_rate_bps; // 0 = variable rate
    uint32_t codec;        // enum message_codec, of all rings
};

// Adds or replaces destination `index`. The passphrase never appears in a log or a status document.
struct message_destination {
    uint32_t index;
    uint32_t reserved;
    char name[32];
    char url[512];       // srt://host:port?...
    char passphrase[80]; // 10..79 characters, or empty; overrides the URL's
    char stream_id[516]; // up to 512 characters, or empty; overrides the URL's
};

enum message_emit_flags {
    MESSAGE_EMIT_IDR = 1u << 0,
    MESSAGE_EMIT_AFTER_SWITCH = 1u << 1, // first access unit of another path
};

// Send this access unit now. Sequences rise strictly.
struct message_emit {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t utc_offset_ns; // UTC of capture = capture_ns + utc_offset_ns
    uint64_t position;
    uint32_t size_bytes;
    uint32_t path;
    uint32_t epoch;
    uint32_t flags; // enum message_emit_flags
};

// Every EMIT is answered exactly once, in order; then its bytes in the ring are free again.
struct message_sent {
    uint64_t sequence;
    int64_t started_ns; // when egress took the order
    int64_t sent_ns;    // when the last payload was handed to the last destination
    uint32_t accepted;  // bit i: destination i took the whole access unit
    uint32_t bytes;     // of transport stream
};

enum message_destination_status {
    MESSAGE_DESTINATION_CONNECTING = 1,
    MESSAGE_DESTINATION_LISTENING = 2,
    MESSAGE_DESTINATION_CONNECTED = 3,
    MESSAGE_DESTINATION_WAITING = 4, // backing off before the next try
    MESSAGE_DESTINATION_STOPPED = 5,
    MESSAGE_DESTINATION_STATUSES = 6,
};
enum message_destination_reason {
    MESSAGE_REASON_NONE = 0,
    MESSAGE_REASON_PASSPHRASE = 1,
    MESSAGE_REASON_REFUSED = 2,
    MESSAGE_REASON_UNREACHABLE = 3,
    MESSAGE_REASON_NAME = 4,    // host name not found
    MESSAGE_REASON_VERSION = 5, // SRT versions do not fit
    MESSAGE_REASON_LOST = 6,    // was connected, peer fell silent or closed
    MESSAGE_REASON_LOCAL = 7,   // no free port, out of memory, bad URL
    MESSAGE_REASONS = 8,
};
struct message_destination_state {
    uint32_t index;
    uint32_t status;      // enum message_destination_status
    uint32_t reason;      // enum message_destination_reason, of the last failure
    uint32_t connections; // since egress started
    char text[240];
};

// Totals since egress started, once a second for every destination.
struct message_destination_stats {
    uint32_t index;
    uint32_t latency_ms; // negotiated
    uint64_t sent_access_units;
    uint64_t lost_not_connected;
    uint64_t lost_waiting_idr;
    uint64_t lost_buffer_full;
    uint64_t lost_unacknowledged; // of those sent: the connection ended, or their time was over, before they
                                  // arrived
    uint64_t too_late_packets;
    uint64_t retransmitted_packets;
    uint64_t lost_packets;
    uint64_t sent_bytes;
    uint32_t rtt_us;
    uint32_t send_buffer_ms;
    uint32_t bandwidth_kbps;
    uint32_t receivers; // connected now (listener mode may have several)
};

struct message_need_idr {
    uint32_t destination;
    uint32_t reserved;
};

struct message {
    struct message_header header;
    union {
        struct message_failed failed;
        struct message_capture_start capture_start;
        struct message_capture_ready capture_ready;
        struct message_capture_pool capture_pool;
        struct message_frame frame;
        struct message_capture_stats capture_stats;
        struct message_encode_start encode_start;
        struct message_encode_ready encode_ready;
        struct message_encode encode;
        struct message_set_bitrate set_bitrate;
        struct message_fault fault;
        struct message_coded coded;
        struct message_dropped dropped;
        struct message_egress_start egress_start;
        struct message_destination destination;
        struct message_emit emit;
        struct message_sent sent;
        struct message_destination_state destination_state;
        struct message_destination_stats destination_stats;
        struct message_need_idr need_idr;
    } body;
};

// Makes `message` a zeroed message of `type` with its header filled in. Asserts that the type exists.
void message_init(struct message *message, enum message_type type);

// Checks size, version, type, sender and the range of every field that indexes or bounds something.
// `size_bytes` is what was received. Returns 0 or CASTOR_ERR_INVALID; *why (may be NULL) then names the
// reason, static storage. Never reads beyond size_bytes.
CASTOR_MUST_USE int message_check(const struct message *message, size_t size_bytes,
                                  enum message_sender sender, const char **why);

// "CODED" for MESSAGE_CODED; "unknown" for a type that does not exist.
const char *message_name(unsigned type);

#endif
