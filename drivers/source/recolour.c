// SPDX-License-Identifier: Apache-2.0
#include "recolour.h"

#include <stddef.h>

#define ONE 65536.0
#define CHROMA_MIDDLE ((int32_t)(128.5 * ONE)) // 128, and half a step to round

// The weights of red and blue in luma.
struct weights {
    double red, blue;
};
static const struct weights weights_601 = {0.299, 0.114}, weights_709 = {0.2126, 0.0722};

struct ycc {
    double y, u, v;
};

// A pure colour difference, from one system to the other; u and v reach from -0.5 to 0.5.
static struct ycc convert(const struct weights *from, const struct weights *to, double u, double v)
{
    double red = 2 * (1 - from->red) * v;
    double blue = 2 * (1 - from->blue) * u;
    double green = -(from->red * red + from->blue * blue) / (1 - from->red - from->blue);
    double y = to->red * red + (1 - to->red - to->blue) * green + to->blue * blue;

    return (struct ycc){y, (blue - y) / (2 * (1 - to->blue)), (red - y) / (2 * (1 - to->red))};
}

static int32_t fixed(double value)
{
    return (int32_t)(value * ONE + (value < 0 ? -0.5 : 0.5));
}

static uint8_t byte(int32_t value)
{
    value >>= 16;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

void recolour_init(struct recolour *colour, bool bt601, enum recolour_range range)
{
    // luma and chroma: from the picture's scale to the house's; cross: from the picture's chroma to luma.
    static const struct {
        double luma, offset, chroma, cross;
    } scales[] = {
        [RECOLOUR_LIMITED] = {1, 0, 1, 219.0 / 224},
        [RECOLOUR_FULL] = {219.0 / 255, 16, 224.0 / 255, 219.0 / 255},
        [RECOLOUR_LIMITED_TWICE] = {255.0 / 219, -16 * 255.0 / 219, 255.0 / 219, 255.0 / 224},
    };
    const struct weights *from = bt601 ? &weights_601 : &weights_709;
    struct ycc by_u = convert(from, &weights_709, 1, 0);
    struct ycc by_v = convert(from, &weights_709, 0, 1);
    double chroma = scales[range].chroma, cross = scales[range].cross;

    *colour = (struct recolour){.needed = bt601 || range != RECOLOUR_LIMITED,
                                .luma = fixed(scales[range].luma),
                                .luma_offset = fixed(scales[range].offset + 0.5),
                                .y_u = fixed(by_u.y * cross),
                                .y_v = fixed(by_v.y * cross),
                                .u_u = fixed(by_u.u * chroma),
                                .u_v = fixed(by_v.u * chroma),
                                .v_u = fixed(by_u.v * chroma),
                                .v_v = fixed(by_v.v * chroma)};
    colour->apart =
        !colour->y_u && !colour->y_v && !colour->u_v && !colour->v_u && colour->u_u == colour->v_v;
    for (int i = 0; i < 256; i++) {
        colour->luma_table[i] = byte(colour->luma * i + colour->luma_offset);
        colour->chroma_table[i] = byte(colour->u_u * (i - 128) + CHROMA_MIDDLE);
    }
}

static void apply_tables(const struct recolour *c, const struct recolour_planes *p)
{
    for (int line = 0; line < p->height; line++) {
        uint8_t *y = p->y + (ptrdiff_t)line * p->y_stride;
        for (int x = 0; x < p->width; x++)
            y[x] = c->luma_table[y[x]];
    }
    for (int line = 0; line < p->height / 2; line++) {
        uint8_t *u = p->u + (ptrdiff_t)line * p->u_stride;
        uint8_t *v = p->v + (ptrdiff_t)line * p->v_stride;
        for (int x = 0; x < p->width / 2 * p->chroma_step; x += p->chroma_step) {
            u[x] = c->chroma_table[u[x]];
            v[x] = c->chroma_table[v[x]];
        }
    }
}

void recolour_apply(const struct recolour *c, const struct recolour_planes *p)
{
    if (c->apart) {
        apply_tables(c, p);
        return;
    }
    for (int line = 0; line < p->height / 2; line++) {
        uint8_t *y0 = p->y + (ptrdiff_t)(2 * line) * p->y_stride;
        uint8_t *y1 = y0 + p->y_stride;
        uint8_t *u = p->u + (ptrdiff_t)line * p->u_stride;
        uint8_t *v = p->v + (ptrdiff_t)line * p->v_stride;

        for (int x = 0; x < p->width; x += 2, u += p->chroma_step, v += p->chroma_step) {
            int32_t du = *u - 128, dv = *v - 128;
            int32_t add = c->y_u * du + c->y_v * dv + c->luma_offset;

            y0[x] = byte(c->luma * y0[x] + add);
            y0[x + 1] = byte(c->luma * y0[x + 1] + add);
            y1[x] = byte(c->luma * y1[x] + add);
            y1[x + 1] = byte(c->luma * y1[x + 1] + add);
            *u = byte(c->u_u * du + c->u_v * dv + CHROMA_MIDDLE);
            *v = byte(c->v_u * du + c->v_v * dv + CHROMA_MIDDLE);
        }
    }
}
