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
#include "ipc/message_capture.h"
#include "ipc/message_egress.h"
#include "ipc/message_encode.h"
#include "ipc/message_gap.h"
#include "ipc/message_limits.h"
#include "ipc/message_overlay.h"
#include "ipc/message_slate.h"
#include "ipc/message_sound.h"
#include "ipc/message_record.h"

#define MESSAGE_MAGIC 0x4341u // "CA"
#define MESSAGE_VERSION 5u

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
    MESSAGE_CAPTURE_ORIGIN = 27, // also supervisor -> sound

    // supervisor -> encode
    MESSAGE_ENCODE_START = 32, // with descriptors: coded ring (read-write), then of the pool as below
    MESSAGE_ENCODE = 33,
    MESSAGE_SET_BITRATE = 34,
    MESSAGE_FAULT = 35, // also supervisor -> sound
    // encode -> supervisor
    MESSAGE_ENCODE_READY = 40,
    MESSAGE_CODED = 41,
    MESSAGE_DROPPED = 42,

    // supervisor -> egress
    MESSAGE_EGRESS_START = 48, // with the coded rings (read-only), path 0 first, then the sound ring if any
    MESSAGE_DESTINATION = 49,
    MESSAGE_EMIT = 50,
    // egress -> supervisor
    MESSAGE_EGRESS_READY = 56, // no body
    MESSAGE_SENT = 57,
    MESSAGE_DESTINATION_STATE = 58,
    MESSAGE_DESTINATION_STATS = 59,
    MESSAGE_NEED_IDR = 60,
    MESSAGE_EGRESS_SOUND = 61,

    // supervisor -> sound
    MESSAGE_SOUND_START = 64, // with a descriptor: the sound ring (read-write)
    MESSAGE_SOUND_SET_MIX = 65,
    // sound -> supervisor -> egress, record
    MESSAGE_SOUND_READY = 72,
    MESSAGE_SOUND_UNIT = 73,
    // sound -> supervisor
    MESSAGE_SOUND_STATS = 74,

    // supervisor -> record
    MESSAGE_RECORD_START = 80, // with path_count descriptors: the coded rings (read-only), path 0 first
    MESSAGE_RECORD_CONFIG = 81,
    MESSAGE_RECORD_ORDER = 82,
    MESSAGE_RECORD_UNIT = 83,
    // record -> supervisor
    MESSAGE_RECORD_READY = 88, // no body
    MESSAGE_RECORD_TAKEN = 89,
    MESSAGE_RECORD_STATE = 90,

    // supervisor -> slate
    MESSAGE_SLATE_START = 96, // with descriptors: as CAPTURE_POOL
    MESSAGE_SLATE_LOOK = 97,
    MESSAGE_SLATE_DRAW = 98, // answered by FRAME, in order
    // slate -> supervisor
    MESSAGE_SLATE_READY = 100,
    MESSAGE_SLATE_STATS = 101,

    // supervisor -> capture, slate
    MESSAGE_OVERLAY = 104,
    // capture -> supervisor
    MESSAGE_OVERLAY_STATE = 108,

    // egress -> supervisor, about what did not arrive
    MESSAGE_GAP = 112,
    MESSAGE_ARRIVED = 113,
    // supervisor -> record
    MESSAGE_GAP_NOTE = 114,
};

// Who sent a message: a worker may only say what is its to say.
enum message_sender {
    MESSAGE_FROM_SUPERVISOR = 1u << 0,
    MESSAGE_FROM_CAPTURE = 1u << 1,
    MESSAGE_FROM_ENCODE = 1u << 2,
    MESSAGE_FROM_EGRESS = 1u << 3,
    MESSAGE_FROM_SOUND = 1u << 4,
    MESSAGE_FROM_RECORD = 1u << 5,
    MESSAGE_FROM_SLATE = 1u << 6,
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

struct message {
    struct message_header header;
    union {
        struct message_failed failed;
        struct message_capture_start capture_start;
        struct message_capture_ready capture_ready;
        struct message_capture_pool capture_pool;
        struct message_frame frame;
        struct message_capture_stats capture_stats;
        struct message_capture_origin capture_origin;
        struct message_slate_start slate_start;
        struct message_slate_look slate_look;
        struct message_slate_draw slate_draw;
        struct message_slate_ready slate_ready;
        struct message_slate_stats slate_stats;
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
        struct message_egress_sound egress_sound;
        struct message_sound_start sound_start;
        struct message_sound_set_mix sound_set_mix;
        struct message_sound_ready sound_ready;
        struct message_sound_unit sound_unit;
        struct message_sound_stats sound_stats;
        struct message_overlay overlay;
        struct message_overlay_state overlay_state;
        struct message_gap gap;
        struct message_arrived arrived;
        struct message_gap_note gap_note;
        struct message_record_start record_start;
        struct message_record_config record_config;
        struct message_record_order record_order;
        struct message_record_unit record_unit;
        struct message_record_taken record_taken;
        struct message_record_state record_state;
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
