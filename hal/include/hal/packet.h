// SPDX-License-Identifier: Apache-2.0
// One coded access unit as an encoder driver hands it out.
#ifndef HAL_PACKET_H
#define HAL_PACKET_H

#include <stddef.h>
#include <stdint.h>

enum castor_packet_flags {
    CASTOR_PACKET_IDR = 1u << 0, // driver's claim; the supervisor decides by looking at the NAL units
};

// H.264 Annex B byte stream of exactly one access unit: AUD first, SPS and PPS before every IDR slice.
// `data` belongs to the driver and lives until the next call on the same encoder.
struct castor_packet {
    uint64_t sequence;  // of the frame that was coded (identity travels with the frame, never by counting)
    int64_t capture_ns; // of the frame that was coded
    const uint8_t *data;
    size_t size_bytes;
    uint32_t flags; // enum castor_packet_flags
};

#endif
