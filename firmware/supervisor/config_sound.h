// SPDX-License-Identifier: Apache-2.0
// What the keys of "sound" mean once they are checked. Pure.
#ifndef SUPERVISOR_CONFIG_SOUND_H
#define SUPERVISOR_CONFIG_SOUND_H

#include "ipc/message_sound.h"
#include "supervisor/config.h"
#include "supervisor/config_rules.h"

// A sound unit is ready this long after its first sample was captured, at the latest: waiting for the source
// (80 ms), the unit itself and what the encoder holds back (43 ms), processing.
#define CONFIG_SOUND_READY_MS 135u
// Egress sends it this long before its PTS.
#define CONFIG_SOUND_LEAD_MS 50u

// Whether the stream has sound.
bool config_sound_is_on(const struct config *config);

// The driver that "auto" stands for, "" = none, and its file or card. Static storage, or the configuration's.
const char *config_sound_driver(const struct config *config);
const char *config_sound_path(const struct config *config);

uint32_t config_track_channels(const struct config_track *track);
uint32_t config_track_bitrate_bps(const struct config_track *track);
// Of all tracks together; 0 without sound.
uint32_t config_sound_bitrate_bps(const struct config *config);
// Access units of `samples_per_unit` samples.
uint32_t config_track_samples(const struct config_track *track);

// How the track is made of the source's channels. Its map has been checked.
void config_track_mix(const struct config *config, const struct config_track *track,
                      struct message_sound_mix *out);

// The shortest distance from capture time to PTS that all tracks are ready within; 0 without sound.
uint32_t config_sound_pts_offset_ms(const struct config *config);

// PTS = capture time + this, for pictures of that rate.
uint32_t config_pts_offset_ms(const struct config *config, struct castor_rational rate);

// Part of config_rules_check(): checks and completes the tracks.
CASTOR_MUST_USE int config_sound_check(struct config *config, struct config_error *error);

#endif
