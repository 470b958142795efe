// SPDX-License-Identifier: Apache-2.0
#include "va_reader.h"

void reader_open(struct reader *reader, const uint8_t *bytes, size_t size, size_t bits, bool is_escaped)
{
    unsigned zeros = 0;
    size_t used = 0, removed = 0;

    for (size_t i = 0; i < size && used < sizeof reader->bytes; i++) {
        if (is_escaped && zeros >= 2 && bytes[i] == 3) {
            zeros = 0;
            removed++;
            continue;
        }
        zeros = bytes[i] == 0 ? zeros + 1 : 0;
        reader->bytes[used++] = bytes[i];
    }
    reader->position = 0;
    reader->bits = bits - removed * 8;
    if (reader->bits > used * 8)
        reader->bits = used * 8;
}

uint32_t reader_get(struct reader *reader, unsigned count)
{
    uint32_t value = 0;

    while (count-- > 0) {
        unsigned bit = 0;
        if (reader->position < reader->bits)
            bit = reader->bytes[reader->position / 8] >> (7 - reader->position % 8) & 1;
        reader->position++;
        value = value << 1 | bit;
    }
    return value;
}

uint32_t reader_ue(struct reader *reader)
{
    unsigned zeros = 0;

    while (zeros < 32 && reader->position < reader->bits && reader_get(reader, 1) == 0)
        zeros++;
    return zeros == 32 ? UINT32_MAX : (1u << zeros) - 1 + reader_get(reader, zeros);
}

int32_t reader_se(struct reader *reader)
{
    uint32_t code = reader_ue(reader);

    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}

bool reader_is_past_end(const struct reader *reader)
{
    return reader->position > reader->bits;
}

bool reader_is_trailing(struct reader *reader)
{
    size_t left = reader->bits - reader->position;

    return !reader_is_past_end(reader) && left >= 1 && left <= 8 &&
           reader_get(reader, (unsigned)left) == 1u << (left - 1);
}

size_t reader_next_nal(const uint8_t *bytes, size_t size, size_t from)
{
    for (size_t i = from; i + 3 < size; i++) {
        if (bytes[i] == 0 && bytes[i + 1] == 0 && bytes[i + 2] == 1)
            return i + 3;
    }
    return size;
}

size_t reader_last_nal(const uint8_t *bytes, size_t size)
{
    size_t found = 0;

    for (size_t at = reader_next_nal(bytes, size, 0); at < size; at = reader_next_nal(bytes, size, at))
        found = at;
    return found;
}
