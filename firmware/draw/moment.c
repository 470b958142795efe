// SPDX-License-Identifier: Apache-2.0
#include "draw/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S INT64_C(86400)
#define LAST_NS (INT64_C(9000000000) * CASTOR_NS_PER_S) // in the year 2255; beyond it int64_t ends soon

void moment_init(struct moment *moment)
{
    memset(moment, 0, sizeof *moment);
    moment->second = -1;
    tzset();
}

static void set_second(struct moment *moment, int64_t second)
{
    const time_t time = (time_t)second;
    struct tm parts[MOMENT_ZONES];

    (void)gmtime_r(&time, &parts[MOMENT_UTC]);
    (void)localtime_r(&time, &parts[MOMENT_LOCAL]);
    for (int zone = 0; zone < MOMENT_ZONES; zone++) {
        const struct tm *at = &parts[zone];

        (void)strftime(moment->text[zone][MOMENT_DATE], MOMENT_TEXT_BYTES, "%Y-%m-%d", at);
        (void)strftime(moment->text[zone][MOMENT_TIME], MOMENT_TEXT_BYTES, "%H:%M:%S", at);
        moment->offset_s[zone] = at->tm_gmtoff;
    }
    moment->second = second;
}

void moment_set(struct moment *moment, struct castor_rational rate, uint64_t sequence, int64_t utc_ns)
{
    int64_t at_ns = utc_ns < 0 ? 0 : utc_ns > LAST_NS ? LAST_NS : utc_ns;
    int64_t second = at_ns / CASTOR_NS_PER_S;

    if (second != moment->second)
        set_second(moment, second);
    for (int zone = 0; zone < MOMENT_ZONES; zone++) {
        // A day is added, as west of Greenwich 1970 begins a little later.
        int64_t day_s = (second + moment->offset_s[zone] + DAY_S) % DAY_S;

        timecode_update(&moment->timecode[zone], rate, sequence,
                        day_s * CASTOR_NS_PER_S + at_ns % CASTOR_NS_PER_S);
        timecode_text(rate, moment->timecode[zone].count, moment->text[zone][MOMENT_TIMECODE]);
        (void)snprintf(moment->text[zone][MOMENT_FRAME], MOMENT_TEXT_BYTES, "%010llu",
                       (unsigned long long)(sequence % UINT64_C(10000000000)));
    }
}
