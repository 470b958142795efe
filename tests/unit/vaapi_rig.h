// SPDX-License-Identifier: Apache-2.0
// What tests of driver vaapi have in common that look at decoded pictures: an encoder on the stand-in, a
// decoder that is not ours, and frames in DMA-BUFs.
#ifndef TESTS_UNIT_VAAPI_RIG_H
#define TESTS_UNIT_VAAPI_RIG_H

#include <libavcodec/avcodec.h>

#include "hal/encoder.h"

#define VAAPI_RIG_SLOTS 6

struct vaapi_rig {
    struct castor_format format;
    struct castor_frame_layout layout;
    struct encoder *encoder;
    AVCodecContext *decoder;
    AVFrame *picture; // decoded last
    AVPacket *packet;
    int fd[VAAPI_RIG_SLOTS]; // DMA-BUFs of the stand-in kind: tests/standin/dmabuf/view.h
    uint8_t *memory[VAAPI_RIG_SLOTS];
    bool has_slots;
};

// Opens encoder and decoder for pictures of this kind; fails the test when it cannot.
void vaapi_rig_open(struct vaapi_rig *rig, enum encoder_codec codec, uint32_t width_px, uint32_t height_px,
                    uint32_t pixel);
void vaapi_rig_open_slots(struct vaapi_rig *rig);
void vaapi_rig_close(struct vaapi_rig *rig);

// Lends the picture in a slot to the encoder.
void vaapi_rig_lend(struct vaapi_rig *rig, uint64_t sequence, unsigned slot);

// Waits for the next result, which must be coded.
void vaapi_rig_receive(struct vaapi_rig *rig, struct encoder_output *out);

// Makes rig->picture of it; none may be held back, and the decoder may complain of nothing.
void vaapi_rig_decode(struct vaapi_rig *rig, const struct castor_packet *packet);

#endif
