// SPDX-License-Identifier: Apache-2.0
// One encoding session on a device. All of it may hang in the vendor's code: only a struct vendor_thread
// calls it.
#ifndef DRIVERS_ENCODER_VAAPI_SESSION_H
#define DRIVERS_ENCODER_VAAPI_SESSION_H

#include "vaapi_choice.h"
#include "vaapi_import.h"
#include "vaapi_unit.h"
#include "vaapi_upload.h"

#define VAAPI_INPUTS 2 // pictures that the device works on at the same time
#define VAAPI_RECONS 3 // one is written, one is the reference, one belongs to the picture before
#define VAAPI_CODED_MAX_BYTES (ENCODER_ACCESS_UNIT_MAX_BYTES + 1) // a larger picture counts as dropped

enum vaapi_preset { VAAPI_PRESET_DEFAULT, VAAPI_PRESET_SPEED, VAAPI_PRESET_BALANCED, VAAPI_PRESET_QUALITY };

struct vaapi_session {
    struct vaapi_device device;
    struct vaapi_choice choice;
    struct vaapi_stream stream;
    enum vaapi_preset preset;
    uint32_t vbv_ms, gop_frames;
    VAConfigID config;
    VAContextID context;
    VASurfaceID inputs[VAAPI_INPUTS], recons[VAAPI_RECONS];
    VABufferID coded[VAAPI_INPUTS];
    bool has_surfaces;
    struct vaapi_upload upload;
    struct vaapi_import import;
    VASurfaceID sources[VAAPI_INPUTS]; // what the device reads: of `inputs`, or a frame's own memory
    struct vaapi_parameter_sets sets;
    struct vaapi_ids ids; // of the picture issued last
    uint64_t issued;      // pictures
    uint32_t bitrate_bps; // as the device was told last; 0 = not yet
};

// Opens device and session; format, preset, vbv_ms (not 0), gop_frames are set, all else is zero. *session is
// to be closed whatever comes out. Errors: as struct encoder_driver.open.
CASTOR_MUST_USE int vaapi_session_open(struct vaapi_session *session, struct vendor_thread *thread,
                                       const char *device, uint32_t bitrate_bps, struct encoder_text *why);
void vaapi_session_close(struct vaapi_session *session);

// Gives a frame to the device, as picture number session->issued into input `issued % VAAPI_INPUTS`. Blocks
// as long as the vendor's code does, and up to 200 ms while it says that it is busy. Errors: BUSY it stayed
// so, the frame is lost; LOST, IO. *cpu_copies is how often the frame's pixels were copied on the way.
CASTOR_MUST_USE int vaapi_session_issue(struct vaapi_session *session, const struct castor_frame *frame,
                                        bool idr, uint32_t bitrate_bps, uint32_t *cpu_copies,
                                        struct encoder_text *why);

// Waits for the picture in an input. Where the device knows no timeout, as long as it takes. Errors: TIMEOUT,
// LOST, IO.
CASTOR_MUST_USE int vaapi_session_wait(struct vaapi_session *session, unsigned input, int64_t timeout_ns,
                                       struct encoder_text *why);

// Takes the access unit out. `bytes` holds VAAPI_UNIT_ROOM_BYTES + VAAPI_CODED_MAX_BYTES; *out points into
// it. Errors: INVALID the device made no usable access unit of this picture; LOST, IO.
CASTOR_MUST_USE int vaapi_session_fetch(struct vaapi_session *session, unsigned input, uint8_t *bytes,
                                        struct vaapi_unit *out, struct encoder_text *why);

// What a status of the vendor's means: BUSY, LOST (the device, or all that is known about it) or IO.
int vaapi_error(VAStatus status);

#endif
