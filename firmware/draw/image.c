// SPDX-License-Identifier: Apache-2.0
#include "draw/image.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

// Sums of alpha (0..1) and of Y, Cb, Cr times alpha, over some pixels.
struct weighed {
    float alpha, y, cb, cr;
};

static int make_plane(struct image_plane *plane, uint32_t columns, uint32_t rows)
{
    size_t samples = (size_t)columns * rows;

    plane->columns = columns;
    plane->rows = rows;
    plane->colour = malloc(samples * sizeof plane->colour[0]);
    plane->keep = malloc(samples * sizeof plane->keep[0]);
    plane->span = malloc(rows * sizeof plane->span[0]);
    return plane->colour && plane->keep && plane->span ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
}

static struct weighed pixel_at(const struct bitmap *bitmap, uint32_t x, uint32_t y, float opacity)
{
    const uint8_t *p;
    float alpha, red, green, blue, luma;

    if (x >= bitmap->width_px || y >= bitmap->height_px)
        return (struct weighed){0};
    p = bitmap->rgba + 4 * ((size_t)y * bitmap->width_px + x);
    alpha = (float)p[3] * (opacity / 255.0f);
    red = (float)p[0] / 255.0f;
    green = (float)p[1] / 255.0f;
    blue = (float)p[2] / 255.0f;
    luma = 0.2126f * red + 0.7152f * green + 0.0722f * blue;
    return (struct weighed){.alpha = alpha,
                            .y = alpha * (16.0f + 219.0f * luma),
                            .cb = alpha * (128.0f + 224.0f * (blue - luma) / 1.8556f),
                            .cr = alpha * (128.0f + 224.0f * (red - luma) / 1.5748f)};
}

// `sample` is of 8 bit, times alpha. It follows alpha's rounding, so that a colour over itself stays what it
// is.
static void put(struct image_plane *plane, uint32_t bits, uint32_t column, uint32_t row, float sample,
                float alpha)
{
    size_t at = (size_t)row * plane->columns + column;
    uint32_t rounded = (uint32_t)(alpha * 255.0f + 0.5f);
    float colour = rounded > 0 ? sample / alpha * (float)rounded / 255.0f : 0.0f;

    plane->keep[at] = (uint16_t)((255 - rounded) * (bits == 8 ? 1u : 257u));
    plane->colour[at] = (uint16_t)(colour * (bits == 8 ? 255.0f : 256.0f) + 0.5f);
}

// Two by two pixels: their luma, and the chroma that they share.
static void put_block(struct image *image, const struct bitmap *bitmap, uint32_t x, uint32_t y, float opacity)
{
    uint32_t bits = castor_pixel_bits(image->pixel);
    bool three = image->plane_count == 3;
    struct weighed sum = {0};

    for (uint32_t i = 0; i < 4; i++) {
        struct weighed one = pixel_at(bitmap, x + i % 2, y + i / 2, opacity);

        put(&image->plane[0], bits, x + i % 2, y + i / 2, one.y, one.alpha);
        sum.alpha += one.alpha / 4;
        sum.cb += one.cb / 4;
        sum.cr += one.cr / 4;
    }
    put(&image->plane[1], bits, three ? x / 2 : x, y / 2, sum.cb, sum.alpha);
    put(&image->plane[three ? 2 : 1], bits, three ? x / 2 : x + 1, y / 2, sum.cr, sum.alpha);
}

static void find_spans(const struct image_plane *plane, uint16_t transparent)
{
    for (uint32_t row = 0; row < plane->rows; row++) {
        const uint16_t *keep = plane->keep + (size_t)row * plane->columns;
        uint32_t first = 0;
        uint32_t end = plane->columns;

        while (first < end && keep[first] == transparent)
            first++;
        while (end > first && keep[end - 1] == transparent)
            end--;
        plane->span[row] = (struct image_span){(uint16_t)first, (uint16_t)end};
    }
}

static int make_planes(struct image *image)
{
    uint32_t chroma_rows = image->height_px / 2;
    int error = make_plane(&image->plane[0], image->width_px, image->height_px);

    if (!error && image->plane_count == 2)
        return make_plane(&image->plane[1], image->width_px, chroma_rows);
    if (!error)
        error = make_plane(&image->plane[1], image->width_px / 2, chroma_rows);
    return error ? error : make_plane(&image->plane[2], image->width_px / 2, chroma_rows);
}

int image_create(const struct bitmap *bitmap, uint32_t pixel, uint32_t opacity_percent, struct image **out)
{
    uint32_t bits = castor_pixel_bits(pixel);
    struct image *image;

    assert(opacity_percent <= 100);
    if (bits == 0)
        return CASTOR_ERR_INVALID;
    image = calloc(1, sizeof *image);
    if (!image)
        return CASTOR_ERR_NO_MEMORY;
    image->pixel = pixel;
    image->width_px = (bitmap->width_px + 1) & ~1u;
    image->height_px = (bitmap->height_px + 1) & ~1u;
    image->plane_count = pixel == CASTOR_PIXEL_I420 ? 3 : 2;
    if (make_planes(image) != CASTOR_OK) {
        image_destroy(image);
        return CASTOR_ERR_NO_MEMORY;
    }
    for (uint32_t y = 0; y < image->height_px; y += 2)
        for (uint32_t x = 0; x < image->width_px; x += 2)
            put_block(image, bitmap, x, y, (float)opacity_percent / 100.0f);
    for (uint32_t i = 0; i < image->plane_count; i++)
        find_spans(&image->plane[i], bits == 8 ? 255 : 65535);
    *out = image;
    return CASTOR_OK;
}

void image_destroy(struct image *image)
{
    if (!image)
        return;
    for (uint32_t i = 0; i < CASTOR_PLANES_MAX; i++) {
        free(image->plane[i].colour);
        free(image->plane[i].keep);
        free(image->plane[i].span);
    }
    free(image);
}
