// SPDX-License-Identifier: Apache-2.0
#ifndef SOUND_TONE_H
#define SOUND_TONE_H

#include "hal/sound.h"

extern const struct sound_driver sound_tone;

#endif
