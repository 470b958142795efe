// SPDX-License-Identifier: Apache-2.0
// frame_numbers WIDTH HEIGHT < frames.gray
//
// Names every picture of a raw 8-bit gray stream: prints the number that the pattern source drew into it, one
// a line, or -1 where it cannot be read. HEIGHT may be less than the picture's, as long as it holds the
// block. It shares no code with what draws the block or with castor-probe, so that no mistake hides in both.
//
// The block: 64 cells in two rows of 32 at the top left, white = 1. First row: bits 0 to 31 of the number,
// lowest first. Second row: bits 32 to 47, then CRC-16/CCITT-FALSE over the six bytes of the number, big
// endian.
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define CELLS_A_ROW 32u
#define CELL_MIN_PX 10u
#define CELL_HEIGHT_MAX_PX 32u
#define SIZE_MAX_PX 8192u
#define THRESHOLD 125u // between black (16) and white (235)

static unsigned cell_width_px(unsigned width_px)
{
    unsigned cell_px = width_px / CELLS_A_ROW & ~1u;

    return cell_px < CELL_MIN_PX ? CELL_MIN_PX : cell_px;
}

static unsigned cell_height_px(unsigned width_px)
{
    unsigned cell_px = cell_width_px(width_px);

    return cell_px > CELL_HEIGHT_MAX_PX ? CELL_HEIGHT_MAX_PX : cell_px;
}

// The mean of the inner half decides: the edges have suffered most from coding.
static unsigned read_cell(const uint8_t *picture, unsigned width_px, unsigned column, unsigned row)
{
    unsigned w = cell_width_px(width_px), h = cell_height_px(width_px);
    unsigned left = column * w + w / 4, top = row * h + h / 4;
    uint64_t sum = 0;

    for (unsigned y = top; y < top + h / 2; y++)
        for (unsigned x = left; x < left + w / 2; x++)
            sum += picture[(size_t)y * width_px + x];
    return sum > (uint64_t)THRESHOLD * (w / 2) * (h / 2);
}

static uint16_t crc16(uint64_t number)
{
    uint16_t crc = 0xFFFF;

    for (int shift = 40; shift >= 0; shift -= 8) {
        crc = (uint16_t)(crc ^ (number >> shift & 0xFF) << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 0x8000 ? crc << 1 ^ 0x1021 : crc << 1);
    }
    return crc;
}

static int64_t read_number(const uint8_t *picture, unsigned width_px)
{
    uint64_t number = 0;
    uint16_t crc = 0;

    for (unsigned i = 0; i < 48; i++)
        number |= (uint64_t)read_cell(picture, width_px, i % CELLS_A_ROW, i / CELLS_A_ROW) << i;
    for (unsigned i = 0; i < 16; i++)
        crc = (uint16_t)(crc | read_cell(picture, width_px, 16 + i, 1) << i);
    return crc == crc16(number) ? (int64_t)number : -1;
}

static bool parse_size(const char *text, unsigned *out)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *out = (unsigned)value;
    return *text != '\0' && *end == '\0' && value > 0 && value <= SIZE_MAX_PX;
}

int main(int argc, char **argv)
{
    unsigned width_px, height_px;

    if (argc != 3 || !parse_size(argv[1], &width_px) || !parse_size(argv[2], &height_px)) {
        fputs("usage: frame_numbers WIDTH HEIGHT < frames.gray\n", stderr);
        return 2;
    }
    if (width_px < CELLS_A_ROW * cell_width_px(width_px) || height_px < 2 * cell_height_px(width_px)) {
        fputs("frame_numbers: pictures of this size have no room for the number\n", stderr);
        return 2;
    }
    size_t size_bytes = (size_t)width_px * height_px;
    uint8_t *picture = malloc(size_bytes);
    if (!picture) {
        fputs("frame_numbers: out of memory\n", stderr);
        return 1;
    }
    size_t got;
    while ((got = fread(picture, 1, size_bytes, stdin)) == size_bytes)
        printf("%" PRId64 "\n", read_number(picture, width_px));
    free(picture);
    if (got != 0) {
        fprintf(stderr, "frame_numbers: the last picture is cut short (%zu of %zu bytes)\n", got, size_bytes);
        return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
