// SPDX-License-Identifier: Apache-2.0
// The smallest valid H.264 byte stream (Rec. H.264, constrained baseline, CAVLC): IDR pictures of flat grey,
// P pictures in which every macroblock is skipped.
#ifndef DRIVERS_ENCODER_FAKE_STREAM_H
#define DRIVERS_ENCODER_FAKE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_picture {
    uint32_t width_px;
    uint32_t height_px;
    bool idr;
    bool parameter_sets;
    uint32_t frame_number; // pictures since the last IDR
    uint32_t idr_number;   // must differ between IDR pictures that follow each other
};

// The room that one access unit of this size of picture needs.
size_t fake_stream_bound_bytes(uint32_t width_px, uint32_t height_px);

// Writes one access unit (AUD first) and returns its size; `out` holds at least the bound.
size_t fake_stream_write(const struct fake_picture *picture, uint8_t *out);

#endif
