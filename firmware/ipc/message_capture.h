// SPDX-License-Identifier: Apache-2.0
// What the supervisor and capture tell each other. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_CAPTURE_H
#define IPC_MESSAGE_CAPTURE_H

#include <stdint.h>

#include "hal/frame.h"
#include "ipc/message_limits.h"

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

// The pool to fill, slots first_slot to end_slot; frames start with this. slot_sequence[i] is the frame that
// slot i still holds, or MESSAGE_SLOT_FREE. The slot becomes free when the pool's control page names that
// sequence as released.
#define MESSAGE_SLOT_FREE UINT64_MAX
struct message_capture_pool {
    struct castor_format format;
    uint32_t slot_count;   // 4..MESSAGE_SLOTS_MAX
    uint32_t dmabuf_count; // 0 or slot_count
    uint32_t first_slot, end_slot;
    uint64_t slot_sequence[MESSAGE_SLOTS_MAX];
};

// A frame stands in its slot. Capture and the slate say it. Sequences rise strictly; a jump means frames that
// were never captured.
struct message_frame {
    uint64_t sequence;
    int64_t capture_ns;
    uint32_t slot;
    uint32_t flags; // 0
};

// Where the source's own timeline lies: the frame of that sequence, captured at that time, shows the picture
// of media time media_ns. Told when it is known or changes, also ahead of time; goes on to the sound worker.
struct message_capture_origin {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t media_ns;
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

#endif
