// SPDX-License-Identifier: Apache-2.0
// How the HAL's configuration is said to NVENC: preset, level, rate control, stream. Pure functions.
#ifndef DRIVERS_ENCODER_NVENC_CONFIG_H
#define DRIVERS_ENCODER_NVENC_CONFIG_H

#include <stdbool.h>

#include <ffnvcodec/nvEncodeAPI.h>

#include "hal/encoder.h"

// What the device was found to be able to with a codec, as far as the settings depend on it.
struct nvenc_abilities {
    bool custom_vbv;
    bool change_bitrate;
    bool cabac;
    bool multiple_refs;
};

// The limits of the level that was chosen (Rec. H.264 table A-1 for the High profile; Rec. H.265 tables A.8
// and A.9).
struct nvenc_level {
    uint32_t idc; // as NV_ENC_LEVEL counts
    bool high_tier;
    uint64_t rate_max_bps;
    uint64_t vbv_max_bits;
};

// The preset of a name "p1".."p7"; "" chooses by the load. Errors: INVALID; *why lists the names.
CASTOR_MUST_USE int nvenc_config_preset(const struct encoder_config *config, GUID *out,
                                        struct encoder_text *why);

// The lowest level that fits size and rate. Bitrates below 20 Mbit/s count as 20, so that a changed bitrate
// changes no parameter set.
struct nvenc_level nvenc_config_level(const struct encoder_config *config);

// Size of the VBV at this rate.
uint64_t nvenc_config_vbv_bits(const struct encoder_config *config, uint32_t bitrate_bps);

// Mean rate, peak and VBV; the VBV keeps its size in time. Leaves the VBV to the device where it cannot be
// set.
void nvenc_config_rate(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                       uint32_t bitrate_bps, NV_ENC_RC_PARAMS *rc);

// The codec as NVENC names it, and the profile that a pixel format is coded in: High, Main, Main 10.
const GUID *nvenc_config_codec(enum encoder_codec codec);
const GUID *nvenc_config_profile(enum encoder_codec codec, uint32_t pixel);

// The layout of an input buffer for a pixel format.
NV_ENC_BUFFER_FORMAT nvenc_config_buffer_format(uint32_t pixel);

// Changes a preset's settings in place: CBR, no reordering, IDR on request only, parameter sets before every
// IDR, access unit delimiters, one reference, one slice.
void nvenc_config_fill(const struct encoder_config *config, const struct nvenc_abilities *abilities,
                       NV_ENC_CONFIG *out);

#endif
