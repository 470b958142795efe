// SPDX-License-Identifier: Apache-2.0
// Frames to feed an encoder with, and one way to get a result out of it whatever kind it is.
#ifndef CONTRACT_ENCODER_RIG_H
#define CONTRACT_ENCODER_RIG_H

#include "hal/encoder.h"

#define RIG_PICTURES 8

struct rig {
    struct encoder_config config;
    struct encoder_caps caps;
    struct encoder *encoder;
    struct castor_frame pictures[RIG_PICTURES]; // each differs from its neighbours
    uint8_t *memory;
};

// A configuration that every driver of H.264 must take.
struct encoder_config rig_default_config(enum castor_pixel_format pixel);

// Opens an encoder and makes pictures; fails the test when it cannot.
void rig_open(struct rig *rig, const struct encoder_driver *driver, const struct encoder_config *config);
void rig_close(struct rig *rig);

// Submits a frame named `sequence`; capture time is rig_capture_ns(sequence).
int rig_submit(struct rig *rig, uint64_t sequence, uint32_t flags);
int64_t rig_capture_ns(uint64_t sequence);

// Receives within 5 s; returns what encoder_receive() does.
int rig_receive(struct rig *rig, struct encoder_output *out);

// Submits and receives one frame that must be coded.
void rig_code(struct rig *rig, uint64_t sequence, uint32_t flags, struct encoder_output *out);

#endif
