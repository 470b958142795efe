// SPDX-License-Identifier: Apache-2.0
// Follows a row of numbers that should rise by one and says what is lost, repeated or out of order.
#ifndef PROBE_SEQUENCE_H
#define PROBE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#define SEQUENCE_WINDOW 4096 // numbers whose arrival is remembered one by one
#define SEQUENCE_GAPS 100    // gaps kept with their place; later ones are only counted

enum sequence_verdict {
    SEQUENCE_NEXT,         // the number expected, or the first one
    SEQUENCE_GAP,          // numbers before it are missing
    SEQUENCE_REPEATED,     // was there before
    SEQUENCE_OUT_OF_ORDER, // belongs before numbers that are already here; no longer counted as lost
    SEQUENCE_RESTART,      // the sender counts anew
};

struct sequence_gap {
    uint64_t first; // first number missing
    uint64_t count;
    int64_t utc_ns; // arrival of the number after the gap; 0 if unknown
    bool reconnect; // the connection was new
};

// Zero-initialized is ready for use. Fixed size; nothing is allocated.
struct sequence_track {
    bool known;
    bool reconnected; // the next number is the first of a new connection
    uint64_t first;   // first number since the start or the last restart
    uint64_t highest;
    int64_t highest_capture_us;
    uint64_t received;
    uint64_t lost; // all, those across a reconnection included
    uint64_t lost_reconnect;
    uint64_t repeated;
    uint64_t out_of_order;
    uint64_t restarts;
    uint64_t gaps_total;
    struct sequence_gap gaps[SEQUENCE_GAPS];
    uint64_t seen[SEQUENCE_WINDOW / 64];
};

struct sequence_input {
    uint64_t number;
    int64_t capture_us; // 0 if unknown; tells a sender that starts anew from a repeated frame
    int64_t utc_ns;     // arrival, for the list of gaps; 0 if unknown
};

// Takes the next number in order of arrival.
enum sequence_verdict sequence_feed(struct sequence_track *t, struct sequence_input input);

// The next number is the first of a new connection.
void sequence_reconnected(struct sequence_track *t);

#endif
