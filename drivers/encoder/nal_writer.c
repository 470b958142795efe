// SPDX-License-Identifier: Apache-2.0
#include "nal_writer.h"

#include <assert.h>

static void append(struct nal_writer *writer, uint8_t byte)
{
    assert(writer->size_bytes < writer->capacity_bytes);
    writer->bytes[writer->size_bytes++] = byte;
}

static void append_protected(struct nal_writer *writer, uint8_t byte)
{
    if (writer->zeros == 2 && byte <= 3) {
        append(writer, 3);
        writer->zeros = 0;
    }
    append(writer, byte);
    writer->zeros = byte == 0 ? writer->zeros + 1 : 0;
}

void nal_writer_begin(struct nal_writer *writer, unsigned zeros, uint8_t header)
{
    assert(writer->begun_bits == 0);
    while (zeros-- > 0)
        append(writer, 0);
    append(writer, 1);
    append(writer, header);
    writer->zeros = 0;
}

void nal_writer_put(struct nal_writer *writer, unsigned count, uint32_t value)
{
    assert(count <= 32);
    while (count-- > 0) {
        writer->begun = (uint8_t)(writer->begun << 1 | (value >> count & 1));
        if (++writer->begun_bits < 8)
            continue;
        append_protected(writer, writer->begun);
        writer->begun = 0;
        writer->begun_bits = 0;
    }
}

void nal_writer_put_ue(struct nal_writer *writer, uint32_t value)
{
    unsigned length = 0; // of the code's second half, less one

    assert(value < UINT32_MAX);
    while ((uint64_t)(value + 1) >> (length + 1))
        length++;
    nal_writer_put(writer, length, 0);
    nal_writer_put(writer, length + 1, value + 1);
}

void nal_writer_put_se(struct nal_writer *writer, int32_t value)
{
    uint32_t magnitude = value > 0 ? (uint32_t)value : (uint32_t)-value;

    nal_writer_put_ue(writer, value > 0 ? magnitude * 2 - 1 : magnitude * 2); // table 9-3
}

void nal_writer_end(struct nal_writer *writer)
{
    nal_writer_put(writer, 1, 1);
    while (writer->begun_bits != 0)
        nal_writer_put(writer, 1, 0);
}

size_t nal_writer_cut(struct nal_writer *writer)
{
    unsigned missing = (8 - writer->begun_bits) % 8;

    nal_writer_put(writer, missing, 0);
    return writer->size_bytes * 8 - missing;
}
