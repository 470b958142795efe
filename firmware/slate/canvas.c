// SPDX-License-Identifier: Apache-2.0
#include "slate/canvas.h"

#include <stdlib.h>
#include <string.h>

#include "draw/blend.h"
#include "hal/time.h"

#define ROW_ALIGN_BYTES 64u // as in the pool

int canvas_init(struct canvas *canvas, const struct castor_format *format)
{
    memset(canvas, 0, sizeof *canvas);
    canvas->format = *format;
    canvas->text_second = -1;
    int error = castor_frame_layout_compute(format, ROW_ALIGN_BYTES, &canvas->layout);
    if (error)
        return error;
    canvas->memory = malloc(canvas->layout.size_bytes);
    if (!canvas->memory)
        return CASTOR_ERR_NO_MEMORY;
    castor_frame_map(&canvas->layout, canvas->memory, &canvas->last);
    return CASTOR_OK;
}

void canvas_look_changed(struct canvas *canvas)
{
    image_destroy(canvas->text);
    canvas->text = NULL;
    canvas->text_second = -1;
}

void canvas_finish(struct canvas *canvas)
{
    canvas_look_changed(canvas);
    free(canvas->memory);
    canvas->memory = NULL;
}

// All pictures here have the pool's layout.
static void copy(const struct canvas *canvas, const struct castor_frame *from, const struct castor_frame *to)
{
    for (uint32_t plane = 0; plane < canvas->layout.planes; plane++)
        memcpy(to->plane[plane], from->plane[plane],
               (size_t)canvas->layout.stride_bytes[plane] * canvas->layout.rows[plane]);
}

static void begin_loss(struct canvas *canvas, int64_t loss_ns, const struct castor_frame *last)
{
    canvas_look_changed(canvas);
    canvas->loss_ns = loss_ns;
    canvas->has_last = last != NULL;
    if (last)
        copy(canvas, last, &canvas->last);
}

static void draw_text(struct canvas *canvas, const struct look *look, int64_t lost_ns,
                      const struct castor_frame *frame)
{
    int64_t second = lost_ns / CASTOR_NS_PER_S;
    int32_t x_px, y_px;

    if (second != canvas->text_second) {
        struct image *text = NULL;
        if (look_text(look, canvas->format.pixel, lost_ns, &text) == CASTOR_OK) {
            image_destroy(canvas->text);
            canvas->text = text; // otherwise the one of the second before stays
        }
        canvas->text_second = second;
    }
    if (!canvas->text)
        return;
    look_text_place(look, &canvas->format, canvas->text, &x_px, &y_px);
    blend_image(canvas->text, &canvas->format, frame, x_px, y_px);
}

bool canvas_draw(struct canvas *canvas, const struct look *look, const struct message_slate_draw *draw,
                 const struct castor_frame *last, const struct castor_frame *frame)
{
    int64_t lost_ns = draw->capture_ns - draw->lost_since_ns;
    bool shown = lost_ns >= look->wanted.hold_ms * CASTOR_NS_PER_MS;

    if (canvas->loss_ns != draw->lost_since_ns)
        begin_loss(canvas, draw->lost_since_ns, last);
    bool is_last = canvas->has_last && (!shown || look->wanted.picture == MESSAGE_SLATE_LAST);
    copy(canvas, is_last ? &canvas->last : &look->picture, frame);
    if (shown && look->font)
        draw_text(canvas, look, lost_ns, frame);
    return is_last;
}
