// SPDX-License-Identifier: Apache-2.0
// The header of an ADTS frame (ISO/IEC 13818-7 6.2, 14496-3 1.A.2.2), which tells a receiver in each access
// unit of AAC what it is. Pure.
#ifndef SOUND_ADTS_H
#define SOUND_ADTS_H

#include <stddef.h>
#include <stdint.h>

#define ADTS_HEADER_BYTES 7

// AAC-LC of 48 kHz; `channels` 1, 2 or 6; a raw_data_block of `payload_bytes`, at most 8184.
void adts_write_header(uint32_t channels, size_t payload_bytes, uint8_t out[ADTS_HEADER_BYTES]);

#endif
