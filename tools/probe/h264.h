// SPDX-License-Identifier: Apache-2.0
// Looks at H.264 byte streams (ITU-T H.264 Annex B): NAL units, parameter sets, one access unit at a time.
// Pure: bytes in, structs out; nothing blocks, nothing is allocated, nothing outside the given bytes is read.
#ifndef PROBE_H264_H
#define PROBE_H264_H

#include "hal/error.h"
#include "probe/sei.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum h264_nal_type {
    H264_SLICE = 1,
    H264_IDR = 5,
    H264_SEI = 6,
    H264_SPS = 7,
    H264_PPS = 8,
    H264_AUD = 9,
};

struct h264_nal {
    const uint8_t *data; // NAL header first, no start code
    size_t bytes;        // trailing zero bytes not counted
    unsigned type;
};

// What the probe wants from a sequence parameter set (7.3.2.1.1, E.1.1).
struct h264_sps {
    unsigned id;
    unsigned profile_idc;
    unsigned constraints; // constraint_set0_flag in bit 7
    unsigned level_idc;
    unsigned width_px; // after cropping
    unsigned height_px;
    unsigned bit_depth; // of luma
    bool has_timing;
    uint32_t num_units_in_tick;
    uint32_t time_scale;
};

// What an access unit holds; hevc_inspect() fills in the same of an H.265 one.
struct h264_au {
    unsigned nals;
    unsigned slices;
    unsigned auds;
    bool aud_first;      // the first NAL unit is an access unit delimiter
    bool idr;            // has an IDR slice
    bool parameters_set; // an SPS and a PPS (H.265: and a VPS) came before the first slice
    bool malformed;      // forbidden bit, IDR and other slices mixed, unreadable SPS, no slice
    bool has_sps;
    struct h264_sps sps; // of the last SPS in the access unit
    struct sei_marks marks;
};

// The next NAL unit from *pos on; *pos moves behind it. Errors: END when there is none.
int CASTOR_MUST_USE h264_next_nal(const uint8_t *data, size_t bytes, size_t *pos, struct h264_nal *nal);

// Takes emulation prevention bytes out. Returns the bytes written, at most `room`.
size_t h264_unescape(const uint8_t *data, size_t bytes, uint8_t *out, size_t room);

// Reads a sequence parameter set, NAL header included. Errors: INVALID.
int CASTOR_MUST_USE h264_parse_sps(const uint8_t *nal, size_t bytes, struct h264_sps *sps);

// Looks at all NAL units of one access unit.
void h264_inspect(const uint8_t *data, size_t bytes, struct h264_au *au);

#endif
