// SPDX-License-Identifier: Apache-2.0
// The headers that go to the device as packed headers: one slice a picture, frames only, one reference
// picture, the one before, output order equal to coding order.
#ifndef DRIVERS_ENCODER_VAAPI_HEADERS_H
#define DRIVERS_ENCODER_VAAPI_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

#define VAAPI_HEADER_MAX_BYTES 256
#define VAAPI_FRAME_NUM_BITS 8 // log2_max_frame_num, of H.264
#define VAAPI_POC_LSB_BITS 8   // log2_max_pic_order_cnt_lsb
#define VAAPI_INIT_QP 26       // pic_init_qp_minus26, init_qp_minus26 is 0
// A picture order count is below 2^31 (H.264 8.2.1), so an endless GOP still needs an IDR now and then: at 60
// frames a second, this is every 51 days.
#define VAAPI_IDR_DISTANCE_MAX (1u << 28)

// What an HEVC encoder codes with; sizes as logarithms, depths as max_transform_hierarchy_depth_*.
struct vaapi_hevc_tools {
    uint8_t min_cb_log2, max_cb_log2; // coding blocks; the largest is the coding tree block
    uint8_t min_tb_log2, max_tb_log2; // transform blocks
    uint8_t depth_inter, depth_intra;
    bool amp, sao, temporal_mvp, strong_intra_smoothing, sign_data_hiding, constrained_intra_pred,
        transform_skip, cu_qp_delta;
    bool b_for_p; // pictures that are no IDR have B slices with the same reference in both lists
};

// What all pictures of a session have in common.
struct vaapi_stream {
    enum encoder_codec codec;
    struct castor_format format;              // visible size, cropped out of
    uint32_t coded_width_px, coded_height_px; // whole macroblocks or coding blocks
    uint8_t level_idc;
    bool cabac;                   // H.264: Main profile; without it Constrained Baseline
    bool high_tier;               // HEVC
    struct vaapi_hevc_tools hevc; // HEVC
};

// The numbers that name a picture within the stream.
struct vaapi_ids {
    bool idr;
    uint32_t since_idr;  // frames; of HEVC the picture order count
    uint32_t frame_num;  // since_idr modulo its width
    int32_t poc;         // of an H.264 frame, both fields
    uint32_t poc_lsb;    // poc modulo its width
    uint16_t idr_pic_id; // differs between IDRs that follow each other; wraps at 65536 (H.264 7.4.3)
};

// Bytes with a start code in front and emulation prevention applied; the last may be begun only.
struct vaapi_header {
    uint8_t bytes[VAAPI_HEADER_MAX_BYTES];
    size_t size_bytes;
    size_t size_bits; // exact
};

// Makes *ids those of the next picture; all zero before the first, which has to be an IDR.
void vaapi_ids_next(struct vaapi_ids *ids, bool idr);

// All parameter sets, of HEVC the video parameter set too.
void vaapi_header_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out);

// Slice header with its NAL unit header, without slice data. Slice QP is VAAPI_INIT_QP.
void vaapi_header_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                        struct vaapi_header *out);

// The same by codec.
void vaapi_h264_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out);
void vaapi_h264_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                      struct vaapi_header *out);
void vaapi_hevc_parameter_sets(const struct vaapi_stream *stream, struct vaapi_header *out);
void vaapi_hevc_slice(const struct vaapi_stream *stream, const struct vaapi_ids *ids,
                      struct vaapi_header *out);

#endif
