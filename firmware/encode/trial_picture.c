// SPDX-License-Identifier: Apache-2.0
#include "encode/trial_picture.h"

#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define ALIGN_BYTES 64u
#define NUMBER_CELLS 32u
#define LUMA_0 16
#define LUMA_1 235
#define GRAIN_MASK 0x0F

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

// A slope with grain on it. In 16-bit formats the grain is in the low byte as well, which does no harm.
static void fill(const struct trial_pictures *pictures, uint8_t *memory, uint32_t seed)
{
    uint32_t state = 0x9E3779B9u * (seed + 1);

    for (uint32_t plane = 0; plane < pictures->layout.planes; plane++) {
        uint32_t rows = pictures->layout.rows[plane], stride = pictures->layout.stride_bytes[plane];
        uint8_t *first = memory + pictures->layout.offset_bytes[plane];
        for (uint32_t y = 0; y < rows; y++) {
            uint8_t *row = first + (size_t)y * stride;
            uint32_t base = plane == 0 ? 48 + y * 128 / rows : 112;
            for (uint32_t x = 0; x + 4 <= stride; x += 4) {
                uint32_t random = next_random(&state);
                for (uint32_t i = 0; i < 4; i++)
                    row[x + i] = (uint8_t)(base + (random >> (8 * i) & GRAIN_MASK));
            }
        }
    }
}

int trial_pictures_create(const struct castor_format *format, struct trial_pictures *out)
{
    struct trial_pictures pictures = {.format = *format};
    int error = castor_frame_layout_compute(format, ALIGN_BYTES, &pictures.layout);

    if (error != CASTOR_OK)
        return error;
    pictures.stride_bytes = (pictures.layout.size_bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
    pictures.memory_bytes = pictures.stride_bytes * TRIAL_PICTURES;
    void *memory = mmap(NULL, pictures.memory_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED)
        return CASTOR_ERR_NO_MEMORY;
    pictures.memory = memory;
    for (uint32_t i = 0; i < TRIAL_PICTURES; i++)
        fill(&pictures, pictures.memory + i * pictures.stride_bytes, i);
    *out = pictures;
    return CASTOR_OK;
}

void trial_pictures_destroy(struct trial_pictures *pictures)
{
    if (pictures->memory)
        (void)munmap(pictures->memory, pictures->memory_bytes);
    pictures->memory = NULL;
}

// A row of cells, one for each bit of the number.
static void draw_number(const struct trial_pictures *pictures, const struct castor_frame *frame,
                        uint64_t number)
{
    uint32_t sample_bytes = castor_pixel_bytes(pictures->format.pixel);
    uint32_t cell_px = pictures->format.width_px / NUMBER_CELLS & ~1u;

    for (uint32_t y = 0; y < cell_px; y++)
        for (uint32_t bit = 0; bit < NUMBER_CELLS; bit++)
            memset(frame->plane[0] + (size_t)y * frame->stride_bytes[0] +
                       (size_t)bit * cell_px * sample_bytes,
                   number >> bit & 1 ? LUMA_1 : LUMA_0, (size_t)cell_px * sample_bytes);
}

void trial_pictures_draw(const struct trial_pictures *pictures, uint64_t sequence, struct castor_frame *out)
{
    uint32_t index = (uint32_t)(sequence % TRIAL_PICTURES);
    struct castor_frame frame = {
        .sequence = sequence,
        .capture_ns = castor_now_ns(),
        .slot = index,
        .dmabuf_fd = -1,
    };

    castor_frame_map(&pictures->layout, pictures->memory + index * pictures->stride_bytes, &frame);
    draw_number(pictures, &frame, sequence);
    *out = frame;
}
