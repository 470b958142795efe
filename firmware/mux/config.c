// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include <string.h>

#include <bitstream/mpeg/psi/pmt.h>

#include "hal/time.h"

void mux_config_init(struct mux_config *out)
{
    *out = (struct mux_config){
        .service_name = "Castor",
        .provider_name = "Castor",
        .transport_stream_id = 1,
        .service_id = 1,
        .pmt_pid = 0x1000,
        .pts_offset_ns = 100 * CASTOR_NS_PER_MS,
        .pcr_interval_ns = MUX_PCR_GAP_MAX_NS,
        .psi_interval_ns = 100 * CASTOR_NS_PER_MS,
        .sdt_interval_ns = 2 * CASTOR_NS_PER_S,
        .hole_ns = CASTOR_NS_PER_S,
        .stream_count = 1,
        .streams[0] = {.pid = 0x100,
                       .stream_type = PMT_STREAMTYPE_VIDEO_AVC,
                       .stream_id = PES_STREAM_ID_VIDEO_MPEG},
    };
}

struct preset {
    uint8_t stream_type;
    uint8_t stream_id;
    uint8_t size_bytes;
    uint8_t descriptors[16];
};

static const struct preset presets[] = {
    [MUX_CODEC_H264] = {PMT_STREAMTYPE_VIDEO_AVC, PES_STREAM_ID_VIDEO_MPEG, 0, {0}},
    // registration_descriptor (2.6.8)
    [MUX_CODEC_HEVC] = {PMT_STREAMTYPE_VIDEO_HEVC,
                        PES_STREAM_ID_VIDEO_MPEG,
                        6,
                        {0x05, 4, 'H', 'E', 'V', 'C'}},
    [MUX_CODEC_AAC] = {PMT_STREAMTYPE_AUDIO_ADTS, PES_STREAM_ID_AUDIO_MPEG, 0, {0}},
    // registration_descriptor, then the extension descriptor 0x80 with channel_config_code 2 (stereo)
    [MUX_CODEC_OPUS] = {PMT_STREAMTYPE_PRIVATE_PES,
                        PES_STREAM_ID_PRIVATE_1,
                        10,
                        {0x05, 4, 'O', 'p', 'u', 's', 0x7f, 2, 0x80, 2}},
    // metadata_descriptor (2.6.60): application format and format both by identifier "ID3 "
    [MUX_CODEC_ID3] = {PMT_STREAMTYPE_META_PES,
                       PES_STREAM_ID_PRIVATE_1,
                       15,
                       {0x26, 13, 0xff, 0xff, 'I', 'D', '3', ' ', 0xff, 'I', 'D', '3', ' ', 0, 0x0f}},
};

int mux_stream_init(enum mux_codec codec, uint16_t pid, const char *language, struct mux_stream *out)
{
    if ((size_t)codec >= sizeof presets / sizeof presets[0])
        return CASTOR_ERR_INVALID;
    if (language != NULL && strlen(language) != 3)
        return CASTOR_ERR_INVALID;
    const struct preset *preset = &presets[codec];
    struct mux_stream stream = {
        .pid = pid,
        .stream_type = preset->stream_type,
        .stream_id = preset->stream_id,
        .descriptors_size_bytes = preset->size_bytes,
        .is_id3 = codec == MUX_CODEC_ID3,
    };
    memcpy(stream.descriptors, preset->descriptors, preset->size_bytes);
    if (language != NULL) { // ISO_639_language_descriptor (2.6.18), audio_type 0
        uint8_t *to = stream.descriptors + stream.descriptors_size_bytes;
        *to++ = 0x0a;
        *to++ = 4;
        memcpy(to, language, 3);
        stream.descriptors_size_bytes += 6;
    }
    *out = stream;
    return CASTOR_OK;
}

#define OPUS_EXTENSION_TAG 0x80 // descriptor_tag_extension of the provisional Opus descriptor

void mux_stream_set_channels(struct mux_stream *stream, uint32_t channels)
{
    const uint8_t *preset = presets[MUX_CODEC_OPUS].descriptors;
    const size_t code = (size_t)presets[MUX_CODEC_OPUS].size_bytes - 1;

    // channel_config_code: the number of channels, up to 8 in the order of Vorbis (RFC 7845 5.1.1.2).
    if (stream->descriptors_size_bytes > code && stream->descriptors[code - 1] == OPUS_EXTENSION_TAG &&
        memcmp(stream->descriptors, preset, code) == 0)
        stream->descriptors[code] = (uint8_t)channels;
}

size_t mux_opus_header(size_t size_bytes, uint8_t out[MUX_OPUS_HEADER_BYTES_MAX])
{
    size_t at = 0;

    out[at++] = 0x7f; // control_header_prefix 0x3ff
    out[at++] = 0xe0; // neither trimming nor an extension
    for (; size_bytes >= 255; size_bytes -= 255)
        out[at++] = 255;
    out[at++] = (uint8_t)size_bytes;
    return at;
}

static bool in_range(int64_t value, int64_t min, int64_t max)
{
    return value >= min && value <= max;
}

// Only stream_ids whose PES packets have the header with flags and PTS (2.4.3.7).
static bool stream_id_fits(uint8_t id)
{
    return id == PES_STREAM_ID_PRIVATE_1 || (id >= 0xc0 && id <= 0xef) || id == 0xfc || id == 0xfd;
}

static bool descriptors_fit(const struct mux_stream *stream)
{
    if (stream->descriptors_size_bytes > MUX_DESCRIPTORS_BYTES_MAX)
        return false;
    size_t at = 0;
    while (at + 2 <= stream->descriptors_size_bytes)
        at += 2u + stream->descriptors[at + 1];
    return at == stream->descriptors_size_bytes;
}

static bool streams_fit(const struct mux_config *config)
{
    if (config->stream_count < 1 || config->stream_count > MUX_STREAMS_MAX)
        return false;
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct mux_stream *stream = &config->streams[i];
        if (stream->pid < 0x20 || stream->pid > 0x1ffe || stream->pid == config->pmt_pid ||
            !stream_id_fits(stream->stream_id) || !descriptors_fit(stream))
            return false;
        for (uint32_t j = 0; j < i; j++) {
            if (config->streams[j].pid == stream->pid)
                return false;
        }
    }
    return (config->streams[0].stream_type == PMT_STREAMTYPE_VIDEO_AVC ||
            config->streams[0].stream_type == PMT_STREAMTYPE_VIDEO_HEVC) &&
           (config->streams[0].stream_id & 0xf0) == 0xe0;
}

static bool rate_fits(const struct mux_config *config)
{
    if (config->rate_bps == 0)
        return true;
    if (config->rate_bps < 200000 || config->rate_bps > 1000000000)
        return false;
    // Two packets within a PCR interval, or there would be room for nothing but PCR.
    if ((uint64_t)config->pcr_interval_ns * config->rate_bps < 2 * UINT64_C(8) * TS_SIZE * CASTOR_NS_PER_S)
        return false;
    return config->pts_offset_ns >= config->pcr_interval_ns;
}

int mux_config_check(const struct mux_config *config)
{
    bool good = memchr(config->service_name, 0, MUX_NAME_BYTES_MAX) != NULL &&
                memchr(config->provider_name, 0, MUX_NAME_BYTES_MAX) != NULL && config->service_id != 0 &&
                in_range(config->pmt_pid, 0x20, 0x1ffe) && config->psi_version < 32 &&
                in_range(config->pts_offset_ns, 0, 10 * CASTOR_NS_PER_S) &&
                in_range(config->pcr_interval_ns, 10 * CASTOR_NS_PER_MS, MUX_PCR_GAP_MAX_NS) &&
                in_range(config->psi_interval_ns, 80 * CASTOR_NS_PER_MS, 500 * CASTOR_NS_PER_MS) &&
                in_range(config->sdt_interval_ns, 80 * CASTOR_NS_PER_MS, 10 * CASTOR_NS_PER_S) &&
                in_range(config->hole_ns, 100 * CASTOR_NS_PER_MS, 10 * CASTOR_NS_PER_S) &&
                streams_fit(config) && rate_fits(config);
    return good ? CASTOR_OK : CASTOR_ERR_INVALID;
}
