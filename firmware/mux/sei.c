// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include <assert.h>
#include <string.h>

#include "base/h264.h"
#include "base/hevc.h"

#define SEI_USER_DATA_UNREGISTERED 5 // H.264 D.1.7, H.265 D.2.7
#define HEAD_BYTES_MAX 5             // start code and NAL unit header
#define UUID_BYTES 16
#define TIME_STAMP_BYTES (UUID_BYTES + 12) // MISB ST 0604: status, then 8 bytes of time with 3 guards
#define IDENTITY_BYTES (UUID_BYTES + 16)

static const uint8_t time_stamp_uuid[UUID_BYTES] = "MISPmicrosectime";
static const uint8_t identity_uuid[UUID_BYTES] = "castor-frame-id1";

static uint8_t *put_be(uint8_t *to, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    return to + bytes;
}

static uint8_t *put_message(uint8_t *to, const uint8_t uuid[UUID_BYTES], uint8_t size_bytes)
{
    *to++ = SEI_USER_DATA_UNREGISTERED;
    *to++ = size_bytes;
    memcpy(to, uuid, UUID_BYTES);
    return to + UUID_BYTES;
}

// The guard bytes keep runs of zeros out of the time even where nobody escapes the payload.
static uint8_t *put_time_stamp(uint8_t *to, uint64_t utc_us)
{
    to = put_message(to, time_stamp_uuid, TIME_STAMP_BYTES);
    *to++ = 0x1f; // clock locked, no discontinuity
    for (uint32_t part = 0; part < 4; part++) {
        to = put_be(to, (utc_us >> (48 - 16 * part)) & 0xffff, 2);
        if (part < 3)
            *to++ = 0xff;
    }
    return to;
}

static uint8_t *put_identity(uint8_t *to, const struct mux_access_unit *unit)
{
    to = put_message(to, identity_uuid, IDENTITY_BYTES);
    *to++ = unit->path;
    *to++ = (unit->flags & MUX_ACCESS_UNIT_AFTER_SWITCH) != 0 ? 1 : 0;
    to = put_be(to, 0, 2);
    to = put_be(to, unit->epoch, 4);
    return put_be(to, unit->sequence, 8);
}

// Start code and NAL unit header of the codec; returns where the payload begins.
static uint8_t *put_head(enum encoder_codec codec, uint8_t *to)
{
    *to++ = 0;
    *to++ = 0;
    *to++ = 1;
    if (codec == ENCODER_CODEC_HEVC) {
        *to++ = HEVC_NAL_PREFIX_SEI << 1;
        *to++ = 1; // nuh_layer_id 0, nuh_temporal_id_plus1 1
    } else {
        *to++ = H264_NAL_SEI;
    }
    return to;
}

size_t mux_sei_write(enum encoder_codec codec, const struct mux_access_unit *unit,
                     uint8_t out[MUX_SEI_BYTES_MAX])
{
    uint8_t rbsp[2 + TIME_STAMP_BYTES + 2 + IDENTITY_BYTES + 1];
    static_assert(HEAD_BYTES_MAX + NAL_ESCAPED_BYTES_MAX(sizeof rbsp) <= MUX_SEI_BYTES_MAX,
                  "SEI does not fit");

    int64_t utc_ns = unit->capture_ns + unit->utc_offset_ns;
    uint8_t *end = put_time_stamp(rbsp, utc_ns > 0 ? (uint64_t)utc_ns / 1000 : 0);
    end = put_identity(end, unit);
    *end++ = 0x80; // rbsp_trailing_bits

    size_t size_bytes = 0;
    size_t head_bytes = (size_t)(put_head(codec, out) - out);
    int result =
        nal_escape(rbsp, (size_t)(end - rbsp), out + head_bytes, MUX_SEI_BYTES_MAX - head_bytes, &size_bytes);
    assert(result == CASTOR_OK);
    (void)result;
    return head_bytes + size_bytes;
}
