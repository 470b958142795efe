// SPDX-License-Identifier: Apache-2.0
// What the supervisor and the sound worker tell each other, and what the supervisor hands on of it to egress
// and record. Part of ipc/message.h, which is what to include.
//
// Sound is 48 kHz on an exact grid on the house clock (base/sound_grid.h): the first sample of access unit k
// of a track was captured at grid_origin_ns + k * samples_per_unit / 48000 s. The unit's number follows from
// the time, so a worker that was replaced goes on where the one before it would be.
#ifndef IPC_MESSAGE_SOUND_H
#define IPC_MESSAGE_SOUND_H

#include <stdint.h>

#include "hal/time.h"
#include "ipc/message_capture.h"
#include "ipc/message_limits.h"

#define MESSAGE_SOUND_ONE (1 << 20) // a factor of 1
#define MESSAGE_SOUND_FACTOR_MAX (64 * MESSAGE_SOUND_ONE)
#define MESSAGE_SOUND_DELAY_MAX_MS 500
#define MESSAGE_SOUND_DRIFT_MAX_PPB 10000000

// How a track is made of the source's channels. May change at any time, without a click.
struct message_sound_mix {
    uint32_t standard; // 1: the map follows from the numbers of channels; factor[][] is not looked at
    int32_t delay_ms;  // the sound comes this much later, or earlier, than it was captured
    int32_t level;     // of all channels, in 1/MESSAGE_SOUND_ONE; 0 = mute
    int32_t reserved;
    // What input i adds to output o, in 1/MESSAGE_SOUND_ONE.
    int32_t factor[MESSAGE_SOUND_OUTPUTS_MAX][MESSAGE_SOUND_INPUTS_MAX];
};

struct message_sound_track {
    uint32_t codec;    // enum message_sound_codec
    uint32_t channels; // 1, 2 or 6 (L R C LFE Ls Rs)
    uint32_t bitrate_bps;
    uint32_t reserved;
    struct message_sound_mix mix;
};

// Open the source and make the tracks of it. With the descriptor of the sound ring (read-write).
struct message_sound_start {
    char driver[16];   // empty: there is none, all tracks are silent
    char path[1024];   // card, file
    char options[256]; // driver options, "key=value,key=value"
    uint32_t rate_hz;  // of the source; 0 = its own
    uint32_t channels; // of the source; 0 = its own
    struct castor_rational video_rate;
    struct message_capture_origin origin; // capture_ns 0: not told yet
    int64_t grid_origin_ns;
    int64_t drift_ppb;    // of the source's clock, as the process before found it
    uint32_t drift_known; // 1: it did
    uint32_t reserved;
    uint64_t ring_position; // where the first access unit goes
    uint32_t ring_bytes;
    uint32_t track_count; // 1..MESSAGE_SOUND_TRACKS_MAX
    struct message_sound_track tracks[MESSAGE_SOUND_TRACKS_MAX];
};

struct message_sound_set_mix {
    uint32_t track;
    uint32_t reserved;
    struct message_sound_mix mix;
};

// What a track is, for those who hand it on.
struct message_sound_stream {
    uint32_t codec; // enum message_sound_codec
    uint32_t channels;
    uint32_t rate_hz; // MESSAGE_SOUND_RATE_HZ
    uint32_t samples_per_unit;
    uint32_t bitrate_bps;
    uint32_t config_bytes;
    uint32_t silence_bytes;
    uint32_t reserved;
    uint8_t config[MESSAGE_SOUND_CONFIG_MAX_BYTES];   // AudioSpecificConfig (14496-3), OpusHead (RFC 7845)
    uint8_t silence[MESSAGE_SOUND_SILENCE_MAX_BYTES]; // an access unit that stands for a missing one
};

// The encoders are open; units follow. The supervisor hands this on before any unit.
struct message_sound_ready {
    uint32_t track_count;
    uint32_t reserved;
    struct message_sound_stream tracks[MESSAGE_SOUND_TRACKS_MAX];
};

// One access unit stands in the sound ring. Indexes of a track rise strictly; a gap is to be filled with
// silence. Its bytes stay for two seconds at least and nobody confirms them: copy them at once.
struct message_sound_unit {
    uint32_t track;
    uint32_t flags; // 0
    uint64_t index;
    int64_t capture_ns; // of its first sample as a decoder gives it out; the encoder's delay is in it
    uint64_t position;  // of the first byte in the ring
    uint32_t size_bytes;
    uint32_t samples; // samples_per_unit
};

enum message_sound_source {
    MESSAGE_SOUND_SOURCE_NONE = 0,    // none is configured
    MESSAGE_SOUND_SOURCE_OPENING = 1, // being opened; may take some seconds
    MESSAGE_SOUND_SOURCE_RUNNING = 2,
    MESSAGE_SOUND_SOURCE_WAITING = 3, // it is not there, or was lost; tried again in a moment
    MESSAGE_SOUND_SOURCES = 4,
};

#define MESSAGE_SOUND_LEVEL_NONE INT32_MIN // nothing to measure yet, or silence

// Loudness and levels of a track as it is sent, in 1/1000 of LUFS and dBFS (EBU R128, Tech 3341).
struct message_sound_levels {
    int32_t peak_mdb;       // highest sample since the last report
    int32_t true_peak_mdb;  // the same between the samples
    int32_t momentary_mlu;  // last 400 ms
    int32_t short_term_mlu; // last 3 s
    int32_t integrated_mlu; // since the worker started
    uint32_t reserved;
    uint64_t units;   // access units made
    uint64_t clipped; // samples beyond full scale
};

// Totals since the worker started and how things are, sent once a second and when the source's state changes.
struct message_sound_stats {
    uint32_t source; // enum message_sound_source
    uint32_t signal; // enum message_signal
    uint32_t rate_hz;
    uint32_t channels;
    int64_t drift_ppb;        // the source's clock against the house's; 0 where it has none of its own
    uint64_t silence_samples; // of 48 kHz, for which the source gave nothing
    uint64_t late_samples;    // came after silence had been put in their place
    uint64_t lost_samples;    // by the source's own count
    uint64_t openings;        // times that the source was opened
    uint64_t skipped_units;   // not made at all: the worker was not let run in time
    uint64_t ring_refused;    // access units that the ring did not take
    char driver[16];
    char reason[232]; // why the source is not there or has no signal; "" = it is well
    uint32_t track_count;
    uint32_t drift_known; // 1: drift_ppb is of use to the next process
    struct message_sound_levels tracks[MESSAGE_SOUND_TRACKS_MAX];
};

#endif
