// SPDX-License-Identifier: Apache-2.0
// The H.264 headers that go to the device as packed headers: one slice a picture, frames only, one reference
// picture, output order equal to coding order. Clauses are those of ITU-T Rec. H.264.
#ifndef DRIVERS_ENCODER_VAAPI_HEADERS_H
#define DRIVERS_ENCODER_VAAPI_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/frame.h"

#define VAAPI_HEADER_MAX_BYTES 256
#define VAAPI_FRAME_NUM_BITS 8 // log2_max_frame_num
#define VAAPI_POC_LSB_BITS 8   // log2_max_pic_order_cnt_lsb
#define VAAPI_INIT_QP 26       // pic_init_qp_minus26 is 0
// A picture order count is below 2^31 (8.2.1), so an endless GOP still needs an IDR now and then: at 60
// frames a second, this is every 51 days.
#define VAAPI_IDR_DISTANCE_MAX (1u << 28)

// What all pictures of a session have in common.
struct vaapi_stream {
    struct castor_format format; // visible size; cropped out of whole macroblocks
    uint8_t level_idc;
    bool cabac; // Main profile; without it Constrained Baseline
};

// The numbers that name a picture within the stream.
struct vaapi_ids {
    bool idr;
    uint32_t since_idr;  // frames
    uint32_t frame_num;  // since_idr modulo its width
    int32_t poc;         // of the frame, both fields
    uint32_t poc_lsb;    // poc modulo its width
    uint16_t idr_pic_id; // differs between IDRs that follow each other; wraps at 65536 (7.4.3)
};

// Bytes with a start code in front and emulation prevention applied; the last may be begun only.
struct vaapi_header {
    uint8_t bytes[VAAPI_HEADER_MAX_BYTES];
    size_t size_bytes;
    size_t size_bits; // exact
};

// Makes *ids those of the next picture; all zero before the first, which has to be an IDR.
void vaapi_ids_next(struct vaapi_ids *ids, bool idr);

// Sequence and picture parameter set, 7.3.2.1 and 7.3.2.2.
void vaapi_header_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out);

// slice_header() of 7.3.3 with its NAL unit header, without slice data. Slice QP is VAAPI_INIT_QP.
void vaapi_header_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                        struct vaapi_header *out);

#endif
