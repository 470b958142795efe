// SPDX-License-Identifier: Apache-2.0
// The recorder worker: what it was given, what it confirmed, what operators want of it. Egress always comes
// first, and nothing here ever waits for the recorder: what it holds of the rings is free again when it says
// so, when its time is up, or when it is killed.
#ifndef SUPERVISOR_RECORDER_H
#define SUPERVISOR_RECORDER_H

#include "supervisor/config.h"
#include "supervisor/gaps.h"
#include "supervisor/outlet.h"
#include "supervisor/path.h"
#include "supervisor/worker.h"

#define RECORDER_CLAIMS_MAX 256u
// A recorder copies within a millisecond; with this much it may be scheduled late. The rings hold 2 s.
#define RECORDER_CLAIM_NS (INT64_C(200) * 1000000)
// While it starts, and finds its libraries on a slow disk.
#define RECORDER_START_CLAIM_NS (INT64_C(1000) * 1000000)

// An access unit that it was told of and has not confirmed; its bytes are in use until then.
struct recorder_claim {
    uint64_t sequence;
    int64_t told_ns, until_ns;
    uint64_t position;
    uint32_t path;
};

struct recorder {
    struct worker worker;
    bool told;
    bool leaving; // STOP was sent: what it was told is out of date
    int64_t leaving_ns;
    struct recorder_claim claims[RECORDER_CLAIMS_MAX]; // a ring, oldest first
    uint32_t claim_head, claim_count;
    bool recording; // START was said, STOP was not
    char name[MESSAGE_RECORD_NAME_BYTES];
    uint32_t orders; // serial of the last order
    struct message_record_state state;
    uint64_t relayed, not_relayed; // access units, since start
    uint64_t sound_not_relayed;
    int64_t relay_slowest_ns; // the longest that handing one over took
};

void recorder_init(struct recorder *recorder, const struct config *config);
void recorder_finish(struct recorder *recorder);

CASTOR_MUST_USE int recorder_start(struct recorder *recorder, const char *folder, int64_t now_ns);

// Tells a started process what stream it will get and what to do with it.
CASTOR_MUST_USE int recorder_tell(struct recorder *recorder, const struct config *config,
                                  const struct outlet_stream *stream, uint64_t session);

// Hands on a unit of sound; where that fails the recording goes without.
void recorder_relay_sound(struct recorder *recorder, const struct message *message);

// Hands on an access unit that egress has been given. Where that fails the recorder goes without.
void recorder_relay(struct recorder *recorder, const struct switch_order *order, int64_t utc_offset_ns,
                    int64_t now_ns);

// Hands on what of the gaps is to be written down, some at a time.
void recorder_relay_gaps(struct recorder *recorder, struct gaps *gaps, int64_t now_ns);

// Everything up to this sequence has been copied.
void recorder_taken(struct recorder *recorder, const struct message_record_taken *taken);

// The process has ended, or was killed: it holds nothing any more.
void recorder_forget(struct recorder *recorder);

// Everything before this position in the ring of `path` is free, as far as the recorder goes.
uint64_t recorder_ring_tail(const struct recorder *recorder, const struct path *path, int64_t now_ns);

// Another configuration of the recorder, or of the stream (`restart`), is in force.
void recorder_reconfigure(struct recorder *recorder, const struct config *before, const struct config *config,
                          bool restart, int64_t now_ns);

// An operator's command. CASTOR_ERR_LOST: there is no recorder that could carry it out.
CASTOR_MUST_USE int recorder_order(struct recorder *recorder, enum message_record_order_kind kind,
                                   uint32_t number, const char *text);

// Why it counts as hanging, or NULL.
const char *recorder_hangs(const struct recorder *recorder, int64_t now_ns);

#endif
