// SPDX-License-Identifier: Apache-2.0
// UTC as a slowly corrected offset to the house clock. Steps of the system clock (NTP at boot, an operator)
// never show in the stream as jumps: the offset follows by at most UTC_SLEW_PPM, except for the first reading
// and for an error so large that following it would take hours.
#ifndef BASE_UTC_H
#define BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define UTC_SLEW_PPM 500
#define UTC_STEP_NS INT64_C(2000000000) // a larger error is taken over at once

struct utc_offset {
    bool known;
    int64_t offset_ns; // UTC since 1970 = house clock + this
    int64_t updated_ns;
    uint32_t steps; // corrections that were too large to slew
};

// Feeds one reading of both clocks, taken together. Pure.
void utc_update(struct utc_offset *utc, int64_t monotonic_ns, int64_t realtime_ns);

// Reads both clocks and feeds them.
void utc_read(struct utc_offset *utc);

#endif
