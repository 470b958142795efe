// SPDX-License-Identifier: Apache-2.0
// What the device says it can do.
#include "va_standin.h"

#include <string.h>

#include <va/va_drmcommon.h>

#define WIDTH_MAX 3840
#define HEIGHT_MAX 2304

bool standin_is_hevc(VAProfile profile)
{
    return profile == VAProfileHEVCMain || profile == VAProfileHEVCMain10;
}

static bool has_profile(const struct standin *standin, VAProfile profile)
{
    // I_PCM is written with CAVLC only.
    return profile == VAProfileH264ConstrainedBaseline ||
           (profile == VAProfileH264Main && !standin->is_pcm) ||
           (standin_is_hevc(profile) && standin->has_hevc);
}

static bool has_entrypoint(const struct standin *standin, VAEntrypoint entrypoint)
{
    return (entrypoint == VAEntrypointEncSliceLP && standin->has_lp) ||
           (entrypoint == VAEntrypointEncSlice && standin->has_slice);
}

uint32_t standin_rate_controls(const struct standin *standin, VAEntrypoint entrypoint)
{
    return entrypoint == VAEntrypointEncSliceLP && standin->lp_is_cqp ? VA_RC_CQP : standin->rate_controls;
}

static VAStatus do_vaQueryConfigProfiles(VADriverContextP driver, VAProfile *list, int *count)
{
    STANDIN_ENTER(driver);
    *count = 0;
    list[(*count)++] = VAProfileH264ConstrainedBaseline;
    if (has_profile(standin, VAProfileH264Main))
        list[(*count)++] = VAProfileH264Main;
    if (standin->has_hevc) {
        list[(*count)++] = VAProfileHEVCMain;
        list[(*count)++] = VAProfileHEVCMain10;
    }
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaQueryConfigEntrypoints(VADriverContextP driver, VAProfile profile, VAEntrypoint *list,
                                            int *count)
{
    STANDIN_ENTER(driver);
    *count = 0;
    if (!has_profile(standin, profile))
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    if (standin->has_slice)
        list[(*count)++] = VAEntrypointEncSlice;
    if (standin->has_lp)
        list[(*count)++] = VAEntrypointEncSliceLP;
    return VA_STATUS_SUCCESS;
}

static uint32_t rt_format(VAProfile profile)
{
    return profile == VAProfileHEVCMain10 ? VA_RT_FORMAT_YUV420_10 : VA_RT_FORMAT_YUV420;
}

// What is told of HEVC with the word "tools": what a client does not take where nothing is told. No
// asymmetric partitions, which it takes then.
static uint32_t hevc_tools(void)
{
    VAConfigAttribValEncHEVCFeatures features = {.bits = {.sao = VA_FEATURE_SUPPORTED,
                                                          .temporal_mvp = VA_FEATURE_REQUIRED,
                                                          .strong_intra_smoothing = VA_FEATURE_REQUIRED,
                                                          .sign_data_hiding = VA_FEATURE_REQUIRED,
                                                          .constrained_intra_pred = VA_FEATURE_REQUIRED,
                                                          .cu_qp_delta = VA_FEATURE_SUPPORTED}};
    return features.value;
}

static uint32_t hevc_blocks(void)
{
    VAConfigAttribValEncHEVCBlockSizes blocks = {.bits = {.log2_max_coding_tree_block_size_minus3 = 3,
                                                          .log2_min_coding_tree_block_size_minus3 = 3,
                                                          .log2_min_luma_coding_block_size_minus3 = 1,
                                                          .log2_max_luma_transform_block_size_minus2 = 3,
                                                          .log2_min_luma_transform_block_size_minus2 = 0,
                                                          .max_max_transform_hierarchy_depth_inter = 1,
                                                          .max_max_transform_hierarchy_depth_intra = 1}};
    return blocks.value;
}

static uint32_t attribute(const struct standin *standin, VAProfile profile, VAEntrypoint entrypoint,
                          VAConfigAttribType type)
{
    bool tells_tools = standin_is_hevc(profile) && standin->has_all_tools;

    switch (type) {
    case VAConfigAttribRTFormat:
        return rt_format(profile);
    case VAConfigAttribEncHEVCFeatures:
        return tells_tools ? hevc_tools() : VA_ATTRIB_NOT_SUPPORTED;
    case VAConfigAttribEncHEVCBlockSizes:
        return tells_tools ? hevc_blocks() : VA_ATTRIB_NOT_SUPPORTED;
    case VAConfigAttribPredictionDirection:
        return standin_is_hevc(profile) && standin->is_gpb
                   ? VA_PREDICTION_DIRECTION_PREVIOUS | VA_PREDICTION_DIRECTION_BI_NOT_EMPTY
                   : VA_ATTRIB_NOT_SUPPORTED;
    case VAConfigAttribRateControl:
        return standin_rate_controls(standin, entrypoint);
    case VAConfigAttribEncPackedHeaders:
        return standin->packed ? standin->packed : VA_ATTRIB_NOT_SUPPORTED;
    case VAConfigAttribEncMaxRefFrames:
        return 1;
    case VAConfigAttribEncMaxSlices:
        return 1;
    case VAConfigAttribEncQualityRange:
        return 7;
    case VAConfigAttribMaxPictureWidth:
        return WIDTH_MAX;
    case VAConfigAttribMaxPictureHeight:
        return HEIGHT_MAX;
    default:
        return VA_ATTRIB_NOT_SUPPORTED;
    }
}

static VAStatus do_vaGetConfigAttributes(VADriverContextP driver, VAProfile profile, VAEntrypoint entrypoint,
                                         VAConfigAttrib *list, int count)
{
    STANDIN_ENTER(driver);
    if (!has_profile(standin, profile))
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    if (!has_entrypoint(standin, entrypoint))
        return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    for (int i = 0; i < count; i++)
        list[i].value = attribute(standin, profile, entrypoint, list[i].type);
    return VA_STATUS_SUCCESS;
}

static VAStatus take_attribute(const struct standin *standin, struct config *config,
                               const VAConfigAttrib *wanted)
{
    uint32_t offered = attribute(standin, config->profile, config->entrypoint, wanted->type);

    if (offered == VA_ATTRIB_NOT_SUPPORTED)
        return standin_misuse(VA_STATUS_ERROR_ATTR_NOT_SUPPORTED,
                              "vaCreateConfig: attribute %d was not offered", (int)wanted->type);
    if (wanted->type == VAConfigAttribRTFormat || wanted->type == VAConfigAttribRateControl ||
        wanted->type == VAConfigAttribEncPackedHeaders) {
        if (wanted->value & ~offered)
            return standin_misuse(VA_STATUS_ERROR_INVALID_VALUE,
                                  "vaCreateConfig: attribute %d: %#x wanted, %#x offered", (int)wanted->type,
                                  wanted->value, offered);
    }
    if (wanted->type == VAConfigAttribRateControl) {
        if (wanted->value == 0 || (wanted->value & (wanted->value - 1)))
            return standin_misuse(VA_STATUS_ERROR_INVALID_VALUE, "vaCreateConfig: choose one rate control");
        config->rate_control = wanted->value;
    }
    if (wanted->type == VAConfigAttribEncPackedHeaders)
        config->packed = wanted->value;
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaCreateConfig(VADriverContextP driver, VAProfile profile, VAEntrypoint entrypoint,
                                  VAConfigAttrib *list, int count, VAConfigID *id)
{
    STANDIN_ENTER(driver);
    if (!has_profile(standin, profile))
        return VA_STATUS_ERROR_UNSUPPORTED_PROFILE;
    if (!has_entrypoint(standin, entrypoint))
        return VA_STATUS_ERROR_UNSUPPORTED_ENTRYPOINT;
    pthread_mutex_lock(&standin->lock);
    struct config *config = standin_create(standin, KIND_CONFIG);
    VAStatus status = config ? VA_STATUS_SUCCESS : VA_STATUS_ERROR_ALLOCATION_FAILED;
    if (config) {
        config->profile = profile;
        config->entrypoint = entrypoint;
        for (int i = 0; i < count && status == VA_STATUS_SUCCESS; i++)
            status = take_attribute(standin, config, &list[i]);
        if (status == VA_STATUS_SUCCESS)
            *id = config->object.id;
        else
            standin_free(&config->object);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaDestroyConfig(VADriverContextP driver, VAConfigID id)
{
    STANDIN_ENTER(driver);
    pthread_mutex_lock(&standin->lock);
    struct config *config = standin_find(standin, KIND_CONFIG, id);
    if (config)
        standin_free(&config->object);
    pthread_mutex_unlock(&standin->lock);
    return config ? VA_STATUS_SUCCESS
                  : standin_misuse(VA_STATUS_ERROR_INVALID_CONFIG, "vaDestroyConfig: there is no %#x", id);
}

static VAStatus do_vaQueryConfigAttributes(VADriverContextP driver, VAConfigID id, VAProfile *profile,
                                           VAEntrypoint *entrypoint, VAConfigAttrib *list, int *count)
{
    STANDIN_ENTER(driver);
    const struct config *config = standin_find(standin, KIND_CONFIG, id);
    if (!config)
        return VA_STATUS_ERROR_INVALID_CONFIG;
    *profile = config->profile;
    *entrypoint = config->entrypoint;
    list[0] = (VAConfigAttrib){VAConfigAttribRTFormat, rt_format(config->profile)};
    *count = 1;
    return VA_STATUS_SUCCESS;
}

static VASurfaceAttrib integer(VASurfaceAttribType type, uint32_t flags, int value)
{
    return (VASurfaceAttrib){type, flags, {.type = VAGenericValueTypeInteger, .value.i = value}};
}

static VAStatus do_vaQuerySurfaceAttributes(VADriverContextP driver, VAConfigID id, VASurfaceAttrib *list,
                                            unsigned *count)
{
    STANDIN_ENTER(driver);
    const struct config *config = standin_find(standin, KIND_CONFIG, id);
    if (!config)
        return standin_misuse(VA_STATUS_ERROR_INVALID_CONFIG, "vaQuerySurfaceAttributes: there is no %#x",
                              id);
    uint32_t fourcc = config->profile == VAProfileHEVCMain10 ? VA_FOURCC_P010 : VA_FOURCC_NV12;
    uint32_t both = VA_SURFACE_ATTRIB_GETTABLE | VA_SURFACE_ATTRIB_SETTABLE;
    int memory = VA_SURFACE_ATTRIB_MEM_TYPE_VA;
    if (standin->has_prime)
        memory |= VA_SURFACE_ATTRIB_MEM_TYPE_DRM_PRIME_2;
    const VASurfaceAttrib all[] = {
        integer(VASurfaceAttribPixelFormat, both, (int)fourcc),
        integer(VASurfaceAttribMinWidth, VA_SURFACE_ATTRIB_GETTABLE, 16),
        integer(VASurfaceAttribMinHeight, VA_SURFACE_ATTRIB_GETTABLE, 16),
        integer(VASurfaceAttribMaxWidth, VA_SURFACE_ATTRIB_GETTABLE, WIDTH_MAX),
        integer(VASurfaceAttribMaxHeight, VA_SURFACE_ATTRIB_GETTABLE, HEIGHT_MAX),
        integer(VASurfaceAttribMemoryType, both, memory),
    };
    unsigned capacity = *count;
    *count = sizeof all / sizeof all[0];
    if (!list)
        return VA_STATUS_SUCCESS;
    if (capacity < *count)
        return VA_STATUS_ERROR_MAX_NUM_EXCEEDED;
    memcpy(list, all, sizeof all);
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaQueryDisplayAttributes(VADriverContextP driver, VADisplayAttribute *list, int *count)
{
    (void)driver;
    (void)list;
    *count = 0;
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaGetSetDisplayAttributes(VADriverContextP driver, VADisplayAttribute *list, int count)
{
    (void)driver;
    (void)list;
    (void)count;
    return VA_STATUS_ERROR_UNIMPLEMENTED;
}

void standin_queries_install(struct VADriverVTable *table)
{
    table->vaQueryConfigProfiles = do_vaQueryConfigProfiles;
    table->vaQueryConfigEntrypoints = do_vaQueryConfigEntrypoints;
    table->vaGetConfigAttributes = do_vaGetConfigAttributes;
    table->vaCreateConfig = do_vaCreateConfig;
    table->vaDestroyConfig = do_vaDestroyConfig;
    table->vaQueryConfigAttributes = do_vaQueryConfigAttributes;
    table->vaQuerySurfaceAttributes = do_vaQuerySurfaceAttributes;
    table->vaQueryDisplayAttributes = do_vaQueryDisplayAttributes;
    table->vaGetDisplayAttributes = do_vaGetSetDisplayAttributes;
    table->vaSetDisplayAttributes = do_vaGetSetDisplayAttributes;
}
