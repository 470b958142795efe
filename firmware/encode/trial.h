// SPDX-License-Identifier: Apache-2.0
// A driver on trial: it must open, encode real frames, make an IDR of exactly the frame that is asked for,
// follow a new bitrate, flush and close. Runs in a process of its own, because any of these may crash or
// hang.
#ifndef ENCODE_TRIAL_H
#define ENCODE_TRIAL_H

#include <stdint.h>

#include "hal/encoder.h"

#define TRIAL_FRAMES_MAX 2400
#define TRIAL_PHASE_MIN 12
#define TRIAL_PHASE_MAX 1000
#define TRIAL_PERCENTILE_FRAMES 100 // of fewer, the 99th percentile is the slowest
#define TRIAL_TAKE_OVERS 5

// Called before each step that may not return, with its name, a word.
typedef void (*trial_step)(const char *name);

struct trial_settings {
    const struct encoder_driver *driver;
    struct encoder_config config; // `memory` is the trial's own
    // Length of the phase whose rate is measured, half of it after the change; TRIAL_PHASE_MIN..MAX.
    uint32_t phase_frames;
    trial_step step;
};

// Times and rates as measured; what was not measured is 0.
struct trial_report {
    bool passed;
    struct encoder_text why; // what failed; ""
    struct encoder_device device;
    bool caps_known;
    struct encoder_caps caps;
    int64_t probe_ns, open_ns, close_ns;
    uint32_t frames, dropped; // submitted; of these reported as dropped
    uint32_t idr_asked, idr_exact, idr_unasked;
    uint32_t latency_p50_us, latency_max_us, latency_first_us;
    uint32_t latency_p99_us; // of TRIAL_PERCENTILE_FRAMES or more
    int64_t set_bitrate_ns;
    uint32_t asked_before_bps, asked_after_bps;
    uint32_t measured_before_bps, measured_after_bps;
    uint32_t bitrate_frames; // until the new rate was visible; 0 = never
    bool bitrate_measured;   // it was told another rate, and no frame failed
    bool bitrate_follows;
};

// What: puts one device on trial. Owner: settings stay the caller's. Blocks: for some seconds, or for ever in
// a vendor's library. Errors: none; the report says what failed.
void trial_run(const struct trial_settings *settings, struct trial_report *report);

struct trial_take_over {
    bool passed;
    struct encoder_text why;
    uint32_t count;               // take-overs done
    uint32_t median_us, worst_us; // from the order to encode frame n to its access unit, an IDR
};

// What: two encoders are open; the first encodes, then the second is asked for frame n with an IDR, several
// times over. `from` and `to` may be the same device. Blocks and errors as trial_run().
void trial_run_take_over(const struct trial_settings *from, const struct trial_settings *to,
                         struct trial_take_over *report);

#endif
