// SPDX-License-Identifier: Apache-2.0
// A PNG of any chunks, with true lengths, checks and compression, so that what is wrong reaches the decoder;
// then any bytes as a PNG. What is decoded has the promised size, and every byte of it may be read; what is
// refused says why in a terminated text.
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "draw/image.h"
#include "draw/png.h"

#define ROOM (1u << 17)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct file {
    uint8_t *bytes;
    size_t size_bytes;
};

static const char types[][5] = {"IDAT", "PLTE", "tRNS", "gAMA", "sRGB", "iCCP", "cHRM", "sBIT",
                                "bKGD", "tEXt", "zTXt", "iTXt", "pHYs", "IEND", "IHDR", "eXIf"};

static void put_32(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void add_chunk(struct file *file, const char *type, const uint8_t *data, uint32_t size_bytes)
{
    uint8_t *at = file->bytes + file->size_bytes;

    if (file->size_bytes + size_bytes + 12 > ROOM)
        return;
    put_32(at, size_bytes);
    memcpy(at + 4, type, 4);
    if (size_bytes)
        memcpy(at + 8, data, size_bytes);
    put_32(at + 8 + size_bytes, (uint32_t)crc32(0, at + 4, size_bytes + 4));
    file->size_bytes += size_bytes + 12;
}

// Width and height up to 64, the rest as it comes: depth, colour, compression, filter, interlacing.
static void add_header(struct file *file, const uint8_t data[4])
{
    uint8_t header[13] = {0};

    header[3] = 1 + data[0] % 64;
    header[7] = 1 + data[1] % 64;
    header[8] = (uint8_t)(1u << (data[2] % 5));
    header[9] = data[2] >> 5;
    header[12] = data[3] & 1;
    add_chunk(file, "IHDR", header, sizeof header);
}

// Each chunk: a byte for its type and whether its bytes are compressed, one for its length.
static void add_chunks(struct file *file, const uint8_t *data, size_t size)
{
    uint8_t packed[1024];

    while (size > 2) {
        const char *type = types[data[0] % 16];
        size_t length = data[1] < size - 2 ? data[1] : size - 2;
        uLongf packed_bytes = sizeof packed;

        if ((data[0] & 16) && compress(packed, &packed_bytes, data + 2, length) == Z_OK)
            add_chunk(file, type, packed, (uint32_t)packed_bytes);
        else
            add_chunk(file, type, data + 2, (uint32_t)length);
        data += 2 + length;
        size -= 2 + length;
    }
    add_chunk(file, "IEND", NULL, 0);
}

static void decode(const void *bytes, size_t size_bytes)
{
    struct draw_reason why = {""};
    struct bitmap *bitmap = NULL;
    struct image *image = NULL;

    if (png_decode("fuzz", bytes, size_bytes, &bitmap, &why) != CASTOR_OK) {
        assert(why.text[0] && memchr(why.text, '\0', sizeof why.text));
        return;
    }
    assert(bitmap->width_px <= BITMAP_WIDTH_MAX_PX && bitmap->height_px <= BITMAP_HEIGHT_MAX_PX);
    if (bitmap->width_px <= 64 && bitmap->height_px <= 64 &&
        image_create(bitmap, CASTOR_PIXEL_NV12, 50, &image) == CASTOR_OK)
        image_destroy(image);
    bitmap_destroy(bitmap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    struct file file = {.bytes = malloc(ROOM), .size_bytes = sizeof signature};

    if (file.bytes && size >= 4) {
        memcpy(file.bytes, signature, sizeof signature);
        add_header(&file, data);
        add_chunks(&file, data + 4, size - 4);
        decode(file.bytes, file.size_bytes);
    }
    free(file.bytes);
    decode(data, size);
    return 0;
}
