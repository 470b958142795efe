// SPDX-License-Identifier: Apache-2.0
// What the supervisor and the recorder tell each other. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_RECORD_H
#define IPC_MESSAGE_RECORD_H

#include <stdint.h>

#include "hal/frame.h"
#include "ipc/message_egress.h"
#include "ipc/message_limits.h"

#define MESSAGE_RECORD_FOLDER_BYTES 512
#define MESSAGE_RECORD_NAME_BYTES 49
#define MESSAGE_RECORD_TEXT_BYTES 161

// What stream there is to be recorded. Once; another stream needs another process.
struct message_record_start {
    struct message_stream stream;
    uint64_t session; // names this run of the supervisor: with it, sequences are unique for ever
    uint32_t bitrate_bps;
    uint32_t reserved;
};

enum message_record_mode {
    MESSAGE_RECORD_CONTINUOUS = 0, // from the start, until STOP
    MESSAGE_RECORD_COMMAND = 1,    // from START to STOP
    MESSAGE_RECORD_PREROLL = 2,    // always, but kept only from START to STOP or by SAVE
    MESSAGE_RECORD_MODES = 3,
};
enum message_record_container {
    MESSAGE_RECORD_TS = 0,
    MESSAGE_RECORD_MP4 = 1,
    MESSAGE_RECORD_CONTAINERS = 2,
};

// How and where; may come again at any time.
struct message_record_config {
    char folder[MESSAGE_RECORD_FOLDER_BYTES]; // absolute
    uint32_t container;                       // enum message_record_container
    uint32_t mode;                            // enum message_record_mode
    uint32_t segment_seconds;                 // 1..86400
    uint32_t segment_mb;                      // 0 = any size
    uint32_t keep_mb;                         // all segments together; 0 = as much as there is room for
    uint32_t free_mb;                         // stays free on the file system
    uint32_t preroll_minutes;                 // 1..1440
    uint32_t recording;                       // 1: START was said, STOP was not
    char name[MESSAGE_RECORD_NAME_BYTES];     // of that recording, or ""
    char padding[7];
};

enum message_record_order_kind {
    MESSAGE_RECORD_ORDER_START = 1,     // text: name of the recording, or ""
    MESSAGE_RECORD_ORDER_STOP = 2,      //
    MESSAGE_RECORD_ORDER_MARK = 3,      // text: the remark
    MESSAGE_RECORD_ORDER_SAVE = 4,      // number: minutes, 0 = all pre-roll; text: name, or ""
    MESSAGE_RECORD_ORDER_PROTECT = 5,   // text: a file or a recording
    MESSAGE_RECORD_ORDER_UNPROTECT = 6, // the same
    MESSAGE_RECORD_ORDERS = 7,
};

// An operator's command. Answered by a STATE that names the serial.
struct message_record_order {
    uint32_t serial; // rises
    uint32_t kind;   // enum message_record_order_kind
    uint32_t number; // 0..1440
    char text[MESSAGE_RECORD_TEXT_BYTES];
    char padding[3];
};

// This access unit went to egress. Its bytes stay in the ring until they are confirmed (TAKEN), but no longer
// than claim_until_ns: whoever copied them later has to throw the copy away.
struct message_record_unit {
    struct message_emit emit;
    int64_t claim_until_ns;
};

// Everything up to this sequence has been copied or given up.
struct message_record_taken {
    uint64_t sequence;
};

enum message_record_status {
    MESSAGE_RECORD_STARTING = 1, // looks through the folder
    MESSAGE_RECORD_IDLE = 2,     // nothing is to be recorded
    MESSAGE_RECORD_RECORDING = 3,
    MESSAGE_RECORD_PREROLLING = 4,
    MESSAGE_RECORD_FAILING = 5, // cannot write; text says why; tries again
    MESSAGE_RECORD_STATUSES = 6,
};

// Once a second, and when something changed. Counters are since the process started.
struct message_record_state {
    uint32_t status;   // enum message_record_status
    int32_t error;     // enum castor_error, of FAILING
    uint32_t answered; // serial of the last order that was carried out or refused
    int32_t answer_error;
    char answer[MESSAGE_RECORD_TEXT_BYTES]; // what came of it, or why not
    char text[240];                         // of FAILING: what is wrong and what to do
    char file[96];                          // that is being written, or ""
    char padding[7];
    uint64_t frames;          // written
    uint64_t left_out;        // frames that were to be recorded and are not
    uint64_t gaps;            // runs of them
    uint64_t bytes;           // written
    uint64_t closed;          // segments
    uint64_t removed;         // segments, by retention
    uint64_t recovered;       // segments found open at the start
    uint64_t synced_sequence; // everything up to here is on the disk
    uint64_t kept_bytes;      // in the folder
    uint64_t free_bytes;      // on its file system
    uint32_t kept_segments;
    uint32_t queue_bytes, queue_size_bytes;
    uint32_t slowest_ms; // the longest that the disk took for one call, of the last minute
};

#endif
