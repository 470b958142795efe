// SPDX-License-Identifier: Apache-2.0
// What each kind of item of the overlay costs a frame, beside a memcpy of the picture, and blending beside
// libyuv's. bench_overlay LOGO.PNG: at 720p and 1080p, in every pixel format; medians of many frames, the
// pictures in turn from memory as in the pool. Build for release.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libyuv/planar_functions.h>

#include "draw/overlay.h"

#define FRAMES 401
#define PICTURES 12 // more than the caches hold

struct bench {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct castor_frame frame[PICTURES];
    uint8_t *memory, *copy;
    int64_t ns[FRAMES];
};

static int by_length(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static double median_us(struct bench *bench)
{
    qsort(bench->ns, FRAMES, sizeof bench->ns[0], by_length);
    return (double)bench->ns[FRAMES / 2] / 1e3;
}

static double copy_us(struct bench *bench)
{
    for (int i = 0; i < FRAMES; i++) {
        int64_t before_ns = castor_now_ns();

        memcpy(bench->copy, bench->frame[i % PICTURES].plane[0], bench->layout.size_bytes);
        bench->ns[i] = castor_now_ns() - before_ns;
    }
    return median_us(bench);
}

static double item_us(struct bench *bench, const struct message_overlay_item *item)
{
    struct message_overlay order = {.name = "castor", .item = *item};
    struct message_overlay_state state;
    struct overlay *overlay;

    if (overlay_create(&bench->format, &overlay) != CASTOR_OK || overlay_set(overlay, &order) != CASTOR_OK ||
        !overlay_wait(overlay, castor_now_ns() + 10 * CASTOR_NS_PER_S) || !overlay_report(overlay, &state) ||
        state.status != MESSAGE_OVERLAY_IS_PREPARED) {
        fprintf(stderr, "bench_overlay: an item cannot be prepared\n");
        exit(1);
    }
    for (int i = 0; i < FRAMES; i++) {
        struct castor_frame frame = bench->frame[i % PICTURES];
        int64_t before_ns = castor_now_ns();

        frame.sequence = (uint64_t)i;
        frame.capture_ns = before_ns;
        if (overlay_prepare(overlay))
            overlay_draw(overlay, &frame);
        bench->ns[i] = castor_now_ns() - before_ns;
    }
    overlay_destroy(overlay);
    return median_us(bench);
}

// The whole picture with alpha, by libyuv: what blend.c has to stand beside.
static double libyuv_us(struct bench *bench)
{
    const int width = (int)bench->format.width_px, height = (int)bench->format.height_px;
    uint8_t *alpha = malloc((size_t)width * (size_t)height);

    if (!alpha)
        exit(1);
    memset(alpha, 128, (size_t)width * (size_t)height);
    for (int i = 0; i < FRAMES; i++) {
        const struct castor_frame *to = &bench->frame[i % PICTURES];
        struct castor_frame from = {0};
        int64_t before_ns = castor_now_ns();

        castor_frame_map(&bench->layout, bench->copy, &from);
        if (I420Blend(from.plane[0], (int)from.stride_bytes[0], from.plane[1], (int)from.stride_bytes[1],
                      from.plane[2], (int)from.stride_bytes[2], to->plane[0], (int)to->stride_bytes[0],
                      to->plane[1], (int)to->stride_bytes[1], to->plane[2], (int)to->stride_bytes[2], alpha,
                      width, to->plane[0], (int)to->stride_bytes[0], to->plane[1], (int)to->stride_bytes[1],
                      to->plane[2], (int)to->stride_bytes[2], width, height) != 0)
            exit(1);
        bench->ns[i] = castor_now_ns() - before_ns;
    }
    free(alpha);
    return median_us(bench);
}

static void run(uint32_t width_px, uint32_t height_px, uint32_t pixel, const char *logo)
{
    static struct bench bench;
    struct message_overlay_item items[] = {
        {.kind = MESSAGE_OVERLAY_CLOCK, .text = "{date} {time}"},
        {.kind = MESSAGE_OVERLAY_TIMECODE},
        {.kind = MESSAGE_OVERLAY_TEXT, .text = "A line of forty characters: {name}"},
        {.kind = MESSAGE_OVERLAY_QR, .text = "https://example.org/castor"},
        {.kind = MESSAGE_OVERLAY_LOGO, .size_px = height_px / 8},
        {.kind = MESSAGE_OVERLAY_LOGO, .size_px = height_px, .opacity_percent = 50}};
    static const char *const names[] = {"clock",   "timecode",          "text",
                                        "QR code", "logo of an eighth", "logo of all"};
    double copy;

    bench.format = (struct castor_format){width_px, height_px, pixel, {30, 1}};
    if (castor_frame_layout_compute(&bench.format, 64, &bench.layout) != CASTOR_OK)
        exit(1);
    bench.memory = calloc(PICTURES + 1, bench.layout.size_bytes);
    if (!bench.memory)
        exit(1);
    for (size_t i = 0; i < PICTURES; i++)
        castor_frame_map(&bench.layout, bench.memory + i * bench.layout.size_bytes, &bench.frame[i]);
    bench.copy = bench.memory + PICTURES * bench.layout.size_bytes;
    copy = copy_us(&bench);
    printf("%ux%u %s: memcpy of the picture %.0f us\n", width_px, height_px, castor_pixel_name(pixel), copy);
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        double us;

        items[i].edge = 1;
        items[i].quiet = 4;
        items[i].opacity_percent = items[i].opacity_percent ? items[i].opacity_percent : 100;
        (void)snprintf(items[i].colour, sizeof items[i].colour, "#ffffff");
        (void)snprintf(items[i].file, sizeof items[i].file, "%s", logo);
        us = item_us(&bench, &items[i]);
        printf("  %-18s %7.1f us, %.2f of it\n", names[i], us, us / copy);
    }
    if (pixel == CASTOR_PIXEL_I420)
        printf("  %-18s %7.1f us\n", "all, by libyuv", libyuv_us(&bench));
    free(bench.memory);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench_overlay /WHOLE/PATH/OF/LOGO.PNG (as wide as 16:9)\n");
        return 2;
    }
    for (uint32_t pixel = CASTOR_PIXEL_I420; pixel < CASTOR_PIXEL_END; pixel++) {
        run(1280, 720, pixel, argv[1]);
        run(1920, 1080, pixel, argv[1]);
    }
    return 0;
}
