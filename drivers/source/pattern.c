// SPDX-License-Identifier: Apache-2.0
// Test pattern: colour bars, a moving element, a flash once a second, and the frame's own number. Drawn when
// a slot is lent, published at its tick.
#include "pattern.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "grid.h"
#include "hal/paint.h"
#include "number.h"
#include "slots.h"
#include "ticker.h"

#define PATTERN_SLOTS_KNOWN 64
#define PATTERN_QUEUE_DEPTH 3

// What stands in a slot's memory since it was drawn last.
struct pattern_slot {
    const uint8_t *memory; // NULL: nothing of ours
    uint32_t box_x_px;
};

struct rectangle {
    uint32_t x, y, width, height;
};

struct pattern {
    struct source source;
    struct grid grid;
    struct slots ready;
    struct castor_frame_layout layout;
    struct castor_frame background; // planes in `picture`
    uint8_t *picture;
    uint32_t box_px, box_y_px;
    struct rectangle flash;
    int ticker;
    bool told; // the grid, as an origin
    struct pattern_slot known[PATTERN_SLOTS_KNOWN];
};

static struct pattern *from_source(struct source *source)
{
    return (struct pattern *)source;
}

// Copies rows y..y+height, columns x..x+width of the background.
static void restore(const struct pattern *pattern, const struct castor_frame *frame, uint32_t x, uint32_t y,
                    uint32_t width, uint32_t height)
{
    const uint32_t bytes = castor_pixel_bytes(pattern->source.format.pixel);

    for (uint32_t plane = 0; plane < pattern->layout.planes; plane++) {
        uint32_t down = plane ? 2 : 1;
        uint32_t across = plane && pattern->layout.planes == 3 ? 2 : 1;
        size_t left_bytes = (size_t)x / across * bytes;
        for (uint32_t line = y / down; line < (y + height) / down; line++)
            memcpy(frame->plane[plane] + (size_t)line * frame->stride_bytes[plane] + left_bytes,
                   pattern->background.plane[plane] + (size_t)line * pattern->background.stride_bytes[plane] +
                       left_bytes,
                   (size_t)width / across * bytes);
    }
}

// Of the frame's rate rounded up, so that it is a whole number of frames at 30000/1001 as well.
static bool is_flash(const struct pattern *pattern, uint64_t sequence)
{
    struct castor_rational rate = pattern->source.format.rate;

    return sequence % (((uint64_t)rate.num + rate.den - 1) / rate.den) == 0;
}

static struct rectangle flash_place(const struct castor_format *format)
{
    uint32_t x = format->width_px * 12 / 16 & ~1u, y = format->height_px * 4 / 16 & ~1u;

    return (struct rectangle){x, y, (format->width_px * 15 / 16 & ~1u) - x,
                              (format->height_px * 7 / 16 & ~1u) - y};
}

static void draw(struct pattern *pattern, const struct castor_frame *frame)
{
    const struct rectangle *flash = &pattern->flash;
    const struct castor_format *format = &pattern->source.format;
    struct pattern_slot *known = frame->slot < PATTERN_SLOTS_KNOWN ? &pattern->known[frame->slot] : NULL;
    uint32_t room = format->width_px - pattern->box_px;
    uint64_t way = frame->sequence * (format->width_px / 160 * 2) % (2 * (uint64_t)room);
    uint32_t x = (uint32_t)(way < room ? way : 2 * (uint64_t)room - way) & ~1u;

    if (known && known->memory == frame->plane[0] && !frame->overdrawn)
        restore(pattern, frame, known->box_x_px, pattern->box_y_px, pattern->box_px, pattern->box_px);
    else
        restore(pattern, frame, 0, 0, format->width_px, format->height_px);
    castor_paint_box(format, frame, x, pattern->box_y_px, pattern->box_px, pattern->box_px, CASTOR_WHITE);
    castor_paint_box(format, frame, x + pattern->box_px / 8 * 2, pattern->box_y_px + pattern->box_px / 8 * 2,
                     pattern->box_px / 4 * 2, pattern->box_px / 4 * 2,
                     castor_bar((uint32_t)(frame->sequence / 8 % CASTOR_BARS)));
    castor_paint_box(format, frame, flash->x, flash->y, flash->width, flash->height,
                     is_flash(pattern, frame->sequence) ? CASTOR_WHITE : CASTOR_BLACK);
    number_draw(format, frame, frame->sequence);
    if (known)
        *known = (struct pattern_slot){frame->plane[0], x};
}

static int resolve(const struct source_config *config, struct castor_format *out, struct source_text *why)
{
    struct castor_format format = config->format;
    int error = source_options_parse(config->options, NULL, 0, why);

    if (error)
        return error;
    if (format.width_px == 0) {
        format.width_px = 1280;
        format.height_px = 720;
    }
    if (format.rate.num == 0)
        format.rate = (struct castor_rational){30, 1};
    if (format.pixel == CASTOR_PIXEL_NONE)
        format.pixel = CASTOR_PIXEL_I420;
    *out = format;
    return CASTOR_OK;
}

static void pattern_close(struct source *source)
{
    struct pattern *pattern = from_source(source);

    if (!pattern)
        return;
    if (pattern->ticker >= 0)
        close(pattern->ticker);
    free(pattern->picture);
    free(pattern);
}

static int pattern_open(const struct source_config *config, struct source **out, struct source_text *why)
{
    struct pattern *pattern = calloc(1, sizeof *pattern);
    int error = CASTOR_ERR_NO_MEMORY;

    if (!pattern)
        return source_text_set(why, error, "out of memory for the pattern");
    pattern->ticker = -1;
    error = resolve(config, &pattern->source.format, why);
    if (!error)
        error = castor_frame_layout_compute(&pattern->source.format, 64, &pattern->layout);
    if (error)
        goto fail;
    pattern->picture = malloc(pattern->layout.size_bytes);
    error = pattern->picture ? ticker_open(&pattern->ticker) : CASTOR_ERR_NO_MEMORY;
    if (error) {
        source_text_set(why, error, "out of memory or descriptors for the pattern");
        goto fail;
    }
    castor_frame_map(&pattern->layout, pattern->picture, &pattern->background);
    castor_paint_bars(&pattern->source.format, &pattern->background);
    pattern->box_px = pattern->source.format.height_px / 8 & ~1u;
    pattern->box_y_px = pattern->source.format.height_px / 2 & ~1u; // clear of the number at every size
    pattern->flash = flash_place(&pattern->source.format);
    pattern->source.queue_depth = PATTERN_QUEUE_DEPTH;
    grid_init(&pattern->grid, pattern->source.format.rate, config);
    *out = &pattern->source;
    return CASTOR_OK;
fail:
    pattern_close(&pattern->source);
    return error;
}

static int64_t pattern_next_deadline(const struct source *source)
{
    const struct pattern *pattern = (const struct pattern *)source;
    const struct castor_frame *head = slots_peek(&pattern->ready);

    return head ? head->capture_ns : grid_next_ns(&pattern->grid);
}

static int pattern_queue(struct source *source, const struct castor_frame *frame)
{
    struct pattern *pattern = from_source(source);
    struct castor_frame drawn = *frame;
    int64_t now_ns = castor_now_ns();
    uint64_t before_slot, after_slot;

    if (slots_is_full(&pattern->ready))
        return CASTOR_ERR_FULL;
    grid_take(&pattern->grid, now_ns, now_ns, &drawn, &before_slot, &after_slot);
    if (!pattern->told)
        source_tell_origin(
            source, &(struct source_origin){pattern->grid.anchor_sequence, pattern->grid.anchor_ns, 0});
    pattern->told = true;
    source->counters.lost_no_slot += before_slot + after_slot;
    draw(pattern, &drawn);
    slots_push(&pattern->ready, &drawn);
    if (pattern->ready.count == 1)
        ticker_set(pattern->ticker, drawn.capture_ns);
    return CASTOR_OK;
}

static int pattern_dequeue(struct source *source, struct castor_frame *out)
{
    struct pattern *pattern = from_source(source);
    const struct castor_frame *head = slots_peek(&pattern->ready);

    if (!head || head->capture_ns > castor_now_ns())
        return CASTOR_ERR_AGAIN;
    *out = slots_pop(&pattern->ready);
    head = slots_peek(&pattern->ready);
    ticker_set(pattern->ticker, head ? head->capture_ns : SOURCE_NO_DEADLINE);
    return CASTOR_OK;
}

static int pattern_descriptor(const struct source *source)
{
    const struct pattern *pattern = (const struct pattern *)source;

    return pattern->ready.count ? pattern->ticker : -1;
}

static enum source_signal pattern_signal(const struct source *source)
{
    (void)source;
    return SOURCE_SIGNAL_PRESENT;
}

const struct source_driver source_pattern = {
    .name = "pattern",
    .description = "colour bars with the frame's number in the picture",
    .probe = resolve,
    .open = pattern_open,
    .queue = pattern_queue,
    .dequeue = pattern_dequeue,
    .descriptor = pattern_descriptor,
    .next_deadline = pattern_next_deadline,
    .signal = pattern_signal,
    .close = pattern_close,
};
