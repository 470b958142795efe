// SPDX-License-Identifier: Apache-2.0
// One encoding session of the stand-in, as the parts of libnvidia-encode share it.
#ifndef STANDIN_NVENC_SESSION_H
#define STANDIN_NVENC_SESSION_H

#include <stdatomic.h>

#include <ffnvcodec/nvEncodeAPI.h>

#include "codec.h"
#include "context.h"
#include "standin.h"

#define BUFFERS_MAX 64

struct input {
    bool used, locked;
    bool is_resource, mapped; // memory of CUDA that was registered
    unsigned pictures;        // that read it and were not fetched yet
    NV_ENC_BUFFER_FORMAT format;
    uint32_t width_px, height_px, pitch_bytes;
    uint8_t *memory;
};

struct output {
    bool used, locked;
    bool pending;  // holds a picture that was not fetched yet
    bool finished; // which may be fetched
    uint64_t order;
    struct input *input;
    uint8_t *bytes;
    size_t size_bytes, capacity_bytes;
    uint64_t stamp;
    uint32_t frame_index;
    NV_ENC_PIC_TYPE type;
    int64_t ready_ns;
    bool asked; // the first question is always answered with LOCK_BUSY, so that callers learn to poll
};

struct session {
    bool live;
    atomic_bool inside;
    CUcontext context;
    struct standin_faults faults;
    bool lost, initialized, end_of_stream, idr_next;
    NV_ENC_INITIALIZE_PARAMS init;
    NV_ENC_CONFIG config;
    const struct codec *codec; // of `init`
    void *coder;
    struct input inputs[BUFFERS_MAX];
    struct output outputs[BUFFERS_MAX];
    uint64_t pictures;  // accepted
    uint64_t collected; // fetched
    char last_error[240];
};

// What a call needs.
enum session_need {
    NEED_SESSION, // queries work without a current context
    NEED_CONTEXT, // the session's context is current on this thread
    NEED_ENCODER, // and the encoder is initialized
};

// Begins a call: finds the session, lets the scheduled fault happen. Each successful or failed call that got
// a session (*out not NULL) is ended by session_leave().
NVENCSTATUS session_enter(void *handle, enum standin_call call, enum session_need need, struct session **out);
void session_leave(struct session *session);

// Whether the present call of this name is one that shall behave so.
bool session_has_fault(const struct session *session, enum standin_kind kind, enum standin_call call);

// A violation of the interface: complains, remembers the reason. Returns `status`.
NVENCSTATUS session_refuse(struct session *session, NVENCSTATUS status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

// A struct's version must be exactly the header's.
#define CHECK_VERSION(session, params, expected)                                                             \
    do {                                                                                                     \
        if (!(params))                                                                                       \
            return session_refuse(session, NV_ENC_ERR_INVALID_PTR, "%s: no parameters", __func__);           \
        if ((params)->version != (expected))                                                                 \
            return session_refuse(session, NV_ENC_ERR_INVALID_VERSION, "%s: struct version %08x, not %08x",  \
                                  __func__, (unsigned)(params)->version, (unsigned)(expected));              \
    } while (0)

// Defines the function `name` of the vendor's table: work(session, argument), as one call of a session.
#define SESSION_CALL(name, call, need, type, work)                                                           \
    NVENCSTATUS name(void *handle, type argument)                                                            \
    {                                                                                                        \
        struct session *session;                                                                             \
        NVENCSTATUS status = session_enter(handle, call, need, &session);                                    \
                                                                                                             \
        if (status == NV_ENC_SUCCESS)                                                                        \
            status = work(session, argument);                                                                \
        session_leave(session);                                                                              \
        return status;                                                                                       \
    }

// ---- session.c: the life of sessions ----
NVENCSTATUS api_open(NV_ENC_OPEN_ENCODE_SESSION_EX_PARAMS *params, void **out);
NVENCSTATUS api_initialize(void *handle, NV_ENC_INITIALIZE_PARAMS *params);
NVENCSTATUS api_reconfigure(void *handle, NV_ENC_RECONFIGURE_PARAMS *params);
NVENCSTATUS api_destroy(void *handle);
const char *api_last_error(void *handle);

// ---- picture.c: buffers and pictures ----
NVENCSTATUS api_create_input(void *handle, NV_ENC_CREATE_INPUT_BUFFER *params);
NVENCSTATUS api_destroy_input(void *handle, NV_ENC_INPUT_PTR buffer);
NVENCSTATUS api_create_output(void *handle, NV_ENC_CREATE_BITSTREAM_BUFFER *params);
NVENCSTATUS api_destroy_output(void *handle, NV_ENC_OUTPUT_PTR buffer);
NVENCSTATUS api_lock_input(void *handle, NV_ENC_LOCK_INPUT_BUFFER *params);
NVENCSTATUS api_unlock_input(void *handle, NV_ENC_INPUT_PTR buffer);
NVENCSTATUS api_encode(void *handle, NV_ENC_PIC_PARAMS *params);
NVENCSTATUS api_lock(void *handle, NV_ENC_LOCK_BITSTREAM *params);
NVENCSTATUS api_unlock(void *handle, NV_ENC_OUTPUT_PTR buffer);
// What a picture can be read from: a buffer, or a resource while it is mapped.
struct input *find_input(struct session *session, void *buffer);
struct input *input_room(struct session *session); // NULL: there is none
NVENCSTATUS input_check(struct session *session, NV_ENC_BUFFER_FORMAT format, uint32_t width_px,
                        uint32_t height_px, const char *call);

// ---- resource.c: the device's memory as input ----
NVENCSTATUS api_register(void *handle, NV_ENC_REGISTER_RESOURCE *params);
NVENCSTATUS api_unregister(void *handle, NV_ENC_REGISTERED_PTR resource);
NVENCSTATUS api_map(void *handle, NV_ENC_MAP_INPUT_RESOURCE *params);
NVENCSTATUS api_unmap(void *handle, NV_ENC_INPUT_PTR buffer);

// Adds coded bytes to a picture.
bool output_append(struct output *output, const uint8_t *bytes, size_t size_bytes);

bool guid_is(const GUID *a, const GUID *b);
bool session_is_preset(const GUID *guid);

#endif
