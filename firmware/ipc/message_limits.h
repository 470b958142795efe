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

enum message_codec {
    MESSAGE_CODEC_H264 = 0,
    MESSAGE_CODEC_HEVC = 1,
    MESSAGE_CODECS = 2,
};
#define MESSAGE_GOP_FRAMES_MAX 100000u

#endif
