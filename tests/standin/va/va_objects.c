// SPDX-License-Identifier: Apache-2.0
// Buffers and contexts, and the tables of all objects, each with an id that is never used again.
#include "va_standin.h"

#include <stdlib.h>
#include <string.h>

#define GENERATION_BITS 12

static struct object *table_of(struct standin *standin, enum object_kind kind, size_t *size, unsigned *count)
{
    switch (kind) {
    case KIND_CONFIG:
        *size = sizeof standin->configs[0], *count = CONFIGS_MAX;
        return &standin->configs[0].object;
    case KIND_CONTEXT:
        *size = sizeof standin->contexts[0], *count = CONTEXTS_MAX;
        return &standin->contexts[0].object;
    case KIND_SURFACE:
        *size = sizeof standin->surfaces[0], *count = SURFACES_MAX;
        return &standin->surfaces[0].object;
    case KIND_BUFFER:
        *size = sizeof standin->buffers[0], *count = BUFFERS_MAX;
        return &standin->buffers[0].object;
    default:
        *size = sizeof standin->images[0], *count = IMAGES_MAX;
        return &standin->images[0].object;
    }
}

static struct object *object_at(struct object *first, size_t size, unsigned index)
{
    return (struct object *)(void *)((char *)first + size * index);
}

void *standin_find(struct standin *standin, enum object_kind kind, uint32_t id)
{
    size_t size;
    unsigned count, index = id & 0xFFF;
    struct object *first = table_of(standin, kind, &size, &count);

    if (index >= count || id == 0)
        return NULL;
    struct object *object = object_at(first, size, index);
    return object->id == id ? object : NULL;
}

void *standin_create(struct standin *standin, enum object_kind kind)
{
    size_t size;
    unsigned count;
    struct object *first = table_of(standin, kind, &size, &count);

    for (unsigned i = 0; i < count; i++) {
        struct object *object = object_at(first, size, i);
        if (object->id != 0)
            continue;
        uint32_t generation = (object->generation + 1) % (1u << GENERATION_BITS);
        memset(object, 0, size);
        object->generation = generation;
        object->id = (uint32_t)kind << 24 | generation << 12 | i;
        return object;
    }
    return NULL;
}

void standin_free(struct object *object)
{
    object->id = 0;
}

unsigned standin_alive(struct standin *standin, enum object_kind kind)
{
    size_t size;
    unsigned count, alive = 0;
    struct object *first = table_of(standin, kind, &size, &count);

    for (unsigned i = 0; i < count; i++)
        alive += object_at(first, size, i)->id != 0;
    return alive;
}

// ---- contexts ----

static VAStatus do_vaCreateContext(VADriverContextP driver, VAConfigID config, int width, int height,
                                   int flag, VASurfaceID *targets, int count, VAContextID *id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    (void)flag;
    pthread_mutex_lock(&standin->lock);
    const struct config *found = standin_find(standin, KIND_CONFIG, config);
    uint32_t wanted = VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE;
    bool knows_targets = true;
    for (int i = 0; i < count; i++)
        knows_targets = knows_targets && standin_find(standin, KIND_SURFACE, targets[i]);
    if (!found || !knows_targets || width < 16 || height < 16)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_CONFIG, "vaCreateContext: config %#x, %dx%d%s",
                                config, width, height, knows_targets ? "" : ", unknown surface");
    else if (standin->is_pcm && !standin_is_hevc(found->profile) && (found->packed & wanted) != wanted)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_CONFIG,
                                "vaCreateContext: mode pcm needs packed sequence and slice headers");
    else {
        struct context *context = standin_create(standin, KIND_CONTEXT);
        if (context) {
            context->config = config;
            context->is_hevc = standin_is_hevc(found->profile);
            context->fourcc = found->profile == VAProfileHEVCMain10 ? VA_FOURCC_P010 : VA_FOURCC_NV12;
            context->width = width;
            context->height = height;
            *id = context->object.id;
            status = VA_STATUS_SUCCESS;
        }
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaDestroyContext(VADriverContextP driver, VAContextID id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct context *context = standin_find(standin, KIND_CONTEXT, id);
    if (!context) {
        status = standin_misuse(VA_STATUS_ERROR_INVALID_CONTEXT, "vaDestroyContext: there is no %#x", id);
    } else {
        if (context->picture.is_open)
            (void)standin_misuse(status, "vaDestroyContext: inside a picture");
        standin_x264_close(context);
        standin_hevc_close(context);
        standin_free(&context->object);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

// ---- buffers ----

static size_t wanted_size(VABufferType type, bool is_hevc)
{
    switch (type) {
    case VAEncSequenceParameterBufferType:
        return is_hevc ? sizeof(VAEncSequenceParameterBufferHEVC) : sizeof(VAEncSequenceParameterBufferH264);
    case VAEncPictureParameterBufferType:
        return is_hevc ? sizeof(VAEncPictureParameterBufferHEVC) : sizeof(VAEncPictureParameterBufferH264);
    case VAEncSliceParameterBufferType:
        return is_hevc ? sizeof(VAEncSliceParameterBufferHEVC) : sizeof(VAEncSliceParameterBufferH264);
    case VAEncPackedHeaderParameterBufferType:
        return sizeof(VAEncPackedHeaderParameterBuffer);
    default:
        return 0; // of any size
    }
}

static bool is_known(VABufferType type)
{
    return wanted_size(type, false) || type == VAEncPackedHeaderDataBufferType ||
           type == VAEncMiscParameterBufferType || type == VAEncCodedBufferType;
}

static struct buffer *create_buffer(struct standin *standin, VABufferType type, size_t size)
{
    struct buffer *buffer = standin_create(standin, KIND_BUFFER);

    if (!buffer)
        return NULL;
    buffer->type = type;
    buffer->size = size;
    buffer->bytes = malloc(size);
    if (buffer->bytes)
        return buffer;
    standin_free(&buffer->object);
    return NULL;
}

static VAStatus do_vaCreateBuffer(VADriverContextP driver, VAContextID context, VABufferType type,
                                  unsigned size, unsigned count, void *data, VABufferID *id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_ERROR_ALLOCATION_FAILED;
    pthread_mutex_lock(&standin->lock);
    const struct context *owner = standin_find(standin, KIND_CONTEXT, context);
    struct buffer *buffer = NULL;
    size_t wanted = owner ? wanted_size(type, owner->is_hevc) : 0;
    if (!owner)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_CONTEXT, "vaCreateBuffer: there is no context %#x",
                                context);
    else if (!is_known(type) || count != 1 || size == 0 || (wanted && size != wanted) ||
             (!data) != (type == VAEncCodedBufferType))
        status =
            standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaCreateBuffer: type %d, %u of %u bytes%s",
                           (int)type, count, size, data ? "" : ", no data");
    else
        buffer = create_buffer(standin, type, size);
    if (buffer) {
        if (data)
            memcpy(buffer->bytes, data, size);
        buffer->context = context;
        *id = buffer->object.id;
        status = VA_STATUS_SUCCESS;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaBufferSetNumElements(VADriverContextP driver, VABufferID id, unsigned count)
{
    (void)driver;
    (void)id;
    (void)count;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static void *map_coded(struct buffer *buffer)
{
    size_t half = buffer->coded_size / 2; // a client that takes the first segment only is found out

    buffer->segments[0].buf = buffer->bytes;
    buffer->segments[0].size = (uint32_t)half;
    buffer->segments[0].next = &buffer->segments[1];
    buffer->segments[1].buf = (uint8_t *)buffer->bytes + half;
    buffer->segments[1].size = (uint32_t)(buffer->coded_size - half);
    buffer->segments[1].status = buffer->segments[0].status;
    return &buffer->segments[0];
}

static VAStatus map(struct standin *standin, struct buffer *buffer, uint32_t id, void **out)
{
    struct surface *surface = buffer ? standin_find(standin, KIND_SURFACE, buffer->surface) : NULL;

    if (!buffer || buffer->is_mapped)
        return standin_misuse(VA_STATUS_ERROR_INVALID_BUFFER, "vaMapBuffer: %#x %s", id,
                              buffer ? "is mapped already" : "does not exist");
    if (surface && surface->pending)
        return standin_misuse(VA_STATUS_ERROR_SURFACE_BUSY, "vaMapBuffer: the surface is being encoded");
    if (buffer->type == VAEncCodedBufferType) {
        VAStatus status = standin_wait_coded(standin, buffer, NEVER_NS);
        if (status != VA_STATUS_SUCCESS)
            return status;
        if (!buffer->is_filled)
            return standin_misuse(VA_STATUS_ERROR_INVALID_BUFFER, "vaMapBuffer: nothing was coded into %#x",
                                  id);
        *out = map_coded(buffer);
    } else {
        *out = surface ? surface->plane[0] : buffer->bytes;
    }
    if (surface)
        surface->maps++;
    buffer->is_mapped = true;
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaMapBuffer(VADriverContextP driver, VABufferID id, void **out)
{
    STANDIN_ENTER(driver);
    pthread_mutex_lock(&standin->lock);
    VAStatus status = map(standin, standin_find(standin, KIND_BUFFER, id), id, out);
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaUnmapBuffer(VADriverContextP driver, VABufferID id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct buffer *buffer = standin_find(standin, KIND_BUFFER, id);
    if (!buffer || !buffer->is_mapped) {
        status = standin_misuse(VA_STATUS_ERROR_INVALID_BUFFER, "vaUnmapBuffer: %#x is not mapped", id);
    } else {
        struct surface *surface = standin_find(standin, KIND_SURFACE, buffer->surface);
        if (surface)
            surface->maps--;
        buffer->is_mapped = false;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

void standin_buffer_destroy(struct buffer *buffer)
{
    free(buffer->bytes);
    standin_free(&buffer->object);
}

static VAStatus do_vaDestroyBuffer(VADriverContextP driver, VABufferID id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct buffer *buffer = standin_find(standin, KIND_BUFFER, id);
    if (!buffer || buffer->is_mapped || buffer->type == VAImageBufferType) {
        status = standin_misuse(VA_STATUS_ERROR_INVALID_BUFFER, "vaDestroyBuffer: %#x %s", id,
                                !buffer             ? "does not exist"
                                : buffer->is_mapped ? "is mapped"
                                                    : "belongs to an image");
    } else {
        const struct context *context = standin_find(standin, KIND_CONTEXT, buffer->context);
        if (buffer->is_pending && !standin->is_excused)
            (void)standin_misuse(status, "vaDestroyBuffer: a picture is being coded into %#x", id);
        if (context && context->picture.is_open)
            (void)standin_misuse(status, "vaDestroyBuffer: %#x inside a picture", id);
        standin_settle_coded(standin, buffer);
        standin_buffer_destroy(buffer);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

void standin_images_install(struct VADriverVTable *table);

void standin_objects_install(struct VADriverVTable *table, const struct standin *standin)
{
    (void)standin;
    table->vaCreateContext = do_vaCreateContext;
    table->vaDestroyContext = do_vaDestroyContext;
    table->vaCreateBuffer = do_vaCreateBuffer;
    table->vaBufferSetNumElements = do_vaBufferSetNumElements;
    table->vaMapBuffer = do_vaMapBuffer;
    table->vaUnmapBuffer = do_vaUnmapBuffer;
    table->vaDestroyBuffer = do_vaDestroyBuffer;
    standin_surfaces_install(table);
    standin_images_install(table);
}
