// SPDX-License-Identifier: Apache-2.0
// Surfaces: of memory of their own, or imported (DRM PRIME).
#include "va_standin.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <va/va_drmcommon.h>

#define PITCH_ALIGN 128u
#define IMPORT_ALIGN 64u // of pitches and offsets, as devices want it
#define MODIFIER_LINEAR 0

// What a client asks for, from the list of attributes.
struct wish {
    uint32_t fourcc, memory;
    const VADRMPRIMESurfaceDescriptor *external; // one for each surface
};

#define WRONG(...) standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaCreateSurfaces: " __VA_ARGS__)

static unsigned sample_bytes(uint32_t fourcc)
{
    return fourcc == VA_FOURCC_P010 ? 2 : 1;
}

static VAStatus allocate(struct surface *surface)
{
    // Never the width itself.
    surface->pitch[0] = surface->pitch[1] =
        (surface->width * sample_bytes(surface->fourcc) + PITCH_ALIGN) / PITCH_ALIGN * PITCH_ALIGN;
    surface->bytes = calloc(surface->height + surface->height / 2, surface->pitch[0]);
    if (!surface->bytes)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    surface->plane[0] = surface->bytes;
    surface->plane[1] = surface->bytes + (size_t)surface->pitch[0] * surface->height;
    return VA_STATUS_SUCCESS;
}

// Layers, composed or separate, as a list of planes; their formats are those of drm_fourcc.h.
static VAStatus check_layers(const struct wish *wish, uint32_t offsets[2], uint32_t pitches[2])
{
    static const uint32_t layers8[] = {0x20203852, 0x38385247};  // R8, GR88
    static const uint32_t layers16[] = {0x20363152, 0x32335247}; // R16, GR32
    const uint32_t *separate = wish->fourcc == VA_FOURCC_P010 ? layers16 : layers8;
    const VADRMPRIMESurfaceDescriptor *external = wish->external;

    if (external->num_layers != 1 && external->num_layers != 2)
        return WRONG("%u layers", external->num_layers);
    for (unsigned i = 0, plane = 0; i < external->num_layers; i++) {
        bool is_composed = external->num_layers == 1;
        if (external->layers[i].drm_format != (is_composed ? wish->fourcc : separate[i]) ||
            external->layers[i].num_planes != (is_composed ? 2 : 1))
            return WRONG("layer %u has format %#x and %u planes", i, external->layers[i].drm_format,
                         external->layers[i].num_planes);
        for (unsigned p = 0; p < external->layers[i].num_planes; p++, plane++) {
            if (external->layers[i].object_index[p] != 0)
                return WRONG("a plane in object %u of 1", external->layers[i].object_index[p]);
            offsets[plane] = external->layers[i].offset[p];
            pitches[plane] = external->layers[i].pitch[p];
        }
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus check_external(const struct surface *surface, const struct wish *wish, uint32_t offsets[2],
                               uint32_t pitches[2])
{
    const VADRMPRIMESurfaceDescriptor *external = wish->external;
    off_t real = lseek(external->objects[0].fd, 0, SEEK_END);

    if (external->fourcc != wish->fourcc || external->width != surface->width ||
        external->height != surface->height)
        return WRONG("a surface of %ux%u, fourcc %#x, in memory of %ux%u, %#x", surface->width,
                     surface->height, wish->fourcc, external->width, external->height, external->fourcc);
    if (external->num_objects != 1 || external->objects[0].drm_format_modifier != MODIFIER_LINEAR)
        return WRONG("%u objects, modifier %#llx", external->num_objects,
                     (unsigned long long)external->objects[0].drm_format_modifier);
    if (real < 0 || external->objects[0].size != (uint64_t)real)
        return WRONG("object of %u bytes, in truth %lld", external->objects[0].size, (long long)real);
    VAStatus status = check_layers(wish, offsets, pitches);
    if (status != VA_STATUS_SUCCESS)
        return status;
    uint64_t ends[2] = {offsets[0] + (uint64_t)pitches[0] * surface->height,
                        offsets[1] + (uint64_t)pitches[1] * (surface->height / 2)};
    for (unsigned i = 0; i < 2; i++) {
        if (pitches[i] < surface->width * sample_bytes(surface->fourcc) || pitches[i] % IMPORT_ALIGN ||
            offsets[i] % IMPORT_ALIGN || ends[i] > (uint64_t)real)
            return WRONG("plane %u at %u, pitch %u, in an object of %lld bytes", i, offsets[i], pitches[i],
                         (long long)real);
    }
    return offsets[1] >= ends[0] ? VA_STATUS_SUCCESS : WRONG("planes overlap");
}

static VAStatus import(struct surface *surface, const struct wish *wish)
{
    uint32_t offsets[2], pitches[2];
    VAStatus status = check_external(surface, wish, offsets, pitches);

    if (status != VA_STATUS_SUCCESS)
        return status;
    surface->mapped = standin_dmabuf_import(wish->external->objects[0].fd, false);
    if (!surface->mapped.memory)
        return WRONG("what was to be imported is no DMA-BUF");
    for (unsigned i = 0; i < 2; i++) {
        surface->plane[i] = surface->mapped.memory + offsets[i];
        surface->pitch[i] = pitches[i];
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus create(struct standin *standin, unsigned width, unsigned height, const struct wish *wish,
                       VASurfaceID *id)
{
    struct surface *surface = standin_create(standin, KIND_SURFACE);

    if (!surface)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    surface->width = width;
    surface->height = height;
    surface->fourcc = wish->fourcc;
    VAStatus status = wish->external ? import(surface, wish) : allocate(surface);
    if (status == VA_STATUS_SUCCESS)
        *id = surface->object.id;
    else
        standin_free(&surface->object);
    return status;
}

static VAStatus read_wish(const struct standin *standin, unsigned format, const VASurfaceAttrib *list,
                          unsigned count, struct wish *out)
{
    uint32_t fourcc = format == VA_RT_FORMAT_YUV420_10 ? VA_FOURCC_P010 : VA_FOURCC_NV12;

    *out = (struct wish){.fourcc = fourcc, .memory = VA_SURFACE_ATTRIB_MEM_TYPE_VA};
    for (unsigned i = 0; i < count; i++) {
        if (!(list[i].flags & VA_SURFACE_ATTRIB_SETTABLE))
            return WRONG("attribute %d is not marked as set", (int)list[i].type);
        if (list[i].type == VASurfaceAttribPixelFormat)
            out->fourcc = (uint32_t)list[i].value.value.i;
        if (list[i].type == VASurfaceAttribMemoryType)
            out->memory = (uint32_t)list[i].value.value.i;
        if (list[i].type == VASurfaceAttribExternalBufferDescriptor &&
            list[i].value.type == VAGenericValueTypePointer)
            out->external = list[i].value.value.p;
    }
    if (out->fourcc != fourcc)
        return WRONG("fourcc %#x in format %#x", out->fourcc, format);
    bool is_prime = out->memory == VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2;
    if (is_prime && !standin->has_prime)
        return WRONG("DRM PRIME was not offered");
    if (is_prime != (out->external != NULL))
        return WRONG("memory type %#x %s a descriptor", out->memory, out->external ? "with" : "without");
    if (!is_prime && out->memory != VA_SURFACE_ATTRIB_MEM_TYPE_VA)
        return VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE;
    return is_prime && standin->refuses_prime ? VA_STATUS_ERROR_UNSUPPORTED_MEMORY_TYPE : VA_STATUS_SUCCESS;
}

static VAStatus do_vaCreateSurfaces2(VADriverContextP driver, unsigned format, unsigned width,
                                     unsigned height, VASurfaceID *ids, unsigned count, VASurfaceAttrib *list,
                                     unsigned attributes)
{
    STANDIN_ENTER(driver);
    struct wish wish;
    VAStatus status = read_wish(standin, format, list, attributes, &wish);
    if ((format != VA_RT_FORMAT_YUV420 && format != VA_RT_FORMAT_YUV420_10) || width < 16 || height < 16 ||
        width % 2 || height % 2)
        return standin_misuse(VA_STATUS_ERROR_UNSUPPORTED_RT_FORMAT, "vaCreateSurfaces: %ux%u format %#x",
                              width, height, format);
    pthread_mutex_lock(&standin->lock);
    for (unsigned i = 0; i < count && status == VA_STATUS_SUCCESS; i++) {
        status = create(standin, width, height, &wish, &ids[i]);
        if (wish.external)
            wish.external++;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaCreateSurfaces(VADriverContextP driver, int width, int height, int format, int count,
                                    VASurfaceID *ids)
{
    return do_vaCreateSurfaces2(driver, (unsigned)format, (unsigned)width, (unsigned)height, ids,
                                (unsigned)count, NULL, 0);
}

void standin_surface_destroy(struct surface *surface)
{
    standin_dmabuf_release(&surface->mapped);
    free(surface->bytes);
    standin_free(&surface->object);
}

static VAStatus do_vaDestroySurfaces(VADriverContextP driver, VASurfaceID *ids, int count)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    for (int i = 0; i < count; i++) {
        struct surface *surface = standin_find(standin, KIND_SURFACE, ids[i]);
        if (!surface || surface->maps) {
            status = standin_misuse(VA_STATUS_ERROR_INVALID_SURFACE, "vaDestroySurfaces: %#x %s", ids[i],
                                    surface ? "is mapped" : "does not exist");
            continue;
        }
        if (surface->pending && !standin->is_excused)
            (void)standin_misuse(status, "vaDestroySurfaces: %#x is being encoded", ids[i]);
        standin_surface_destroy(surface);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

void standin_surfaces_install(struct VADriverVTable *table)
{
    table->vaCreateSurfaces = do_vaCreateSurfaces;
    table->vaCreateSurfaces2 = do_vaCreateSurfaces2;
    table->vaDestroySurfaces = do_vaDestroySurfaces;
}
