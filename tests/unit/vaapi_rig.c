// SPDX-License-Identifier: Apache-2.0
#include "vaapi_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../contract/encoder_named.h"
#include "../standin/dmabuf/view.h"
#include "hal/time.h"

void vaapi_rig_open(struct vaapi_rig *rig, enum encoder_codec codec, uint32_t width_px, uint32_t height_px,
                    uint32_t pixel)
{
    struct encoder_config config = {
        .codec = codec,
        .format = {.width_px = width_px, .height_px = height_px, .pixel = pixel, .rate = {30, 1}},
        .bitrate_bps = 8000000,
    };
    struct encoder_text why = {""};

    memset(rig, 0, sizeof *rig);
    rig->format = config.format;
    assert_int_equal(castor_frame_layout_compute(&rig->format, 64, &rig->layout), CASTOR_OK);
    if (encoder_open(encoder_named("vaapi"), &config, &rig->encoder, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
    rig->decoder = avcodec_alloc_context3(
        avcodec_find_decoder(codec == ENCODER_CODEC_HEVC ? AV_CODEC_ID_HEVC : AV_CODEC_ID_H264));
    rig->decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    rig->decoder->err_recognition = AV_EF_EXPLODE | AV_EF_BITSTREAM | AV_EF_CRCCHECK;
    rig->decoder->thread_count = 1;
    assert_int_equal(avcodec_open2(rig->decoder, NULL, NULL), 0);
    rig->picture = av_frame_alloc();
    rig->packet = av_packet_alloc();
}

void vaapi_rig_open_slots(struct vaapi_rig *rig)
{
    rig->has_slots = true;
    for (unsigned i = 0; i < VAAPI_RIG_SLOTS; i++) {
        rig->fd[i] = memfd_create(STANDIN_DMABUF_HEAP, MFD_CLOEXEC);
        assert_true(rig->fd[i] >= 0);
        assert_int_equal(ftruncate(rig->fd[i], (off_t)rig->layout.size_bytes), 0);
        rig->memory[i] =
            mmap(NULL, rig->layout.size_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, rig->fd[i], 0);
        assert_ptr_not_equal(rig->memory[i], MAP_FAILED);
    }
}

void vaapi_rig_close(struct vaapi_rig *rig)
{
    encoder_close(rig->encoder);
    av_packet_free(&rig->packet);
    av_frame_free(&rig->picture);
    avcodec_free_context(&rig->decoder);
    for (unsigned i = 0; rig->has_slots && i < VAAPI_RIG_SLOTS; i++) {
        munmap(rig->memory[i], rig->layout.size_bytes);
        close(rig->fd[i]);
    }
}

void vaapi_rig_lend(struct vaapi_rig *rig, uint64_t sequence, unsigned slot)
{
    struct castor_frame frame = {.sequence = sequence, .slot = slot, .dmabuf_fd = rig->fd[slot]};

    castor_frame_map(&rig->layout, rig->memory[slot], &frame);
    assert_int_equal(encoder_submit(rig->encoder, &frame, 0), CASTOR_OK);
}

void vaapi_rig_receive(struct vaapi_rig *rig, struct encoder_output *out)
{
    assert_int_equal(encoder_receive(rig->encoder, out, castor_now_ns() + 10 * CASTOR_NS_PER_S), CASTOR_OK);
    assert_int_equal(out->kind, ENCODER_OUTPUT_CODED);
}

void vaapi_rig_decode(struct vaapi_rig *rig, const struct castor_packet *packet)
{
    assert_int_equal(av_new_packet(rig->packet, (int)packet->size_bytes), 0);
    memcpy(rig->packet->data, packet->data, packet->size_bytes);
    assert_int_equal(avcodec_send_packet(rig->decoder, rig->packet), 0);
    av_packet_unref(rig->packet);
    assert_int_equal(avcodec_receive_frame(rig->decoder, rig->picture), 0); // no picture is held back
    assert_int_equal(rig->picture->width, rig->format.width_px);
    assert_int_equal(rig->picture->height, rig->format.height_px);
}
