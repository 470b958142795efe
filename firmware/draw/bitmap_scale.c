// SPDX-License-Identifier: Apache-2.0
// Each new pixel is the average of what it covers, at least one old pixel wide: the area when it gets
// smaller, a line between neighbours when it gets larger. Summed with alpha multiplied in, so that the colour
// of what is transparent does not bleed into what is not. libyuv's scaler leaves alpha 253 of 255 where all
// was opaque.
#include "draw/bitmap.h"

#include <stdlib.h>

struct rgba {
    float r, g, b, a; // 0..255; colour times alpha
};

// Which old pixels a new one covers, along one axis.
struct cover {
    double from, to; // in old pixels
    double scale;    // 1 / (to - from)
};

static struct cover cover_of(uint32_t index, uint32_t new_px, uint32_t old_px)
{
    double ratio = (double)old_px / new_px;
    double width = ratio > 1.0 ? ratio : 1.0;
    double centre = (index + 0.5) * ratio;

    return (struct cover){centre - width / 2, centre + width / 2, 1.0 / width};
}

// How much of the new pixel is old pixel `at`.
static float weight_of(const struct cover *cover, int64_t at)
{
    double from = cover->from > (double)at ? cover->from : (double)at;
    double to = cover->to < (double)(at + 1) ? cover->to : (double)(at + 1);

    return to > from ? (float)((to - from) * cover->scale) : 0.0f;
}

static int64_t floor_of(double value)
{
    return (int64_t)(value + 1.0) - 1; // never below -1
}

static int64_t within(int64_t at, uint32_t count)
{
    return at < 0 ? 0 : at >= count ? count - 1 : at;
}

static void add(struct rgba *sum, const struct rgba *one, float weight)
{
    sum->r += one->r * weight;
    sum->g += one->g * weight;
    sum->b += one->b * weight;
    sum->a += one->a * weight;
}

static void scale_row(const struct bitmap *bitmap, uint32_t row, uint32_t width_px, struct rgba *out)
{
    const uint8_t *from = bitmap->rgba + 4 * (size_t)row * bitmap->width_px;

    for (uint32_t x = 0; x < width_px; x++) {
        struct cover cover = cover_of(x, width_px, bitmap->width_px);

        out[x] = (struct rgba){0};
        for (int64_t at = floor_of(cover.from); (double)at < cover.to; at++) {
            const uint8_t *p = from + 4 * within(at, bitmap->width_px);
            float alpha = (float)p[3] / 255.0f;

            add(&out[x], &(struct rgba){p[0] * alpha, p[1] * alpha, p[2] * alpha, p[3]},
                weight_of(&cover, at));
        }
    }
}

static uint8_t byte_of(float value)
{
    return (uint8_t)(value > 254.5f ? 255.0f : value + 0.5f);
}

static void put_row(const struct rgba *sum, uint32_t width_px, uint8_t *to)
{
    for (uint32_t x = 0; x < width_px; x++, to += 4) {
        float alpha = sum[x].a > 0.0f ? sum[x].a / 255.0f : 1.0f;

        to[0] = byte_of(sum[x].r / alpha);
        to[1] = byte_of(sum[x].g / alpha);
        to[2] = byte_of(sum[x].b / alpha);
        to[3] = byte_of(sum[x].a);
    }
}

// Row after row: one old row at a time is made narrower and added where it counts; a new row takes few.
static void scale_all(const struct bitmap *bitmap, struct bitmap *scaled, struct rgba *row, struct rgba *sum)
{
    int64_t made = -1; // which old row `row` is

    for (uint32_t y = 0; y < scaled->height_px; y++) {
        struct cover cover = cover_of(y, scaled->height_px, bitmap->height_px);

        for (uint32_t x = 0; x < scaled->width_px; x++)
            sum[x] = (struct rgba){0};
        for (int64_t at = floor_of(cover.from); (double)at < cover.to; at++) {
            if (within(at, bitmap->height_px) != made) {
                made = within(at, bitmap->height_px);
                scale_row(bitmap, (uint32_t)made, scaled->width_px, row);
            }
            for (uint32_t x = 0; x < scaled->width_px; x++)
                add(&sum[x], &row[x], weight_of(&cover, at));
        }
        put_row(sum, scaled->width_px, scaled->rgba + 4 * (size_t)y * scaled->width_px);
    }
}

int bitmap_scale(const struct bitmap *bitmap, uint32_t width_px, uint32_t height_px, struct bitmap **out,
                 struct draw_reason *why)
{
    struct bitmap *scaled;
    struct rgba *rows;
    int error = bitmap_create(width_px, height_px, &scaled, why);

    if (error)
        return error;
    rows = malloc(2 * (size_t)width_px * sizeof *rows);
    if (!rows) {
        bitmap_destroy(scaled);
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no memory to scale to %u x %u", width_px,
                               height_px);
    }
    scale_all(bitmap, scaled, rows, rows + width_px);
    free(rows);
    *out = scaled;
    return CASTOR_OK;
}
