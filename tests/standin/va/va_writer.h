// SPDX-License-Identifier: Apache-2.0
// Writes what the stand-in codes itself: bits, and bytes into a coded buffer.
#ifndef STANDIN_VA_WRITER_H
#define STANDIN_VA_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct writer {
    uint8_t *bytes; // zeroed, and long enough
    size_t bits;
};

void writer_put(struct writer *writer, unsigned count, uint32_t value);
void writer_put_ue(struct writer *writer, uint32_t value);
void writer_put_se(struct writer *writer, int32_t value);

struct coded {
    uint8_t *bytes;
    size_t size, capacity;
    bool overflowed;
};

void coded_put(struct coded *out, const void *bytes, size_t size);
void coded_put_escaped(struct coded *out, const uint8_t *bytes, size_t size); // with emulation prevention

#endif
