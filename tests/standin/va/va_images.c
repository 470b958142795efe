// SPDX-License-Identifier: Apache-2.0
// Images, derived from a surface or put into one.
#include "va_standin.h"

#include <stdlib.h>
#include <string.h>

static const VAImageFormat nv12 = {
    .fourcc = VA_FOURCC_NV12, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};
static const VAImageFormat i420 = {
    .fourcc = VA_FOURCC_I420, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 12};

static const VAImageFormat p010 = {
    .fourcc = VA_FOURCC_P010, .byte_order = VA_LSB_FIRST, .bits_per_pixel = 24};

static VAStatus do_vaQueryImageFormats(VADriverContextP driver, VAImageFormat *list, int *count)
{
    STANDIN_ENTER(driver);
    *count = 0;
    list[(*count)++] = i420;
    if (!standin->puts_yuv)
        list[(*count)++] = nv12;
    list[(*count)++] = p010;
    return VA_STATUS_SUCCESS;
}

static void lay_out(VAImage *image, unsigned pitch, unsigned height)
{
    unsigned luma = pitch * height;

    image->num_planes = image->format.fourcc == VA_FOURCC_I420 ? 3 : 2;
    image->pitches[0] = pitch;
    image->pitches[1] = image->pitches[2] = image->num_planes == 2 ? pitch : pitch / 2;
    image->offsets[1] = luma;
    image->offsets[2] = luma + luma / 4;
    image->data_size = luma + luma / 2;
}

static struct image *create(struct standin *standin, const VAImageFormat *format, int width, int height)
{
    struct image *image = standin_create(standin, KIND_IMAGE);
    struct buffer *buffer = image ? standin_create(standin, KIND_BUFFER) : NULL;

    if (!buffer) {
        if (image)
            standin_free(&image->object);
        return NULL;
    }
    buffer->type = VAImageBufferType;
    image->buffer = buffer->object.id;
    image->image = (VAImage){.image_id = image->object.id,
                             .format = *format,
                             .buf = buffer->object.id,
                             .width = (uint16_t)width,
                             .height = (uint16_t)height};
    return image;
}

static VAStatus do_vaCreateImage(VADriverContextP driver, VAImageFormat *format, int width, int height,
                                 VAImage *out)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    if ((format->fourcc != VA_FOURCC_NV12 || standin->puts_yuv) && format->fourcc != VA_FOURCC_I420 &&
        format->fourcc != VA_FOURCC_P010)
        return standin_misuse(VA_STATUS_ERROR_INVALID_IMAGE_FORMAT, "vaCreateImage: %.4s was not offered",
                              (const char *)&format->fourcc);
    pthread_mutex_lock(&standin->lock);
    struct image *image = create(standin, format, width, height);
    if (image) {
        struct buffer *buffer = standin_find(standin, KIND_BUFFER, image->buffer);
        lay_out(&image->image, ((unsigned)width * (format->fourcc == VA_FOURCC_P010 ? 2 : 1) + 127) / 64 * 64,
                (unsigned)height);
        buffer->bytes = calloc(1, image->image.data_size);
        *out = image->image;
        status = buffer->bytes ? VA_STATUS_SUCCESS : status;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaDeriveImage(VADriverContextP driver, VASurfaceID id, VAImage *out)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    if (!standin->has_derive)
        return VA_STATUS_ERROR_OPERATION_FAILED; // what drivers say that cannot
    pthread_mutex_lock(&standin->lock);
    struct surface *surface = standin_find(standin, KIND_SURFACE, id);
    struct image *image = surface && !surface->mapped.memory
                              ? create(standin, surface->fourcc == VA_FOURCC_P010 ? &p010 : &nv12,
                                       (int)surface->width, (int)surface->height)
                              : NULL;
    if (!surface)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_SURFACE, "vaDeriveImage: there is no %#x", id);
    else if (surface->mapped.memory)
        status =
            standin_misuse(VA_STATUS_ERROR_INVALID_SURFACE, "vaDeriveImage: %#x is a frame's memory", id);
    if (image) {
        struct buffer *buffer = standin_find(standin, KIND_BUFFER, image->buffer);
        lay_out(&image->image, surface->pitch[0], surface->height);
        image->surface = buffer->surface = id;
        *out = image->image;
        status = VA_STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaDestroyImage(VADriverContextP driver, VAImageID id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct image *image = standin_find(standin, KIND_IMAGE, id);
    struct buffer *buffer = image ? standin_find(standin, KIND_BUFFER, image->buffer) : NULL;
    if (!buffer || buffer->is_mapped) {
        status = standin_misuse(VA_STATUS_ERROR_INVALID_IMAGE, "vaDestroyImage: %#x %s", id,
                                buffer ? "is mapped" : "does not exist");
    } else {
        standin_buffer_destroy(buffer);
        standin_free(&image->object);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static void put(const struct image *image, const uint8_t *from, struct surface *surface, unsigned width,
                unsigned height)
{
    const VAImage *layout = &image->image;
    unsigned row_bytes = width * (surface->fourcc == VA_FOURCC_P010 ? 2 : 1);

    for (unsigned y = 0; y < height; y++)
        memcpy(surface->plane[0] + (size_t)y * surface->pitch[0], from + (size_t)y * layout->pitches[0],
               row_bytes);
    for (unsigned y = 0; y < height / 2; y++) {
        uint8_t *to = surface->plane[1] + (size_t)y * surface->pitch[1];
        const uint8_t *u = from + layout->offsets[1] + (size_t)y * layout->pitches[1];
        if (layout->num_planes == 2) {
            memcpy(to, u, row_bytes);
            continue;
        }
        const uint8_t *v = from + layout->offsets[2] + (size_t)y * layout->pitches[2];
        for (unsigned x = 0; x < width / 2; x++) {
            to[x * 2] = u[x];
            to[x * 2 + 1] = v[x];
        }
    }
}

static VAStatus do_vaPutImage(VADriverContextP driver, VASurfaceID surface_id, VAImageID image_id, int from_x,
                              int from_y, unsigned from_width, unsigned from_height, int to_x, int to_y,
                              unsigned to_width, unsigned to_height)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct image *image = standin_find(standin, KIND_IMAGE, image_id);
    struct surface *surface = standin_find(standin, KIND_SURFACE, surface_id);
    const struct buffer *buffer = image ? standin_find(standin, KIND_BUFFER, image->buffer) : NULL;
    if (!buffer || !surface || buffer->is_mapped || surface->pending || surface->mapped.memory)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_IMAGE, "vaPutImage: %s",
                                !buffer || !surface      ? "no such image or surface"
                                : surface->mapped.memory ? "the surface is a frame's memory"
                                : surface->pending       ? "the surface is being encoded"
                                                         : "the image is mapped");
    else if (from_x || from_y || to_x || to_y || from_width != to_width || from_height != to_height ||
             from_width > image->image.width || from_height > image->image.height ||
             to_width > surface->width || to_height > surface->height ||
             (surface->fourcc == VA_FOURCC_P010) != (image->image.format.fourcc == VA_FOURCC_P010))
        status = standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER,
                                "vaPutImage: neither scales nor moves, nor changes the depth");
    else
        put(image, buffer->bytes, surface, to_width, to_height);
    pthread_mutex_unlock(&standin->lock);
    return status;
}

void standin_images_install(struct VADriverVTable *table);

void standin_images_install(struct VADriverVTable *table)
{
    table->vaQueryImageFormats = do_vaQueryImageFormats;
    table->vaCreateImage = do_vaCreateImage;
    table->vaDeriveImage = do_vaDeriveImage;
    table->vaDestroyImage = do_vaDestroyImage;
    table->vaPutImage = do_vaPutImage;
}
