// SPDX-License-Identifier: Apache-2.0
#include "probe/sei.h"

#include "probe/h264.h"

#include <string.h>

#define SEI_USER_DATA_UNREGISTERED 5U
#define UUID_BYTES 16
#define TIME_BYTES 28
#define IDENTITY_BYTES 32
#define SEI_MAX_BYTES 4096 // other encoders' free text may be longer; what lies beyond is not looked at

static uint64_t big_endian(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

// After the UUID: a status byte, then eight bytes of time with a 0xFF after the second, fourth and sixth.
static void parse_time(const uint8_t *p, size_t bytes, struct sei_marks *marks)
{
    if (bytes != TIME_BYTES || p[19] != 0xFF || p[22] != 0xFF || p[25] != 0xFF) {
        marks->malformed = true;
        return;
    }
    uint64_t us = big_endian(p + 17, 2) << 48 | big_endian(p + 20, 2) << 32 | big_endian(p + 23, 2) << 16 |
                  big_endian(p + 26, 2);
    // Nanoseconds of the time must fit 63 bits: later than the year 2262 is no capture time.
    if (us > INT64_MAX / 1000) {
        marks->malformed = true;
        return;
    }
    marks->has_time = true;
    marks->time_status = p[16];
    marks->capture_us = (int64_t)us;
}

static void parse_identity(const uint8_t *p, size_t bytes, struct sei_marks *marks)
{
    if (bytes != IDENTITY_BYTES || p[18] != 0 || p[19] != 0) {
        marks->malformed = true;
        return;
    }
    marks->has_identity = true;
    marks->path = p[16];
    marks->first_after_switch = p[17] & 1;
    marks->epoch = (uint32_t)big_endian(p + 20, 4);
    marks->sequence = big_endian(p + 24, 8);
}

static void parse_user_data(const uint8_t *p, size_t bytes, struct sei_marks *marks)
{
    if (bytes < UUID_BYTES)
        marks->malformed = true;
    else if (memcmp(p, "MISPmicrosectime", UUID_BYTES) == 0)
        parse_time(p, bytes, marks);
    else if (memcmp(p, "castor-frame-id1", UUID_BYTES) == 0)
        parse_identity(p, bytes, marks);
}

// Payload type and size are sums of bytes, 0xFF meaning that another follows. False at the end of the data.
static bool read_sum(const uint8_t *data, size_t bytes, size_t *pos, size_t *sum)
{
    *sum = 0;
    while (*pos < bytes) {
        uint8_t b = data[(*pos)++];
        *sum += b;
        if (b != 0xFF)
            return true;
    }
    return false;
}

void sei_parse(const uint8_t *nal, size_t bytes, struct sei_marks *marks)
{
    if (bytes >= 2)
        sei_parse_messages(nal + 1, bytes - 1, marks);
}

void sei_parse_messages(const uint8_t *payload, size_t bytes, struct sei_marks *marks)
{
    uint8_t rbsp[SEI_MAX_BYTES];
    size_t rbsp_bytes = h264_unescape(payload, bytes, rbsp, sizeof rbsp);
    bool cut = rbsp_bytes == sizeof rbsp;
    size_t pos = 0;
    while (pos < rbsp_bytes && rbsp[pos] != 0x80) {
        size_t type = 0;
        size_t size = 0;
        if (!read_sum(rbsp, rbsp_bytes, &pos, &type) || !read_sum(rbsp, rbsp_bytes, &pos, &size) ||
            size > rbsp_bytes - pos) {
            marks->malformed |= !cut;
            return;
        }
        if (type == SEI_USER_DATA_UNREGISTERED)
            parse_user_data(rbsp + pos, size, marks);
        pos += size;
    }
}
