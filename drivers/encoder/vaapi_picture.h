// SPDX-License-Identifier: Apache-2.0
// The buffers that describe one picture to the device.
#ifndef DRIVERS_ENCODER_VAAPI_PICTURE_H
#define DRIVERS_ENCODER_VAAPI_PICTURE_H

#include "vaapi_session.h"

#define VAAPI_PICTURE_BUFFERS_MAX 16
struct vaapi_picture {
    VABufferID buffers[VAAPI_PICTURE_BUFFERS_MAX];
    int count;
};

// Describes the picture session->ids, whose reference is *reference. *picture is to be destroyed whatever
// comes out.
CASTOR_MUST_USE int vaapi_picture_describe(struct vaapi_session *session, const struct vaapi_ids *reference,
                                           uint32_t bitrate_bps, struct vaapi_picture *picture,
                                           struct encoder_text *why);
void vaapi_picture_destroy(struct vaapi_session *session, struct vaapi_picture *picture);

// ---- between the codecs and what they have in common ----

// Parameter buffers, by codec.
struct vaapi_syntax {
    int (*add_sequence)(struct vaapi_session *session, struct vaapi_picture *picture, uint32_t bitrate_bps,
                        struct encoder_text *why);
    int (*add_picture)(struct vaapi_session *session, const struct vaapi_ids *reference,
                       struct vaapi_picture *picture, struct encoder_text *why);
    int (*add_slice)(struct vaapi_session *session, const struct vaapi_ids *reference,
                     struct vaapi_picture *picture, struct encoder_text *why);
};
extern const struct vaapi_syntax vaapi_syntax_h264, vaapi_syntax_hevc;

CASTOR_MUST_USE int vaapi_picture_add(struct vaapi_session *session, struct vaapi_picture *picture,
                                      VABufferType type, const void *data, size_t size,
                                      struct encoder_text *why);

// Where a picture is reconstructed; `age`: 0 the one being coded, 1 the one before it.
VASurfaceID vaapi_picture_recon(const struct vaapi_session *session, unsigned age);

// Frames from IDR to IDR, as the device is told.
uint32_t vaapi_picture_period(const struct vaapi_session *session);

#endif
