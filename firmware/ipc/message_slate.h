// SPDX-License-Identifier: Apache-2.0
// What the supervisor and the slate tell each other. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_SLATE_H
#define IPC_MESSAGE_SLATE_H

#include <stdint.h>

#include "hal/frame.h"
#include "ipc/message_limits.h"

enum message_slate_picture {
    MESSAGE_SLATE_LAST = 0, // the last live picture; black where there was none
    MESSAGE_SLATE_STILL = 1,
    MESSAGE_SLATE_BARS = 2,
    MESSAGE_SLATE_BLACK = 3,
    MESSAGE_SLATE_PICTURES = 4,
};

enum message_slate_place {
    MESSAGE_SLATE_TOP = 0,
    MESSAGE_SLATE_MIDDLE = 1,
    MESSAGE_SLATE_BOTTOM = 2,
    MESSAGE_SLATE_PLACES = 3,
};

// What is drawn while there is no live picture. SLATE_LOOK changes it; the one before stays until the new one
// is loaded. Each is answered by READY.
struct message_slate_look {
    uint32_t picture; // enum message_slate_picture
    uint32_t place;   // enum message_slate_place, of the text
    uint32_t hold_ms; // so long a loss is only the last picture, without a text
    uint32_t reserved;
    char file[512]; // of the still
    char font[256]; // as font_open() takes it
    char text[128]; // "%t" stands for the time since the loss; "" = no text
};

// The pool, of which slots first_slot to end_slot are to be filled. slot_sequence: as in CAPTURE_POOL.
struct message_slate_start {
    struct castor_format format;
    uint32_t slot_count;   // 4..MESSAGE_SLOTS_MAX
    uint32_t dmabuf_count; // 0 or slot_count
    uint32_t first_slot, end_slot;
    uint64_t slot_sequence[MESSAGE_SLOTS_MAX];
    struct message_slate_look look;
};

// Draw this frame. A slot is free for it.
#define MESSAGE_NO_SLOT UINT32_MAX
struct message_slate_draw {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t lost_since_ns; // capture time of the last live frame, or of the start; names the loss
    uint32_t last_slot;    // where that frame still is, or MESSAGE_NO_SLOT
    uint32_t reserved;
};

// It takes orders, and looks as it was told but for what `note` says ("" = in all).
struct message_slate_ready {
    char note[252];
};

// Twice a second: it lives.
struct message_slate_stats {
    uint64_t drawn; // since its process started
};

#endif
