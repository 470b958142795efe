// SPDX-License-Identifier: Apache-2.0
#include "base/utc.h"

#include "hal/time.h"

void utc_update(struct utc_offset *utc, int64_t monotonic_ns, int64_t realtime_ns)
{
    int64_t error_ns = realtime_ns - monotonic_ns - utc->offset_ns;

    if (!utc->known || error_ns > UTC_STEP_NS || error_ns < -UTC_STEP_NS) {
        utc->steps += utc->known ? 1 : 0;
        utc->known = true;
        utc->offset_ns += error_ns;
    } else {
        int64_t limit_ns = (monotonic_ns - utc->updated_ns) / 1000000 * UTC_SLEW_PPM;
        if (error_ns > limit_ns)
            error_ns = limit_ns;
        if (error_ns < -limit_ns)
            error_ns = -limit_ns;
        utc->offset_ns += error_ns;
    }
    utc->updated_ns = monotonic_ns;
}

void utc_read(struct utc_offset *utc)
{
    struct timespec t;
    int64_t before_ns = castor_now_ns();

    clock_gettime(CLOCK_REALTIME, &t);
    // The middle of two readings: a preemption between them costs half of its length at most.
    int64_t monotonic_ns = before_ns + (castor_now_ns() - before_ns) / 2;
    utc_update(utc, monotonic_ns, (int64_t)t.tv_sec * CASTOR_NS_PER_S + t.tv_nsec);
}
