// SPDX-License-Identifier: Apache-2.0
// The buffers that describe one picture to the device: those that do not depend on the codec.
#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "vaapi_picture.h"

#define MISC_MAX_WORDS 64
#define NO_GOP_FRAMES INT16_MAX // for drivers that plan with it; an IDR comes when we say so

int vaapi_picture_add(struct vaapi_session *session, struct vaapi_picture *picture, VABufferType type,
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
    return vaapi_picture_add(session, picture, VAEncMiscParameterBufferType, words, sizeof words[0] + size,
                             why);
}

static int add_packed(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t type,
                      const struct vaapi_header *header, struct encoder_text *why)
{
    VAEncPackedHeaderParameterBuffer parameters = {
        .type = type, .bit_length = (uint32_t)header->size_bits, .has_emulation_bytes = 1};
    int error = vaapi_picture_add(session, picture, VAEncPackedHeaderParameterBufferType, &parameters,
                                  sizeof parameters, why);

    if (error == CASTOR_OK)
        error = vaapi_picture_add(session, picture, VAEncPackedHeaderDataBufferType, header->bytes,
                                  header->size_bytes, why);
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

static const struct vaapi_syntax *syntax_of(const struct vaapi_session *session)
{
    return session->stream.codec == ENCODER_CODEC_HEVC ? &vaapi_syntax_hevc : &vaapi_syntax_h264;
}

static int describe_sequence(struct vaapi_session *session, uint32_t bitrate_bps,
                             struct vaapi_picture *picture, struct encoder_text *why)
{
    const struct vaapi_ids *ids = &session->ids;
    int error = CASTOR_OK;

    if (ids->idr)
        error = syntax_of(session)->add_sequence(session, picture, bitrate_bps, why);
    if (error == CASTOR_OK && ids->idr)
        error = add_frame_rate(session, picture, why);
    if (error == CASTOR_OK && ids->idr)
        error = add_quality(session, picture, why);
    bool tells_rate = ids->idr || bitrate_bps != session->bitrate_bps;
    if (error == CASTOR_OK && tells_rate && session->choice.rate_control != VA_RC_CQP)
        error = add_rate(session, picture, bitrate_bps, why);
    return error;
}

VASurfaceID vaapi_picture_recon(const struct vaapi_session *session, unsigned age)
{
    return session->recons[(session->issued + VAAPI_RECONS - age) % VAAPI_RECONS];
}

uint32_t vaapi_picture_period(const struct vaapi_session *session)
{
    return session->gop_frames ? session->gop_frames : NO_GOP_FRAMES;
}

int vaapi_picture_describe(struct vaapi_session *session, const struct vaapi_ids *reference,
                           uint32_t bitrate_bps, struct vaapi_picture *picture, struct encoder_text *why)
{
    uint32_t packed = session->choice.packed_headers;
    struct vaapi_header header;

    picture->count = 0;
    int error = describe_sequence(session, bitrate_bps, picture, why);
    if (error == CASTOR_OK)
        error = syntax_of(session)->add_picture(session, reference, picture, why);
    if (error == CASTOR_OK && session->ids.idr && (packed & VA_ENC_PACKED_HEADER_SEQUENCE)) {
        vaapi_header_parameter_sets(&session->stream, &header);
        error = add_packed(session, picture, VAEncPackedHeaderSequence, &header, why);
    }
    if (error == CASTOR_OK && (packed & VA_ENC_PACKED_HEADER_SLICE)) {
        vaapi_header_slice(&session->stream, &session->ids, &header);
        error = add_packed(session, picture, VAEncPackedHeaderSlice, &header, why);
    }
    if (error == CASTOR_OK)
        error = syntax_of(session)->add_slice(session, reference, picture, why);
    return error;
}

void vaapi_picture_destroy(struct vaapi_session *session, struct vaapi_picture *picture)
{
    for (int i = 0; i < picture->count; i++)
        (void)VENDOR_CALL(session->device.thread, vaDestroyBuffer, session->device.display,
                          picture->buffers[i]);
    picture->count = 0;
}
