// SPDX-License-Identifier: Apache-2.0
// One destination: its connection (or listener with the receivers that joined it), when to try again, what
// each receiver gets, and the counters. Nothing here waits for the network.
#ifndef EGRESS_DESTINATION_H
#define EGRESS_DESTINATION_H

#include "egress/gap_book.h"
#include "egress/gate.h"
#include "egress/ledger.h"
#include "egress/reconnect.h"
#include "hal/transport.h"
#include "ipc/message.h"
#include "mux/mux.h"

typedef int (*destination_find)(const char *url, const struct transport_driver **out,
                                struct transport_text *why);

struct receiver {
    struct transport *transport; // NULL: free place. Of a caller it is the destination's endpoint itself
    struct gate gate;
    struct ledger ledger;
    uint64_t payloads;          // that the connection took
    uint64_t unit_first;        // first of them that belongs to the present access unit
    uint64_t too_late_payloads; // seen so far, to notice more
};

struct destination {
    bool present;
    uint32_t index;
    char name[32];
    const struct transport_driver *driver;
    struct transport_config config;
    struct transport *endpoint;
    struct reconnect reconnect;
    struct receiver receivers[TRANSPORT_RECEIVERS_MAX];
    struct transport_text text; // of the last failure
    bool changed;               // the supervisor is to be told the state
    bool needs_idr;             // the supervisor is to be asked for an IDR
    int64_t asked_idr_ns;
    struct transport_stats past;               // sums of connections that have ended
    struct message_destination_stats counters; // the part that is counted here
    int64_t last_sent_ns;
    struct gap_book gaps;
};

// Takes the configuration and starts. A wrong URL leaves the destination STOPPED with the reason in words.
// `message` is checked; the passphrase in it is copied. Blocks: as the driver's open().
void destination_start(struct destination *destination, const struct message_destination *message,
                       destination_find find, uint64_t seed, int64_t now_ns);

// Follows connection and receivers; sets `changed` and `needs_idr`. Call it every 20 to 100 ms.
void destination_advance(struct destination *destination, int64_t now_ns);

// One access unit: begin with the payloads it will take at most, then every payload, then end, which counts
// and returns whether at least one receiver took all of it. What none took, and what turns out never to have
// arrived, is entered in `gaps`.
void destination_begin_unit(struct destination *destination, uint32_t payloads, int64_t now_ns);
void destination_send(struct destination *destination, const struct mux_payload *payload, int64_t now_ns);
bool destination_end_unit(struct destination *destination, uint64_t sequence, int64_t capture_ns,
                          int64_t now_ns);
// One that could not be made ready for sending.
void destination_lose_unit(struct destination *destination, uint64_t sequence, int64_t capture_ns);

// True when everything sent has been acknowledged and the receivers have had the time to hand it out.
bool destination_is_drained(const struct destination *destination, int64_t now_ns);

// True while something is going on that should be looked at soon.
bool destination_is_busy(const struct destination *destination, int64_t now_ns);

// Fill in a message of the type that the name says.
void destination_state_message(const struct destination *destination, struct message *out);
void destination_stats_message(const struct destination *destination, struct message *out);

// Tells the supervisor, on its channel `fd`, what has changed, that an IDR is needed, and what did not
// arrive. What the channel does not take now is told by the next call. Never blocks.
void destination_report(struct destination *destination, int fd, int64_t now_ns);
// Tells it the counters. Nothing for a destination that was never started.
void destination_report_stats(const struct destination *destination, int fd);

// Says good-bye and forgets everything. Accepts a destination that was never started.
void destination_stop(struct destination *destination);

#endif
