// SPDX-License-Identifier: Apache-2.0
// Pictures: begun, described, coded, waited for.
#include "va_standin.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GARBAGE_BYTES 700
#define STEP_NS 1000000

static VAStatus do_vaBeginPicture(VADriverContextP driver, VAContextID id, VASurfaceID input)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    struct context *context = standin_find(standin, KIND_CONTEXT, id);
    const struct surface *surface = standin_find(standin, KIND_SURFACE, input);
    if (!context)
        status =
            standin_misuse(VA_STATUS_ERROR_INVALID_CONTEXT, "vaBeginPicture: there is no context %#x", id);
    else if (!surface || surface->maps || surface->pending)
        status = standin_misuse(VA_STATUS_ERROR_INVALID_SURFACE, "vaBeginPicture: surface %#x %s", input,
                                !surface        ? "does not exist"
                                : surface->maps ? "is mapped"
                                                : "is being encoded already");
    else if (context->picture.is_open)
        status =
            standin_misuse(VA_STATUS_ERROR_OPERATION_FAILED, "vaBeginPicture: the last one was not ended");
    else
        context->picture = (struct picture){.is_open = true, .input = input};
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static void take_misc(struct context *context, const struct buffer *buffer)
{
    const VAEncMiscParameterBuffer *misc = buffer->bytes;
    const void *data = misc->data;

    if (misc->type == VAEncMiscParameterTypeRateControl) {
        const VAEncMiscParameterRateControl *rate = data;
        unsigned percent = rate->target_percentage ? rate->target_percentage : 100;
        context->bits_per_second = (uint32_t)((uint64_t)rate->bits_per_second * percent / 100);
        context->rate_changed = true;
    } else if (misc->type == VAEncMiscParameterTypeHRD) {
        context->vbv_bits = ((const VAEncMiscParameterHRD *)data)->buffer_size;
        context->rate_changed = true;
    } else if (misc->type == VAEncMiscParameterTypeFrameRate) {
        uint32_t value = ((const VAEncMiscParameterFrameRate *)data)->framerate;
        context->fps_num = value & 0xFFFF;
        context->fps_den = value >> 16 ? value >> 16 : 1;
    }
}

static size_t misc_size(const VAEncMiscParameterBuffer *misc)
{
    switch (misc->type) {
    case VAEncMiscParameterTypeRateControl:
        return sizeof(VAEncMiscParameterRateControl);
    case VAEncMiscParameterTypeHRD:
        return sizeof(VAEncMiscParameterHRD);
    case VAEncMiscParameterTypeFrameRate:
        return sizeof(VAEncMiscParameterFrameRate);
    case VAEncMiscParameterTypeQualityLevel:
        return sizeof(VAEncMiscParameterBufferQualityLevel);
    default:
        return 0;
    }
}

static uint32_t packed_flag(uint32_t type)
{
    switch (type) {
    case VAEncPackedHeaderSequence:
        return VA_ENC_PACKED_HEADER_SEQUENCE;
    case VAEncPackedHeaderPicture:
        return VA_ENC_PACKED_HEADER_PICTURE;
    case VAEncPackedHeaderSlice:
        return VA_ENC_PACKED_HEADER_SLICE;
    case VAEncPackedHeaderRawData:
        return VA_ENC_PACKED_HEADER_RAW_DATA;
    default:
        return VA_ENC_PACKED_HEADER_MISC;
    }
}

static VAStatus take_packed_parameters(const struct config *config, struct picture *picture,
                                       const struct buffer *buffer)
{
    const VAEncPackedHeaderParameterBuffer *parameters = buffer->bytes;

    if (!(config->packed & packed_flag(parameters->type)))
        return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER,
                              "vaRenderPicture: packed header %u was not negotiated", parameters->type);
    if (picture->awaits_packed_data || picture->packed_count == PACKED_MAX)
        return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER,
                              "vaRenderPicture: a packed header without data");
    picture->packed[picture->packed_count].parameters = *parameters;
    picture->awaits_packed_data = true;
    return VA_STATUS_SUCCESS;
}

static VAStatus take_packed_data(struct picture *picture, const struct buffer *buffer)
{
    struct packed *packed = &picture->packed[picture->packed_count];

    if (!picture->awaits_packed_data)
        return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER,
                              "vaRenderPicture: packed data without parameters");
    if ((packed->parameters.bit_length + 7) / 8 != buffer->size)
        return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaRenderPicture: %u bits in %zu bytes",
                              packed->parameters.bit_length, buffer->size);
    packed->bytes = buffer->bytes;
    packed->size = buffer->size;
    picture->packed_count++;
    picture->awaits_packed_data = false;
    return VA_STATUS_SUCCESS;
}

static void take_parameters(struct context *context, const void *bytes)
{
    struct picture *picture = &context->picture;

    if (context->is_hevc) {
        memcpy(&picture->hevc, bytes, sizeof picture->hevc);
        picture->idr = picture->hevc.pic_fields.bits.idr_pic_flag;
        picture->coded = picture->hevc.coded_buf;
        picture->recon = picture->hevc.decoded_curr_pic.picture_id;
    } else {
        memcpy(&picture->parameters, bytes, sizeof picture->parameters);
        picture->idr = picture->parameters.pic_fields.bits.idr_pic_flag;
        picture->coded = picture->parameters.coded_buf;
        picture->recon = picture->parameters.CurrPic.picture_id;
    }
    picture->has_picture = true;
}

static VAStatus take(struct standin *standin, struct context *context, const struct buffer *buffer)
{
    const struct config *config = standin_find(standin, KIND_CONFIG, context->config);
    struct picture *picture = &context->picture;

    switch (buffer->type) {
    case VAEncSequenceParameterBufferType:
        if (context->is_hevc)
            memcpy(&context->hevc_sequence, buffer->bytes, sizeof context->hevc_sequence);
        else
            memcpy(&context->sequence, buffer->bytes, sizeof context->sequence);
        context->has_sequence = picture->has_sequence = true;
        return VA_STATUS_SUCCESS;
    case VAEncPictureParameterBufferType:
        take_parameters(context, buffer->bytes);
        return VA_STATUS_SUCCESS;
    case VAEncSliceParameterBufferType:
        if (picture->has_slice)
            return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaRenderPicture: more than one slice");
        if (context->is_hevc)
            memcpy(&picture->hevc_slice, buffer->bytes, sizeof picture->hevc_slice);
        else
            memcpy(&picture->slice, buffer->bytes, sizeof picture->slice);
        picture->has_slice = true;
        return VA_STATUS_SUCCESS;
    case VAEncPackedHeaderParameterBufferType:
        return take_packed_parameters(config, picture, buffer);
    case VAEncPackedHeaderDataBufferType:
        return take_packed_data(picture, buffer);
    case VAEncMiscParameterBufferType:
        if (buffer->size < sizeof(VAEncMiscParameterBuffer) + misc_size(buffer->bytes))
            return standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER,
                                  "vaRenderPicture: misc buffer too small");
        take_misc(context, buffer);
        return VA_STATUS_SUCCESS;
    default:
        return standin_misuse(VA_STATUS_ERROR_UNSUPPORTED_BUFFERTYPE, "vaRenderPicture: buffer type %d",
                              (int)buffer->type);
    }
}

static VAStatus do_vaRenderPicture(VADriverContextP driver, VAContextID id, VABufferID *ids, int count)
{
    struct standin *standin = standin_of(driver);
    VAStatus status = standin_enter(driver, "vaRenderPicture");
    pthread_mutex_lock(&standin->lock);
    struct context *context = standin_find(standin, KIND_CONTEXT, id);
    if (status == VA_STATUS_SUCCESS && (!context || !context->picture.is_open))
        status = standin_misuse(VA_STATUS_ERROR_OPERATION_FAILED, "vaRenderPicture: outside of a picture");
    for (int i = 0; i < count && status == VA_STATUS_SUCCESS; i++) {
        const struct buffer *buffer = standin_find(standin, KIND_BUFFER, ids[i]);
        if (!buffer || buffer->is_mapped || buffer->context != id)
            status = standin_misuse(VA_STATUS_ERROR_INVALID_BUFFER, "vaRenderPicture: buffer %#x %s", ids[i],
                                    !buffer             ? "does not exist"
                                    : buffer->is_mapped ? "is mapped"
                                                        : "is another context's");
        else
            status = take(standin, context, buffer);
    }
    if (context && status != VA_STATUS_SUCCESS)
        context->picture.failed = true;
    pthread_mutex_unlock(&standin->lock);
    return status;
}

// Leaves only slices in what was coded.
static void drop_headers(struct coded *coded, bool is_hevc)
{
    for (size_t i = 0; i + 3 < coded->size; i++) {
        const uint8_t *at = coded->bytes + i;
        bool is_slice = is_hevc ? at[3] >> 1 < 32 : (at[3] & 0x1F) == 5 || (at[3] & 0x1F) == 1;
        if (at[0] == 0 && at[1] == 0 && at[2] == 1 && is_slice) {
            memmove(coded->bytes, at, coded->size - i);
            coded->size -= i;
            return;
        }
    }
}

static uint32_t status_bits(const struct standin *standin)
{
    if (standin_picture_fault(standin, "overflow"))
        return VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK;
    return standin_picture_fault(standin, "bad") ? VA_CODED_BUF_STATUS_BAD_BITSTREAM : 0;
}

static void spoil(struct standin *standin, const struct context *context, struct buffer *buffer,
                  struct coded *coded)
{
    const struct fault *slow = standin_picture_fault(standin, "slow");

    buffer->ready_ns = standin_now_ns() + (slow ? (int64_t)slow->delay_ms * 1000000 : 0);
    if (standin_picture_fault(standin, "stall")) {
        buffer->ready_ns = NEVER_NS;
        standin->is_excused = true;
    }
    if (standin_picture_fault(standin, "drop"))
        coded->size = 0;
    if (standin_picture_fault(standin, "noheaders"))
        drop_headers(coded, context->is_hevc);
    buffer->segments[0].status = status_bits(standin);
    if (standin_picture_fault(standin, "garbage")) {
        coded->size = coded->capacity < GARBAGE_BYTES ? coded->capacity : GARBAGE_BYTES;
        memset(coded->bytes, 0xA5, coded->size);
    }
}

static void remember(struct context *context)
{
    const struct picture *picture = &context->picture;

    context->has_last = true;
    context->last_idr = picture->idr;
    context->last_recon = picture->recon;
    context->last_poc = picture->hevc.decoded_curr_pic.pic_order_cnt;
    context->last_frame_num = picture->parameters.frame_num;
    if (context->last_idr)
        context->last_idr_pic_id = picture->slice.idr_pic_id;
}

static VAStatus code(struct standin *standin, struct context *context)
{
    struct picture *picture = &context->picture;
    const struct config *config = standin_find(standin, KIND_CONFIG, context->config);
    struct surface *surface = standin_find(standin, KIND_SURFACE, picture->input);
    struct buffer *buffer = standin_find(standin, KIND_BUFFER, picture->coded);
    struct coded coded = {.bytes = buffer->bytes, .capacity = buffer->size};
    bool idr = picture->idr && !standin_picture_fault(standin, "plain");
    VAStatus status = context->is_hevc  ? standin_code_hevc(standin, context, config, surface, idr, &coded)
                      : standin->is_pcm ? standin_code_pcm(context, surface, &coded)
                                        : standin_code_x264(context, config, surface, idr, &coded);

    if (status != VA_STATUS_SUCCESS)
        return status;
    if (coded.overflowed)
        return standin_misuse(VA_STATUS_ERROR_NOT_ENOUGH_BUFFER, "coded buffer of %zu bytes is too small",
                              buffer->size);
    spoil(standin, context, buffer, &coded);
    buffer->coded_size = coded.size;
    buffer->is_pending = buffer->is_filled = true;
    buffer->input = picture->input;
    surface->pending++;
    remember(context);
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaEndPicture(VADriverContextP driver, VAContextID id)
{
    struct standin *standin = standin_of(driver);
    VAStatus status = standin_enter(driver, "vaEndPicture");
    pthread_mutex_lock(&standin->lock);
    struct context *context = standin_find(standin, KIND_CONTEXT, id);
    if (context && status != VA_STATUS_SUCCESS) {
        context->picture.is_open = false;
    } else if (!context || !context->picture.is_open) {
        status = standin_misuse(VA_STATUS_ERROR_OPERATION_FAILED, "vaEndPicture: outside of a picture");
    } else {
        standin->pictures++;
        if (standin_picture_fault(standin, "lost"))
            standin->is_lost = standin->is_excused = true;
        if (standin_picture_fault(standin, "banned"))
            context->is_banned = standin->is_excused = true;
        if (standin->is_lost || context->is_banned || context->picture.failed)
            status = VA_STATUS_ERROR_OPERATION_FAILED;
        if (status == VA_STATUS_SUCCESS)
            status = standin_check_picture(standin, context);
        if (status == VA_STATUS_SUCCESS)
            status = code(standin, context);
        context->picture.is_open = false;
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

void standin_settle_coded(struct standin *standin, struct buffer *buffer)
{
    struct surface *surface = standin_find(standin, KIND_SURFACE, buffer->input);

    if (buffer->is_pending && surface)
        surface->pending--;
    buffer->is_pending = false;
}

VAStatus standin_wait_coded(struct standin *standin, struct buffer *buffer, int64_t deadline_ns)
{
    uint32_t id = buffer->object.id;

    while (buffer->is_pending && standin_now_ns() < buffer->ready_ns) {
        if (standin_now_ns() >= deadline_ns)
            return VA_STATUS_ERROR_TIMEDOUT;
        pthread_mutex_unlock(&standin->lock);
        (void)nanosleep(&(struct timespec){.tv_nsec = STEP_NS}, NULL);
        pthread_mutex_lock(&standin->lock);
        if (buffer->object.id != id)
            return VA_STATUS_ERROR_INVALID_BUFFER;
    }
    standin_settle_coded(standin, buffer);
    return VA_STATUS_SUCCESS;
}

static VAStatus do_vaSyncBuffer(VADriverContextP driver, VABufferID id, uint64_t timeout_ns)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_ERROR_INVALID_BUFFER; // no misuse: the way to find out whether this exists
    int64_t deadline_ns = timeout_ns > INT64_MAX / 2 ? NEVER_NS : standin_now_ns() + (int64_t)timeout_ns;
    pthread_mutex_lock(&standin->lock);
    struct buffer *buffer = standin_find(standin, KIND_BUFFER, id);
    if (buffer && buffer->type == VAEncCodedBufferType)
        status = standin_wait_coded(standin, buffer, deadline_ns);
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaSyncSurface(VADriverContextP driver, VASurfaceID id)
{
    STANDIN_ENTER(driver);
    VAStatus status = VA_STATUS_SUCCESS;
    pthread_mutex_lock(&standin->lock);
    if (!standin_find(standin, KIND_SURFACE, id))
        status = standin_misuse(VA_STATUS_ERROR_INVALID_SURFACE, "vaSyncSurface: there is no %#x", id);
    for (unsigned i = 0; i < BUFFERS_MAX && status == VA_STATUS_SUCCESS; i++) {
        struct buffer *buffer = &standin->buffers[i];
        if (buffer->object.id && buffer->is_pending && buffer->input == id)
            status = standin_wait_coded(standin, buffer, NEVER_NS);
    }
    pthread_mutex_unlock(&standin->lock);
    return status;
}

static VAStatus do_vaQuerySurfaceStatus(VADriverContextP driver, VASurfaceID id, VASurfaceStatus *status)
{
    STANDIN_ENTER(driver);
    const struct surface *surface = standin_find(standin, KIND_SURFACE, id);
    if (!surface)
        return VA_STATUS_ERROR_INVALID_SURFACE;
    *status = surface->pending ? VASurfaceRendering : VASurfaceReady;
    return VA_STATUS_SUCCESS;
}

void standin_picture_install(struct VADriverVTable *table, const struct standin *standin)
{
    table->vaBeginPicture = do_vaBeginPicture;
    table->vaRenderPicture = do_vaRenderPicture;
    table->vaEndPicture = do_vaEndPicture;
    table->vaSyncSurface = do_vaSyncSurface;
    table->vaQuerySurfaceStatus = do_vaQuerySurfaceStatus;
    if (standin->has_sync_buffer)
        table->vaSyncBuffer = do_vaSyncBuffer;
}
