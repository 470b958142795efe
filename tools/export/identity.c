// SPDX-License-Identifier: Apache-2.0
#include "export/identity.h"

#include <string.h>

#include "base/coded.h"
#include "base/nal.h"

#define UUID "castor-frame-id1"
#define UUID_BYTES 16

bool identity_read(const uint8_t *data, size_t size_bytes, uint64_t *sequence)
{
    const uint8_t *at = memmem(data, size_bytes, UUID, UUID_BYTES);

    if (!at)
        return false;
    // path, flags, two bytes of zero, epoch, and then the sequence
    struct nal_bits bits = {
        .data = at, .size_bytes = size_bytes - (size_t)(at - data), .at_bytes = UUID_BYTES};
    (void)nal_read_bits(&bits, 32);
    (void)nal_read_bits(&bits, 32);
    uint64_t high = nal_read_bits(&bits, 32), low = nal_read_bits(&bits, 32);
    if (bits.broken)
        return false;
    *sequence = high << 32 | low;
    return true;
}

bool identity_is_idr(enum encoder_codec codec, const uint8_t *data, size_t size_bytes)
{
    struct nal_span nal;
    size_t position = 0;

    while (nal_next(data, size_bytes, &position, &nal)) {
        uint32_t traits = coded_classify(codec, nal.data, nal.size_bytes);
        if (traits & NAL_IS_SLICE)
            return (traits & NAL_IS_IDR) != 0;
    }
    return false;
}
