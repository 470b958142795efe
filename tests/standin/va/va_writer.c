// SPDX-License-Identifier: Apache-2.0
#include "va_writer.h"

#include <string.h>

void writer_put(struct writer *writer, unsigned count, uint32_t value)
{
    while (count-- > 0) {
        if (value >> count & 1)
            writer->bytes[writer->bits / 8] |= (uint8_t)(0x80u >> writer->bits % 8);
        writer->bits++;
    }
}

void writer_put_ue(struct writer *writer, uint32_t value)
{
    unsigned length = 0;

    while ((value + 1) >> (length + 1))
        length++;
    writer_put(writer, length, 0);
    writer_put(writer, length + 1, value + 1);
}

void writer_put_se(struct writer *writer, int32_t value)
{
    writer_put_ue(writer, value > 0 ? (uint32_t)value * 2 - 1 : (uint32_t)-value * 2);
}

void coded_put(struct coded *out, const void *bytes, size_t size)
{
    if (size > out->capacity - out->size) {
        out->overflowed = true;
        return;
    }
    memcpy(out->bytes + out->size, bytes, size);
    out->size += size;
}

void coded_put_escaped(struct coded *out, const uint8_t *bytes, size_t size)
{
    unsigned zeros = 0;
    size_t from = 0;

    for (size_t i = 0; i < size; i++) {
        if (zeros >= 2 && bytes[i] <= 3) {
            coded_put(out, bytes + from, i - from);
            coded_put(out, "\3", 1);
            from = i;
            zeros = 0;
        }
        zeros = bytes[i] == 0 ? zeros + 1 : 0;
    }
    coded_put(out, bytes + from, size - from);
}
