// SPDX-License-Identifier: Apache-2.0
// Codes every macroblock as I_PCM (7.3.5) behind the client's own slice header, bit by bit.
#include "va_reader.h"
#include "va_standin.h"

#include <stdlib.h>
#include <string.h>

#define PAYLOAD_EXTRA 4096

// The client's header as RBSP bits.
static void put_header(struct writer *bits, const struct packed *packed, size_t from)
{
    size_t end_bit = packed->parameters.bit_length;
    unsigned zeros = 0;

    for (size_t i = from; i < packed->size; i++) {
        uint8_t byte = packed->bytes[i];
        if (packed->parameters.has_emulation_bytes && zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        zeros = byte == 0 ? zeros + 1 : 0;
        unsigned count = end_bit - i * 8 < 8 ? (unsigned)(end_bit - i * 8) : 8;
        writer_put(bits, count, byte >> (8 - count));
    }
}

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static void put_macroblock(struct writer *bits, const struct surface *surface, unsigned column, unsigned row)
{
    uint8_t *to;

    while (bits->bits % 8 != 0)
        writer_put(bits, 1, 0); // pcm_alignment_zero_bit
    to = bits->bytes + bits->bits / 8;
    for (unsigned y = 0; y < 16; y++) {
        unsigned line = smaller(row * 16 + y, surface->height - 1);
        for (unsigned x = 0; x < 16; x++)
            *to++ = surface->plane[0][(size_t)line * surface->pitch[0] +
                                      smaller(column * 16 + x, surface->width - 1)];
    }
    for (unsigned plane = 0; plane < 2; plane++) {
        for (unsigned y = 0; y < 8; y++) {
            unsigned line = smaller(row * 8 + y, surface->height / 2 - 1);
            for (unsigned x = 0; x < 8; x++) {
                unsigned pair = smaller(column * 8 + x, surface->width / 2 - 1);
                *to++ = surface->plane[1][(size_t)line * surface->pitch[1] + pair * 2 + plane];
            }
        }
    }
    bits->bits += 384 * 8;
}

static VAStatus put_slice(struct context *context, const struct surface *surface, const struct packed *packed,
                          struct coded *out)
{
    unsigned columns = context->sequence.picture_width_in_mbs, rows = context->sequence.picture_height_in_mbs;
    struct writer bits = {0};
    bool idr = context->picture.parameters.pic_fields.bits.idr_pic_flag;
    size_t nal = reader_last_nal(packed->bytes, packed->size);

    bits.bytes = calloc(1, (size_t)columns * rows * 388 + PAYLOAD_EXTRA);
    if (!bits.bytes)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    coded_put(out, packed->bytes, nal + 1); // with whatever the client wrote in front, and the NAL header
    put_header(&bits, packed, nal + 1);
    for (unsigned row = 0; row < rows; row++) {
        for (unsigned column = 0; column < columns; column++) {
            if (!idr)
                writer_put_ue(&bits, 0); // mb_skip_run
            writer_put_ue(&bits,
                          idr ? 25 : 5 + 25); // mb_type I_PCM, table 7-11; in P slices 5 types come first
            put_macroblock(&bits, surface, column, row);
        }
    }
    writer_put(&bits, 1, 1);
    coded_put_escaped(out, bits.bytes, (bits.bits + 7) / 8);
    free(bits.bytes);
    return VA_STATUS_SUCCESS;
}

VAStatus standin_code_pcm(struct context *context, const struct surface *surface, struct coded *out)
{
    const struct picture *picture = &context->picture;

    if (picture->parameters.pic_fields.bits.entropy_coding_mode_flag)
        return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: mode pcm has CAVLC only");
    for (unsigned i = 0; i < picture->packed_count; i++) {
        const struct packed *packed = &picture->packed[i];
        if (packed->parameters.type == VAEncPackedHeaderSlice)
            return put_slice(context, surface, packed, out);
        coded_put(out, packed->bytes, packed->size);
    }
    return VA_STATUS_ERROR_INVALID_PARAMETER;
}
