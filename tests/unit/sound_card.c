// SPDX-License-Identifier: Apache-2.0
#include "sound_card.h"

#include <math.h>

#define TAU 6.283185307179586

double sound_card_true_ns(const struct sound_card *card, double index)
{
    const double elapsed_s = index / card->rate_hz; // by the card
    double late_s = elapsed_s / (1 + card->ppm * 1e-6);

    if (card->wobble_s > 0) // the integral of its speed
        late_s -=
            card->wobble_ppm * 1e-6 * card->wobble_s / TAU * (1 - cos(TAU * elapsed_s / card->wobble_s));
    return (double)card->start_ns + late_s * 1e9;
}

double sound_card_index(const struct sound_card *card, double time_ns)
{
    double index = (time_ns - (double)card->start_ns) * 1e-9 * card->rate_hz;

    for (int i = 0; i < 6; i++) // each step leaves a thousandth of the error
        index += (time_ns - sound_card_true_ns(card, index)) * 1e-9 * card->rate_hz;
    return index;
}

int64_t sound_card_stamp_ns(struct sound_card *card, uint64_t index)
{
    int64_t stamp_ns = llround(sound_card_true_ns(card, (double)index));

    card->random ^= card->random << 13; // Marsaglia, Xorshift RNGs, 2003
    card->random ^= card->random >> 7;
    card->random ^= card->random << 17;
    return card->late_max_ns ? stamp_ns + (int64_t)(card->random % (uint64_t)card->late_max_ns) : stamp_ns;
}
