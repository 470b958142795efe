// SPDX-License-Identifier: Apache-2.0
// NAL units in the byte stream that a device writes (Annex B of Rec. ITU-T H.264 and H.265): finding them,
// and keeping those that are wanted again. Pure; every read is bounded.
#ifndef DRIVERS_ENCODER_ANNEXB_H
#define DRIVERS_ENCODER_ANNEXB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Offset of the NAL unit behind the next start code (00 00 01) at or after `from`. size_bytes: there is none.
size_t annexb_find(const uint8_t *data, size_t size_bytes, size_t from);

// Offset of the end of the NAL unit that begins at `begin`: the next start code, zeros before it not counted.
size_t annexb_end(const uint8_t *data, size_t size_bytes, size_t begin);

// Appends a NAL unit, behind a start code of four bytes, to the first *used_bytes of `out`. False: it does
// not fit, and nothing is changed.
bool annexb_append(uint8_t *out, size_t capacity_bytes, size_t *used_bytes, const uint8_t *nal,
                   size_t nal_bytes);

#endif
