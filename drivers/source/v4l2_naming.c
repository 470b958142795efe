// SPDX-License-Identifier: Apache-2.0
#include "v4l2_naming.h"

// A picture may wait in the device's buffers while this process is stopped; nothing waits longer.
#define STAMP_AGE_MAX_NS (10 * CASTOR_NS_PER_S)
// A counter that runs ahead of the clock by more than this many frames has jumped for no reason.
#define COUNTER_AHEAD_MAX 60
// A counter that stays behind the clock by more than this does not count what the device drops.
#define COUNTER_BEHIND_MAX 2

void v4l2_naming_init(struct v4l2_naming *naming, struct castor_rational rate, bool by_time,
                      const struct source_config *config)
{
    *naming = (struct v4l2_naming){.rate = rate,
                                   .by_time = by_time,
                                   .origin_sequence = config->anchor_sequence,
                                   .origin_ns = config->anchor_ns,
                                   .sequence = config->anchor_sequence,
                                   .capture_ns = config->anchor_ns};
}

// How far the device's counter went on since the frame before; 0 when that says nothing. Far ahead when it
// went back.
static uint32_t counted(const struct v4l2_naming *naming, uint32_t device_sequence)
{
    uint32_t delta = device_sequence - naming->device_sequence; // it may wrap

    return naming->published && !naming->by_time ? delta : 0;
}

// Frame intervals from one time to the other, to the nearest.
static uint64_t clocked(const struct v4l2_naming *naming, int64_t from_ns, int64_t to_ns)
{
    castor_uint128 unit = (castor_uint128)naming->rate.den * CASTOR_NS_PER_S;

    if (to_ns <= from_ns)
        return 0;
    return (uint64_t)(((castor_uint128)(to_ns - from_ns) * naming->rate.num + unit / 2) / unit);
}

// How many sequences this picture lies after the frame before; 0 = none.
static uint64_t steps_to(const struct v4l2_naming *naming, uint32_t device_sequence, int64_t capture_ns)
{
    uint32_t delta = counted(naming, device_sequence);
    uint64_t steps;

    if (naming->by_time) {
        uint64_t sequence = naming->origin_sequence + clocked(naming, naming->origin_ns, capture_ns);
        return sequence > naming->sequence ? sequence - naming->sequence : 0;
    }
    steps = clocked(naming, naming->capture_ns, capture_ns);
    if (delta != 0 && delta <= steps + COUNTER_AHEAD_MAX &&
        (naming->guessed || steps <= (uint64_t)delta + COUNTER_BEHIND_MAX))
        return delta;
    return steps ? steps : 1;
}

int64_t v4l2_naming_time(struct v4l2_naming *naming, uint32_t device_sequence, int64_t stamp_ns,
                         int64_t now_ns)
{
    uint32_t steps = counted(naming, device_sequence);
    int64_t time_ns = now_ns;

    naming->guessed = stamp_ns == 0 || stamp_ns > now_ns || stamp_ns <= now_ns - STAMP_AGE_MAX_NS ||
                      stamp_ns <= naming->capture_ns;
    if (!naming->guessed)
        return stamp_ns;
    if (stamp_ns != 0) {
        naming->times_corrected++;
        if (steps == 0 || steps > COUNTER_AHEAD_MAX)
            steps = 1;
        if (naming->published)
            time_ns = naming->capture_ns + castor_frame_time_ns(naming->rate, steps);
        if (time_ns > now_ns)
            time_ns = now_ns;
    }
    return time_ns > naming->capture_ns ? time_ns : naming->capture_ns + 1;
}

bool v4l2_naming_take(struct v4l2_naming *naming, uint32_t device_sequence, int64_t capture_ns,
                      struct castor_frame *frame, uint64_t *skipped)
{
    uint64_t steps = 0;

    if (naming->capture_ns == 0) {
        naming->origin_ns = capture_ns;
    } else {
        steps = steps_to(naming, device_sequence, capture_ns);
        if (steps == 0)
            return false;
    }
    *skipped = naming->published ? steps - 1 : 0;
    naming->sequence += steps;
    naming->capture_ns = capture_ns;
    naming->device_sequence = device_sequence;
    naming->published = true;
    frame->sequence = naming->sequence;
    frame->capture_ns = capture_ns;
    return true;
}
