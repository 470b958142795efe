// SPDX-License-Identifier: Apache-2.0
// What a V4L2 encoder puts into a coded buffer, made into the access unit that the HAL promises: an access
// unit delimiter first, parameter sets before every IDR slice. Source: Rec. ITU-T H.264 and H.265,
// 7.3 and Annex B.
#ifndef DRIVERS_ENCODER_V4L2M2M_UNIT_H
#define DRIVERS_ENCODER_V4L2M2M_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

#define V4L2M2M_SETS_MAX_BYTES 512

enum v4l2m2m_set { V4L2M2M_SET_VPS, V4L2M2M_SET_SPS, V4L2M2M_SET_PPS, V4L2M2M_SETS }; // VPS: HEVC only

// Room that v4l2m2m_unit_complete() needs before the bytes of the device.
#define V4L2M2M_HEADROOM_BYTES (V4L2M2M_SETS * V4L2M2M_SETS_MAX_BYTES + 64)

// The parameter sets seen last, with start codes.
struct v4l2m2m_sets {
    uint8_t bytes[V4L2M2M_SETS][V4L2M2M_SETS_MAX_BYTES];
    size_t used_bytes[V4L2M2M_SETS];
};

enum v4l2m2m_content {
    V4L2M2M_CONTENT_NOTHING = 0, // no NAL unit that the codec knows: garbage
    V4L2M2M_CONTENT_HEADERS,     // parameter sets and the like, no picture
    V4L2M2M_CONTENT_PICTURE,
};

struct v4l2m2m_unit {
    enum v4l2m2m_content content;
    bool idr;
    bool needs_sets;    // a decoder may join here: an IDR, and of HEVC CRA and BLA
    uint32_t sets;      // of 1u << enum v4l2m2m_set, before the first slice
    bool aud_first;     // begins with an access unit delimiter
    size_t start_bytes; // where the first NAL unit begins, start code included
    size_t body_bytes;  // the same without a leading delimiter
};

// Looks at the bytes up to the first slice and keeps the parameter sets in *sets. Any bytes are accepted.
void v4l2m2m_unit_scan(enum encoder_codec codec, const uint8_t *data, size_t size_bytes,
                       struct v4l2m2m_sets *sets, struct v4l2m2m_unit *out);

// Writes what is missing before the unit, which lies at room + V4L2M2M_HEADROOM_BYTES. Yields where the
// finished access unit begins in `room` and its size. False when an IDR needs parameter sets and none are
// known.
bool v4l2m2m_unit_complete(enum encoder_codec codec, const struct v4l2m2m_unit *unit,
                           const struct v4l2m2m_sets *sets, uint8_t *room, size_t size_bytes,
                           const uint8_t **out, size_t *out_bytes);

#endif
