// SPDX-License-Identifier: Apache-2.0
// The pictures of the stand-in: drawn once as I420, numbered for each frame, packed by code of its own, which
// shares nothing with the driver's conversions.
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

#include "internal.h"
#include "number.h"
#include "reference.h"

#define PAGE_BYTES 4096u

struct canvas {
    struct castor_format format;
    struct castor_frame frame;   // I420, packed: BT.709, limited range
    struct castor_frame recoded; // the same in other colours
    uint8_t *memory;
    uint8_t *planes; // room for the JPEG's input: three planes of full size
    int jpeg;
    bool bt601, full_range; // what the device delivers where the format leaves it open
    bool video;             // the same for RGB
    tjhandle encoder;
};

static void draw_background(const struct castor_format *format, const struct castor_frame *frame)
{
    uint32_t width = format->width_px, height = format->height_px;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++)
            frame->plane[0][(size_t)y * frame->stride_bytes[0] + x] =
                (uint8_t)(64 + 64 * x / width + 32 * y / height);
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width / 2; x++) {
            frame->plane[1][(size_t)y * frame->stride_bytes[1] + x] = (uint8_t)(104 + 96 * x / width);
            frame->plane[2][(size_t)y * frame->stride_bytes[2] + x] = (uint8_t)(152 - 96 * y / height);
        }
}

void standin_v4l2cap_reference(const struct castor_format *format, const struct castor_frame *frame,
                               uint64_t number)
{
    draw_background(format, frame);
    number_draw(format, frame, number);
}

static struct castor_frame packed_frame(uint8_t *memory, uint32_t width, size_t luma)
{
    return (struct castor_frame){.plane = {memory, memory + luma, memory + luma + luma / 4},
                                 .stride_bytes = {width, width / 2, width / 2}};
}

struct canvas *canvas_create(uint32_t width, uint32_t height, const struct plan *plan)
{
    struct canvas *canvas = calloc(1, sizeof *canvas);
    size_t luma = (size_t)width * height;

    if (!canvas)
        return NULL;
    canvas->format = (struct castor_format){width, height, CASTOR_PIXEL_I420, {30, 1}};
    canvas->jpeg = plan->jpeg;
    canvas->bt601 = plan->sd;
    canvas->full_range = plan->full;
    canvas->video = plan->video;
    canvas->memory = malloc(luma * 3);
    canvas->planes = malloc(luma * 3);
    canvas->encoder = tjInitCompress();
    if (!canvas->memory || !canvas->planes || !canvas->encoder) {
        canvas_destroy(canvas);
        return NULL;
    }
    canvas->frame = packed_frame(canvas->memory, width, luma);
    canvas->recoded = packed_frame(canvas->memory + luma * 3 / 2, width, luma);
    draw_background(&canvas->format, &canvas->frame);
    return canvas;
}

void canvas_destroy(struct canvas *canvas)
{
    if (!canvas)
        return;
    if (canvas->encoder)
        (void)tjDestroy(canvas->encoder);
    free(canvas->memory);
    free(canvas->planes);
    free(canvas);
}

static uint32_t page_up(uint32_t bytes)
{
    return (bytes + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

bool wire_layout(uint32_t fourcc, uint32_t width, uint32_t height, uint32_t pad, struct wire *out)
{
    struct wire wire = {.fourcc = fourcc, .memory_planes = 1};
    uint32_t row = width + pad;

    switch (fourcc) {
    case V4L2_PIX_FMT_NV12:
    case V4L2_PIX_FMT_YUV420:
        wire.stride[0] = row;
        wire.size[0] = row * height * 3 / 2;
        break;
    case V4L2_PIX_FMT_NV12M:
        wire = (struct wire){fourcc, 2, {row, row}, {row * height, row * height / 2}};
        break;
    case V4L2_PIX_FMT_YUV420M:
        wire = (struct wire){
            fourcc, 3, {row, row / 2, row / 2}, {row * height, row * height / 4, row * height / 4}};
        break;
    case V4L2_PIX_FMT_YUYV:
    case V4L2_PIX_FMT_UYVY:
        wire.stride[0] = 2 * width + pad;
        wire.size[0] = wire.stride[0] * height;
        break;
    case V4L2_PIX_FMT_RGB24:
        wire.stride[0] = 3 * width + pad;
        wire.size[0] = wire.stride[0] * height;
        break;
    case V4L2_PIX_FMT_P010:
        wire.stride[0] = 2 * width + pad;
        wire.size[0] = wire.stride[0] * height * 3 / 2;
        break;
    case V4L2_PIX_FMT_MJPEG:
        wire.size[0] = (uint32_t)tjBufSize((int)width, (int)height, TJSAMP_444);
        break;
    default:
        return false;
    }
    for (uint32_t i = 0; i < wire.memory_planes; i++)
        wire.size[i] = page_up(wire.size[i]);
    *out = wire;
    return true;
}

static uint8_t clip(double value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

// Red, green and blue from 0 to 1 at a place, by ITU-R BT.709 item 3.
static void rgb_at(const struct canvas *c, uint32_t x, uint32_t y, double rgb[3])
{
    uint32_t width = c->format.width_px;
    double luma = (c->frame.plane[0][y * width + x] - 16) / 219.0;
    double u = (c->frame.plane[1][(y / 2) * (width / 2) + x / 2] - 128) / 224.0;
    double v = (c->frame.plane[2][(y / 2) * (width / 2) + x / 2] - 128) / 224.0;

    rgb[0] = luma + 1.5748 * v;
    rgb[1] = luma - 0.187324 * u - 0.468124 * v;
    rgb[2] = luma + 1.8556 * u;
}

// Makes c->recoded in BT.601 or BT.709, full or limited range.
static void recode(const struct canvas *c, bool bt601, bool full_range)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;
    double kr = bt601 ? 0.299 : 0.2126, kb = bt601 ? 0.114 : 0.0722;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            size_t at = (size_t)(y / 2) * (width / 2) + x / 2;
            double rgb[3], luma, u, v;

            rgb_at(c, x, y, rgb);
            luma = kr * rgb[0] + (1 - kr - kb) * rgb[1] + kb * rgb[2];
            u = (rgb[2] - luma) / (2 * (1 - kb));
            v = (rgb[0] - luma) / (2 * (1 - kr));
            c->recoded.plane[0][y * width + x] = clip(full_range ? 255 * luma : 16 + 219 * luma);
            c->recoded.plane[1][at] = clip(128 + (full_range ? 255 : 224) * u);
            c->recoded.plane[2][at] = clip(128 + (full_range ? 255 : 224) * v);
        }
}

static void pack_rows(uint8_t *out, uint32_t stride, const uint8_t *in, uint32_t width, uint32_t rows)
{
    for (uint32_t y = 0; y < rows; y++)
        memcpy(out + (size_t)y * stride, in + (size_t)y * width, width);
}

static void pack_nv12(const struct canvas *c, const struct castor_frame *frame, const struct wire *wire,
                      uint8_t *luma, uint8_t *chroma)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;
    uint32_t stride = wire->stride[0];

    pack_rows(luma, stride, frame->plane[0], width, height);
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width / 2; x++) {
            chroma[(size_t)y * stride + 2 * x] = frame->plane[1][y * (width / 2) + x];
            chroma[(size_t)y * stride + 2 * x + 1] = frame->plane[2][y * (width / 2) + x];
        }
}

static void pack_422(const struct canvas *c, const struct castor_frame *frame, const struct wire *wire,
                     uint8_t *out, bool chroma_first)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            uint8_t *pixel = out + (size_t)y * wire->stride[0] + 2 * x;
            const uint8_t *chroma = frame->plane[x % 2 ? 2 : 1] + (y / 2) * (width / 2) + x / 2;
            pixel[chroma_first] = frame->plane[0][y * width + x];
            pixel[!chroma_first] = *chroma;
        }
}

static void pack_rgb(const struct canvas *c, const struct wire *wire, uint8_t *out)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            double rgb[3];

            rgb_at(c, x, y, rgb);
            for (uint32_t i = 0; i < 3; i++)
                out[(size_t)y * wire->stride[0] + 3 * x + i] =
                    clip(c->video ? 16 + 219 * rgb[i] : 255 * rgb[i]);
        }
}

static void pack_p010(const struct canvas *c, const struct wire *wire, uint8_t *out)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;
    uint8_t *chroma = out + (size_t)wire->stride[0] * height;

    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++) {
            out[(size_t)y * wire->stride[0] + 2 * x] = STANDIN_V4L2CAP_LOW_BITS(x, y);
            out[(size_t)y * wire->stride[0] + 2 * x + 1] = c->frame.plane[0][y * width + x];
        }
    for (uint32_t y = 0; y < height / 2; y++)
        for (uint32_t x = 0; x < width; x++) {
            chroma[(size_t)y * wire->stride[0] + 2 * x] = STANDIN_V4L2CAP_LOW_BITS(x, y);
            chroma[(size_t)y * wire->stride[0] + 2 * x + 1] =
                c->frame.plane[x % 2 ? 2 : 1][y * (width / 2) + x / 2];
        }
}

// BT.601 in full range, as JFIF has it, in the subsampling asked for: a JPEG as a camera makes it.
static size_t pack_jpeg(const struct canvas *c, uint8_t *out)
{
    uint32_t width = c->format.width_px, height = c->format.height_px;
    uint32_t across = c->jpeg == 444 ? 1 : 2, down = c->jpeg == 420 ? 2 : 1;
    size_t plane = (size_t)width * height;
    int subsampling = c->jpeg == 444   ? TJSAMP_444
                      : c->jpeg == 422 ? TJSAMP_422
                      : c->jpeg == 420 ? TJSAMP_420
                                       : TJSAMP_GRAY;
    const uint8_t *planes[3] = {c->recoded.plane[0], c->planes + plane, c->planes + 2 * plane};
    int strides[3] = {(int)width, (int)(width / across), (int)(width / across)};
    unsigned long bytes = tjBufSize((int)width, (int)height, TJSAMP_444);
    unsigned char *target = out;

    recode(c, true, true);
    for (uint32_t p = 1; p < 3; p++)
        for (uint32_t y = 0; y < height / down; y++)
            for (uint32_t x = 0; x < width / across; x++)
                c->planes[p * plane + (size_t)y * (width / across) + x] =
                    c->recoded.plane[p][(size_t)(y * down / 2) * (width / 2) + x * across / 2];
    if (tjCompressFromYUVPlanes(c->encoder, planes, (int)width, strides, (int)height, subsampling, &target,
                                &bytes, 95, TJFLAG_NOREALLOC) != 0)
        return 0;
    return bytes;
}

void canvas_pack(struct canvas *c, const struct wire *wire, uint64_t number, uint8_t *const memory[3],
                 size_t used[3])
{
    uint32_t width = c->format.width_px, height = c->format.height_px;
    const struct castor_frame *frame = &c->frame;
    uint32_t row = wire->stride[0];
    uint8_t *second = memory[0] + (size_t)row * height;
    uint8_t *third = second + (size_t)(row / 2) * (height / 2);

    number_draw(&c->format, &c->frame, number);
    if (c->bt601 || c->full_range) {
        recode(c, c->bt601, c->full_range);
        frame = &c->recoded;
    }
    for (uint32_t i = 0; i < wire->memory_planes; i++)
        used[i] = wire->size[i];
    switch (wire->fourcc) {
    case V4L2_PIX_FMT_NV12:
        pack_nv12(c, frame, wire, memory[0], second);
        break;
    case V4L2_PIX_FMT_NV12M:
        pack_nv12(c, frame, wire, memory[0], memory[1]);
        break;
    case V4L2_PIX_FMT_YUV420M:
        second = memory[1];
        third = memory[2];
        // fall through
    case V4L2_PIX_FMT_YUV420:
        pack_rows(memory[0], row, frame->plane[0], width, height);
        pack_rows(second, row / 2, frame->plane[1], width / 2, height / 2);
        pack_rows(third, row / 2, frame->plane[2], width / 2, height / 2);
        break;
    case V4L2_PIX_FMT_YUYV:
    case V4L2_PIX_FMT_UYVY:
        pack_422(c, frame, wire, memory[0], wire->fourcc == V4L2_PIX_FMT_UYVY);
        break;
    case V4L2_PIX_FMT_RGB24:
        pack_rgb(c, wire, memory[0]);
        break;
    case V4L2_PIX_FMT_P010:
        pack_p010(c, wire, memory[0]);
        break;
    default:
        used[0] = pack_jpeg(c, memory[0]);
    }
}
