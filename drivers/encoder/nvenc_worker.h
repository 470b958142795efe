// SPDX-License-Identifier: Apache-2.0
// What the caller's side of the driver (nvenc.c) and its thread (nvenc_worker.c) share: the frames on their
// way and who is to do what next.
#ifndef DRIVERS_ENCODER_NVENC_WORKER_H
#define DRIVERS_ENCODER_NVENC_WORKER_H

#include "nvenc_session.h"
#include "vendor_thread.h"

#define NVENC_IN_FLIGHT 2
// A picture that takes longer will not come any more.
#define NVENC_PICTURE_LIMIT_NS (5 * CASTOR_NS_PER_S)

// One frame that is lent. Written by submit() before the thread may see it, and by the thread until its
// result is there.
struct nvenc_entry {
    struct castor_frame frame;
    bool idr;
    uint32_t bitrate_bps;
    int64_t deadline_ns;
    bool brought; // to the device, see nvenc_input.h
    uint32_t cpu_copies;
    uint8_t *bytes; // ENCODER_ACCESS_UNIT_MAX_BYTES
    size_t size_bytes;
    bool is_idr;
};

struct nvenc_encoder {
    struct encoder base; // first
    struct encoder_config config;
    GUID preset;
    char device[NVENC_DEVICE_NAME_BYTES];
    struct nvenc_level level;
    int ready; // eventfd: readable while receive() would return at once
    struct vendor_thread thread;

    // Only the thread's.
    struct nvenc_session session;
    uint32_t session_rate_bps;
    bool idr_owed; // an IDR was asked for and did not come

    // Only the caller's.
    uint32_t bitrate_bps;
    uint32_t since_idr;
    bool flushed;
    bool wants_idr;

    // Under the thread's lock. Frames are counted; number n has its place in entries[n % NVENC_IN_FLIGHT].
    // received <= done <= finished <= sent <= submitted <= received + NVENC_IN_FLIGHT.
    struct nvenc_entry entries[NVENC_IN_FLIGHT];
    uint64_t submitted; // lent to us
    uint64_t sent;      // given to the device
    uint64_t finished;  // may be asked for
    uint64_t done;      // result is there
    uint64_t received;
    bool drain_wanted;
    uint64_t drain_at; // after this many frames
    int64_t give_ns;   // the device takes nothing before this time
    int64_t take_ns;   // and has no result before this one
    bool started;
    bool ready_shown;
    bool change_bitrate;
    int failure;
    struct encoder_text failure_text;
    struct encoder_text note; // of the session's input
};

static inline struct nvenc_entry *nvenc_entry_of(struct nvenc_encoder *encoder, uint64_t number)
{
    return &encoder->entries[number % NVENC_IN_FLIGHT];
}

// An encoder whose thread is to be started; vendor_thread_leave() frees it after that. Errors: NULL when out
// of memory or descriptors.
struct nvenc_encoder *nvenc_worker_create(const struct encoder_config *config);

// Makes the descriptor readable, or no longer. With the lock held.
void nvenc_worker_show_ready(struct nvenc_encoder *encoder);

#endif
