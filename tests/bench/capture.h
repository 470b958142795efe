// SPDX-License-Identifier: Apache-2.0
// The file that `receiver` writes and `units` reads: records in order of arrival, each followed by its
// payload.
#ifndef BENCH_CAPTURE_H
#define BENCH_CAPTURE_H

#include <stdint.h>

enum capture_kind {
    CAPTURE_PAYLOAD,
    CAPTURE_CONNECTED,
    CAPTURE_DISCONNECTED,
};

struct capture_record {
    int64_t arrival_ns; // CLOCK_MONOTONIC, when the receiving program had it
    uint32_t connection;
    uint16_t kind;
    uint16_t size_bytes;
};

#endif
