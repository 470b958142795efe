// SPDX-License-Identifier: Apache-2.0
// A simulated sound card: when its samples are taken, and what it says of that.
#ifndef TESTS_SOUND_CARD_H
#define TESTS_SOUND_CARD_H

#include <stdint.h>

struct sound_card {
    uint32_t rate_hz;
    double ppm;          // how much faster than its name
    double wobble_ppm;   // and how much that changes, as a sine
    double wobble_s;     // of this period
    int64_t late_max_ns; // stamps are late by 0 to this
    uint64_t random;     // seed, not 0
    int64_t start_ns;
};

// The true time of a sample; it may be between two.
double sound_card_true_ns(const struct sound_card *card, double index);

// What the card says of it.
int64_t sound_card_stamp_ns(struct sound_card *card, uint64_t index);

// The sample that is taken at a time: the inverse of sound_card_true_ns().
double sound_card_index(const struct sound_card *card, double time_ns);

#endif
