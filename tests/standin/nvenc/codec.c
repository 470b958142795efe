// SPDX-License-Identifier: Apache-2.0
#include "codec.h"

#include <stdlib.h>
#include <string.h>

#include "session.h"

const struct codec *codec_find(const struct session *session, const GUID *guid)
{
    if (guid_is(guid, codec_h264.guid) && !session->faults.without_h264)
        return &codec_h264;
    if (guid_is(guid, codec_hevc.guid) && !session->faults.without_hevc)
        return &codec_hevc;
    return NULL;
}

bool codec_headers_append(struct codec_headers *out, const uint8_t *bytes, size_t size_bytes)
{
    if (size_bytes > out->capacity_bytes - out->size_bytes)
        return false;
    memcpy(out->bytes + out->size_bytes, bytes, size_bytes);
    out->size_bytes += (uint32_t)size_bytes;
    return true;
}

bool output_append(struct output *output, const uint8_t *bytes, size_t size_bytes)
{
    size_t total_bytes = output->size_bytes + size_bytes;

    if (total_bytes > output->capacity_bytes) {
        uint8_t *larger = realloc(output->bytes, total_bytes * 2);
        if (!larger)
            return false;
        output->bytes = larger;
        output->capacity_bytes = total_bytes * 2;
    }
    memcpy(output->bytes + output->size_bytes, bytes, size_bytes);
    output->size_bytes = total_bytes;
    return true;
}
