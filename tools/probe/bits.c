// SPDX-License-Identifier: Apache-2.0
#include "probe/bits.h"

uint32_t bits_read(struct bits *b, unsigned n)
{
    uint32_t value = 0;
    for (unsigned i = 0; i < n; i++) {
        if (b->pos >= b->count) {
            b->broken = true;
            return 0;
        }
        value = value << 1 | ((b->data[b->pos / 8] >> (7 - b->pos % 8)) & 1U);
        b->pos++;
    }
    return value;
}

uint32_t bits_read_ue(struct bits *b)
{
    unsigned zeros = 0;
    while (bits_read(b, 1) == 0) {
        if (b->broken || ++zeros > 31) {
            b->broken = true;
            return 0;
        }
    }
    return (UINT32_C(1) << zeros) - 1 + bits_read(b, zeros);
}

uint32_t bits_read_ue_max(struct bits *b, uint32_t max)
{
    uint32_t value = bits_read_ue(b);
    if (value > max) {
        b->broken = true;
        return 0;
    }
    return value;
}

int32_t bits_read_se(struct bits *b)
{
    uint32_t code = bits_read_ue(b);
    return code & 1 ? (int32_t)(code / 2 + 1) : -(int32_t)(code / 2);
}
