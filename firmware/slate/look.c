// SPDX-License-Identifier: Apache-2.0
#include "slate/look.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw/blend.h"
#include "draw/png.h"
#include "hal/paint.h"
#include "hal/time.h"

#define ROW_ALIGN_BYTES 64u                  // as in the pool
#define TEXT_SHARE 18u                       // of the picture's height
#define TEXT_WIDTH_PERCENT 90u               // of the picture's width, at most
#define LONGEST_NS (36000 * CASTOR_NS_PER_S) // ten hours: the widest time

static const struct text_style style = {.rgb = 0xFFFFFF, .edge = TEXT_EDGE_OUTLINE};

__attribute__((format(printf, 2, 3))) static void note(struct look *look, const char *format, ...)
{
    size_t at = strlen(look->note);
    va_list args;

    if (at > 0 && at + 2 < sizeof look->note)
        at += (size_t)snprintf(look->note + at, sizeof look->note - at, "; ");
    va_start(args, format);
    vsnprintf(look->note + at, sizeof look->note - at, format, args);
    va_end(args);
}

// ---- text ----

// "00:12", "1:00:12".
static void write_time(int64_t lost_ns, char *out, size_t size)
{
    long long seconds = lost_ns > 0 ? (long long)(lost_ns / CASTOR_NS_PER_S) : 0;

    if (seconds >= 3600)
        snprintf(out, size, "%lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60, seconds % 60);
    else
        snprintf(out, size, "%02lld:%02lld", seconds / 60, seconds % 60);
}

static int render(const struct look *look, int64_t lost_ns, struct bitmap **out, struct draw_reason *why)
{
    char text[2 * sizeof look->wanted.text] = "", time[32];
    const char *from = look->wanted.text, *mark;
    size_t at = 0;

    write_time(lost_ns, time, sizeof time);
    for (; (mark = strstr(from, "%t")) != NULL && at < sizeof text; from = mark + 2)
        at += (size_t)snprintf(text + at, sizeof text - at, "%.*s%s", (int)(mark - from), from, time);
    if (at < sizeof text)
        snprintf(text + at, sizeof text - at, "%s", from);
    return text_render(look->font, text, style, out, why);
}

int look_text(const struct look *look, uint32_t pixel, int64_t lost_ns, struct image **out)
{
    struct bitmap *bitmap;
    struct draw_reason why;
    int error = look->font ? render(look, lost_ns, &bitmap, &why) : CASTOR_ERR_NOT_FOUND;

    if (error)
        return error;
    error = image_create(bitmap, pixel, 100, out);
    bitmap_destroy(bitmap);
    return error;
}

void look_text_place(const struct look *look, const struct castor_format *format, const struct image *text,
                     int32_t *x_px, int32_t *y_px)
{
    static const uint32_t percent[MESSAGE_SLATE_PLACES] = {
        [MESSAGE_SLATE_TOP] = 15, [MESSAGE_SLATE_MIDDLE] = 50, [MESSAGE_SLATE_BOTTOM] = 85};

    *x_px = ((int32_t)format->width_px - (int32_t)text->width_px) / 2;
    *y_px = (int32_t)(format->height_px * percent[look->wanted.place] / 100) - (int32_t)text->height_px / 2;
}

// The font in a size in which the text at its longest fits.
static void load_text(struct look *look, const struct castor_format *format)
{
    uint32_t size_px = format->height_px / TEXT_SHARE;
    uint32_t width_px = format->width_px * TEXT_WIDTH_PERCENT / 100;
    struct draw_reason why;
    struct bitmap *bitmap = NULL;

    if (look->wanted.text[0] == '\0')
        return;
    int error = font_open(look->wanted.font, size_px, &look->font, &why);
    if (!error)
        error = render(look, LONGEST_NS, &bitmap, &why);
    if (!error && bitmap->width_px > width_px) {
        size_px = size_px * width_px / bitmap->width_px;
        font_close(look->font);
        look->font = NULL;
        error = font_open(look->wanted.font, size_px < FONT_SIZE_MIN_PX ? FONT_SIZE_MIN_PX : size_px,
                          &look->font, &why);
    }
    bitmap_destroy(bitmap);
    if (!error)
        return;
    note(look, "no text: %s", why.text);
    font_close(look->font);
    look->font = NULL;
}

// ---- picture ----

static void paint_black(struct look *look, const struct castor_format *format)
{
    castor_paint_box(format, &look->picture, 0, 0, format->width_px, format->height_px, CASTOR_BLACK);
}

// As large as the picture allows without distortion, in the middle of black.
static int blend_still(struct look *look, const struct castor_format *format, const struct bitmap *still,
                       struct draw_reason *why)
{
    uint64_t width_px = format->width_px, height_px = format->height_px;
    struct bitmap *scaled;
    struct image *image;

    if (width_px * still->height_px > height_px * still->width_px)
        width_px = height_px * still->width_px / still->height_px;
    else
        height_px = width_px * still->height_px / still->width_px;
    int error = bitmap_scale(still, width_px ? (uint32_t)width_px : 1, height_px ? (uint32_t)height_px : 1,
                             &scaled, why);
    if (error)
        return error;
    error = image_create(scaled, format->pixel, 100, &image);
    bitmap_destroy(scaled);
    if (error)
        return draw_reason_set(why, error, "there is no memory for it");
    paint_black(look, format);
    blend_image(image, format, &look->picture, ((int32_t)format->width_px - (int32_t)width_px) / 2,
                ((int32_t)format->height_px - (int32_t)height_px) / 2);
    image_destroy(image);
    return CASTOR_OK;
}

static void load_still(struct look *look, const struct castor_format *format)
{
    struct draw_reason why;
    struct bitmap *still = NULL;
    int error = png_load(look->wanted.file, &still, &why);

    if (!error)
        error = blend_still(look, format, still, &why);
    bitmap_destroy(still);
    if (!error)
        return;
    castor_paint_bars(format, &look->picture);
    note(look, "bars instead of the still: %s", why.text);
}

int look_load(const struct message_slate_look *wanted, const struct castor_format *format, struct look **out)
{
    struct castor_frame_layout layout;
    struct look *look = calloc(1, sizeof *look);
    int error = look ? castor_frame_layout_compute(format, ROW_ALIGN_BYTES, &layout) : CASTOR_ERR_NO_MEMORY;

    if (!error) {
        look->memory = malloc(layout.size_bytes);
        error = look->memory ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
    }
    if (error) {
        look_destroy(look);
        return error;
    }
    look->wanted = *wanted;
    castor_frame_map(&layout, look->memory, &look->picture);
    if (wanted->picture == MESSAGE_SLATE_STILL)
        load_still(look, format);
    else if (wanted->picture == MESSAGE_SLATE_BARS)
        castor_paint_bars(format, &look->picture);
    else
        paint_black(look, format);
    load_text(look, format);
    *out = look;
    return CASTOR_OK;
}

void look_destroy(struct look *look)
{
    if (!look)
        return;
    font_close(look->font);
    free(look->memory);
    free(look);
}
