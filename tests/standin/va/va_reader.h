// SPDX-License-Identifier: Apache-2.0
// Reads what the client packed into headers, bit by bit. On its own, so that a mistake of the driver under
// test is none here too.
#ifndef STANDIN_VA_READER_H
#define STANDIN_VA_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_MAX_BYTES 512

struct reader {
    uint8_t bytes[READER_MAX_BYTES]; // without emulation prevention; what does not fit is left out
    size_t bits, position;           // beyond `bits`: it was read past the end, of zeros
};

// Opens `size` bytes whose last may be begun only: `bits` are meant.
void reader_open(struct reader *reader, const uint8_t *bytes, size_t size, size_t bits, bool is_escaped);
uint32_t reader_get(struct reader *reader, unsigned count);
uint32_t reader_ue(struct reader *reader); // UINT32_MAX: no code
int32_t reader_se(struct reader *reader);
bool reader_is_past_end(const struct reader *reader);
// Whether what is left is rbsp_trailing_bits() and nothing else.
bool reader_is_trailing(struct reader *reader);

// Offset of the NAL unit behind the next start code at or after `from`; size: there is none.
size_t reader_next_nal(const uint8_t *bytes, size_t size, size_t from);
// Of the last one; 0: there is none.
size_t reader_last_nal(const uint8_t *bytes, size_t size);

#endif
