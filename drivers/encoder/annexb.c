// SPDX-License-Identifier: Apache-2.0
#include "annexb.h"

#include <string.h>

#define START_CODE_BYTES 3

static const uint8_t start_code[] = {0, 0, 0, 1};

size_t annexb_find(const uint8_t *data, size_t size_bytes, size_t from)
{
    for (size_t at = from + START_CODE_BYTES - 1; at < size_bytes; at++) {
        const uint8_t *one = memchr(data + at, 1, size_bytes - at);
        if (!one)
            return size_bytes;
        at = (size_t)(one - data);
        if (data[at - 1] == 0 && data[at - 2] == 0)
            return at + 1;
    }
    return size_bytes;
}

size_t annexb_end(const uint8_t *data, size_t size_bytes, size_t begin)
{
    size_t next = annexb_find(data, size_bytes, begin);
    size_t end = next == size_bytes ? size_bytes : next - START_CODE_BYTES;

    while (end > begin && data[end - 1] == 0)
        end--;
    return end;
}

bool annexb_append(uint8_t *out, size_t capacity_bytes, size_t *used_bytes, const uint8_t *nal,
                   size_t nal_bytes)
{
    uint8_t *at = out + *used_bytes;

    if (capacity_bytes - *used_bytes < sizeof start_code ||
        nal_bytes > capacity_bytes - *used_bytes - sizeof start_code)
        return false;
    memcpy(at, start_code, sizeof start_code);
    memcpy(at + sizeof start_code, nal, nal_bytes);
    *used_bytes += sizeof start_code + nal_bytes;
    return true;
}
