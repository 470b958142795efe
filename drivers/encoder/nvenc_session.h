// SPDX-License-Identifier: Apache-2.0
// One NVENC encoding session: every call into NVIDIA's libraries is here. All functions of one session are
// called on one thread, on which the session's CUDA context stays current from open to close. Any of them may
// hang in the library for ever: only a struct vendor_thread calls them. Source: nvEncodeAPI.h 11.1.
#ifndef DRIVERS_ENCODER_NVENC_SESSION_H
#define DRIVERS_ENCODER_NVENC_SESSION_H

#include <stdbool.h>

#include "nvenc_config.h"
#include "nvenc_input.h"
#include "nvenc_library.h"

#define NVENC_DEVICE_NAME_BYTES 128

struct nvenc_session {
    const struct nvenc_library *library;
    NV_ENCODE_API_FUNCTION_LIST api;
    CUdevice device;
    CUcontext context;
    void *handle; // the encoder of NvEncOpenEncodeSessionEx()
    struct nvenc_abilities abilities[ENCODER_CODEC_END];
    NV_ENC_INITIALIZE_PARAMS init;
    NV_ENC_CONFIG config;
    struct castor_format format;
    NV_ENC_BUFFER_FORMAT buffer_format; // of `format`
    struct nvenc_input input;
    NV_ENC_OUTPUT_PTR output[NVENC_BUFFERS];
    bool draining; // end of stream was said after the last picture
    bool lost;
};

// A coded picture as it comes out of the device.
struct nvenc_picture {
    uint64_t id;       // as it was given to nvenc_session_encode()
    size_t size_bytes; // 0: the device dropped it
};

// Opens CUDA's device (a PCI address as "0000:01:00.0", "" = the first), a context and a session. Errors: as
// struct encoder_driver's open(). On failure *session needs no nvenc_session_close().
CASTOR_MUST_USE int nvenc_session_open(struct nvenc_session *session, const char *device,
                                       struct encoder_text *why);

// What open() and probe() of the driver answer for an error of the functions above.
int nvenc_session_open_error(int error, struct encoder_text *why);

// Puts a failed call into words and says what it means to a caller of the HAL; AGAIN has none.
int nvenc_session_failed(struct nvenc_session *session, const char *call, NVENCSTATUS status,
                         struct encoder_text *why);

// Configures the encoder and creates its buffers, after nvenc_query().
CASTOR_MUST_USE int nvenc_session_start(struct nvenc_session *session, const struct encoder_config *config,
                                        const GUID *preset, struct encoder_text *why);

// Has the picture encoded that nvenc_input_bring() brought to place `buffer`. *finished: its result, and
// those of pictures before it, may be asked for. AGAIN: the device is busy, try again later.
CASTOR_MUST_USE int nvenc_session_encode(struct nvenc_session *session, uint32_t buffer, uint64_t id,
                                         bool idr, bool *finished, struct encoder_text *why);

// Fetches the oldest result, in order of encoding. AGAIN: not ready yet. Of a result that is larger than
// `capacity_bytes` only as much is copied, yet its full size is given.
CASTOR_MUST_USE int nvenc_session_collect(struct nvenc_session *session, uint32_t buffer, uint8_t *bytes,
                                          size_t capacity_bytes, struct nvenc_picture *out,
                                          struct encoder_text *why);

// Changes the rate from the next picture on, without a reset where the device can.
CASTOR_MUST_USE int nvenc_session_set_rate(struct nvenc_session *session, const struct encoder_config *config,
                                           uint32_t bitrate_bps, struct encoder_text *why);

// Says end of stream: everything that was given comes out. Pictures may follow; the next must be an IDR.
CASTOR_MUST_USE int nvenc_session_drain(struct nvenc_session *session, struct encoder_text *why);

// Gives everything back. For a session that nvenc_session_open() opened, or one that is all zero.
void nvenc_session_close(struct nvenc_session *session);

// The PCI address of a CUDA device.
CASTOR_MUST_USE int nvenc_session_device_name(const struct nvenc_library *library, CUdevice device,
                                              char name[NVENC_DEVICE_NAME_BYTES]);

#endif
