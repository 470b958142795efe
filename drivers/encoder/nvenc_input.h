// SPDX-License-Identifier: Apache-2.0
// How frames get to the encoder. Where they lie in memory that the device can read, its copy engine fetches
// them (no copy by the processor); elsewhere they are copied into a buffer of NVENC's (one copy). Functions
// are called as those of nvenc_session.h. Sources: nvEncodeAPI.h 11.1; CUDA Driver API 11.4, "Memory
// Management".
#ifndef DRIVERS_ENCODER_NVENC_INPUT_H
#define DRIVERS_ENCODER_NVENC_INPUT_H

#include "nvenc_library.h"
#include "vendor_thread.h"

// nvEncodeAPI.h asks for at least 4 buffers of each kind more than there are B frames.
#define NVENC_BUFFERS 4

struct nvenc_session;

// One picture's place. Each way has its own part; that of a way which no frame takes is missing.
struct nvenc_place {
    NV_ENC_INPUT_PTR buffer; // of NVENC, for the processor to write
    CUdeviceptr device;      // the device's memory, for its copy engine to write
    uint32_t device_pitch_bytes;
    NV_ENC_REGISTERED_PTR resource; // `device` as NVENC knows it
    NV_ENC_INPUT_PTR mapped;        // `resource` as a picture has it
    NV_ENC_INPUT_PTR picture;       // what holds the picture now: `buffer` or `mapped`
    uint32_t pitch_bytes;           // of that, as is the format
    NV_ENC_BUFFER_FORMAT format;
};

struct nvenc_input {
    const uint8_t *locked; // memory that the device reads; NULL: none, all frames are copied
    size_t locked_bytes;
    struct encoder_text note; // why frames are copied that need not be; "" = nothing
    struct nvenc_place places[NVENC_BUFFERS];
};

// Makes the places of a session that was initialized, and locks config->memory for the device if it can.
// Errors: as nvenc_session_start(); that the memory cannot be locked is none, and the note tells why.
CASTOR_MUST_USE int nvenc_input_open(struct nvenc_session *session, const struct encoder_config *config,
                                     struct encoder_text *why);

// Brings a frame to a place, whose last picture was collected; *cpu_copies is how often the processor copied
// it. Errors: AGAIN: the device is busy, bring it again later; LOST when the frame is the caller's of
// `thread` again.
CASTOR_MUST_USE int nvenc_input_bring(struct nvenc_session *session, struct vendor_thread *thread,
                                      uint32_t place, const struct castor_frame *frame, uint32_t *cpu_copies,
                                      struct encoder_text *why);

// Gives all back, after end of stream and before the session is destroyed.
void nvenc_input_close(struct nvenc_session *session);

#endif
