// SPDX-License-Identifier: Apache-2.0
#include "picture.h"

#include <stdlib.h>

#include <libyuv.h>

#include "hal/paint.h"

int picture_scratch_allocate(struct picture_scratch *scratch, int width, int height)
{
    size_t plane = (size_t)width * (size_t)height;
    int half = (width + 1) / 2;

    if (scratch->memory && scratch->view.width == width && scratch->view.height == height)
        return CASTOR_OK;
    free(scratch->memory);
    scratch->memory = malloc(plane * 3);
    if (!scratch->memory)
        return CASTOR_ERR_NO_MEMORY;
    scratch->view = (struct picture_view){
        {scratch->memory, scratch->memory + plane, scratch->memory + 2 * plane},
        {width, half, half},
        width,
        height,
    };
    return CASTOR_OK;
}

void picture_scratch_free(struct picture_scratch *scratch)
{
    free(scratch->memory);
    *scratch = (struct picture_scratch){0};
}

// ---- the place in a slot ----

struct picture_area picture_area_fit(const struct castor_format *format, int64_t width, int64_t height)
{
    struct picture_area full = {0, 0, (int)format->width_px, (int)format->height_px};
    struct picture_area area = full;

    if (width * full.height > height * full.width)
        area.height = (int)((full.width * height / width + 1) & ~INT64_C(1));
    else
        area.width = (int)((full.height * width / height + 1) & ~INT64_C(1));
    if (area.width < 2 || area.height < 2 || (full.width - area.width <= 2 && full.height - area.height <= 2))
        return full;
    area.x = (full.width - area.width) / 2 & ~1;
    area.y = (full.height - area.height) / 2 & ~1;
    return area;
}

static int plane_count(uint32_t pixel)
{
    return pixel == CASTOR_PIXEL_I420 ? 3 : 2;
}

// By how much a plane has fewer rows, and fewer samples in a row, than a picture has pixels.
static int rows_down(int plane)
{
    return plane ? 2 : 1;
}

static int samples_down(uint32_t pixel, int plane)
{
    return plane && pixel == CASTOR_PIXEL_I420 ? 2 : 1;
}

struct picture_view picture_area_view(const struct castor_format *format, const struct castor_frame *slot,
                                      const struct picture_area *area)
{
    struct picture_view view = {.width = area->width, .height = area->height};

    for (int i = 0; i < plane_count(format->pixel); i++) {
        view.stride[i] = (int)slot->stride_bytes[i];
        view.plane[i] = slot->plane[i] + (size_t)(area->y / rows_down(i)) * slot->stride_bytes[i] +
                        area->x / samples_down(format->pixel, i) * (int)castor_pixel_bytes(format->pixel);
    }
    return view;
}

static void fill_black(uint8_t *row, uint32_t pixel, int plane, int from, int to)
{
    const uint16_t black = plane ? 512 : 64; // in steps of 10 bit

    castor_paint_samples(row, pixel, (uint32_t)from, (uint32_t)(to - from), black, black);
}

void picture_area_frame(const struct castor_format *format, const struct castor_frame *slot,
                        const struct picture_area *area)
{
    int width = (int)format->width_px, height = (int)format->height_px;

    if (area->width == width && area->height == height)
        return;
    for (int i = 0; i < plane_count(format->pixel); i++) {
        int rows = rows_down(i), across = samples_down(format->pixel, i);
        int top = area->y / rows, bottom = (area->y + area->height) / rows;
        int left = area->x / across, right = (area->x + area->width) / across, end = width / across;

        for (int y = 0; y < height / rows; y++) {
            uint8_t *row = slot->plane[i] + (size_t)y * slot->stride_bytes[i];
            bool above_or_below = y < top || y >= bottom;
            fill_black(row, format->pixel, i, 0, above_or_below ? end : left);
            if (!above_or_below)
                fill_black(row, format->pixel, i, right, end);
        }
    }
}

// ---- pixels ----

#define IN(i) in->plane[i], in->stride[i]

static int i420_to_p010(const struct picture_view *in, const struct picture_view *out)
{
    for (int y = 0; y < out->height; y++) {
        const uint8_t *from = in->plane[0] + (ptrdiff_t)y * in->stride[0];
        uint16_t *to = (void *)(out->plane[0] + (ptrdiff_t)y * out->stride[0]);
        for (int x = 0; x < out->width; x++)
            to[x] = (uint16_t)(from[x] << 8);
    }
    for (int y = 0; y < out->height / 2; y++) {
        const uint8_t *u = in->plane[1] + (ptrdiff_t)y * in->stride[1];
        const uint8_t *v = in->plane[2] + (ptrdiff_t)y * in->stride[2];
        uint16_t *to = (void *)(out->plane[1] + (ptrdiff_t)y * out->stride[1]);
        for (int x = 0; x < out->width / 2; x++) {
            to[2 * x] = (uint16_t)(u[x] << 8);
            to[2 * x + 1] = (uint16_t)(v[x] << 8);
        }
    }
    return 0;
}

int picture_write_i420(const struct picture_view *in, uint32_t pixel, struct picture_scratch *scaled,
                       const struct picture_view *out, uint32_t *copies)
{
    bool scales = in->width != out->width || in->height != out->height;
    const struct picture_view *to = out;
    int error = CASTOR_OK;

    if (pixel != CASTOR_PIXEL_I420) {
        to = &scaled->view;
        error = scales ? picture_scratch_allocate(scaled, out->width, out->height) : CASTOR_OK;
    }
    if (error)
        return error;
    if (pixel == CASTOR_PIXEL_I420 || scales) { // of the same size libyuv copies
        if (I420Scale(IN(0), IN(1), IN(2), in->width, in->height, to->plane[0], to->stride[0], to->plane[1],
                      to->stride[1], to->plane[2], to->stride[2], out->width, out->height, kFilterBox) != 0)
            return CASTOR_ERR_INTERNAL;
        in = to;
        ++*copies;
    }
    if (pixel == CASTOR_PIXEL_I420)
        return CASTOR_OK;
    ++*copies;
    error = pixel == CASTOR_PIXEL_P010 ? i420_to_p010(in, out)
                                       : I420ToNV12(IN(0), IN(1), IN(2), out->plane[0], out->stride[0],
                                                    out->plane[1], out->stride[1], out->width, out->height);
    return error ? CASTOR_ERR_INTERNAL : CASTOR_OK;
}

void picture_recolour(const struct recolour *recolour, uint32_t pixel, const struct picture_view *view)
{
    bool i420 = pixel == CASTOR_PIXEL_I420;
    struct recolour_planes planes = {.y = view->plane[0],
                                     .u = view->plane[1],
                                     .v = i420 ? view->plane[2] : view->plane[1] + 1,
                                     .y_stride = view->stride[0],
                                     .u_stride = view->stride[1],
                                     .v_stride = view->stride[i420 ? 2 : 1],
                                     .chroma_step = i420 ? 1 : 2,
                                     .width = view->width,
                                     .height = view->height};

    recolour_apply(recolour, &planes);
}
