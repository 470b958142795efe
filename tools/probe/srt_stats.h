// SPDX-License-Identifier: Apache-2.0
// What libsrt counted, over all connections of this run.
#ifndef PROBE_SRT_STATS_H
#define PROBE_SRT_STATS_H

#include <stdbool.h>
#include <stdint.h>

struct srt_stats {
    bool used; // the input is SRT at all
    bool connected;
    char peer[64];        // "address:port" of the last peer, empty before the first
    char last_error[160]; // why the last try to connect failed, empty if none did
    uint64_t connections;
    uint64_t disconnections;
    uint64_t knocks; // callers that a listener saw, those turned away included
    double rtt_ms;   // now
    double receive_mbps;
    uint64_t packets;
    uint64_t lost; // missing on the network, before retransmission
    uint64_t retransmitted;
    uint64_t belated; // came after their time
    uint64_t dropped; // given up: these bytes are missing in the stream
    uint64_t undecrypted;
    uint64_t overruns; // messages thrown away because the analysis was too slow
};

#endif
