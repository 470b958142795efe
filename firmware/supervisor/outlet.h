// SPDX-License-Identifier: Apache-2.0
// The egress worker: what was handed to it, what it confirmed, how its destinations are.
#ifndef SUPERVISOR_OUTLET_H
#define SUPERVISOR_OUTLET_H

#include "supervisor/config.h"
#include "supervisor/path.h"
#include "supervisor/sound.h"
#include "supervisor/worker.h"

#define OUTLET_PENDING_MAX 128
#define OUTLET_ALL UINT32_MAX // every destination

// An access unit that was handed over and not confirmed yet; its bytes in the ring are in use.
struct outlet_pending {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t emitted_ns;
    uint64_t position;
    uint32_t path;
    uint32_t size_bytes;
};

struct outlet_destination {
    struct message_destination_state state;
    struct message_destination_stats stats;
    bool connected_once; // by any egress process
    uint64_t sent;       // access units that it took whole
    uint64_t lost;       // access units that it did not get after it had been connected once
    uint64_t returned;   // of those sent, counted as lost later: they never arrived
};

struct outlet {
    struct worker worker;
    bool told;
    uint32_t pts_offset_ms; // of the stream; what changes on air does not make it shorter
    struct outlet_pending pending[OUTLET_PENDING_MAX]; // a ring, oldest first
    uint32_t pending_head, pending_count;
    uint32_t destination_count;
    struct outlet_destination destination[MESSAGE_DESTINATIONS_MAX];
    uint64_t bytes;
    bool watched; // a destination has taken an access unit since the start
};

void outlet_init(struct outlet *outlet);

// How long after its capture a frame is shown, on air, in recordings and in what gaps are told with: as
// configured, and not less than it was since outlet_forget(), so that PTS of before and after fit together.
uint32_t outlet_pts_offset_ms(struct outlet *outlet, const struct config *config,
                              struct castor_rational rate);
void outlet_finish(struct outlet *outlet);

// Starts the process without an order yet.
CASTOR_MUST_USE int outlet_start(struct outlet *outlet, const char *folder, int64_t now_ns);

// The stream on air, for those who put it into a container. The descriptors stay their owners'.
struct outlet_stream {
    struct message_stream told;
    int fds[MESSAGE_PATHS_MAX + 1]; // of the rings: of the paths, and of the sound if there are tracks
    unsigned fd_count;
};
struct outlet_stream outlet_stream(struct outlet *outlet, const struct config *config,
                                   const struct castor_format *format, const struct path *paths,
                                   uint32_t path_count, const struct sound_part *sound);

// Tells a started process what stream it will get and where to send it.
CASTOR_MUST_USE int outlet_tell(struct outlet *outlet, const struct config *config,
                                const struct outlet_stream *stream, const struct sound_part *sound);

// Hands on what the sound worker says. Egress that has no room for it or is not ready does without; it is not
// ended for that.
CASTOR_MUST_USE int outlet_relay(struct outlet *outlet, const struct message *message);

// What is said of an access unit that goes out.
struct message_emit outlet_emit_of(const struct switch_order *order, int64_t utc_offset_ns);

// Hands over an access unit. On failure nothing is pending and the frame is lost for every destination.
CASTOR_MUST_USE int outlet_emit(struct outlet *outlet, const struct switch_order *order,
                                int64_t utc_offset_ns, int64_t now_ns);

// Handles SENT: *out is what was pending. CASTOR_ERR_INVALID when that is not what it was asked next.
CASTOR_MUST_USE int outlet_sent(struct outlet *outlet, const struct message_sent *sent,
                                struct outlet_pending *out);

// The process is gone: what it did not confirm is lost. Yields the lost sequences one by one; false at the
// end.
bool outlet_take_lost(struct outlet *outlet, struct outlet_pending *out);

// Takes the totals of a destination. What it took but never acknowledged counts as lost from then on.
void outlet_take_stats(struct outlet *outlet, const struct message_destination_stats *stats);

// The process has ended: its connections and its totals ended with it.
void outlet_disconnected(struct outlet *outlet);

// Whether somebody can miss what egress loses: no destination has any of what is emitted before the first has
// taken an access unit, be egress ready by then or not.
bool outlet_is_watched(const struct outlet *outlet);

// Counts a frame that was to go out and reached no destination, or only some (bits of `accepted`).
void outlet_count(struct outlet *outlet, uint32_t accepted);
// Counts frames that never came as far as egress, for these destinations (bits) if they have been connected
// once.
void outlet_lose(struct outlet *outlet, uint32_t destinations, uint32_t frames);

// Everything before this position in the ring of `path` has been read.
uint64_t outlet_ring_tail(const struct outlet *outlet, const struct path *path);

// The destinations are about to be replaced: their states and counters begin anew.
void outlet_forget(struct outlet *outlet);

// True when it has not confirmed an access unit for so long that it must hang.
bool outlet_is_stuck(const struct outlet *outlet, int64_t now_ns);

#endif
