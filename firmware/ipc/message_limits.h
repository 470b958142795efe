// SPDX-License-Identifier: Apache-2.0
// Bounds and words that several subjects share. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_LIMITS_H
#define IPC_MESSAGE_LIMITS_H

#define MESSAGE_PATHS_MAX 8                     // encoder paths in a chain
#define MESSAGE_SLOTS_MAX 64                    // slots of the frame pool
#define MESSAGE_DESTINATIONS_MAX 8              // SRT destinations
#define MESSAGE_FDS_MAX (2 + MESSAGE_SLOTS_MAX) // descriptors that travel with one message
#define MESSAGE_ACCESS_UNIT_MAX_BYTES (4u << 20)
#define MESSAGE_RING_MAX_BYTES (256u << 20)
#define MESSAGE_CPU_COPIES_MAX 16u

#define MESSAGE_SOUND_TRACKS_MAX 4
#define MESSAGE_SOUND_INPUTS_MAX 8           // channels of the source
#define MESSAGE_SOUND_OUTPUTS_MAX 6          // channels of a track
#define MESSAGE_SOUND_UNIT_MAX_BYTES 8191u   // what the length in an ADTS header can say
#define MESSAGE_SOUND_RING_BYTES (1u << 20)  // holds what the highest rates give in more than two seconds
#define MESSAGE_SOUND_CONFIG_MAX_BYTES 64u   // AudioSpecificConfig, OpusHead
#define MESSAGE_SOUND_SILENCE_MAX_BYTES 512u // one access unit of silence
#define MESSAGE_SOUND_RATE_HZ 48000u         // of all tracks

#define MESSAGE_OVERLAY_ITEMS_MAX 8

enum message_codec {
    MESSAGE_CODEC_H264 = 0,
    MESSAGE_CODEC_HEVC = 1,
    MESSAGE_CODECS = 2,
};
#define MESSAGE_GOP_FRAMES_MAX 100000u

enum message_sound_codec {
    MESSAGE_SOUND_AAC = 0,  // AAC-LC; access units are ADTS frames
    MESSAGE_SOUND_OPUS = 1, // access units are Opus packets
    MESSAGE_SOUND_CODECS = 2,
};

#endif
