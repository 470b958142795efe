// SPDX-License-Identifier: Apache-2.0
#include "vaapi_session.h"

#include <string.h>
#include <time.h>

#include "h264_level.h"
#include "hal/time.h"
#include "hevc_level.h"
#include "vaapi_picture.h"

#define BUSY_RETRY_NS CASTOR_NS_PER_MS
#define BUSY_BUDGET_NS (200 * CASTOR_NS_PER_MS)
#define CODED_BUFFER_MIN_BYTES 65536

int vaapi_error(VAStatus status)
{
    switch (status) {
    case VA_STATUS_ERROR_HW_BUSY:
    case VA_STATUS_ERROR_SURFACE_BUSY:
    case VA_STATUS_ERROR_TIMEDOUT:
        return CASTOR_ERR_BUSY;
    case VA_STATUS_ERROR_OPERATION_FAILED:
    case VA_STATUS_ERROR_ENCODING_ERROR:
    case VA_STATUS_ERROR_DECODING_ERROR: // what vaSyncSurface() calls it
    case VA_STATUS_ERROR_INVALID_DISPLAY:
    case VA_STATUS_ERROR_UNKNOWN:
        return CASTOR_ERR_LOST; // libva has no "device lost"; what its driver cannot explain counts as that
    default:
        return CASTOR_ERR_IO;
    }
}

// The picture in whole macroblocks, or coding blocks of the smallest size.
static void set_coded_size(struct vaapi_stream *stream)
{
    uint32_t block_px = stream->codec == ENCODER_CODEC_HEVC ? 1u << stream->hevc.min_cb_log2 : 16;

    stream->coded_width_px = (stream->format.width_px + block_px - 1) / block_px * block_px;
    stream->coded_height_px = (stream->format.height_px + block_px - 1) / block_px * block_px;
}

static bool choose_level(struct vaapi_stream *stream, uint32_t bitrate_bps)
{
    struct castor_format coded = stream->format;
    struct hevc_level hevc;

    if (stream->codec == ENCODER_CODEC_HEVC) {
        coded.width_px = stream->coded_width_px;
        coded.height_px = stream->coded_height_px;
        if (!hevc_level_choose(&coded, bitrate_bps, 0, &hevc))
            return false;
        stream->level_idc = hevc.idc;
        stream->high_tier = hevc.high_tier;
        return true;
    }
    const struct h264_level *level = h264_level_choose(&coded, bitrate_bps, 0, H264_FACTOR_MAIN);
    stream->level_idc = level ? level->idc : 0;
    return level != NULL;
}

static int choose_stream(struct vaapi_session *session, uint32_t bitrate_bps, struct encoder_text *why)
{
    struct vaapi_stream *stream = &session->stream;
    const struct castor_format *format = &stream->format;

    stream->cabac = session->choice.profile == VAProfileH264Main;
    stream->hevc = session->choice.hevc;
    set_coded_size(stream);
    if (format->width_px > session->choice.max_width_px || format->height_px > session->choice.max_height_px)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "vaapi: picture %ux%u: must be at most %ux%u",
                                format->width_px, format->height_px, session->choice.max_width_px,
                                session->choice.max_height_px);
    if (!choose_level(stream, bitrate_bps))
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "vaapi: %ux%u at %u/%u frames/s and %u bit/s is beyond level 6.2 of %s",
                                format->width_px, format->height_px, format->rate.num, format->rate.den,
                                bitrate_bps, encoder_codec_name(stream->codec));
    bool is_cropped =
        stream->coded_width_px != format->width_px || stream->coded_height_px != format->height_px;
    bool has_own_sets = session->choice.packed_headers & VA_ENC_PACKED_HEADER_SEQUENCE;
    if (stream->codec == ENCODER_CODEC_HEVC && is_cropped && !has_own_sets)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "vaapi: this device writes the headers of HEVC itself and cannot be told to "
                                "crop; width and height must be multiples of %u",
                                1u << stream->hevc.min_cb_log2); // libva's parameters have no window
    if (has_own_sets) {
        struct vaapi_header own;
        vaapi_header_parameter_sets(stream, &own);
        memcpy(session->sets.bytes, own.bytes, own.size_bytes);
        session->sets.size_bytes = own.size_bytes;
    }
    return CASTOR_OK;
}

static int create_surfaces(struct vaapi_session *session, struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    VASurfaceID surfaces[VAAPI_INPUTS + VAAPI_RECONS];
    bool is_ten_bit = session->stream.format.pixel == CASTOR_PIXEL_P010;
    VASurfaceAttrib layout = {
        .type = VASurfaceAttribPixelFormat,
        .flags = VA_SURFACE_ATTRIB_SETTABLE,
        .value = {.type = VAGenericValueTypeInteger, .value.i = is_ten_bit ? VA_FOURCC_P010 : VA_FOURCC_NV12},
    };
    VAStatus status =
        VENDOR_CALL(device->thread, vaCreateSurfaces, device->display, session->choice.surface_format,
                    session->stream.coded_width_px, session->stream.coded_height_px, surfaces,
                    VAAPI_INPUTS + VAAPI_RECONS, &layout, 1);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_NO_MEMORY, "vaCreateSurfaces", status, why);
    memcpy(session->inputs, surfaces, sizeof session->inputs);
    memcpy(session->recons, surfaces + VAAPI_INPUTS, sizeof session->recons);
    session->has_surfaces = true;
    return CASTOR_OK;
}

static int create_context(struct vaapi_session *session, struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    VASurfaceID targets[VAAPI_INPUTS + VAAPI_RECONS];

    memcpy(targets, session->inputs, sizeof session->inputs);
    memcpy(targets + VAAPI_INPUTS, session->recons, sizeof session->recons);
    VAStatus status = VENDOR_CALL(device->thread, vaCreateContext, device->display, session->config,
                                  (int)session->stream.coded_width_px, (int)session->stream.coded_height_px,
                                  VA_PROGRESSIVE, targets, VAAPI_INPUTS + VAAPI_RECONS, &session->context);

    if (status == VA_STATUS_SUCCESS)
        return CASTOR_OK;
    session->context = VA_INVALID_ID;
    return vaapi_device_failed(
        device, status == VA_STATUS_ERROR_ALLOCATION_FAILED ? CASTOR_ERR_NO_MEMORY : CASTOR_ERR_IO,
        "vaCreateContext", status, why);
}

static int create_coded_buffers(struct vaapi_session *session, struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    unsigned size_bytes =
        session->stream.format.width_px * session->stream.format.height_px * 3 + CODED_BUFFER_MIN_BYTES;

    for (unsigned i = 0; i < VAAPI_INPUTS; i++) {
        VAStatus status = VENDOR_CALL(device->thread, vaCreateBuffer, device->display, session->context,
                                      VAEncCodedBufferType, size_bytes, 1, NULL, &session->coded[i]);
        if (status != VA_STATUS_SUCCESS) {
            session->coded[i] = VA_INVALID_ID;
            return vaapi_device_failed(device, CASTOR_ERR_NO_MEMORY, "vaCreateBuffer", status, why);
        }
    }
    return CASTOR_OK;
}

int vaapi_session_open(struct vaapi_session *session, struct vendor_thread *thread, const char *path,
                       uint32_t bitrate_bps, struct encoder_text *why)
{
    session->config = session->context = VA_INVALID_ID;
    for (unsigned i = 0; i < VAAPI_INPUTS; i++)
        session->coded[i] = VA_INVALID_ID;
    int error = vaapi_device_open(&session->device, thread, path, why);
    if (error == CASTOR_OK)
        error = vaapi_choice_make(&session->device, session->stream.codec, session->stream.format.pixel,
                                  &session->choice, why);
    if (error == CASTOR_OK)
        error = choose_stream(session, bitrate_bps, why);
    if (error != CASTOR_OK)
        return error;
    error = vaapi_choice_configure(&session->device, &session->choice, &session->config, why);
    if (error == CASTOR_OK)
        error = create_surfaces(session, why);
    if (error == CASTOR_OK)
        error = create_context(session, why);
    if (error == CASTOR_OK)
        error = create_coded_buffers(session, why);
    if (error != CASTOR_OK)
        return error;
    session->upload.device = &session->device;
    session->upload.format = session->stream.format;
    session->upload.width_px = session->stream.coded_width_px;
    session->upload.height_px = session->stream.coded_height_px;
    session->import.device = &session->device;
    session->import.format = session->stream.format;
    session->import.is_offered = vaapi_import_is_offered(&session->device, session->config);
    return vaapi_upload_open(&session->upload, session->inputs[0], why);
}

void vaapi_session_close(struct vaapi_session *session)
{
    struct vaapi_device *device = &session->device;

    vaapi_upload_close(&session->upload);
    vaapi_import_close(&session->import);
    for (unsigned i = 0; i < VAAPI_INPUTS; i++) {
        if (device->is_initialized && session->coded[i] != VA_INVALID_ID)
            (void)VENDOR_CALL(device->thread, vaDestroyBuffer, device->display, session->coded[i]);
    }
    if (device->is_initialized && session->context != VA_INVALID_ID)
        (void)VENDOR_CALL(device->thread, vaDestroyContext, device->display, session->context);
    if (session->has_surfaces) {
        (void)VENDOR_CALL(device->thread, vaDestroySurfaces, device->display, session->inputs, VAAPI_INPUTS);
        (void)VENDOR_CALL(device->thread, vaDestroySurfaces, device->display, session->recons, VAAPI_RECONS);
    }
    if (device->is_initialized && session->config != VA_INVALID_ID)
        (void)VENDOR_CALL(device->thread, vaDestroyConfig, device->display, session->config);
    vaapi_device_close(device);
}

static void pause_before_retry(void)
{
    // A busy device gives no sign when it is free again.
    (void)nanosleep(&(struct timespec){.tv_nsec = BUSY_RETRY_NS}, NULL);
}

static int begin(struct vaapi_session *session, VASurfaceID input, struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    int64_t until_ns = castor_now_ns() + BUSY_BUDGET_NS;

    for (;;) {
        VAStatus status =
            VENDOR_CALL(device->thread, vaBeginPicture, device->display, session->context, input);
        if (status == VA_STATUS_SUCCESS)
            return CASTOR_OK;
        int error = vaapi_device_failed(device, vaapi_error(status), "vaBeginPicture", status, why);
        if (error != CASTOR_ERR_BUSY || castor_now_ns() >= until_ns)
            return error;
        pause_before_retry();
    }
}

static int render(struct vaapi_session *session, VASurfaceID input, struct vaapi_picture *picture,
                  struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    int error = begin(session, input, why);

    if (error != CASTOR_OK)
        return error;
    VAStatus rendered = VENDOR_CALL(device->thread, vaRenderPicture, device->display, session->context,
                                    picture->buffers, picture->count);
    // Also after a failure, or the context stays inside a picture.
    VAStatus ended = VENDOR_CALL(device->thread, vaEndPicture, device->display, session->context);
    if (rendered != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(rendered), "vaRenderPicture", rendered, why);
    if (ended != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, vaapi_error(ended), "vaEndPicture", ended, why);
    return CASTOR_OK;
}

// Brings the frame to where the device reads it.
static int supply(struct vaapi_session *session, const struct castor_frame *frame, VASurfaceID *source,
                  uint32_t *cpu_copies, struct encoder_text *why)
{
    *cpu_copies = 0;
    *source = vaapi_import_frame(&session->import, frame);
    session->device.said.text[0] = '\0'; // a refusal is no complaint
    if (*source != VA_INVALID_SURFACE)
        return CASTOR_OK;
    *cpu_copies = session->upload.derives ? 1 : 2; // what vaPutImage() does may be one more
    *source = session->inputs[session->issued % VAAPI_INPUTS];
    return vaapi_upload_frame(&session->upload, *source, frame, why);
}

int vaapi_session_issue(struct vaapi_session *session, const struct castor_frame *frame, bool idr,
                        uint32_t bitrate_bps, uint32_t *cpu_copies, struct encoder_text *why)
{
    VASurfaceID *source = &session->sources[session->issued % VAAPI_INPUTS];
    struct vaapi_ids reference = session->ids;
    struct vaapi_picture picture = {.count = 0};
    int error = supply(session, frame, source, cpu_copies, why);

    if (error != CASTOR_OK)
        return error;
    vaapi_ids_next(&session->ids, idr);
    error = vaapi_picture_describe(session, &reference, bitrate_bps, &picture, why);
    if (error == CASTOR_OK)
        error = render(session, *source, &picture, why);
    vaapi_picture_destroy(session, &picture); // libva 1.x does not do it
    if (error != CASTOR_OK)
        return error;
    session->issued++;
    session->bitrate_bps = bitrate_bps;
    return CASTOR_OK;
}

int vaapi_session_wait(struct vaapi_session *session, unsigned input, int64_t timeout_ns,
                       struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    int64_t start_ns = castor_now_ns();
    VAStatus status;

    session->device.said.text[0] = '\0';
    if (device->has_sync_buffer)
        status = VENDOR_CALL(device->thread, vaSyncBuffer, device->display, session->coded[input],
                             (uint64_t)timeout_ns);
    else
        status = VENDOR_CALL(device->thread, vaSyncSurface, device->display, session->sources[input]);
    if (status == VA_STATUS_SUCCESS)
        return CASTOR_OK;
    int error = vaapi_error(status);
    if (error != CASTOR_ERR_BUSY)
        return vaapi_device_failed(device, error, device->has_sync_buffer ? "vaSyncBuffer" : "vaSyncSurface",
                                   status, why);
    if (castor_now_ns() - start_ns < timeout_ns)
        pause_before_retry(); // it did not wait
    return CASTOR_ERR_TIMEOUT;
}

// Gathers the segments. INVALID when one of them is bad or there is nothing at all.
static int gather(const VACodedBufferSegment *segment, uint8_t *out, size_t *size_bytes)
{
    const uint32_t bad = VA_CODED_BUF_STATUS_BAD_BITSTREAM | VA_CODED_BUF_STATUS_SLICE_OVERFLOW_MASK |
                         VA_CODED_BUF_STATUS_FRAME_SIZE_OVERFLOW;

    *size_bytes = 0;
    for (; segment; segment = segment->next) {
        if ((segment->status & bad) || segment->size > VAAPI_CODED_MAX_BYTES - *size_bytes ||
            (segment->size > 0 && !segment->buf) || segment->bit_offset % 8 != 0 ||
            segment->bit_offset / 8 > segment->size)
            return CASTOR_ERR_INVALID;
        size_t skipped = segment->bit_offset / 8;
        memcpy(out + *size_bytes, (const uint8_t *)segment->buf + skipped, segment->size - skipped);
        *size_bytes += segment->size - skipped;
    }
    return *size_bytes > 0 ? CASTOR_OK : CASTOR_ERR_INVALID;
}

int vaapi_session_fetch(struct vaapi_session *session, unsigned input, uint8_t *bytes, struct vaapi_unit *out,
                        struct encoder_text *why)
{
    struct vaapi_device *device = &session->device;
    uint8_t *coded = bytes + VAAPI_UNIT_ROOM_BYTES;
    void *segments = NULL;
    size_t size_bytes = 0;
    VAStatus status =
        VENDOR_CALL(device->thread, vaMapBuffer, device->display, session->coded[input], &segments);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_LOST, "vaMapBuffer", status, why);
    int error = gather(segments, coded, &size_bytes);
    status = VENDOR_CALL(device->thread, vaUnmapBuffer, device->display, session->coded[input]);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_LOST, "vaUnmapBuffer", status, why);
    return error == CASTOR_OK ? vaapi_unit_make(session->stream.codec, coded, size_bytes, &session->sets, out)
                              : error;
}
