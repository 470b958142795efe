// SPDX-License-Identifier: Apache-2.0
// Peaks and loudness of a track: sample and true peak beside libebur128's, and beside what a sine must have.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <ebur128.h>

#include "sound/meter.h"

#define TAU 6.283185307179586
#define UNIT 960
#define UNITS 50

static struct meter *meter;
static ebur128_state *reference;
static float samples[UNIT * 6];

static void begin(uint32_t channels)
{
    assert_int_equal(meter_create(channels, &meter), CASTOR_OK);
    reference =
        ebur128_init(channels, MESSAGE_SOUND_RATE_HZ, EBUR128_MODE_TRUE_PEAK | EBUR128_MODE_SAMPLE_PEAK);
    assert_non_null(reference);
}

static void end(void)
{
    meter_destroy(meter);
    ebur128_destroy(&reference);
}

static double reference_mdb(uint32_t channels, int (*measure)(ebur128_state *, unsigned, double *))
{
    double most = 0, peak;

    for (uint32_t i = 0; i < channels; i++) {
        assert_int_equal(measure(reference, i, &peak), EBUR128_SUCCESS);
        most = fmax(most, peak);
    }
    return 20000 * log10(most);
}

// Noise of another level in each channel, which ends at any sample of a unit.
static void peaks_are_those_of_libebur128(void **unused)
{
    static const uint32_t channels[] = {1, 2, 6};
    struct message_sound_levels levels;

    (void)unused;
    srand(7);
    for (size_t k = 0; k < 3; k++) {
        begin(channels[k]);
        for (uint32_t unit = 0; unit < UNITS; unit++) {
            for (uint32_t i = 0; i < UNIT * channels[k]; i++)
                samples[i] = (float)(rand() % 2001 - 1000) * 4e-4f / (float)(1 + i % channels[k]);
            meter_put(meter, samples, UNIT);
            assert_int_equal(ebur128_add_frames_float(reference, samples, UNIT), EBUR128_SUCCESS);
            if (unit % 10 != 9)
                continue;
            meter_take(meter, &levels);
            // In this meter the last report's peaks are gone; noise has new ones that are close to them.
            assert_true(fabs(levels.peak_mdb - reference_mdb(channels[k], ebur128_sample_peak)) < 20);
            if (unit == 9)
                assert_true(fabs(levels.true_peak_mdb - reference_mdb(channels[k], ebur128_true_peak)) < 2);
        }
        end();
    }
}

// A sine of a quarter of the rate whose samples are all 3 dB below its peaks.
static void what_is_between_samples_counts(void **unused)
{
    struct message_sound_levels levels;

    (void)unused;
    begin(2);
    for (uint32_t unit = 0; unit < UNITS; unit++) {
        for (uint32_t i = 0; i < UNIT * 2; i++)
            samples[i] = i % 2 ? 0.5f * (float)sin(TAU * (i / 2 % 4 / 4.0 + 0.125)) : 0;
        meter_put(meter, samples, UNIT);
        if (unit == 0)
            meter_take(meter, &levels); // the sine begins, which is a greater peak
    }
    meter_take(meter, &levels);
    assert_in_range(levels.peak_mdb + 20000, 20000 - 9031 - 5, 20000 - 9031 + 5);
    assert_in_range(levels.true_peak_mdb + 20000, 20000 - 6021 - 100, 20000 - 6021 + 100);
    assert_in_range(levels.momentary_mlu + 20000, 1, 20000); // there is a loudness
    meter_take(meter, &levels);                              // nothing since
    assert_int_equal(levels.peak_mdb, MESSAGE_SOUND_LEVEL_NONE);
    assert_int_equal(levels.true_peak_mdb, MESSAGE_SOUND_LEVEL_NONE);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(peaks_are_those_of_libebur128),
        cmocka_unit_test(what_is_between_samples_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
