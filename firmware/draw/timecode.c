// SPDX-License-Identifier: Apache-2.0
#include "draw/timecode.h"

#include <stdio.h>

void timecode_update(struct timecode *timecode, struct castor_rational rate, uint64_t sequence,
                     int64_t day_ns)
{
    // In half frames, to tell half a frame early from one and a half late.
    uint64_t halves =
        (uint64_t)((castor_uint128)day_ns * 2 * rate.num / ((castor_uint128)rate.den * CASTOR_NS_PER_S));
    uint64_t expected = timecode->count + (sequence - timecode->sequence);
    int64_t ahead = (int64_t)(2 * expected - halves);

    timecode->count = timecode->known && ahead >= -3 && ahead <= 1 ? expected : halves / 2;
    timecode->sequence = sequence;
    timecode->known = true;
}

uint32_t timecode_base(struct castor_rational rate)
{
    return (rate.num + rate.den - 1) / rate.den;
}

void timecode_text(struct castor_rational rate, uint64_t count, char out[TIMECODE_TEXT_BYTES])
{
    const uint32_t base = timecode_base(rate);
    const bool drop = rate.num % rate.den != 0 && base % 30 == 0;
    const uint32_t dropped = drop ? base / 15 : 0; // labels, nine minutes out of ten
    const uint32_t minute = 60 * base - dropped;
    const uint32_t ten_minutes = 600 * base - 9 * dropped;
    uint64_t in_ten, label, second;

    count %= (uint64_t)144 * ten_minutes;
    in_ten = count % ten_minutes;
    label = count + count / ten_minutes * 9 * dropped;
    if (in_ten >= dropped) // the first minute of ten is whole
        label += (in_ten - dropped) / minute * dropped;
    second = label / base;
    (void)snprintf(out, TIMECODE_TEXT_BYTES, base > 100 ? "%02u:%02u:%02u%c%03u" : "%02u:%02u:%02u%c%02u",
                   (unsigned)(second / 3600 % 24), (unsigned)(second / 60 % 60), (unsigned)(second % 60),
                   drop ? ';' : ':', (unsigned)(label % base) % 1000);
}
