// SPDX-License-Identifier: Apache-2.0
// What did not reach a destination: egress tells it in ranges, not frame by frame. Included by ipc/message.h.
#ifndef IPC_MESSAGE_GAP_H
#define IPC_MESSAGE_GAP_H

#include <stdint.h>

enum message_gap_cause {
    MESSAGE_GAP_NOT_CONNECTED = 0,
    MESSAGE_GAP_WAITING_IDR = 1,
    MESSAGE_GAP_BUFFER_FULL = 2,
    MESSAGE_GAP_UNACKNOWLEDGED = 3, // sent; its time was over, or the connection ended, without an answer
    MESSAGE_GAP_DOUBTFUL = 4,       // acknowledged, but see egress/ledger.h
    MESSAGE_GAP_EGRESS = 5,         // egress was not there, ended with it, or could not multiplex it
    MESSAGE_GAP_CAUSES = 6,
};

enum message_gap_flags {
    MESSAGE_GAP_OPEN = 1u << 0, // it may still grow; the next message with its number replaces this one
};

// Access units of a destination that did not arrive: all that were to be sent from `first` to `last`, with
// none between that arrived. Ranges of a destination rise and never overlap.
struct message_gap {
    uint32_t destination;
    uint32_t flags;  // enum message_gap_flags
    uint64_t number; // of the destination, from 1 since egress started
    uint64_t first, last;
    int64_t first_ns, last_ns; // their capture times
    uint32_t frames[MESSAGE_GAP_CAUSES];
    uint32_t possible; // of these, how many may have arrived after all
    uint32_t reserved;
};

// Whatever a destination was to get up to this access unit has arrived, or stands in a gap that was told
// before.
struct message_arrived {
    uint32_t destination;
    uint32_t reserved;
    uint64_t sequence;
};

// To the recorder: a gap as it stands now, to be kept beside the recording. The same number replaces.
struct message_gap_note {
    uint64_t number; // of this run of castord, from 1
    uint64_t first, last;
    int64_t first_ns, last_ns;
    int64_t utc_offset_ns; // UTC = capture time + this, when it began
    int64_t pts_offset_ns; // PTS on air = capture time + this
    uint32_t frames[MESSAGE_GAP_CAUSES];
    uint32_t possible;
    uint32_t flags; // enum message_gap_flags
    char destination[32];
};

// All causes together.
static inline uint64_t message_gap_frames(const uint32_t *frames)
{
    uint64_t sum = 0;

    for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
        sum += frames[cause];
    return sum;
}

#endif
