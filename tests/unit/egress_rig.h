// SPDX-License-Identifier: Apache-2.0
// castor-egress with a supervisor played by the test: a coded ring, orders, and what came back.
#ifndef TESTS_EGRESS_RIG_H
#define TESTS_EGRESS_RIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ipc/message.h"
#include "pool/ring.h"

#define RIG_RING_BYTES (1u << 20)
#define RIG_UNITS_MAX 5000u

struct rig {
    pid_t pid;
    int fd;
    struct ring *ring, *writer;
    uint64_t sequence; // of the last access unit
    int64_t last_idr_ns;
    bool needs_idr;
    unsigned idr_requests;
    uint64_t answered;                // EMITs answered, always in order
    uint32_t accepted[RIG_UNITS_MAX]; // by sequence
    bool ready, failed, ended;
    int exit_code;
    char failure[252];
    struct message_destination_state states[MESSAGE_DESTINATIONS_MAX];
    uint32_t reasons_seen[MESSAGE_DESTINATIONS_MAX]; // bit mask of reasons
    struct message_destination_stats stats[MESSAGE_DESTINATIONS_MAX];
    struct message_gap gap[MESSAGE_DESTINATIONS_MAX]; // the newest
    // The newest that is certain: a receiver that this machine did not let run leaves one that is only
    // possible.
    struct message_gap certain_gap[MESSAGE_DESTINATIONS_MAX];
    uint64_t arrived[MESSAGE_DESTINATIONS_MAX]; // up to this sequence, but for the gaps
};

// Starts the program; it has got no order yet.
void rig_start(struct rig *rig);
// START with good settings but for the PCR interval; waits for READY or the end.
void rig_begin(struct rig *rig, uint32_t pcr_interval_ms);
void rig_destination(struct rig *rig, uint32_t index, const char *url, const char *passphrase);
// Writes an access unit of about `size_bytes` into the ring and orders it sent. It carries its sequence and
// kind in plain letters.
void rig_emit(struct rig *rig, bool idr, uint32_t size_bytes);
// Reads what comes for `ms`.
void rig_pump(struct rig *rig, int ms);
// `count` access units, 10 ms apart, an IDR where egress asks for one or every 500 ms.
void rig_run(struct rig *rig, unsigned count);
// The same until destination `index` has the status, at most 20 s.
bool rig_run_until(struct rig *rig, uint32_t index, uint32_t status);
void rig_send(struct rig *rig, const struct message *message);
// Waits for its end, at most 10 s, killing it then. rig->exit_code is -1 when it had to be killed.
void rig_wait_end(struct rig *rig);
void rig_finish(struct rig *rig);

// ---- what a receiver got ----

struct rig_unit {
    uint64_t sequence;
    bool idr;
};

// Takes a transport stream apart: checks sync bytes and continuity counters, and lists the access units whose
// mark was found. *first_pid is that of the first packet. Returns the number of access units; -1 when it
// is no clean stream.
int rig_take_apart(const uint8_t *ts, size_t size_bytes, struct rig_unit *out, int capacity, int *first_pid);

#endif
