// SPDX-License-Identifier: Apache-2.0
#include "bars.h"

#include <math.h>
#include <stdlib.h>

#define WINDOW_PX 8u // mean over a square: noise of a conversion is not a wrong colour

static const uint32_t heights_percent[] = {8, 50, 92};
#define HEIGHTS (sizeof heights_percent / sizeof heights_percent[0])

void bars_expected(uint32_t bar, int out_ycbcr[3])
{
    static const double level = 0.75, kr = 0.2126, kb = 0.0722;
    uint32_t bits =
        7 - bar; // white, yellow, cyan, green, magenta, red, blue, black: green, red, blue from 111
    double g = bits & 4 ? level : 0, r = bits & 2 ? level : 0, b = bits & 1 ? level : 0;
    double y = kr * r + (1 - kr - kb) * g + kb * b;

    out_ycbcr[0] = (int)lround(16 + 219 * y);
    out_ycbcr[1] = (int)lround(128 + 224 * (b - y) / (2 * (1 - kb)));
    out_ycbcr[2] = (int)lround(128 + 224 * (r - y) / (2 * (1 - kr)));
}

// One component (0 Y, 1 Cb, 2 Cr) at a luma position, in 8-bit steps.
static int component_at(const struct castor_format *format, const struct castor_frame *frame,
                        uint32_t component, uint32_t x, uint32_t y)
{
    uint32_t bytes = format->pixel == CASTOR_PIXEL_P010 ? 2 : 1;
    uint32_t plane = component, column = x;

    if (component > 0) {
        y /= 2;
        column = x / 2;
        if (format->pixel != CASTOR_PIXEL_I420) { // Cb and Cr take turns in one plane
            plane = 1;
            column = 2 * column + component - 1;
        }
    }
    // P010 keeps its bits at the top of a little-endian word: the second byte is the 8-bit value.
    return frame->plane[plane][(size_t)y * frame->stride_bytes[plane] + (size_t)column * bytes + bytes - 1];
}

static int component_mean(const struct castor_format *format, const struct castor_frame *frame,
                          uint32_t component, uint32_t x, uint32_t y)
{
    int sum = 0;

    for (uint32_t line = 0; line < WINDOW_PX; line++)
        for (uint32_t column = 0; column < WINDOW_PX; column++)
            sum += component_at(format, frame, component, x + column, y + line);
    return (sum + (int)(WINDOW_PX * WINDOW_PX / 2)) / (int)(WINDOW_PX * WINDOW_PX);
}

static void note_worst(int difference, uint32_t bar, uint32_t height_percent, int *worst, uint32_t *worst_bar,
                       uint32_t *worst_height_percent)
{
    if (difference <= *worst)
        return;
    *worst = difference;
    *worst_bar = bar;
    *worst_height_percent = height_percent;
}

struct bars_error bars_compare(const struct castor_format *format, const struct castor_frame *frame)
{
    struct bars_error error = {0};

    for (uint32_t bar = 0; bar < BARS_COLUMNS; bar++) {
        uint32_t x = ((2 * bar + 1) * format->width_px / (2 * BARS_COLUMNS) - WINDOW_PX / 2) & ~1u;
        int expected[3];

        bars_expected(bar, expected);
        for (uint32_t i = 0; i < HEIGHTS; i++) {
            uint32_t y = format->height_px * heights_percent[i] / 100 & ~1u;
            for (uint32_t component = 0; component < 3; component++) {
                int difference = abs(component_mean(format, frame, component, x, y) - expected[component]);
                if (component == 0)
                    note_worst(difference, bar, heights_percent[i], &error.luma, &error.luma_bar,
                               &error.luma_height_percent);
                else
                    note_worst(difference, bar, heights_percent[i], &error.chroma, &error.chroma_bar,
                               &error.chroma_height_percent);
            }
        }
    }
    return error;
}
