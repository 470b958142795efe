// SPDX-License-Identifier: Apache-2.0
#include "fake_stream.h"

#include "nal_writer.h"

enum { NAL_SLICE = 0x61, NAL_IDR = 0x65, NAL_SPS = 0x67, NAL_PPS = 0x68, NAL_AUD = 0x09 };

#define START_CODE_ZEROS 3

static uint32_t macroblocks(uint32_t pixels)
{
    return (pixels + 15) / 16;
}

static void put_sps(struct nal_writer *w, const struct fake_picture *picture)
{
    uint32_t crop_right = (macroblocks(picture->width_px) * 16 - picture->width_px) / 2;
    uint32_t crop_bottom = (macroblocks(picture->height_px) * 16 - picture->height_px) / 2;

    nal_writer_begin(w, START_CODE_ZEROS, NAL_SPS);
    nal_writer_put(w, 8, 66);   // profile_idc: baseline
    nal_writer_put(w, 8, 0xC0); // constraint_set0 and 1
    nal_writer_put(w, 8, 52);   // level_idc: enough for every size
    nal_writer_put_ue(w, 0);    // seq_parameter_set_id
    nal_writer_put_ue(w, 4);    // log2_max_frame_num_minus4: frame_num has 8 bits
    nal_writer_put_ue(w, 2);    // pic_order_cnt_type: output order is decoding order
    nal_writer_put_ue(w, 1);    // max_num_ref_frames
    nal_writer_put(w, 1, 0);    // gaps_in_frame_num_value_allowed_flag
    nal_writer_put_ue(w, macroblocks(picture->width_px) - 1);
    nal_writer_put_ue(w, macroblocks(picture->height_px) - 1);
    nal_writer_put(w, 1, 1); // frame_mbs_only_flag
    nal_writer_put(w, 1, 1); // direct_8x8_inference_flag
    nal_writer_put(w, 1, 1); // frame_cropping_flag
    nal_writer_put_ue(w, 0);
    nal_writer_put_ue(w, crop_right);
    nal_writer_put_ue(w, 0);
    nal_writer_put_ue(w, crop_bottom);
    nal_writer_put(w, 1, 0); // vui_parameters_present_flag
    nal_writer_end(w);
}

static void put_pps(struct nal_writer *w)
{
    nal_writer_begin(w, START_CODE_ZEROS, NAL_PPS);
    nal_writer_put_ue(w, 0); // pic_parameter_set_id
    nal_writer_put_ue(w, 0); // seq_parameter_set_id
    nal_writer_put(w, 1, 0); // entropy_coding_mode_flag: CAVLC
    nal_writer_put(w, 1, 0); // bottom_field_pic_order_in_frame_present_flag
    nal_writer_put_ue(w, 0); // num_slice_groups_minus1
    nal_writer_put_ue(w, 0); // num_ref_idx_l0_default_active_minus1
    nal_writer_put_ue(w, 0); // num_ref_idx_l1_default_active_minus1
    nal_writer_put(w, 1, 0); // weighted_pred_flag
    nal_writer_put(w, 2, 0); // weighted_bipred_idc
    nal_writer_put_ue(w, 0); // pic_init_qp_minus26
    nal_writer_put_ue(w, 0); // pic_init_qs_minus26
    nal_writer_put_ue(w, 0); // chroma_qp_index_offset
    nal_writer_put(w, 1, 0); // deblocking_filter_control_present_flag
    nal_writer_put(w, 1, 0); // constrained_intra_pred_flag
    nal_writer_put(w, 1, 0); // redundant_pic_cnt_present_flag
    nal_writer_end(w);
}

static void put_idr(struct nal_writer *w, const struct fake_picture *picture, uint32_t count)
{
    nal_writer_begin(w, START_CODE_ZEROS, NAL_IDR);
    nal_writer_put_ue(w, 0);                          // first_mb_in_slice
    nal_writer_put_ue(w, 7);                          // slice_type: I
    nal_writer_put_ue(w, 0);                          // pic_parameter_set_id
    nal_writer_put(w, 8, 0);                          // frame_num
    nal_writer_put_ue(w, picture->idr_number & 0xFF); // idr_pic_id
    nal_writer_put(w, 2, 0); // no_output_of_prior_pics_flag, long_term_reference_flag
    nal_writer_put_ue(w, 0); // slice_qp_delta
    for (uint32_t i = 0; i < count; i++) {
        nal_writer_put_ue(
            w, 3); // mb_type I_16x16_2_0_0: predicted from the mean, which is 128 without neighbours
        nal_writer_put_ue(w, 0); // intra_chroma_pred_mode
        nal_writer_put_ue(w, 0); // mb_qp_delta
        nal_writer_put(w, 1, 1); // coeff_token: no coefficients (table 9-5, nC 0)
    }
    nal_writer_end(w);
}

static void put_skipped(struct nal_writer *w, const struct fake_picture *picture, uint32_t count)
{
    nal_writer_begin(w, START_CODE_ZEROS, NAL_SLICE);
    nal_writer_put_ue(w, 0);                           // first_mb_in_slice
    nal_writer_put_ue(w, 5);                           // slice_type: P
    nal_writer_put_ue(w, 0);                           // pic_parameter_set_id
    nal_writer_put(w, 8, picture->frame_number % 256); // frame_num
    nal_writer_put(w, 1, 0);                           // num_ref_idx_active_override_flag
    nal_writer_put(w, 1, 0);                           // ref_pic_list_modification_flag_l0
    nal_writer_put(w, 1, 0);                           // adaptive_ref_pic_marking_mode_flag
    nal_writer_put_ue(w, 0);                           // slice_qp_delta
    nal_writer_put_ue(w, count);                       // mb_skip_run
    nal_writer_end(w);
}

size_t fake_stream_bound_bytes(uint32_t width_px, uint32_t height_px)
{
    // One byte a macroblock in an IDR, up to half as many emulation prevention bytes, and the headers.
    return (size_t)macroblocks(width_px) * macroblocks(height_px) * 3 / 2 + 256;
}

size_t fake_stream_write(const struct fake_picture *picture, uint8_t *out)
{
    struct nal_writer w = {
        .bytes = out,
        .capacity_bytes = fake_stream_bound_bytes(picture->width_px, picture->height_px),
    };
    uint32_t count = macroblocks(picture->width_px) * macroblocks(picture->height_px);

    nal_writer_begin(&w, START_CODE_ZEROS, NAL_AUD);
    nal_writer_put(&w, 3, picture->idr ? 0 : 1); // primary_pic_type (table 7-5)
    nal_writer_end(&w);
    if (picture->parameter_sets) {
        put_sps(&w, picture);
        put_pps(&w);
    }
    if (picture->idr)
        put_idr(&w, picture, count);
    else
        put_skipped(&w, picture, count);
    return w.size_bytes;
}
