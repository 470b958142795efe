// SPDX-License-Identifier: Apache-2.0
// A card opened for capture through libasound, and its refusals in words.
#ifndef SOUND_ALSA_DEVICE_H
#define SOUND_ALSA_DEVICE_H

#include <alsa/asoundlib.h>

#include "hal/sound.h"

struct alsa_device {
    snd_pcm_t *pcm;
    struct sound_format format;
    snd_pcm_uframes_t period, buffer; // samples
};

// What: opens the card `name` and prepares it; nothing runs yet. Members of `wanted` that are 0 are the
// card's own: 48 kHz, two channels and the longest samples, or what is next to them. Nothing is converted on
// the way. Owner: the caller, of device->pcm, to snd_pcm_close(). Blocks: while the driver answers. Errors:
// BUSY, NOT_FOUND, DENIED, UNSUPPORTED, IO with *why; *note then says what is worse than it should be.
CASTOR_MUST_USE int alsa_device_open(const char *name, const struct sound_format *wanted,
                                     struct alsa_device *device, struct source_text *note,
                                     struct source_text *why);

#endif
