// SPDX-License-Identifier: Apache-2.0
// What is drawn over the picture. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_OVERLAY_H
#define IPC_MESSAGE_OVERLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/message_limits.h"

enum message_overlay_kind {
    MESSAGE_OVERLAY_OFF = 0,
    MESSAGE_OVERLAY_TEXT = 1,
    MESSAGE_OVERLAY_CLOCK = 2,    // text that is {time} where none is given
    MESSAGE_OVERLAY_TIMECODE = 3, // the same with {timecode}
    MESSAGE_OVERLAY_LOGO = 4,     // a PNG file
    MESSAGE_OVERLAY_QR = 5,
    MESSAGE_OVERLAY_KINDS = 6,
};

#define MESSAGE_OVERLAY_ANCHORS 9u // row after row: 0 top left, 1 top, ... 4 centre, ... 8 bottom right
#define MESSAGE_OVERLAY_EDGES 3u   // none, outline, shadow: what keeps text legible
#define MESSAGE_OVERLAY_ZONES 2u   // UTC, the time zone of the box
#define MESSAGE_OVERLAY_LEVELS 4u  // error correction of a QR code: L, M, Q, H
#define MESSAGE_OVERLAY_PLACE_MAX_PX 4096u
#define MESSAGE_OVERLAY_SIZE_MAX_PX 2304u
#define MESSAGE_OVERLAY_QUIET_MAX 16u

// One item. The texts say by themselves which are not used: a logo has no font.
struct message_overlay_item {
    uint32_t kind;   // enum message_overlay_kind
    uint32_t anchor; // which corner, edge or centre of the picture it is placed by
    uint32_t x_px;   // distance from there, inwards; from the centre to the right and downwards
    uint32_t y_px;
    uint32_t size_px; // text: of the font; logo: height; QR code: a module's side; 0 = fitting
    uint32_t opacity_percent;
    uint32_t edge;
    uint32_t zone;
    uint32_t level;
    uint32_t quiet; // clear modules around a QR code
    char colour[8]; // "#rrggbb"
    char font[128]; // a file, or a family that draw/font.h names; "" = the default
    char text[512]; // UTF-8; with {time}, {date}, {timecode}, {frame}, {name} in it, and {{ for a brace
    char file[256]; // of a logo
};

// Whether a text is "#rrggbb".
bool message_overlay_colour(const char *colour);

// The item that takes the place `index`, as soon as it is prepared; what stood there goes on until then, and
// for good where it cannot be prepared. OFF is in force at once.
struct message_overlay {
    uint32_t index;    // below MESSAGE_OVERLAY_ITEMS_MAX
    uint32_t revision; // comes back in the answer
    char name[64];     // {name}
    struct message_overlay_item item;
};

enum message_overlay_status {
    MESSAGE_OVERLAY_IS_OFF = 0,
    MESSAGE_OVERLAY_IS_PREPARED = 1, // every further frame has it
    MESSAGE_OVERLAY_HAS_FAILED = 2,  // nothing is drawn
    MESSAGE_OVERLAY_IS_KEPT = 3,     // it has failed; what was drawn before goes on
    MESSAGE_OVERLAY_STATUSES = 4,
};

struct message_overlay_state {
    uint32_t index;
    uint32_t revision;
    uint32_t status;  // enum message_overlay_status
    char reason[192]; // why it failed, in words
};

#endif
