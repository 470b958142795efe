// SPDX-License-Identifier: Apache-2.0
#include "transport/srt_library.h"

#include <pthread.h>
#include <srt/srt.h>
#include <syslog.h>

#include "hal/time.h"
#include "transport/text.h"

// SRT_MSGCTRL.srctime has been in the API since 1.4.2, source times on the sender's side work since 1.5.0.
#define LIBRARY_VERSION_MIN 0x010500u
// More than this between two clocks that are said to be the same one is a surprise.
#define SAME_CLOCK_US 1000

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool started;
static int64_t offset_us;

// libsrt prints what it likes, addresses and stream ids too; its states and reasons are all we need.
static void swallow_log(void *opaque, int level, const char *file, int line, const char *area,
                        const char *message)
{
    (void)opaque;
    (void)level;
    (void)file;
    (void)line;
    (void)area;
    (void)message;
}

static void start(void)
{
    int64_t narrowest_ns = INT64_MAX;

    srt_setloghandler(NULL, swallow_log);
    srt_setloglevel(LOG_CRIT);
    if (srt_startup() < 0)
        return;
    started = true;
    // The reading of the house clock around libsrt's that was disturbed least.
    for (int i = 0; i < 8; i++) {
        int64_t before_ns = castor_now_ns();
        int64_t library_us = srt_time_now();
        int64_t after_ns = castor_now_ns();

        if (after_ns - before_ns >= narrowest_ns)
            continue;
        narrowest_ns = after_ns - before_ns;
        offset_us = library_us - (before_ns + narrowest_ns / 2) / CASTOR_NS_PER_US;
    }
    // The same clock read twice: what was measured is only the time between the readings.
    if (srt_clock_type() == SRT_SYNC_CLOCK_GETTIME_MONOTONIC && offset_us > -SAME_CLOCK_US &&
        offset_us < SAME_CLOCK_US)
        offset_us = 0;
}

int srt_library_start(int64_t *clock_offset_us, struct transport_text *why)
{
    (void)pthread_once(&once, start);
    if (!started)
        return transport_text_set(why, CASTOR_ERR_NO_MEMORY, "libsrt does not start: out of memory");
    if (srt_getversion() < LIBRARY_VERSION_MIN)
        return transport_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                  "libsrt is too old (%06x): 1.5.0 or later is needed", srt_getversion());
    if (srt_clock_type() == SRT_SYNC_CLOCK_POSIX_GETTIMEOFDAY)
        return transport_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                  "libsrt was built on the wall clock, which can be set: build it with its "
                                  "monotonic clock (ENABLE_MONOTONIC_CLOCK)");
    *clock_offset_us = offset_us;
    return CASTOR_OK;
}
