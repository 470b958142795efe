// SPDX-License-Identifier: Apache-2.0
#include "nvenc_input.h"

#include <string.h>
#include <unistd.h>

#include "nvenc_session.h"

// Of cuda.h 11.1 and later; dynlink_cuda.h leaves them out.
#define REGISTER_READ_ONLY 0x08
#define ATTRIBUTE_READ_ONLY_REGISTER 113
// What cuMemAllocPitch() takes: the size of one access, 4, 8 or 16 bytes.
#define ACCESS_BYTES 16

// One plane of a picture: where it begins in a buffer, and how it is laid out there.
struct plane {
    size_t offset_bytes;
    uint32_t pitch_bytes, row_bytes, rows;
};

// The planes lie one after the other; those of chroma in planar formats have half the pitch.
static uint32_t lay_out(const struct castor_format *format, uint32_t pitch_bytes, struct plane out[3])
{
    uint32_t row_bytes = format->width_px * castor_pixel_bytes(format->pixel);
    uint32_t rows = format->height_px;
    size_t luma_bytes = (size_t)pitch_bytes * rows;

    out[0] = (struct plane){0, pitch_bytes, row_bytes, rows};
    out[1] = (struct plane){luma_bytes, pitch_bytes, row_bytes, rows / 2};
    if (format->pixel != CASTOR_PIXEL_I420)
        return 2;
    out[1].pitch_bytes = pitch_bytes / 2;
    out[1].row_bytes = row_bytes / 2;
    out[2] = out[1];
    out[2].offset_bytes = luma_bytes + luma_bytes / 4;
    return 3;
}

// ---- copies by the processor ----

static int create_buffer(struct nvenc_session *session, struct nvenc_place *place, struct encoder_text *why)
{
    NV_ENC_CREATE_INPUT_BUFFER params = {
        .version = NV_ENC_CREATE_INPUT_BUFFER_VER,
        .width = session->init.encodeWidth,
        .height = session->init.encodeHeight,
        .bufferFmt = session->buffer_format,
    };

    if (place->buffer)
        return CASTOR_OK;
    NVENCSTATUS status = session->api.nvEncCreateInputBuffer(session->handle, &params);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncCreateInputBuffer", status, why);
    place->buffer = params.inputBuffer;
    return CASTOR_OK;
}

static void copy_picture(uint8_t *to, uint32_t pitch_bytes, const struct castor_frame *frame,
                         const struct castor_format *format)
{
    struct plane planes[3];
    uint32_t count = lay_out(format, pitch_bytes, planes);

    for (uint32_t p = 0; p < count; p++) {
        const struct plane *plane = &planes[p];
        for (uint32_t y = 0; y < plane->rows; y++)
            memcpy(to + plane->offset_bytes + (size_t)y * plane->pitch_bytes,
                   frame->plane[p] + (size_t)y * frame->stride_bytes[p], plane->row_bytes);
    }
}

static int copy(struct nvenc_session *session, struct vendor_thread *thread, struct nvenc_place *place,
                const struct castor_frame *frame, struct encoder_text *why)
{
    int error = create_buffer(session, place, why);
    NV_ENC_LOCK_INPUT_BUFFER locked = {
        .version = NV_ENC_LOCK_INPUT_BUFFER_VER,
        .inputBuffer = place->buffer,
    };

    if (error != CASTOR_OK)
        return error;
    NVENCSTATUS status = session->api.nvEncLockInputBuffer(session->handle, &locked);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncLockInputBuffer", status, why);
    bool is_ours = vendor_thread_borrow_pixels(thread);
    if (is_ours) {
        copy_picture(locked.bufferDataPtr, locked.pitch, frame, &session->format);
        vendor_thread_return_pixels(thread);
    }
    status = session->api.nvEncUnlockInputBuffer(session->handle, place->buffer);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncUnlockInputBuffer", status, why);
    place->picture = place->buffer;
    place->pitch_bytes = locked.pitch;
    place->format = session->buffer_format;
    return is_ours ? CASTOR_OK : CASTOR_ERR_LOST;
}

// ---- copies by the device ----

static void note_copies(struct nvenc_input *input, const char *why)
{
    if (!input->note.text[0])
        (void)encoder_text_set(&input->note, 0, "%s; frames are copied by the processor", why);
}

static bool can_lock(struct nvenc_session *session, const struct encoder_config *config, const char **why)
{
    const struct nvenc_library *library = session->library;
    int supported = 0;
    bool has_calls = library->memory_register && library->memory_unregister && library->memory_allocate &&
                     library->memory_free && library->memory_copy;

    if (!has_calls)
        *why = "nvenc: NVIDIA's driver is too old to lock memory";
    else if (library->device_get_attribute(&supported, (CUdevice_attribute)ATTRIBUTE_READ_ONLY_REGISTER,
                                           session->device) != CUDA_SUCCESS ||
             !supported)
        *why = "nvenc: the device cannot lock memory that may only be read";
    else if ((uintptr_t)config->memory % (uintptr_t)sysconf(_SC_PAGESIZE) != 0)
        *why = "nvenc: the memory does not begin with a page";
    else
        return true;
    return false;
}

// The pages stay where they are, pinned by the kernel, until they are unregistered: a thread that was given
// up in the middle of a transfer reads memory that is still there, whatever became of its mapping.
static int lock_memory(struct nvenc_session *session, const struct encoder_config *config,
                       struct encoder_text *why)
{
    CUresult result = session->library->memory_register((void *)(uintptr_t)config->memory,
                                                        config->memory_bytes, REGISTER_READ_ONLY);

    if (result != CUDA_SUCCESS)
        return nvenc_library_failed(session->library, "cuMemHostRegister", result, why);
    session->input.locked = config->memory;
    session->input.locked_bytes = config->memory_bytes;
    return CASTOR_OK;
}

static int create_resource(struct nvenc_session *session, struct nvenc_place *place, struct encoder_text *why)
{
    const struct castor_format *format = &session->format;
    size_t pitch_bytes = 0;
    CUresult result = session->library->memory_allocate(
        &place->device, &pitch_bytes, (size_t)format->width_px * castor_pixel_bytes(format->pixel),
        (size_t)format->height_px * 3 / 2, ACCESS_BYTES);

    if (result != CUDA_SUCCESS) {
        place->device = 0;
        return nvenc_library_failed(session->library, "cuMemAllocPitch", result, why);
    }
    place->device_pitch_bytes = (uint32_t)pitch_bytes;
    NV_ENC_REGISTER_RESOURCE params = {
        .version = NV_ENC_REGISTER_RESOURCE_VER,
        .resourceType = NV_ENC_INPUT_RESOURCE_TYPE_CUDADEVICEPTR,
        .width = format->width_px,
        .height = format->height_px,
        .pitch = place->device_pitch_bytes,
        .resourceToRegister = (void *)(uintptr_t)place->device,
        .bufferFormat = session->buffer_format,
        .bufferUsage = NV_ENC_INPUT_IMAGE,
    };
    NVENCSTATUS status = session->api.nvEncRegisterResource(session->handle, &params);
    if (status == NV_ENC_SUCCESS)
        place->resource = params.registeredResource;
    return status == NV_ENC_SUCCESS ? CASTOR_OK
                                    : nvenc_session_failed(session, "NvEncRegisterResource", status, why);
}

static int unmap(struct nvenc_session *session, struct nvenc_place *place, struct encoder_text *why)
{
    if (!place->mapped)
        return CASTOR_OK;
    NVENCSTATUS status = session->api.nvEncUnmapInputResource(session->handle, place->mapped);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncUnmapInputResource", status, why);
    place->mapped = NULL;
    return CASTOR_OK;
}

static void give_back(struct nvenc_session *session)
{
    struct nvenc_input *input = &session->input;
    struct encoder_text ignored;

    for (uint32_t i = 0; i < NVENC_BUFFERS; i++) {
        struct nvenc_place *place = &input->places[i];
        (void)unmap(session, place, &ignored);
        if (place->resource)
            (void)session->api.nvEncUnregisterResource(session->handle, place->resource);
        if (place->device)
            (void)session->library->memory_free(place->device);
        place->resource = place->mapped = NULL;
        place->device = 0;
    }
    if (input->locked)
        (void)session->library->memory_unregister((void *)(uintptr_t)input->locked);
    input->locked = NULL;
}

// Readies the device's way, or notes why there is none.
static void open_device_way(struct nvenc_session *session, const struct encoder_config *config)
{
    struct encoder_text why = {""};
    const char *reason = why.text;
    int error = CASTOR_OK;

    if (!can_lock(session, config, &reason)) {
        note_copies(&session->input, reason);
        return;
    }
    error = lock_memory(session, config, &why);
    for (uint32_t i = 0; i < NVENC_BUFFERS && error == CASTOR_OK; i++)
        error = create_resource(session, &session->input.places[i], &why);
    if (error == CASTOR_OK)
        return;
    note_copies(&session->input, error == CASTOR_ERR_AGAIN ? "nvenc: the device is busy" : why.text);
    give_back(session);
}

// Whether each plane lies in the locked memory.
static bool is_locked(const struct nvenc_session *session, const struct castor_frame *frame)
{
    const struct nvenc_input *input = &session->input;
    uintptr_t begin = (uintptr_t)input->locked;
    struct plane planes[3];
    uint32_t count = lay_out(&session->format, 0, planes);

    for (uint32_t p = 0; p < count; p++) {
        uintptr_t at = (uintptr_t)frame->plane[p];
        size_t size_bytes = (size_t)frame->stride_bytes[p] * (planes[p].rows - 1) + planes[p].row_bytes;
        if (at < begin || at - begin > input->locked_bytes || size_bytes > input->locked_bytes - (at - begin))
            return false;
    }
    return true;
}

// From locked memory the copy is over when the call returns; it is on the default stream, so that mapping
// waits for it too. No lock is held meanwhile: close() would wait for a transfer that hangs.
static int transfer(struct nvenc_session *session, const struct nvenc_place *place,
                    const struct castor_frame *frame, struct encoder_text *why)
{
    struct plane planes[3];
    uint32_t count = lay_out(&session->format, place->device_pitch_bytes, planes);

    for (uint32_t p = 0; p < count; p++) {
        const CUDA_MEMCPY2D params = {
            .srcMemoryType = CU_MEMORYTYPE_HOST,
            .srcHost = frame->plane[p],
            .srcPitch = frame->stride_bytes[p],
            .dstMemoryType = CU_MEMORYTYPE_DEVICE,
            .dstDevice = place->device + planes[p].offset_bytes,
            .dstPitch = planes[p].pitch_bytes,
            .WidthInBytes = planes[p].row_bytes,
            .Height = planes[p].rows,
        };
        CUresult result = session->library->memory_copy(&params);
        if (result != CUDA_SUCCESS)
            return nvenc_library_failed(session->library, "cuMemcpy2D", result, why);
    }
    return CASTOR_OK;
}

static int fetch(struct nvenc_session *session, struct vendor_thread *thread, struct nvenc_place *place,
                 const struct castor_frame *frame, struct encoder_text *why)
{
    NV_ENC_MAP_INPUT_RESOURCE params = {
        .version = NV_ENC_MAP_INPUT_RESOURCE_VER,
        .registeredResource = place->resource,
    };

    if (!vendor_thread_borrow_pixels(thread))
        return CASTOR_ERR_LOST;
    vendor_thread_return_pixels(thread); // no transfer begins after close()
    int error = transfer(session, place, frame, why);
    if (error != CASTOR_OK)
        return error;
    NVENCSTATUS status = session->api.nvEncMapInputResource(session->handle, &params);
    if (status != NV_ENC_SUCCESS)
        return nvenc_session_failed(session, "NvEncMapInputResource", status, why);
    place->mapped = place->picture = params.mappedResource;
    place->pitch_bytes = place->device_pitch_bytes;
    place->format = params.mappedBufferFmt;
    return CASTOR_OK;
}

// ---- both ----

int nvenc_input_open(struct nvenc_session *session, const struct encoder_config *config,
                     struct encoder_text *why)
{
    int error = CASTOR_OK;

    if (config->memory)
        open_device_way(session, config);
    for (uint32_t i = 0; i < NVENC_BUFFERS && !session->input.locked && error == CASTOR_OK; i++)
        error = create_buffer(session, &session->input.places[i], why);
    return error;
}

int nvenc_input_bring(struct nvenc_session *session, struct vendor_thread *thread, uint32_t place,
                      const struct castor_frame *frame, uint32_t *cpu_copies, struct encoder_text *why)
{
    struct nvenc_input *input = &session->input;
    // Its last picture was collected, which must come before: the mapping is not needed any more.
    int error = unmap(session, &input->places[place], why);

    if (error != CASTOR_OK)
        return error;
    if (input->locked && is_locked(session, frame)) {
        *cpu_copies = 0;
        return fetch(session, thread, &input->places[place], frame, why);
    }
    if (input->locked)
        note_copies(input, "nvenc: some frames lie outside of the memory that was locked");
    *cpu_copies = 1;
    return copy(session, thread, &input->places[place], frame, why);
}

void nvenc_input_close(struct nvenc_session *session)
{
    give_back(session);
    for (uint32_t i = 0; i < NVENC_BUFFERS; i++) {
        if (session->input.places[i].buffer)
            (void)session->api.nvEncDestroyInputBuffer(session->handle, session->input.places[i].buffer);
        session->input.places[i].buffer = NULL;
    }
}
