// SPDX-License-Identifier: Apache-2.0
// What H.264 and HEVC differ in, for the stand-in of libnvidia-encode: lists, abilities, rules, and the
// encoder behind it.
#ifndef STANDIN_NVENC_CODEC_H
#define STANDIN_NVENC_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ffnvcodec/nvEncodeAPI.h>

#define LIST_MAX 8

struct session;
struct input;
struct output;

// Parameter sets as they are asked for with NvEncGetSequenceParams().
struct codec_headers {
    uint8_t *bytes;
    uint32_t capacity_bytes, size_bytes;
};

struct codec {
    const GUID *guid;
    uint32_t width_min_px, height_min_px, size_max_px;
    uint32_t level_min, level_max;
    bool has_cabac, has_10bit;
    uint32_t (*profiles)(const struct session *session, GUID out[LIST_MAX]);
    uint32_t (*formats)(const struct session *session, NV_ENC_BUFFER_FORMAT out[LIST_MAX]);
    void (*fill_preset)(NV_ENC_CONFIG *config);
    NVENCSTATUS (*check)(struct session *session, const NV_ENC_INITIALIZE_PARAMS *params);
    uint32_t (*depth)(const NV_ENC_CONFIG *config);
    // Whether parameter sets come with an IDR; `asked`: with this one they were asked for.
    bool (*has_headers)(const NV_ENC_CONFIG *config, bool asked);

    // The encoder, in session->coder.
    bool (*open)(struct session *session);
    void (*close)(struct session *session);
    bool (*set_rate)(struct session *session);
    bool (*encode)(struct session *session, const struct input *input, bool idr, bool headers,
                   struct output *output);
    bool (*headers)(struct session *session, struct codec_headers *out);
};

// The functions, each file's own under these names.
#define CODEC_MEMBERS                                                                                        \
    .profiles = profiles, .formats = formats, .fill_preset = fill_preset, .check = check, .depth = depth,    \
    .has_headers = has_headers, .open = open, .close = close, .set_rate = set_rate, .encode = encode,        \
    .headers = headers

extern const struct codec codec_h264, codec_hevc;

// NULL: the device has no such codec.
const struct codec *codec_find(const struct session *session, const GUID *guid);

bool codec_headers_append(struct codec_headers *out, const uint8_t *bytes, size_t size_bytes);

#endif
