// SPDX-License-Identifier: Apache-2.0
#include "draw/blend.h"

#include <assert.h>

// Rounded division by 255 for what a sample and its alpha can be: never above 65153 before the last addition,
// so that 16 bit suffice and a vector holds twice as many.
static void blend_8(uint8_t *restrict to, const uint16_t *restrict colour, const uint16_t *restrict keep,
                    uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t sum = (uint16_t)(colour[i] + to[i] * keep[i] + 128);

        to[i] = (uint8_t)((uint16_t)(sum + (sum >> 8)) >> 8);
    }
}

// The upper half of the product stands for the division; rounded to the 10 bits that are used.
static void blend_10(uint16_t *restrict to, const uint16_t *restrict colour, const uint16_t *restrict keep,
                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint16_t kept = (uint16_t)((uint32_t)to[i] * keep[i] >> 16);

        to[i] = (uint16_t)((uint16_t)(kept + colour[i] + 32) & 0xffc0);
    }
}

struct part {
    int32_t x, y;          // where the plane's first sample comes to lie, in samples and rows
    int32_t columns, rows; // the frame's plane
};

static void blend_plane(const struct image_plane *plane, struct part part, uint32_t sample_bytes, uint8_t *to,
                        uint32_t stride_bytes)
{
    int32_t row = part.y < 0 ? -part.y : 0;
    int32_t end_row = part.rows - part.y < (int32_t)plane->rows ? part.rows - part.y : (int32_t)plane->rows;

    for (; row < end_row; row++) {
        int32_t first = plane->span[row].first;
        int32_t end = plane->span[row].end;
        size_t at = (size_t)row * plane->columns;
        uint8_t *line = to + (size_t)(part.y + row) * stride_bytes;

        first = first < -part.x ? -part.x : first;
        end = end > part.columns - part.x ? part.columns - part.x : end;
        if (first >= end)
            continue;
        at += (size_t)first;
        line += (size_t)(part.x + first) * sample_bytes;
        if (sample_bytes == 1)
            blend_8(line, plane->colour + at, plane->keep + at, (uint32_t)(end - first));
        else
            blend_10((uint16_t *)(void *)line, plane->colour + at, plane->keep + at, (uint32_t)(end - first));
    }
}

void blend_image(const struct image *image, const struct castor_format *format,
                 const struct castor_frame *frame, int32_t x_px, int32_t y_px)
{
    const int32_t x = x_px & ~1;
    const int32_t y = y_px & ~1;
    const int32_t width = (int32_t)format->width_px;
    const int32_t height = (int32_t)format->height_px;

    assert(image->pixel == format->pixel);
    if (x >= width || y >= height || x <= -(int32_t)image->width_px || y <= -(int32_t)image->height_px)
        return;
    for (uint32_t i = 0; i < image->plane_count; i++) {
        int32_t across = i > 0 && image->plane_count == 3 ? 2 : 1; // pixels to a sample
        int32_t down = i > 0 ? 2 : 1;

        blend_plane(
            &image->plane[i],
            (struct part){.x = x / across, .y = y / down, .columns = width / across, .rows = height / down},
            castor_pixel_bytes(image->pixel), frame->plane[i], frame->stride_bytes[i]);
    }
}
