// SPDX-License-Identifier: Apache-2.0
// Deliberate faults of an encoder path, for tests and drills (MESSAGE_FAULT, `castorctl fault`). They work
// with every driver, so that a path that encodes for real can be made to fail. The supervisor decides whether
// faults are allowed at all.
#ifndef ENCODE_FAULTS_H
#define ENCODE_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "ipc/message.h"

struct faults {
    uint32_t drop;        // so many frames are still to be dropped,
    uint32_t swallow;     // swallowed,
    uint32_t garbage;     // or turned into garbage
    uint32_t slow_factor; // 0 or 1 = normal speed
    bool silent;
    bool crash;
};

enum fault_action { FAULT_NONE, FAULT_DROP, FAULT_SWALLOW };

// Takes a fault on. MESSAGE_FAULT_HANG never returns; MESSAGE_FAULT_BAD_MESSAGE sends one on `channel`.
void faults_set(struct faults *faults, const struct message_fault *fault, int channel);

// What to do with the next frame instead of encoding it. Crashes when told to.
enum fault_action faults_before_frame(struct faults *faults);

// Waits as long as a slower encoder would still take for a frame begun at `started_ns`.
void faults_slow_down(const struct faults *faults, int64_t started_ns);

// Bytes to deliver in place of an access unit of `*size_bytes`, or `data` itself.
const uint8_t *faults_replace(struct faults *faults, const uint8_t *data, uint32_t *size_bytes);

#endif
