// SPDX-License-Identifier: Apache-2.0
#include "sound/adts.h"

#define PROFILE_LC 1u            // audio object type 2, less one
#define FREQUENCY_48000 3u       // table 35
#define FULLNESS_VARIABLE 0x7ffu // the encoder's buffer is not told

void adts_write_header(uint32_t channels, size_t payload_bytes, uint8_t out[ADTS_HEADER_BYTES])
{
    const uint32_t length = (uint32_t)payload_bytes + ADTS_HEADER_BYTES;

    out[0] = 0xff; // syncword, MPEG-4, layer 0, no CRC
    out[1] = 0xf1;
    out[2] = (uint8_t)(PROFILE_LC << 6 | FREQUENCY_48000 << 2 | channels >> 2);
    out[3] = (uint8_t)((channels & 3) << 6 | length >> 11);
    out[4] = (uint8_t)(length >> 3);
    out[5] = (uint8_t)((length & 7) << 5 | FULLNESS_VARIABLE >> 6);
    out[6] = (uint8_t)((FULLNESS_VARIABLE & 0x3f) << 2); // one raw_data_block
}
