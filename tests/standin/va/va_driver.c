// SPDX-License-Identifier: Apache-2.0
// What libva looks for, and the functions that it demands although no encoder needs them.
#include "va_standin.h"

#include <stdlib.h>

static VAStatus do_vaTerminate(VADriverContextP driver)
{
    STANDIN_ENTER(driver);
    for (unsigned i = 0; i < CONTEXTS_MAX; i++) {
        if (!standin->contexts[i].object.id)
            continue;
        standin_x264_close(&standin->contexts[i]);
        standin_hevc_close(&standin->contexts[i]);
    }
    unsigned surfaces = standin_alive(standin, KIND_SURFACE), buffers = standin_alive(standin, KIND_BUFFER);
    unsigned images = standin_alive(standin, KIND_IMAGE), contexts = standin_alive(standin, KIND_CONTEXT);
    unsigned configs = standin_alive(standin, KIND_CONFIG);
    if (surfaces + buffers + images + contexts + configs > 0)
        (void)standin_misuse(
            VA_STATUS_SUCCESS,
            "vaTerminate: left behind: %u surfaces, %u buffers, %u images, %u contexts, %u configs", surfaces,
            buffers, images, contexts, configs);
    for (unsigned i = 0; i < SURFACES_MAX; i++)
        if (standin->surfaces[i].object.id)
            standin_surface_destroy(&standin->surfaces[i]);
    for (unsigned i = 0; i < BUFFERS_MAX; i++)
        if (standin->buffers[i].object.id)
            free(standin->buffers[i].bytes);
    pthread_mutex_destroy(&standin->lock);
    free(standin);
    driver->pDriverData = NULL;
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaSetImagePalette(VADriverContextP driver, VAImageID image, unsigned char *palette)
{
    (void)driver, (void)image, (void)palette;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaGetImage(VADriverContextP driver, VASurfaceID surface, int x, int y, unsigned width,
                              unsigned height, VAImageID image)
{
    (void)driver, (void)surface, (void)x, (void)y, (void)width, (void)height, (void)image;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaQuerySubpictureFormats(VADriverContextP driver, VAImageFormat *list, unsigned *flags,
                                            unsigned *count)
{
    (void)driver, (void)list, (void)flags;
    *count = 0;
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaCreateSubpicture(VADriverContextP driver, VAImageID image, VASubpictureID *out)
{
    (void)driver, (void)image, (void)out;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaDestroySubpicture(VADriverContextP driver, VASubpictureID id)
{
    (void)driver, (void)id;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaSetSubpictureImage(VADriverContextP driver, VASubpictureID id, VAImageID image)
{
    (void)driver, (void)id, (void)image;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaSetSubpictureChromakey(VADriverContextP driver, VASubpictureID id, unsigned min,
                                            unsigned max, unsigned mask)
{
    (void)driver, (void)id, (void)min, (void)max, (void)mask;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaSetSubpictureGlobalAlpha(VADriverContextP driver, VASubpictureID id, float alpha)
{
    (void)driver, (void)id, (void)alpha;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaAssociateSubpicture(VADriverContextP driver, VASubpictureID id, VASurfaceID *surfaces,
                                         int count, short from_x, short from_y, unsigned short from_width,
                                         unsigned short from_height, short to_x, short to_y,
                                         unsigned short to_width, unsigned short to_height, unsigned flags)
{
    (void)driver, (void)id, (void)surfaces, (void)count, (void)from_x, (void)from_y, (void)from_width;
    (void)from_height, (void)to_x, (void)to_y, (void)to_width, (void)to_height, (void)flags;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static VAStatus do_vaDeassociateSubpicture(VADriverContextP driver, VASubpictureID id, VASurfaceID *surfaces,
                                           int count)
{
    (void)driver, (void)id, (void)surfaces, (void)count;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

static void install(struct VADriverVTable *table, const struct standin *standin)
{
    table->vaTerminate = do_vaTerminate;
    table->vaSetImagePalette = do_vaSetImagePalette;
    table->vaGetImage = do_vaGetImage;
    table->vaQuerySubpictureFormats = do_vaQuerySubpictureFormats;
    table->vaCreateSubpicture = do_vaCreateSubpicture;
    table->vaDestroySubpicture = do_vaDestroySubpicture;
    table->vaSetSubpictureImage = do_vaSetSubpictureImage;
    table->vaSetSubpictureChromakey = do_vaSetSubpictureChromakey;
    table->vaSetSubpictureGlobalAlpha = do_vaSetSubpictureGlobalAlpha;
    table->vaAssociateSubpicture = do_vaAssociateSubpicture;
    table->vaDeassociateSubpicture = do_vaDeassociateSubpicture;
    standin_queries_install(table);
    standin_objects_install(table, standin);
    standin_picture_install(table, standin);
}

VAStatus __vaDriverInit_1_0(VADriverContextP driver);

__attribute__((visibility("default"))) VAStatus __vaDriverInit_1_0(VADriverContextP driver)
{
    struct standin *standin = calloc(1, sizeof *standin);

    if (!standin)
        return VA_STATUS_ERROR_ALLOCATION_FAILED;
    pthread_mutex_init(&standin->lock, NULL);
    standin_configure(standin);
    driver->pDriverData = standin;
    VAStatus status = standin_enter(driver, "vaInitialize");
    if (status != VA_STATUS_SUCCESS) {
        pthread_mutex_destroy(&standin->lock);
        free(standin);
        return status;
    }
    driver->version_major = VA_MAJOR_VERSION;
    driver->version_minor = VA_MINOR_VERSION;
    driver->max_profiles = 8;
    driver->max_entrypoints = 4;
    driver->max_attributes = 64;
    driver->max_image_formats = 4;
    driver->max_subpic_formats = 1;
    driver->str_vendor = standin->is_intel ? "Castor stand-in (Intel)" : "Castor stand-in";
    install(driver->vtable, standin);
    return VA_STATUS_SUCCESS;
}
