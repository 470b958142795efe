// SPDX-License-Identifier: Apache-2.0
// What the supervisor and the encoders tell each other. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_ENCODE_H
#define IPC_MESSAGE_ENCODE_H

#include <stdint.h>

#include "hal/frame.h"
#include "ipc/message_limits.h"

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

#endif
