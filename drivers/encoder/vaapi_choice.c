// SPDX-License-Identifier: Apache-2.0
#include "vaapi_choice.h"

#define ENTRYPOINTS_MAX 64
#define RATE_CONTROL_NONE 0u

// What of VA-API a codec and a depth need.
struct wanted {
    enum encoder_codec codec;
    bool is_ten_bit;
    uint32_t surface_format;
    VAProfile profiles[2]; // the best first
    unsigned profile_count;
    const char *name;
};

static const struct wanted *find_wanted(enum encoder_codec codec, uint32_t pixel)
{
    static const struct wanted all[] = {
        {ENCODER_CODEC_H264,
         false,
         VA_RT_FORMAT_YUV420,
         {VAProfileH264Main, VAProfileH264ConstrainedBaseline},
         2,
         "H.264 (Main or Constrained Baseline, 4:2:0)"},
        {ENCODER_CODEC_HEVC, false, VA_RT_FORMAT_YUV420, {VAProfileHEVCMain}, 1, "HEVC (Main, 4:2:0)"},
        {ENCODER_CODEC_HEVC,
         true,
         VA_RT_FORMAT_YUV420_10,
         {VAProfileHEVCMain10},
         1,
         "HEVC in 10 bit (Main 10, 4:2:0)"},
    };

    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        if (all[i].codec == codec && all[i].is_ten_bit == (pixel == CASTOR_PIXEL_P010))
            return &all[i];
    }
    return NULL;
}

static uint32_t best_rate_control(uint32_t offered, bool is_intel)
{
    // On Intel first the variable bitrate, with its peak at the mean. A choice that no device has been asked
    // about yet.
    static const uint32_t orders[2][2] = {{VA_RC_CBR, VA_RC_VBR}, {VA_RC_VBR, VA_RC_CBR}};

    if (offered & VA_ATTRIB_NOT_SUPPORTED)
        return VA_RC_CQP; // the attribute's absence means that no rate control exists
    for (unsigned i = 0; i < 2; i++) {
        if (offered & orders[is_intel][i])
            return orders[is_intel][i];
    }
    return offered & VA_RC_CQP ? VA_RC_CQP : RATE_CONTROL_NONE;
}

static uint32_t value_or(const VAConfigAttrib *attribute, uint32_t otherwise)
{
    return attribute->value == VA_ATTRIB_NOT_SUPPORTED || attribute->value == 0 ? otherwise
                                                                                : attribute->value;
}

// What the driver says of its HEVC encoder, VA_FEATURE_* each; one that says nothing takes what all of the
// drivers for Intel and AMD have taken since there is HEVC in VA-API: coding blocks of 8 to 32, transforms of
// 4 to 32, no loop filter but deblocking.
static void set_tools(const VAConfigAttrib *features_said, const VAConfigAttrib *blocks_said,
                      struct vaapi_choice *choice)
{
    VAConfigAttribValEncHEVCFeatures features = {.value = value_or(features_said, 0)};
    VAConfigAttribValEncHEVCBlockSizes blocks = {.value = value_or(blocks_said, 0)};
    struct vaapi_hevc_tools *tools = &choice->hevc;

    *tools = (struct vaapi_hevc_tools){.min_cb_log2 = 3,
                                       .max_cb_log2 = 5,
                                       .min_tb_log2 = 2,
                                       .max_tb_log2 = 5,
                                       .depth_inter = 2,
                                       .depth_intra = 2,
                                       .amp = true,
                                       .cu_qp_delta = choice->rate_control != VA_RC_CQP};
    if (features.value) {
        tools->amp = features.bits.amp;
        tools->sao = features.bits.sao;
        tools->cu_qp_delta = choice->rate_control != VA_RC_CQP && features.bits.cu_qp_delta;
        // Of use to nobody but a device that cannot do without.
        tools->temporal_mvp = features.bits.temporal_mvp == VA_FEATURE_REQUIRED;
        tools->strong_intra_smoothing = features.bits.strong_intra_smoothing == VA_FEATURE_REQUIRED;
        tools->sign_data_hiding = features.bits.sign_data_hiding == VA_FEATURE_REQUIRED;
        tools->constrained_intra_pred = features.bits.constrained_intra_pred == VA_FEATURE_REQUIRED;
        tools->transform_skip = features.bits.transform_skip == VA_FEATURE_REQUIRED;
    }
    if (blocks.value) {
        tools->min_cb_log2 = (uint8_t)(blocks.bits.log2_min_luma_coding_block_size_minus3 + 3);
        tools->max_cb_log2 = (uint8_t)(blocks.bits.log2_max_coding_tree_block_size_minus3 + 3);
        tools->min_tb_log2 = (uint8_t)(blocks.bits.log2_min_luma_transform_block_size_minus2 + 2);
        tools->max_tb_log2 = (uint8_t)(blocks.bits.log2_max_luma_transform_block_size_minus2 + 2);
        tools->depth_inter = (uint8_t)blocks.bits.max_max_transform_hierarchy_depth_inter;
        tools->depth_intra = (uint8_t)blocks.bits.max_max_transform_hierarchy_depth_intra;
    }
}

// Whether blocks are what H.265 allows (7.4.3.2.1); the device's word is not taken for it.
static bool are_blocks_sound(const struct vaapi_hevc_tools *tools)
{
    return tools->max_cb_log2 >= 4 && tools->min_cb_log2 <= tools->max_cb_log2 &&
           tools->min_tb_log2 < tools->min_cb_log2 && tools->min_tb_log2 <= tools->max_tb_log2 &&
           tools->max_tb_log2 <= tools->max_cb_log2 && tools->max_tb_log2 <= 5;
}

// What one entry point can do; false when it is of no use.
static bool look_at(struct vaapi_device *device, const struct wanted *wanted, VAProfile profile,
                    VAEntrypoint entrypoint, struct vaapi_choice *out)
{
    VAConfigAttrib attributes[] = {
        {.type = VAConfigAttribRTFormat},
        {.type = VAConfigAttribRateControl},
        {.type = VAConfigAttribEncPackedHeaders},
        {.type = VAConfigAttribEncQualityRange},
        {.type = VAConfigAttribMaxPictureWidth},
        {.type = VAConfigAttribMaxPictureHeight},
        {.type = VAConfigAttribEncHEVCFeatures},
        {.type = VAConfigAttribEncHEVCBlockSizes},
        {.type = VAConfigAttribPredictionDirection},
    };
    VAStatus status = VENDOR_CALL(device->thread, vaGetConfigAttributes, device->display, profile, entrypoint,
                                  attributes, sizeof attributes / sizeof attributes[0]);

    if (status != VA_STATUS_SUCCESS || !(value_or(&attributes[0], 0) & wanted->surface_format))
        return false;
    *out = (struct vaapi_choice){
        .profile = profile,
        .entrypoint = entrypoint,
        .surface_format = wanted->surface_format,
        .rate_control = best_rate_control(attributes[1].value, device->is_intel),
        // All parameter sets travel as the sequence header. A delimiter is put in front of what comes out.
        .packed_headers =
            value_or(&attributes[2], 0) & (VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE),
        .quality_levels = value_or(&attributes[3], 0),
        .max_width_px = value_or(&attributes[4], 3840),
        .max_height_px = value_or(&attributes[5], 2160),
    };
    if (wanted->codec == ENCODER_CODEC_HEVC) {
        set_tools(&attributes[6], &attributes[7], out);
        // Such a device has no P slices; a B slice whose two lists are the same takes their place.
        out->hevc.b_for_p = value_or(&attributes[8], 0) & VA_PREDICTION_DIRECTION_BI_NOT_EMPTY;
        if (!are_blocks_sound(&out->hevc))
            return false;
    }
    return out->rate_control != RATE_CONTROL_NONE;
}

static bool has_entrypoint(struct vaapi_device *device, VAProfile profile, VAEntrypoint wanted)
{
    VAEntrypoint list[ENTRYPOINTS_MAX];
    int count = 0;

    if (vaMaxNumEntrypoints(device->display) > ENTRYPOINTS_MAX ||
        VENDOR_CALL(device->thread, vaQueryConfigEntrypoints, device->display, profile, list, &count) !=
            VA_STATUS_SUCCESS)
        return false;
    for (int i = 0; i < count; i++) {
        if (list[i] == wanted)
            return true;
    }
    return false;
}

int vaapi_choice_make(struct vaapi_device *device, enum encoder_codec codec, uint32_t pixel,
                      struct vaapi_choice *out, struct encoder_text *why)
{
    static const VAEntrypoint entrypoints[] = {VAEntrypointEncSliceLP, VAEntrypointEncSlice};
    const struct wanted *wanted = find_wanted(codec, pixel);
    bool has_found = false;

    for (unsigned p = 0; wanted && p < wanted->profile_count; p++) {
        for (unsigned e = 0; e < 2; e++) {
            struct vaapi_choice choice;
            if (!has_entrypoint(device, wanted->profiles[p], entrypoints[e]) ||
                !look_at(device, wanted, wanted->profiles[p], entrypoints[e], &choice))
                continue;
            bool is_better = choice.rate_control != VA_RC_CQP && has_found && out->rate_control == VA_RC_CQP;
            if (!has_found || is_better)
                *out = choice;
            has_found = true;
        }
    }
    if (has_found)
        return CASTOR_OK;
    return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "vaapi: this device encodes no %s",
                            wanted ? wanted->name : "10-bit H.264: take codec hevc for pixel format p010");
}

int vaapi_choice_configure(struct vaapi_device *device, const struct vaapi_choice *choice, VAConfigID *out,
                           struct encoder_text *why)
{
    VAConfigID config = VA_INVALID_ID;
    VAConfigAttrib attributes[] = {
        {VAConfigAttribRTFormat, choice->surface_format},
        {VAConfigAttribRateControl, choice->rate_control},
        {VAConfigAttribEncPackedHeaders, choice->packed_headers}, // left out where there are none
    };
    VAStatus status = VENDOR_CALL(device->thread, vaCreateConfig, device->display, choice->profile,
                                  choice->entrypoint, attributes, choice->packed_headers ? 3 : 2, &config);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_IO, "vaCreateConfig", status, why);
    *out = config;
    return CASTOR_OK;
}
