// SPDX-License-Identifier: Apache-2.0
// The buffers that describe one picture to the device. Structure members carry the names of H.264's syntax.
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "h264_level.h"
#include "vaapi_session.h"

#define MISC_MAX_WORDS 64
#define NO_GOP_FRAMES INT16_MAX // for drivers that plan with it; an IDR comes when we say so

static int add(struct vaapi_session *session, struct vaapi_picture *picture, VABufferType type,
               const void *data, size_t size, struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    VABufferID *id = &picture->buffers[picture->count];

    assert(picture->count < VAAPI_PICTURE_BUFFERS_MAX);
    // libva copies and takes a pointer to what it could write for historical reasons only
    VAStatus status = VENDOR_CALL(device->thread, vaCreateBuffer, device->display, session->context, type,
                                  (unsigned)size, 1, (void *)(uintptr_t)data, id);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(status), "vaCreateBuffer", status, why);
    picture->count++;
    return CASTOR_OK;
}

static int add_misc(struct vaapi_session *session, struct vaapi_picture *picture, VAEncMiscParameterType type,
                    const void *data, size_t size, struct encoder_text *why)
{
    uint32_t words[MISC_MAX_WORDS] = {type}; // VAEncMiscParameterBuffer

    static_assert(offsetof(VAEncMiscParameterBuffer, data) == sizeof words[0], "a type, then the data");
    assert(size <= sizeof words - sizeof words[0]);
    memcpy(&words[1], data, size);
    return add(session, picture, VAEncMiscParameterBufferType, words, sizeof words[0] + size, why);
}

static int add_packed(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t type,
                      const struct vaapi_header *header, struct encoder_text *why)
{
    VAEncPackedHeaderParameterBuffer parameters = {
        .type = type, .bit_length = (uint32_t)header->size_bits, .has_emulation_bytes = 1};
    int error =
        add(session, picture, VAEncPackedHeaderParameterBufferType, &parameters, sizeof parameters, why);

    if (error == CASTOR_OK)
        error =
            add(session, picture, VAEncPackedHeaderDataBufferType, header->bytes, header->size_bytes, why);
    return error;
}

static uint32_t vbv_bits(const struct vaapi_session *session, uint32_t bitrate_bps)
{
    uint64_t bits = (uint64_t)bitrate_bps * session->vbv_ms / 1000;
    return bits > INT32_MAX ? INT32_MAX : (uint32_t)bits; // also for a driver that counts in int
}

// The buffer keeps its size in time, so it follows the rate.
static int add_rate(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t bitrate_bps,
                    struct encoder_text *why)
{
    VAEncMiscParameterRateControl rate = {
        .bits_per_second = bitrate_bps,
        .target_percentage = 100,
        .window_size = session->vbv_ms,
        .rc_flags.bits = {.reset = session->bitrate_bps != 0 && session->bitrate_bps != bitrate_bps,
                          .disable_frame_skip = 1,
                          .disable_bit_stuffing = 1},
    };
    VAEncMiscParameterHRD buffer = {
        .buffer_size = vbv_bits(session, bitrate_bps),
        .initial_buffer_fullness = (uint32_t)((uint64_t)vbv_bits(session, bitrate_bps) * 3 / 4),
    };
    int error = add_misc(session, picture, VAEncMiscParameterTypeRateControl, &rate, sizeof rate, why);

    if (error == CASTOR_OK)
        error = add_misc(session, picture, VAEncMiscParameterTypeHRD, &buffer, sizeof buffer, why);
    return error;
}

static int add_frame_rate(struct vaapi_session *session, struct vaapi_picture *picture,
                          struct encoder_text *why)
{
    struct castor_rational rate = session->stream.format.rate;

    while (rate.num > UINT16_MAX || rate.den > UINT16_MAX) { // each has 16 bits
        rate.num /= 2;
        rate.den /= 2;
    }
    VAEncMiscParameterFrameRate parameters = {.framerate = (rate.den ? rate.den : 1) << 16 | rate.num};
    return add_misc(session, picture, VAEncMiscParameterTypeFrameRate, &parameters, sizeof parameters, why);
}

static int add_quality(struct vaapi_session *session, struct vaapi_picture *picture, struct encoder_text *why)
{
    uint32_t levels = session->choice.quality_levels;
    uint32_t level = session->preset == VAAPI_PRESET_SPEED     ? levels
                     : session->preset == VAAPI_PRESET_QUALITY ? 1
                                                               : (levels + 1) / 2;
    VAEncMiscParameterBufferQualityLevel parameters = {.quality_level = level};

    if (levels < 2 || session->preset == VAAPI_PRESET_DEFAULT)
        return CASTOR_OK;
    return add_misc(session, picture, VAEncMiscParameterTypeQualityLevel, &parameters, sizeof parameters,
                    why);
}

static int add_sequence(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t bitrate_bps,
                        struct encoder_text *why)
{
    const struct castor_format *format = &session->stream.format;
    uint32_t columns = h264_macroblocks(format->width_px), rows = h264_macroblocks(format->height_px);
    uint32_t period = session->gop_frames ? session->gop_frames : NO_GOP_FRAMES;
    VAEncSequenceParameterBufferH264 sequence = {
        .level_idc = session->stream.level_idc,
        .intra_period = period,
        .intra_idr_period = period,
        .ip_period = 1,
        .bits_per_second = session->choice.rate_control == VA_RC_CQP ? 0 : bitrate_bps,
        .max_num_ref_frames = 1,
        .picture_width_in_mbs = (uint16_t)columns,
        .picture_height_in_mbs = (uint16_t)rows,
        .seq_fields.bits = {.chroma_format_idc = 1,
                            .frame_mbs_only_flag = 1,
                            .direct_8x8_inference_flag = 1,
                            .log2_max_frame_num_minus4 = VAAPI_FRAME_NUM_BITS - 4,
                            .log2_max_pic_order_cnt_lsb_minus4 = VAAPI_POC_LSB_BITS - 4},
        .frame_cropping_flag = columns * 16 != format->width_px || rows * 16 != format->height_px,
        .frame_crop_right_offset = (columns * 16 - format->width_px) / 2,
        .frame_crop_bottom_offset = (rows * 16 - format->height_px) / 2,
        .vui_parameters_present_flag = 1,
        .vui_fields.bits = {.aspect_ratio_info_present_flag = 1,
                            .timing_info_present_flag = format->rate.num <= UINT32_MAX / 2,
                            .bitstream_restriction_flag = 1,
                            .log2_max_mv_length_horizontal = 15,
                            .log2_max_mv_length_vertical = 15,
                            .fixed_frame_rate_flag = format->rate.num <= UINT32_MAX / 2,
                            .motion_vectors_over_pic_boundaries_flag = 1},
        .aspect_ratio_idc = 1,
        .sar_width = 1,
        .sar_height = 1,
        .num_units_in_tick = format->rate.den,
        .time_scale = format->rate.num * 2,
    };
    return add(session, picture, VAEncSequenceParameterBufferType, &sequence, sizeof sequence, why);
}

static VAPictureH264 no_picture(void)
{
    return (VAPictureH264){.picture_id = VA_INVALID_SURFACE, .flags = VA_PICTURE_H264_INVALID};
}

// `age`: 0 the picture being coded, 1 the one before it.
static VAPictureH264 recon(const struct vaapi_session *session, const struct vaapi_ids *ids, unsigned age)
{
    uint64_t number = session->issued + VAAPI_RECONS - age;

    return (VAPictureH264){
        .picture_id = session->recons[number % VAAPI_RECONS],
        .frame_idx = ids->frame_num,
        .flags = age ? VA_PICTURE_H264_SHORT_TERM_REFERENCE : 0,
        .TopFieldOrderCnt = ids->poc,
        .BottomFieldOrderCnt = ids->poc,
    };
}

static int add_picture(struct vaapi_session *session, const struct vaapi_ids *reference,
                       struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_ids *ids = &session->ids;
    VAEncPictureParameterBufferH264 parameters = {
        .CurrPic = recon(session, ids, 0),
        .coded_buf = session->coded[session->issued % VAAPI_INPUTS],
        .frame_num = (uint16_t)ids->frame_num,
        .pic_init_qp = VAAPI_INIT_QP,
        .pic_fields.bits = {.idr_pic_flag = ids->idr,
                            .reference_pic_flag = 1,
                            .entropy_coding_mode_flag = session->stream.cabac,
                            .deblocking_filter_control_present_flag = 1},
    };

    for (unsigned i = 0; i < 16; i++)
        parameters.ReferenceFrames[i] = i == 0 && !ids->idr ? recon(session, reference, 1) : no_picture();
    return add(session, picture, VAEncPictureParameterBufferType, &parameters, sizeof parameters, why);
}

static int add_slice(struct vaapi_session *session, const struct vaapi_ids *reference,
                     struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct castor_format *format = &session->stream.format;
    const struct vaapi_ids *ids = &session->ids;
    VAEncSliceParameterBufferH264 slice = {
        .num_macroblocks = h264_macroblocks(format->width_px) * h264_macroblocks(format->height_px),
        .macroblock_info = VA_INVALID_ID,
        .slice_type = ids->idr ? 2 : 0, // I or P, table 7-6
        .idr_pic_id = ids->idr_pic_id,
        .pic_order_cnt_lsb = (uint16_t)ids->poc_lsb,
    };

    for (unsigned i = 0; i < 32; i++) {
        slice.RefPicList0[i] = i == 0 && !ids->idr ? recon(session, reference, 1) : no_picture();
        slice.RefPicList1[i] = no_picture();
    }
    return add(session, picture, VAEncSliceParameterBufferType, &slice, sizeof slice, why);
}

static int describe_sequence(struct vaapi_session *session, uint32_t bitrate_bps,
                             struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_ids *ids = &session->ids;
    int error = CASTOR_OK;

    if (ids->idr)
        error = add_sequence(session, picture, bitrate_bps, why);
    if (error == CASTOR_OK && ids->idr)
        error = add_frame_rate(session, picture, why);
    if (error == CASTOR_OK && ids->idr)
        error = add_quality(session, picture, why);
    bool tells_rate = ids->idr || bitrate_bps != session->bitrate_bps;
    if (error == CASTOR_OK && tells_rate && session->choice.rate_control != VA_RC_CQP)
        error = add_rate(session, picture, bitrate_bps, why);
    return error;
}

int vaapi_picture_describe(struct vaapi_session *session, const struct vaapi_ids *reference,
                           uint32_t bitrate_bps, struct vaapi_picture *picture, struct encoder_text *why)
{
    uint32_t packed = session->choice.packed_headers;
    struct vaapi_header header;

    picture->count = 0;
    int error = describe_sequence(session, bitrate_bps, picture, why);
    if (error == CASTOR_OK)
        error = add_picture(session, reference, picture, why);
    if (error == CASTOR_OK && session->ids.idr && (packed & VA_ENC_PACKED_HEADER_SEQUENCE)) {
        vaapi_header_parameter_sets(&session->stream, &header);
        error = add_packed(session, picture, VAEncPackedHeaderSequence, &header, why);
    }
    if (error == CASTOR_OK && (packed & VA_ENC_PACKED_HEADER_SLICE)) {
        vaapi_header_slice(&session->stream, &session->ids, &header);
        error = add_packed(session, picture, VAEncPackedHeaderSlice, &header, why);
    }
    if (error == CASTOR_OK)
        error = add_slice(session, reference, picture, why);
    return error;
}

void vaapi_picture_destroy(struct vaapi_session *session, struct vaapi_picture *picture)
{
    for (int i = 0; i < picture->count; i++)
        (void)VENDOR_CALL(session->device.thread, vaDestroyBuffer, session->device.display,
                          picture->buffers[i]);
    picture->count = 0;
}
