// SPDX-License-Identifier: Apache-2.0
// Whether what the client says of a picture is complete, and what of that does not depend on the codec.
#include "va_standin.h"

#define WRONG STANDIN_WRONG

static VAStatus check_surfaces(struct standin *standin, const struct context *context)
{
    const struct picture *picture = &context->picture;
    const struct surface *input = standin_find(standin, KIND_SURFACE, picture->input);
    const struct surface *recon = standin_find(standin, KIND_SURFACE, picture->recon);

    if (!input || input->fourcc != context->fourcc)
        return WRONG("the input has fourcc %#x, the context %#x", input ? input->fourcc : 0, context->fourcc);
    if (!recon || picture->recon == picture->input || recon->mapped.memory ||
        recon->fourcc != context->fourcc)
        return WRONG("surface %#x cannot take the reconstructed picture", picture->recon);
    return VA_STATUS_SUCCESS;
}

static VAStatus check_coded_buffer(struct standin *standin, const struct context *context)
{
    uint32_t id = context->picture.coded;
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

    if (!config || !picture->has_picture || !picture->has_slice || (picture->idr && !picture->has_sequence) ||
        !context->has_sequence)
        return WRONG("parameters are missing: sequence %d, picture %d, slice %d", picture->has_sequence,
                     picture->has_picture, picture->has_slice);
    if (picture->awaits_packed_data)
        return WRONG("a packed header without data");
    if (config->rate_control != VA_RC_CQP && context->bits_per_second == 0)
        context->bits_per_second =
            context->is_hevc ? context->hevc_sequence.bits_per_second : context->sequence.bits_per_second;
    if (config->rate_control != VA_RC_CQP && context->bits_per_second == 0)
        return WRONG("rate control without a bitrate");
    if (!picture->idr && !context->has_last)
        return WRONG("the first picture is no IDR");
    VAStatus status = check_surfaces(standin, context);
    if (status == VA_STATUS_SUCCESS)
        status = check_coded_buffer(standin, context);
    if (status != VA_STATUS_SUCCESS)
        return status;
    return context->is_hevc ? standin_check_hevc(standin, context) : standin_check_h264(standin, context);
}
