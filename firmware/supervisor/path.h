// SPDX-License-Identifier: Apache-2.0
// One encoder path: its worker, its coded ring, and the judgement on what it sends.
#ifndef SUPERVISOR_PATH_H
#define SUPERVISOR_PATH_H

#include "hal/encoder.h"
#include "pool/pool.h"
#include "pool/ring.h"
#include "supervisor/config.h"
#include "supervisor/switch.h"
#include "supervisor/worker.h"

struct path {
    uint32_t index;
    struct worker worker;
    struct ring *ring;
    uint32_t ring_bytes;
    uint64_t ring_head;       // end of the last access unit that was reported
    uint64_t ring_tail;       // everything before has been read by everybody
    bool told;                // ENCODE_START was sent to the present process
    enum encoder_codec codec; // what the present process was told to encode
    bool outdated;            // the present process runs with a configuration that has been replaced
    char description[64];
    uint64_t coded;                 // access units, since start
    uint64_t dropped;               // frames it reported dropped
    uint64_t coded_now, cpu_copies; // of the present process: its access units, and copies of their pictures
    uint32_t failures[SWITCH_CAUSES];
    enum switch_cause last_cause;
    char last_failure[252];
};

// Makes the ring; no process yet.
CASTOR_MUST_USE int path_init(struct path *path, uint32_t index, uint32_t bitrate_bps);
void path_finish(struct path *path);

// Starts the process without an order yet, so that loading its libraries is not in the way later.
CASTOR_MUST_USE int path_start(struct path *path, const char *folder, int64_t now_ns);

// Tells a started process what to encode.
CASTOR_MUST_USE int path_tell(struct path *path, const struct config *config,
                              const struct castor_format *format, const struct pool *pool);

CASTOR_MUST_USE int path_encode(struct path *path, const struct switch_order *order);

// Looks at a CODED message and at the NAL units it names. CASTOR_ERR_INVALID: the message lies about the
// ring.
CASTOR_MUST_USE int path_judge(struct path *path, const struct message_coded *coded,
                               const struct castor_format *format, struct switch_access_unit *out,
                               const char **why);

// The letter operators know it by.
static inline char path_letter(uint32_t index)
{
    return (char)('A' + index);
}

#endif
