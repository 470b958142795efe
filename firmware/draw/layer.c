// SPDX-License-Identifier: Apache-2.0
#include "draw/layer.h"

#include <stdlib.h>
#include <string.h>

#include "draw/blend.h"
#include "draw/png.h"
#include "draw/qr.h"
#include "draw/template.h"
#include "draw/text.h"

// What the fields of moment.h are written with.
static const char cells[] = "0123456789:;-";
#define CELLS (sizeof cells - 1)

struct layer_piece {
    struct image *image; // NULL: a field
    enum moment_field field;
    int32_t x_px; // from the layer's left
};

struct layer {
    int32_t x_px, y_px; // of its upper left corner in the picture
    enum moment_zone zone;
    uint32_t count;
    struct layer_piece piece[TEMPLATE_PIECES_MAX];
    struct image *cell[CELLS]; // drawn where there is a field
    int32_t cell_advance_px[CELLS];
};

// What preparing needs besides.
struct making {
    const struct message_overlay_item *item;
    const struct castor_format *format;
    struct layer *layer;
    struct draw_reason *why;
};

static void place(const struct making *making, uint32_t width_px, uint32_t height_px)
{
    const struct message_overlay_item *item = making->item;
    int32_t free_x = (int32_t)making->format->width_px - (int32_t)width_px;
    int32_t free_y = (int32_t)making->format->height_px - (int32_t)height_px;
    int32_t x = (int32_t)item->x_px;
    int32_t y = (int32_t)item->y_px;

    making->layer->x_px = item->anchor % 3 == 0 ? x : item->anchor % 3 == 1 ? free_x / 2 + x : free_x - x;
    making->layer->y_px = item->anchor / 3 == 0 ? y : item->anchor / 3 == 1 ? free_y / 2 + y : free_y - y;
}

static int make_image(const struct making *making, const struct bitmap *bitmap, struct image **out)
{
    int error = image_create(bitmap, making->format->pixel, making->item->opacity_percent, out);

    return error ? draw_reason_set(making->why, error, "no memory for the item's picture") : CASTOR_OK;
}

// The size that was asked for, or a part of the picture's height.
static uint32_t size_of(const struct making *making, uint32_t part)
{
    return making->item->size_px ? making->item->size_px : making->format->height_px / part;
}

// ---- pictures ----

static int make_picture(const struct making *making, const struct bitmap *bitmap)
{
    making->layer->count = 1;
    place(making, bitmap->width_px, bitmap->height_px);
    return make_image(making, bitmap, &making->layer->piece[0].image);
}

static int make_logo(const struct making *making)
{
    const struct message_overlay_item *item = making->item;
    struct bitmap *bitmap = NULL;
    struct bitmap *scaled = NULL;
    int error = item->file[0] == '/' ? png_load(item->file, &bitmap, making->why)
                                     : draw_reason_set(making->why, CASTOR_ERR_INVALID,
                                                       "a logo needs a file, with its whole path");

    if (!error && item->size_px > 0 && item->size_px != bitmap->height_px) {
        uint64_t width_px =
            ((uint64_t)bitmap->width_px * item->size_px + bitmap->height_px / 2) / bitmap->height_px;

        width_px = width_px < 1 ? 1 : width_px > UINT32_MAX ? UINT32_MAX : width_px;
        error = bitmap_scale(bitmap, (uint32_t)width_px, item->size_px, &scaled, making->why);
    }
    if (!error)
        error = make_picture(making, scaled ? scaled : bitmap);
    bitmap_destroy(bitmap);
    bitmap_destroy(scaled);
    return error;
}

static int make_qr(const struct making *making, const struct template *template)
{
    const struct message_overlay_item *item = making->item;
    const struct qr_style style = {item->level, size_of(making, 180), item->quiet};
    struct bitmap *bitmap = NULL;
    int error;

    if (template->count != 1 || template->piece[0].text[0] == '\0')
        return draw_reason_set(making->why, CASTOR_ERR_INVALID,
                               "a QR code needs a text that is the same in all frames");
    error = qr_render(template->piece[0].text, style, &bitmap, making->why);
    if (!error &&
        (bitmap->width_px > making->format->width_px || bitmap->height_px > making->format->height_px))
        error =
            draw_reason_set(making->why, CASTOR_ERR_INVALID,
                            "the QR code would be %u pixels wide and high, more than the picture: shorten "
                            "its text, lower its level, or give its modules a smaller size",
                            bitmap->width_px);
    if (!error)
        error = make_picture(making, bitmap);
    bitmap_destroy(bitmap);
    return error;
}

// ---- text ----

static struct text_style style_of(const struct message_overlay_item *item)
{
    return (struct text_style){(uint32_t)strtoul(item->colour + 1, NULL, 16), (enum text_edge)item->edge};
}

// Draws all that fields are written with. Digits share one width, so that nothing moves when they change.
static int make_cells(const struct making *making, const struct font *font)
{
    struct layer *layer = making->layer;
    int32_t margins_px = 2 * (int32_t)text_margin_px(font, (enum text_edge)making->item->edge);
    int32_t digit_px = 0;

    for (size_t i = 0; i < CELLS; i++) {
        const char text[2] = {cells[i], '\0'};
        struct bitmap *bitmap = NULL;
        int error = text_render(font, text, style_of(making->item), &bitmap, making->why);

        if (!error) {
            layer->cell_advance_px[i] = (int32_t)bitmap->width_px - margins_px;
            error = make_image(making, bitmap, &layer->cell[i]);
        }
        bitmap_destroy(bitmap);
        if (error)
            return error;
        if (i < 10 && layer->cell_advance_px[i] > digit_px)
            digit_px = layer->cell_advance_px[i];
    }
    for (size_t i = 0; i < 10; i++)
        layer->cell_advance_px[i] = digit_px;
    return CASTOR_OK;
}

static size_t cell_of(char character)
{
    const char *at = memchr(cells, character, CELLS);

    return at ? (size_t)(at - cells) : 0;
}

// All texts of a field are of one length and shape.
static int32_t field_width_px(const struct layer *layer, enum moment_field field,
                              const struct castor_format *format)
{
    static const char *const shapes[MOMENT_FIELDS] = {[MOMENT_TIME] = "00:00:00",
                                                      [MOMENT_DATE] = "0000-00-00",
                                                      [MOMENT_TIMECODE] = "00:00:00",
                                                      [MOMENT_FRAME] = "0000000000"};
    char code[TIMECODE_TEXT_BYTES];
    const char *text = shapes[field];
    int32_t width_px = 0;

    if (field == MOMENT_TIMECODE) {
        timecode_text(format->rate, 0, code);
        text = code;
    }
    for (; *text; text++)
        width_px += layer->cell_advance_px[cell_of(*text)];
    return width_px;
}

static int make_piece(const struct making *making, const struct font *font, const struct template_piece *from,
                      struct layer_piece *piece, int32_t *advance_px)
{
    int32_t margins_px = 2 * (int32_t)text_margin_px(font, (enum text_edge)making->item->edge);
    struct bitmap *bitmap = NULL;
    int error = CASTOR_OK;

    if (from->text[0] == '\0') {
        piece->field = from->field;
        if (!making->layer->cell[0])
            error = make_cells(making, font);
        if (!error)
            *advance_px = field_width_px(making->layer, from->field, making->format);
        return error;
    }
    error = text_render(font, from->text, style_of(making->item), &bitmap, making->why);
    if (error)
        return error;
    *advance_px = (int32_t)bitmap->width_px - margins_px;
    error = make_image(making, bitmap, &piece->image);
    bitmap_destroy(bitmap);
    return error;
}

static int make_text(const struct making *making, const struct template *template)
{
    const struct message_overlay_item *item = making->item;
    struct layer *layer = making->layer;
    struct font *font = NULL;
    int32_t pen_px = 0;
    int error;

    if (template->count == 0)
        return draw_reason_set(making->why, CASTOR_ERR_INVALID, "the item needs a text");
    error = font_open(item->font, size_of(making, 18), &font, making->why);
    for (uint32_t i = 0; i < template->count && !error; i++) {
        int32_t advance_px = 0;

        layer->piece[i].x_px = pen_px;
        layer->count = i + 1;
        error = make_piece(making, font, &template->piece[i], &layer->piece[i], &advance_px);
        pen_px += advance_px;
    }
    if (!error) {
        uint32_t margins_px = 2 * text_margin_px(font, (enum text_edge)item->edge);

        place(making, (uint32_t)pen_px + margins_px, text_height_px(font, (enum text_edge)item->edge));
    }
    font_close(font);
    return error;
}

// ---- all ----

static int make(const struct making *making, const char *name)
{
    static const char *const standard[MESSAGE_OVERLAY_KINDS] = {
        [MESSAGE_OVERLAY_CLOCK] = "{time}", [MESSAGE_OVERLAY_TIMECODE] = "{timecode}"};
    const struct message_overlay_item *item = making->item;
    const char *text = item->text[0] || !standard[item->kind] ? item->text : standard[item->kind];
    struct template *template;
    int error;

    making->layer->zone = item->zone ? MOMENT_LOCAL : MOMENT_UTC;
    if (item->kind == MESSAGE_OVERLAY_LOGO)
        return make_logo(making);
    template = malloc(sizeof *template);
    error = template ? template_parse(text, name, template, making->why)
                     : draw_reason_set(making->why, CASTOR_ERR_NO_MEMORY, "no memory for the text");
    if (!error)
        error = item->kind == MESSAGE_OVERLAY_QR ? make_qr(making, template) : make_text(making, template);
    free(template);
    return error;
}

int layer_create(const struct message_overlay *order, const struct castor_format *format, struct layer **out,
                 struct draw_reason *why)
{
    struct making making = {.item = &order->item, .format = format, .why = why};
    int error;

    if (order->item.kind == MESSAGE_OVERLAY_OFF) {
        *out = NULL;
        return CASTOR_OK;
    }
    making.layer = calloc(1, sizeof *making.layer);
    if (!making.layer)
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no memory for the item");
    error = make(&making, order->name);
    if (error) {
        layer_destroy(making.layer);
        return error;
    }
    *out = making.layer;
    return CASTOR_OK;
}

void layer_draw(const struct layer *layer, const struct castor_format *format,
                const struct castor_frame *frame, const struct moment *moment)
{
    for (uint32_t i = 0; i < layer->count; i++) {
        const struct layer_piece *piece = &layer->piece[i];
        int32_t x_px = layer->x_px + piece->x_px;

        if (piece->image) {
            blend_image(piece->image, format, frame, x_px, layer->y_px);
            continue;
        }
        for (const char *at = moment->text[layer->zone][piece->field]; *at; at++) {
            blend_image(layer->cell[cell_of(*at)], format, frame, x_px, layer->y_px);
            x_px += layer->cell_advance_px[cell_of(*at)];
        }
    }
}

void layer_destroy(struct layer *layer)
{
    if (!layer)
        return;
    for (uint32_t i = 0; i < TEMPLATE_PIECES_MAX; i++)
        image_destroy(layer->piece[i].image);
    for (size_t i = 0; i < CELLS; i++)
        image_destroy(layer->cell[i]);
    free(layer);
}
