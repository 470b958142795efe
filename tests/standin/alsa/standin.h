// SPDX-License-Identifier: Apache-2.0
// A sound card under the real libasound: a plugin of its ioplug interface that captures by a clock of its own
// and fails on request. What it has and does is set here before it is opened; what fails also later.
#ifndef STANDIN_ALSA_H
#define STANDIN_ALSA_H

#include <stdbool.h>
#include <stdint.h>

struct standin_alsa {
    double ppm;                           // how much faster than its name its clock is
    unsigned granule;                     // samples by which its position moves; 0: one
    unsigned rate_low_hz, rate_high_hz;   // 0: 44100 to 96000
    unsigned channels_low, channels_high; // 0: 1 to 8
    const unsigned *formats;              // snd_pcm_format_t; NULL: all that are known here
    unsigned format_count;
    unsigned busy_opens; // so many openings find it in use
    bool gone;           // pulled out
    char gone_while[96]; // the same while a file of that name is there; "": not looked at
    char hang_once[96];  // the call that finds this file takes it away and does not return
    bool asleep;         // until it is woken; what its driver says to that does not get through ioplug
    bool stalled;        // its position stands still
    unsigned opens, starts;
};

extern struct standin_alsa standin_alsa;

// A configuration of libasound in which "castor0" is the card, and nothing else there: writes it to `path`
// and names it in the environment. Returns 0 or -1.
int standin_alsa_install(const char *path);

// The value of a sample, as 32 bits of which a format takes the upper ones.
static inline int32_t standin_alsa_value(uint64_t index, uint32_t channel)
{
    return (int32_t)((uint32_t)(index * 97 + channel * 5003 + 1) * 2654435761u);
}

#endif
