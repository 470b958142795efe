// SPDX-License-Identifier: Apache-2.0
// Any bytes as a transport stream, cut anywhere, with reconnections. The first byte decides how it is cut;
// sync bytes, PID and section checksums are put right half of the time, so that the input reaches the parsers
// behind them.
#include "probe/analysis.h"

#include <stdlib.h>
#include <string.h>

#define PACKETS_MAX 24
#define RECONNECTIONS_MAX 3

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static void put_crc(uint8_t *section, size_t bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i + 4 < bytes; i++) {
        crc ^= (uint32_t)section[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x04C11DB7 : crc << 1;
    }
    for (int i = 0; i < 4; i++)
        section[bytes - 4 + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void repair(uint8_t *stream, size_t bytes)
{
    for (size_t at = 0; at + TS_PACKET_BYTES <= bytes; at += TS_PACKET_BYTES) {
        uint8_t *p = stream + at;
        p[0] = 0x47;
        if ((p[3] & 0x30) != 0x10 || p[4] != 0)
            continue;
        size_t length = 3 + (size_t)((p[6] & 0x0F) << 8 | p[7]);
        if (length >= 12 && length <= TS_PACKET_BYTES - 5)
            put_crc(p + 5, length);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    if (bytes < 2 || bytes > PACKETS_MAX * TS_PACKET_BYTES)
        return 0;
    uint8_t control = data[0];
    uint8_t stream[PACKETS_MAX * TS_PACKET_BYTES];
    size_t used = bytes - 1;
    memcpy(stream, data + 1, used);
    if (control & 1)
        repair(stream, used);
    struct analysis_settings settings = {.pcr_limit_ns = 40000000, .seam_tolerance_us = 1000, .late_ns = 1};
    struct analysis *a = NULL;
    if (analysis_create(&settings, &a) != CASTOR_OK)
        abort();
    size_t piece = control & 2 ? 1 + control / 4U : used;
    struct probe_arrival arrival = {control & 4, 1, 1};
    unsigned reconnections = 0;
    for (size_t at = 0; at < used; at += piece) {
        size_t take = used - at < piece ? used - at : piece;
        // A heap copy of the exact size lets the sanitizer see any read past the end.
        uint8_t *copy = malloc(take);
        if (copy == NULL)
            abort();
        memcpy(copy, stream + at, take);
        analysis_feed(a, copy, take, &arrival);
        free(copy);
        arrival.mono_ns += 1000000;
        arrival.utc_ns += 1000000;
        if ((control & 8) && at / piece % 7 == 6 && reconnections++ < RECONNECTIONS_MAX)
            analysis_reconnected(a);
    }
    analysis_finish(a);
    analysis_destroy(a);
    return 0;
}
