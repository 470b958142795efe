// SPDX-License-Identifier: Apache-2.0
// Whether what the client says of a picture fits together, with what it said before, and with its own
// headers.
#include "va_standin.h"

#include <string.h>

#define WRONG(...) standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: " __VA_ARGS__)

struct reader {
    uint8_t bytes[64]; // without emulation prevention
    size_t bits, position;
};

static uint32_t get_bits(struct reader *reader, unsigned count)
{
    uint32_t value = 0;

    while (count-- > 0) {
        unsigned bit = 0;
        if (reader->position < reader->bits)
            bit = reader->bytes[reader->position / 8] >> (7 - reader->position % 8) & 1;
        reader->position++; // beyond the end: seen below
        value = value << 1 | bit;
    }
    return value;
}

static uint32_t get_ue(struct reader *reader)
{
    unsigned zeros = 0;

    while (zeros < 32 && reader->position < reader->bits && get_bits(reader, 1) == 0)
        zeros++;
    return zeros == 32 ? UINT32_MAX : (1u << zeros) - 1 + get_bits(reader, zeros);
}

// The last start code in a packed header; 0 when there is none.
static size_t last_nal(const struct packed *packed)
{
    size_t found = 0;

    for (size_t i = 0; i + 3 < packed->size; i++) {
        if (packed->bytes[i] == 0 && packed->bytes[i + 1] == 0 && packed->bytes[i + 2] == 1)
            found = i + 3;
    }
    return found;
}

static bool has_nal(const struct packed *packed, unsigned type)
{
    for (size_t i = 0; i + 3 < packed->size; i++) {
        if (packed->bytes[i] == 0 && packed->bytes[i + 1] == 0 && packed->bytes[i + 2] == 1 &&
            (packed->bytes[i + 3] & 0x1F) == type)
            return true;
    }
    return false;
}

static void open_reader(const struct packed *packed, size_t from, struct reader *reader)
{
    unsigned zeros = 0;
    size_t size = 0, removed = 0;

    for (size_t i = from; i < packed->size && size < sizeof reader->bytes; i++) {
        uint8_t byte = packed->bytes[i];
        if (packed->parameters.has_emulation_bytes && zeros >= 2 && byte == 3) {
            zeros = 0;
            removed++;
            continue;
        }
        zeros = byte == 0 ? zeros + 1 : 0;
        reader->bytes[size++] = byte;
    }
    reader->position = 0;
    reader->bits = packed->parameters.bit_length - (from + removed) * 8;
    if (reader->bits > size * 8)
        reader->bits = size * 8;
}

static VAStatus check_slice_header(const struct context *context, const struct packed *packed)
{
    const struct picture *picture = &context->picture;
    unsigned frame_num_bits = context->sequence.seq_fields.bits.log2_max_frame_num_minus4 + 4;
    unsigned poc_bits = context->sequence.seq_fields.bits.log2_max_pic_order_cnt_lsb_minus4 + 4;
    bool idr = picture->parameters.pic_fields.bits.idr_pic_flag;
    size_t at = last_nal(packed);
    struct reader reader;

    if (at == 0 || (packed->bytes[at] & 0x1F) != (idr ? 5 : 1))
        return WRONG("the packed slice header is no slice of this kind");
    if ((packed->bytes[at] & 0x60) == 0)
        return WRONG("a reference picture with nal_ref_idc 0");
    open_reader(packed, at + 1, &reader);
    if (get_ue(&reader) != 0)
        return WRONG("first_mb_in_slice");
    if (get_ue(&reader) % 5 != picture->slice.slice_type % 5)
        return WRONG("slice_type differs from the slice parameters");
    if (get_ue(&reader) != picture->slice.pic_parameter_set_id)
        return WRONG("pic_parameter_set_id differs from the slice parameters");
    uint32_t frame_num = get_bits(&reader, frame_num_bits);
    if (frame_num != picture->parameters.frame_num)
        return WRONG("frame_num %u in the header, %u in the parameters", frame_num,
                     picture->parameters.frame_num);
    uint32_t idr_pic_id = idr ? get_ue(&reader) : 0;
    if (idr && idr_pic_id != picture->slice.idr_pic_id)
        return WRONG("idr_pic_id %u in the header, %u in the parameters", idr_pic_id,
                     picture->slice.idr_pic_id);
    uint32_t lsb =
        context->sequence.seq_fields.bits.pic_order_cnt_type == 0 ? get_bits(&reader, poc_bits) : 0;
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

    if (picture->awaits_packed_data)
        return WRONG("a packed header without data");
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
    uint32_t recon = picture->parameters.CurrPic.picture_id;

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
    if (!standin_find(standin, KIND_SURFACE, recon) || recon == picture->input)
        return WRONG("surface %#x cannot take the reconstructed picture", recon);
    if (sequence->seq_fields.bits.chroma_format_idc != 1 || !sequence->seq_fields.bits.frame_mbs_only_flag)
        return WRONG("only 4:2:0 frames are offered");
    return VA_STATUS_SUCCESS;
}

static VAStatus check_coded_buffer(struct standin *standin, const struct context *context)
{
    uint32_t id = context->picture.parameters.coded_buf;
    const struct buffer *buffer = standin_find(standin, KIND_BUFFER, id);

    if (!buffer || buffer->type != VAEncCodedBufferType || buffer->is_pending || buffer->is_mapped)
        return WRONG("coded buffer %#x %s", id,
                     !buffer              ? "does not exist"
                     : buffer->is_pending ? "still holds a picture that was not waited for"
                                          : "is mapped or no coded buffer");
    return VA_STATUS_SUCCESS;
}

VAStatus standin_check_picture(struct standin *standin, struct context *context)
{
    const struct config *config = standin_find(standin, KIND_CONFIG, context->config);
    const struct picture *picture = &context->picture;
    bool idr = picture->parameters.pic_fields.bits.idr_pic_flag;
    VAStatus status = VA_STATUS_SUCCESS;

    if (!config || !picture->has_picture || !picture->has_slice || (idr && !picture->has_sequence) ||
        !context->has_sequence)
        return WRONG("parameters are missing: sequence %d, picture %d, slice %d", picture->has_sequence,
                     picture->has_picture, picture->has_slice);
    if (idr != (picture->slice.slice_type % 5 == 2))
        return WRONG("slice type %u in %s", picture->slice.slice_type, idr ? "an IDR" : "a P picture");
    if (config->rate_control != VA_RC_CQP && context->bits_per_second == 0)
        context->bits_per_second = context->sequence.bits_per_second;
    if (config->rate_control != VA_RC_CQP && context->bits_per_second == 0)
        return WRONG("rate control without a bitrate");
    status = check_shape(standin, context);
    if (status == VA_STATUS_SUCCESS)
        status = check_numbers(context);
    if (status == VA_STATUS_SUCCESS)
        status = check_coded_buffer(standin, context);
    if (status == VA_STATUS_SUCCESS)
        status = check_packed(context, config);
    return status;
}
