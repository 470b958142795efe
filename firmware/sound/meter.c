// SPDX-License-Identifier: Apache-2.0
#include "sound/meter.h"

#include <math.h>
#include <stdlib.h>

#include <ebur128.h>

// Below this there is nothing to tell apart from silence.
#define FLOOR_DB (-120.0)

struct meter {
    ebur128_state *state;
    uint32_t channels;
    double peak, true_peak; // since the last report; 1 = full scale
};

int meter_create(uint32_t channels, struct meter **out)
{
    // A histogram for the integrated loudness: without it memory would grow with time.
    const int mode = EBUR128_MODE_I | EBUR128_MODE_S | EBUR128_MODE_SAMPLE_PEAK | EBUR128_MODE_TRUE_PEAK |
                     EBUR128_MODE_HISTOGRAM;
    struct meter *meter = calloc(1, sizeof *meter);

    if (!meter)
        return CASTOR_ERR_NO_MEMORY;
    meter->channels = channels;
    meter->state = ebur128_init(channels, MESSAGE_SOUND_RATE_HZ, mode);
    if (!meter->state) {
        free(meter);
        return CASTOR_ERR_NO_MEMORY;
    }
    if (channels == 6) { // the library's own order for six has the LFE elsewhere
        static const int order[] = {EBUR128_LEFT,   EBUR128_RIGHT,         EBUR128_CENTER,
                                    EBUR128_UNUSED, EBUR128_LEFT_SURROUND, EBUR128_RIGHT_SURROUND};
        for (unsigned i = 0; i < 6; i++)
            (void)ebur128_set_channel(meter->state, i, order[i]);
    }
    *out = meter;
    return CASTOR_OK;
}

void meter_destroy(struct meter *meter)
{
    if (!meter)
        return;
    ebur128_destroy(&meter->state);
    free(meter);
}

void meter_put(struct meter *meter, const float *samples, uint32_t count)
{
    if (ebur128_add_frames_float(meter->state, samples, count) != EBUR128_SUCCESS)
        return;
    for (uint32_t i = 0; i < meter->channels; i++) {
        double peak = 0;
        if (ebur128_prev_sample_peak(meter->state, i, &peak) == EBUR128_SUCCESS && peak > meter->peak)
            meter->peak = peak;
        if (ebur128_prev_true_peak(meter->state, i, &peak) == EBUR128_SUCCESS && peak > meter->true_peak)
            meter->true_peak = peak;
    }
}

static int32_t thousandths(double db)
{
    return db > FLOOR_DB && isfinite(db) ? (int32_t)lround(db * 1000) : MESSAGE_SOUND_LEVEL_NONE;
}

static int32_t loudness(const struct meter *meter, int (*measure)(ebur128_state *state, double *out))
{
    double value = -HUGE_VAL;

    return measure(meter->state, &value) == EBUR128_SUCCESS ? thousandths(value) : MESSAGE_SOUND_LEVEL_NONE;
}

void meter_take(struct meter *meter, struct message_sound_levels *out)
{
    out->peak_mdb = thousandths(20 * log10(meter->peak));
    out->true_peak_mdb = thousandths(20 * log10(meter->true_peak));
    out->momentary_mlu = loudness(meter, ebur128_loudness_momentary);
    out->short_term_mlu = loudness(meter, ebur128_loudness_shortterm);
    out->integrated_mlu = loudness(meter, ebur128_loudness_global);
    meter->peak = meter->true_peak = 0;
}
