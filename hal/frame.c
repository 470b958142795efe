// SPDX-License-Identifier: Apache-2.0
#include "hal/frame.h"

#include "hal/error.h"

const char *castor_pixel_name(uint32_t pixel)
{
    static const char *const names[CASTOR_PIXEL_END] = {
        [CASTOR_PIXEL_I420] = "i420",
        [CASTOR_PIXEL_NV12] = "nv12",
        [CASTOR_PIXEL_P010] = "p010",
    };

    return pixel < CASTOR_PIXEL_END ? names[pixel] : NULL;
}

uint32_t castor_pixel_bits(uint32_t pixel)
{
    return pixel == CASTOR_PIXEL_P010 ? 10 : castor_pixel_name(pixel) ? 8 : 0;
}

uint32_t castor_pixel_bytes(uint32_t pixel)
{
    return (castor_pixel_bits(pixel) + 7) / 8;
}

static int format_is_valid(const struct castor_format *format)
{
    return format->width_px >= 320 && format->width_px <= 3840 && format->height_px >= 180 &&
           format->height_px <= 2160 && format->width_px % 2 == 0 && format->height_px % 2 == 0;
}

int castor_frame_layout_compute(const struct castor_format *format, uint32_t align_bytes,
                                struct castor_frame_layout *out)
{
    struct castor_frame_layout layout = {0};
    uint32_t luma_bytes = format->width_px;
    uint32_t chroma_bytes = format->width_px;

    if (!format_is_valid(format) || align_bytes == 0 || (align_bytes & (align_bytes - 1)) != 0)
        return CASTOR_ERR_INVALID;
    switch (format->pixel) {
    case CASTOR_PIXEL_I420:
        layout.planes = 3;
        chroma_bytes /= 2;
        break;
    case CASTOR_PIXEL_NV12:
        layout.planes = 2;
        break;
    case CASTOR_PIXEL_P010:
        layout.planes = 2;
        luma_bytes *= 2;
        chroma_bytes *= 2;
        break;
    default:
        return CASTOR_ERR_INVALID;
    }
    for (uint32_t i = 0; i < layout.planes; i++) {
        uint32_t bytes = i == 0 ? luma_bytes : chroma_bytes;
        layout.stride_bytes[i] = (bytes + align_bytes - 1) & ~(align_bytes - 1);
        layout.rows[i] = i == 0 ? format->height_px : format->height_px / 2;
        layout.offset_bytes[i] = layout.size_bytes;
        layout.size_bytes += (size_t)layout.stride_bytes[i] * layout.rows[i];
    }
    *out = layout;
    return CASTOR_OK;
}

void castor_frame_map(const struct castor_frame_layout *layout, uint8_t *memory, struct castor_frame *frame)
{
    for (uint32_t i = 0; i < CASTOR_PLANES_MAX; i++) {
        frame->plane[i] = i < layout->planes ? memory + layout->offset_bytes[i] : NULL;
        frame->stride_bytes[i] = i < layout->planes ? layout->stride_bytes[i] : 0;
    }
}
