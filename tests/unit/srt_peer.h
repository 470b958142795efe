// SPDX-License-Identifier: Apache-2.0
// The other side of an SRT connection for tests: receives in a thread of its own and notes what came when.
#ifndef TESTS_SRT_PEER_H
#define TESTS_SRT_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SRT_PEER_NOTES_MAX 20000u

struct srt_peer_config {
    bool caller; // connect to `port` instead of listening on it
    uint16_t port;
    uint32_t latency_ms;
    const char *passphrase; // NULL = none
    uint32_t key_bytes;
    const char *stream_id; // caller: to send
    bool refuse;           // listener: refuse everybody (SRT_REJX_FORBIDDEN)
    uint32_t refuse_with;  // the code to refuse with, 0 = SRT_REJX_FORBIDDEN
};

// One message as it arrived.
struct srt_peer_note {
    int64_t arrival_ns; // on CLOCK_MONOTONIC, when recv returned it
    uint32_t size_bytes;
    uint8_t head[16];
};

struct srt_peer;

struct srt_peer *srt_peer_start(const struct srt_peer_config *config);
// A copy of what came so far; returns how many (at most `capacity`).
size_t srt_peer_notes(struct srt_peer *peer, struct srt_peer_note *out, size_t capacity);
// All bytes so far, at most `capacity`.
size_t srt_peer_bytes(struct srt_peer *peer, uint8_t *out, size_t capacity);
// Connections so far, and the stream id of the last one.
unsigned srt_peer_connections(struct srt_peer *peer, char *stream_id, size_t size);
int srt_peer_reject_reason(struct srt_peer *peer); // of a caller that was refused, 0 = none
void srt_peer_stop(struct srt_peer *peer);

// A UDP port of 127.0.0.1 that is free now.
uint16_t srt_peer_free_port(void);

#endif
