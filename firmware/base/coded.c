// SPDX-License-Identifier: Apache-2.0
#include "base/coded.h"

#include "base/h264.h"
#include "base/hevc.h"

// All that a codec has to say here.
struct codec_syntax {
    uint32_t (*classify)(const uint8_t *nal, size_t size_bytes);
    int (*parse_sps)(const uint8_t *nal, size_t size_bytes, struct nal_sps *out);
    uint32_t parameter_sets; // traits of those it has
};

static const struct codec_syntax syntax_h264 = {
    .classify = h264_classify,
    .parse_sps = h264_parse_sps,
    .parameter_sets = NAL_IS_SPS | NAL_IS_PPS,
};

static const struct codec_syntax syntax_hevc = {
    .classify = hevc_classify,
    .parse_sps = hevc_parse_sps,
    .parameter_sets = NAL_IS_VPS | NAL_IS_SPS | NAL_IS_PPS,
};

static const struct codec_syntax *syntax_of(enum encoder_codec codec)
{
    return codec == ENCODER_CODEC_HEVC ? &syntax_hevc : &syntax_h264;
}

uint32_t coded_classify(enum encoder_codec codec, const uint8_t *nal, size_t size_bytes)
{
    return syntax_of(codec)->classify(nal, size_bytes);
}

static void note_slice(uint32_t traits, struct coded_summary *out)
{
    out->slices++;
    if ((traits & NAL_IS_FIRST_SLICE) != 0)
        out->pictures++;
    if ((traits & NAL_IS_IDR) != 0)
        out->idr = true;
    else
        out->non_idr = true;
    if ((traits & NAL_IS_RANDOM_ACCESS) != 0)
        out->random_access = true;
}

static void note_sps(const uint8_t *data, size_t size_bytes, size_t start, struct coded_summary *out)
{
    struct nal_span nal;
    if (nal_next(data, size_bytes, &start, &nal)) {
        out->sps_data = nal.data;
        out->sps_size_bytes = nal.size_bytes;
    }
}

void coded_summarize(enum encoder_codec codec, const uint8_t *data, size_t size_bytes, uint32_t scan,
                     struct coded_summary *out)
{
    const struct codec_syntax *syntax = syntax_of(codec);
    uint32_t before_slices = 0; // traits of all NAL units there
    *out = (struct coded_summary){.first_slice_bytes = NAL_NOT_FOUND};
    size_t start = nal_find_start_code(data, size_bytes, 0);
    while (start != NAL_NOT_FOUND && start + NAL_START_CODE_BYTES < size_bytes) {
        size_t header = start + NAL_START_CODE_BYTES;
        uint32_t traits = syntax->classify(data + header, size_bytes - header);
        if (!out->has_start_code)
            out->aud_first = (traits & NAL_IS_AUD) != 0;
        out->has_start_code = true;
        if ((traits & (NAL_IS_SLICE | NAL_IS_SLICE_PREFIX)) != 0 && out->first_slice_bytes == NAL_NOT_FOUND)
            out->first_slice_bytes = nal_begin(data, start);
        if ((traits & NAL_IS_SLICE) != 0) {
            note_slice(traits, out);
            if ((scan & CODED_SCAN_ALL) == 0)
                break;
        } else if (out->slices == 0) {
            before_slices |= traits;
            if ((traits & NAL_IS_SPS) != 0)
                note_sps(data, size_bytes, start, out);
        }
        start = nal_find_start_code(data, size_bytes, header);
    }
    out->parameter_sets = (before_slices & syntax->parameter_sets) == syntax->parameter_sets;
    if (out->slices == 0)
        out->first_slice_bytes = size_bytes;
}

static enum coded_verdict check_parameter_sets(const struct codec_syntax *syntax,
                                               const struct coded_summary *s,
                                               const struct castor_format *expected)
{
    struct nal_sps sps;
    if (s->random_access && !s->parameter_sets)
        return CODED_WITHOUT_PARAMETER_SETS;
    if (s->sps_data == NULL)
        return CODED_OK;
    if (syntax->parse_sps(s->sps_data, s->sps_size_bytes, &sps) != CASTOR_OK)
        return CODED_BAD_PARAMETER_SET;
    if (expected != NULL && (sps.width_px != expected->width_px || sps.height_px != expected->height_px))
        return CODED_WRONG_PICTURE_SIZE;
    uint32_t bits = expected != NULL ? castor_pixel_bits(expected->pixel) : 0;
    if (bits != 0 && (sps.luma_bits != bits || sps.chroma_bits != bits))
        return CODED_WRONG_BIT_DEPTH;
    return CODED_OK;
}

enum coded_verdict coded_check_access_unit(enum encoder_codec codec, const uint8_t *data, size_t size_bytes,
                                           const struct castor_format *expected, uint32_t scan,
                                           struct coded_summary *out)
{
    struct coded_summary own;
    struct coded_summary *s = out != NULL ? out : &own;
    coded_summarize(codec, data, size_bytes, scan, s);
    if (size_bytes == 0)
        return CODED_EMPTY;
    if (!s->has_start_code)
        return CODED_NO_START_CODE;
    if (s->slices == 0)
        return CODED_NO_SLICE;
    if (s->pictures == 0)
        return CODED_NO_FIRST_SLICE;
    if (!s->aud_first)
        return CODED_NO_AUD;
    // Either all slices of a picture are of an IDR picture or none is (H.264 7.4.1.2.4, H.265 7.4.2.2), so
    // both kinds together are two pictures.
    if (s->pictures > 1 || (s->idr && s->non_idr))
        return CODED_TWO_PICTURES;
    return check_parameter_sets(syntax_of(codec), s, expected);
}

const char *coded_verdict_text(enum coded_verdict verdict)
{
    switch (verdict) {
    case CODED_OK:
        return "ok";
    case CODED_EMPTY:
        return "empty access unit";
    case CODED_NO_START_CODE:
        return "no NAL unit start code";
    case CODED_NO_SLICE:
        return "no picture in the access unit";
    case CODED_NO_FIRST_SLICE:
        return "first slice of the picture is missing";
    case CODED_NO_AUD:
        return "no access unit delimiter at the start";
    case CODED_TWO_PICTURES:
        return "more than one picture in the access unit";
    case CODED_WITHOUT_PARAMETER_SETS:
        return "random access point without its parameter sets before it";
    case CODED_BAD_PARAMETER_SET:
        return "malformed SPS";
    case CODED_WRONG_PICTURE_SIZE:
        return "picture size differs from the one agreed on";
    case CODED_WRONG_BIT_DEPTH:
        return "bit depth differs from the one agreed on";
    }
    return "unknown verdict";
}
