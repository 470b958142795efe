// SPDX-License-Identifier: Apache-2.0
// The thread of an encoder, which makes all calls of libva, and what it shares with the caller's side.
#ifndef DRIVERS_ENCODER_VAAPI_WORK_H
#define DRIVERS_ENCODER_VAAPI_WORK_H

#include "hal/time.h"
#include "vaapi_session.h"

#define VAAPI_IN_FLIGHT 4
// Nothing has come out for so long although there is work: the device or its driver hangs.
#define VAAPI_HANG_NS (2 * CASTOR_NS_PER_S)

struct vaapi_job {
    struct castor_frame frame;
    bool idr;
    uint32_t bitrate_bps;
    uint32_t cpu_copies;
    enum encoder_output_kind kind;
    struct vaapi_unit unit;
    uint8_t *bytes; // VAAPI_UNIT_ROOM_BYTES + VAAPI_CODED_MAX_BYTES
};

// What caller and thread share.
struct vaapi_work {
    struct vendor_thread thread; // its lock guards what stands between the two lines
    char device[sizeof((struct encoder_device){0}).name];
    int event; // readable while there is a result or a failure to fetch
    // ----
    struct vaapi_job
        jobs[VAAPI_IN_FLIGHT]; // a job is the thread's from `received` to `finished`, of it only `kind` etc.
    uint64_t submitted, received;
    uint64_t taken, finished; // jobs that the thread has given to the device, and that are done
    int64_t progress_ns;      // when something last went on
    bool is_open;
    int error;                     // for good
    struct encoder_text why, note; // what fails, and what only costs
    // ----
    struct vaapi_session session;      // the thread's
    uint64_t numbers[VAAPI_IN_FLIGHT]; // the thread's: of the picture in the session, by job; or NO_PICTURE
    bool asked_idr[VAAPI_IN_FLIGHT];   // the thread's
    bool needs_idr;                    // the thread's: the next picture to be issued has to be one
    bool is_broken;                    // the thread's: a picture is missing; until an IDR nothing is of use
    uint32_t bitrate_bps;              // at opening
};

// Makes what an encoder of this configuration needs, its thread to be started; vendor_thread_leave() frees it
// after that. NULL: out of memory or descriptors.
struct vaapi_work *vaapi_work_create(const struct encoder_config *config, enum vaapi_preset preset);

// Under the lock: makes the descriptor readable.
void vaapi_work_raise(struct vaapi_work *work);

#endif
