// SPDX-License-Identifier: Apache-2.0
// Whether what the client says of an H.264 picture fits together, with what it said before, and with its own
// headers.
#include "va_standin.h"

#include "va_reader.h"

#define WRONG STANDIN_WRONG

static bool has_nal(const struct packed *packed, unsigned type)
{
    for (size_t i = 0; i + 3 < packed->size; i++) {
        if (packed->bytes[i] == 0 && packed->bytes[i + 1] == 0 && packed->bytes[i + 2] == 1 &&
            (packed->bytes[i + 3] & 0x1F) == type)
            return true;
    }
    return false;
}

static VAStatus check_slice_header(const struct context *context, const struct packed *packed)
{
    const struct picture *picture = &context->picture;
    unsigned frame_num_bits = context->sequence.seq_fields.bits.log2_max_frame_num_minus4 + 4;
    unsigned poc_bits = context->sequence.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4;
    bool idr = picture->parameters.pic_fields.bits.idr_pic_flag;
    size_t at = reader_last_nal(packed->bytes, packed->size);
    struct reader reader;

    if (at == 0 || (packed->bytes[at] & 0x1F) != (idr ? 5 : 1))
        return WRONG("the packed slice header is no slice of this kind");
    if ((packed->bytes[at] & 0x60) == 0)
        return WRONG("a reference picture with nal_ref_idc 0");
    reader_open(&reader, packed->bytes + at + 1, packed->size - at - 1,
                packed->parameters.bit_length - (at + 1) * 8, packed->parameters.has_emulation_bytes);
    if (reader_ue(&reader) != 0)
        return WRONG("first_mb_in_slice");
    if (reader_ue(&reader) % 5 != picture->slice.slice_type % 5)
        return WRONG("slice_type differs from the slice parameters");
    if (reader_ue(&reader) != picture->slice.pic_parameter_set_id)
        return WRONG("pic_parameter_set_id differs from the slice parameters");
    uint32_t frame_num = reader_get(&reader, frame_num_bits);
    if (frame_num != picture->parameters.frame_num)
        return WRONG("frame_num %u in the header, %u in the parameters", frame_num,
                     picture->parameters.frame_num);
    uint32_t idr_pic_id = idr ? reader_ue(&reader) : 0;
    if (idr && idr_pic_id != picture->slice.idr_pic_id)
        return WRONG("idr_pic_id %u in the header, %u in the parameters", idr_pic_id,
                     picture->slice.idr_pic_id);
    uint32_t lsb =
        context->sequence.seq_fields.bits.pic_order_cnt_type == 0 ? reader_get(&reader, poc_bits) : 0;
    if (lsb != picture->slice.pic_order_cnt_lsb)
        return WRONG("pic_order_cnt_lsb %u in the header, %u in the parameters", lsb,
                     picture->slice.pic_order_cnt_lsb);
    return reader.position < reader.bits ? VA_STATUS_SUCCESS : WRONG("the packed slice header is cut short");
}

static VAStatus check_packed(const struct context *context, const struct config *config)
{
    const struct picture *picture = &context->picture;
    const struct packed *sequence = NULL, *slice = NULL;
    bool idr = picture->parameters.pic_fields.bits.idr_pic_flag;

    for (unsigned i = 0; i < picture->packed_count; i++) {
        if (picture->packed[i].parameters.type == VAEncPackedHeaderSequence)
            sequence = &picture->packed[i];
        if (picture->packed[i].parameters.type == VAEncPackedHeaderSlice)
            slice = &picture->packed[i];
    }
    if ((config->packed & VA_ENC_PACKED_HEADER_SEQUENCE) && idr && (!sequence || !has_nal(sequence, 7)))
        return WRONG("packed sequence headers were negotiated, this IDR has none");
    bool with_sequence = !(config->packed & VA_ENC_PACKED_HEADER_PICTURE);
    if (sequence && with_sequence && !has_nal(sequence, 8))
        return WRONG("the packed sequence header has no picture parameter set");
    if (config->packed & VA_ENC_PACKED_HEADER_SLICE)
        return slice ? check_slice_header(context, slice)
                     : WRONG("no packed slice header, though negotiated");
    return VA_STATUS_SUCCESS;
}

static VAStatus check_numbers(const struct context *context)
{
    const struct picture *picture = &context->picture;
    unsigned width = 1u << (context->sequence.seq_fields.bits.log2_max_frame_num_minus4 + 4);
    bool idr = picture->parameters.pic_fields.bits.idr_pic_flag;

    if (idr && picture->parameters.frame_num != 0)
        return WRONG("frame_num %u in an IDR", picture->parameters.frame_num);
    if (idr && context->has_last && context->last_idr &&
        context->last_idr_pic_id == picture->slice.idr_pic_id)
        return WRONG("two IDRs in a row with idr_pic_id %u", picture->slice.idr_pic_id);
    if (idr)
        return VA_STATUS_SUCCESS;
    if (!context->has_last)
        return WRONG("the first picture is no IDR");
    if (picture->parameters.frame_num != (context->last_frame_num + 1) % width)
        return WRONG("frame_num %u after %u", picture->parameters.frame_num, context->last_frame_num);
    if (picture->parameters.ReferenceFrames[0].picture_id != context->last_recon ||
        picture->slice.RefPicList0[0].picture_id != context->last_recon)
        return WRONG("the reference is not the picture before");
    if (picture->parameters.ReferenceFrames[0].frame_idx != context->last_frame_num)
        return WRONG("the reference's frame_idx is %u, not %u",
                     picture->parameters.ReferenceFrames[0].frame_idx, context->last_frame_num);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_shape(struct standin *standin, const struct context *context)
{
    const struct picture *picture = &context->picture;
    const VAEncSequenceParameterBufferH264 *sequence = &context->sequence;
    unsigned macroblocks = sequence->picture_width_in_mbs * sequence->picture_height_in_mbs;

    if (sequence->picture_width_in_mbs != (unsigned)(context->width + 15) / 16 ||
        sequence->picture_height_in_mbs != (unsigned)(context->height + 15) / 16)
        return WRONG("%ux%u macroblocks in a context of %dx%d", sequence->picture_width_in_mbs,
                     sequence->picture_height_in_mbs, context->width, context->height);
    if (picture->slice.macroblock_address != 0 || picture->slice.num_macroblocks != macroblocks)
        return WRONG("the slice has %u of %u macroblocks", picture->slice.num_macroblocks, macroblocks);
    const struct surface *input = standin_find(standin, KIND_SURFACE, picture->input);
    if (!input || input->width + sequence->frame_crop_right_offset * 2 < (unsigned)context->width ||
        input->height + sequence->frame_crop_bottom_offset * 2 < (unsigned)context->height)
        return WRONG("the input is smaller than the picture");
    if (sequence->seq_fields.bits.chroma_format_idc != 1 || !sequence->seq_fields.bits.frame_mbs_only_flag)
        return WRONG("only 4:2:0 frames are offered");
    return VA_STATUS_SUCCESS;
}

VAStatus standin_check_h264(struct standin *standin, struct context *context)
{
    const struct config *config = standin_find(standin, KIND_CONFIG, context->config);
    const struct picture *picture = &context->picture;

    if (picture->idr != (picture->slice.slice_type % 5 == 2))
        return WRONG("slice type %u in %s", picture->slice.slice_type,
                     picture->idr ? "an IDR" : "a P picture");
    VAStatus status = check_shape(standin, context);
    if (status == VA_STATUS_SUCCESS)
        status = check_numbers(context);
    return status == VA_STATUS_SUCCESS ? check_packed(context, config) : status;
}
