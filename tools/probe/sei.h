// SPDX-License-Identifier: Apache-2.0
// The two marks that Castor puts into every access unit: time of capture, and which frame it is.
#ifndef PROBE_SEI_H
#define PROBE_SEI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sei_marks {
    bool has_time;     // MISB ST 0604 precision time stamp
    bool has_identity; // user data "castor-frame-id1"
    bool malformed;    // a payload runs past its NAL, or one of the two is not as defined
    uint8_t time_status;
    uint8_t path; // 0 is A
    bool first_after_switch;
    uint32_t epoch;
    uint64_t sequence;
    int64_t capture_us; // UTC, microseconds since 1970
};

// Adds what one SEI NAL unit (Annex B payload with emulation prevention, NAL header included) says to
// `marks`, which the caller zeroed before the first. Source: ITU-T H.264 7.3.2.3, D.1.6; MISB ST 0604. Never
// blocks.
void sei_parse(const uint8_t *nal, size_t bytes, struct sei_marks *marks);

// The same for what follows the NAL header, of whatever length that is: H.265 has the same messages (7.3.5).
void sei_parse_messages(const uint8_t *payload, size_t bytes, struct sei_marks *marks);

#endif
