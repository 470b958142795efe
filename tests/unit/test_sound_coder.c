// SPDX-License-Identifier: Apache-2.0
// The sound encoders against decoders of libavcodec: what is announced, that a unit's number tells where its
// sound is, to the sample, and that a unit of silence fits between two others. And the meters.
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <libavcodec/avcodec.h>

#include "sound/adts.h"
#include "sound/coder.h"
#include "sound/meter.h"

#define UNITS 12
static float samples[5760 * MESSAGE_SOUND_OUTPUTS_MAX];
static char why[200];

static struct message_sound_track track_of(uint32_t codec, uint32_t channels)
{
    return (struct message_sound_track){
        .codec = codec, .channels = channels, .bitrate_bps = 96000 * channels};
}

// ---- a decoder: channel 0 of what comes out, each sample at its place from the first unit on ----

struct decoder {
    AVCodecContext *context;
    AVFrame *frame;
    AVPacket *packet;
    float heard[(UNITS + 4) * 1024];
    size_t count;
};

static void decoder_open(struct decoder *decoder, const struct message_sound_stream *stream)
{
    memset(decoder, 0, sizeof *decoder);
    decoder->context = avcodec_alloc_context3(
        avcodec_find_decoder_by_name(stream->codec == MESSAGE_SOUND_OPUS ? "libopus" : "aac"));
    decoder->context->sample_rate = MESSAGE_SOUND_RATE_HZ;
    decoder->context->request_sample_fmt = AV_SAMPLE_FMT_FLT;
    if (stream->codec == MESSAGE_SOUND_OPUS) { // AAC has it in its ADTS headers
        decoder->context->extradata = av_mallocz(stream->config_bytes + AV_INPUT_BUFFER_PADDING_SIZE);
        memcpy(decoder->context->extradata, stream->config, stream->config_bytes);
        decoder->context->extradata[10] = decoder->context->extradata[11] =
            0; // pre-skip: nothing is left out
        decoder->context->extradata_size = (int)stream->config_bytes;
    }
    assert_int_equal(avcodec_open2(decoder->context, NULL, NULL), 0);
    decoder->frame = av_frame_alloc();
    decoder->packet = av_packet_alloc();
}

static void decoder_close(struct decoder *decoder)
{
    avcodec_free_context(&decoder->context);
    av_frame_free(&decoder->frame);
    av_packet_free(&decoder->packet);
}

static void decode(struct decoder *decoder, const uint8_t *data, size_t size_bytes)
{
    assert_int_equal(av_new_packet(decoder->packet, (int)size_bytes), 0);
    memcpy(decoder->packet->data, data, size_bytes);
    assert_int_equal(avcodec_send_packet(decoder->context, decoder->packet), 0);
    av_packet_unref(decoder->packet);
    while (avcodec_receive_frame(decoder->context, decoder->frame) == 0) {
        const bool planar = av_sample_fmt_is_planar((enum AVSampleFormat)decoder->frame->format);
        const int channels = decoder->frame->ch_layout.nb_channels;
        for (int i = 0; i < decoder->frame->nb_samples; i++) {
            int at = planar ? i : i * channels;
            assert_true(decoder->count < sizeof decoder->heard / sizeof decoder->heard[0]);
            decoder->heard[decoder->count++] =
                decoder->frame->format == AV_SAMPLE_FMT_S16
                    ? (float)((int16_t *)(void *)decoder->frame->data[0])[at] / 32768
                    : ((float *)(void *)decoder->frame->data[0])[at];
        }
    }
}

// ---- tests ----

// A short click in channel 0 at `click`; how far from there it is heard, by the units' numbers.
static void a_click_is_heard_where_it_was(uint32_t codec, uint32_t channels)
{
    const struct message_sound_track track = track_of(codec, channels);
    struct coder *coder = NULL;
    struct coder_unit unit;
    static struct decoder decoder;

    assert_int_equal(coder_create(&track, why, sizeof why, &coder), CASTOR_OK);
    const struct message_sound_stream *stream = coder_stream(coder);
    const uint32_t count = stream->samples_per_unit;
    const uint64_t first = coder_first(coder, 1000000);
    const uint64_t click = first + 5 * count + 333;
    assert_in_range(first, 1000000, 1000000 + count);
    decoder_open(&decoder, stream);
    uint64_t began = 0, expected = 0;
    for (uint64_t i = 0; i < UNITS; i++) {
        memset(samples, 0, sizeof samples);
        for (uint32_t n = 0; n < count; n++) {
            double from_click = (double)(int64_t)(first + i * count + n - click);
            samples[(size_t)n * channels] = (float)(0.7 * exp(-from_click * from_click / 128));
        }
        assert_int_equal(coder_put(coder, samples, first + i * count), CASTOR_OK);
        while (coder_take(coder, &unit) == CASTOR_OK) {
            assert_in_range(unit.size_bytes, 3, MESSAGE_SOUND_UNIT_MAX_BYTES);
            if (began == 0)
                began = expected = unit.index;
            assert_int_equal(unit.index, expected);
            expected++;
            decode(&decoder, unit.data, unit.size_bytes);
        }
    }
    size_t loudest = 0;
    for (size_t i = 0; i < decoder.count; i++)
        if (fabsf(decoder.heard[i]) > fabsf(decoder.heard[loudest]))
            loudest = i;
    int64_t heard = (int64_t)(began * count + loudest);
    if (fabsf(decoder.heard[loudest]) < 0.4f || llabs(heard - (int64_t)click) > 2)
        fail_msg("codec %u, %u channels: a click of %.2f is %lld samples late", codec, channels,
                 (double)decoder.heard[loudest], (long long)(heard - (int64_t)click));
    decoder_close(&decoder);
    coder_destroy(coder);
}

static void units_tell_where_their_sound_is(void **unused)
{
    (void)unused;
    for (uint32_t codec = 0; codec < MESSAGE_SOUND_CODECS; codec++) {
        a_click_is_heard_where_it_was(codec, 1);
        a_click_is_heard_where_it_was(codec, 2);
        a_click_is_heard_where_it_was(codec, 6);
    }
}

static void silence_can_be_decoded_between_others(void **unused)
{
    (void)unused;
    for (uint32_t codec = 0; codec < MESSAGE_SOUND_CODECS; codec++) {
        const struct message_sound_track track = track_of(codec, 2);
        struct coder *coder = NULL;
        struct coder_unit unit;
        static struct decoder decoder;
        float tail = 0;

        assert_int_equal(coder_create(&track, why, sizeof why, &coder), CASTOR_OK);
        const struct message_sound_stream *stream = coder_stream(coder);
        decoder_open(&decoder, stream);
        for (uint64_t i = 0; i < 6; i++) {
            for (uint32_t n = 0; n < stream->samples_per_unit * 2; n++)
                samples[n] = 0.5f * sinf((float)(i * stream->samples_per_unit + n / 2) * 0.05f);
            assert_int_equal(coder_put(coder, samples, coder_first(coder, 0) + i * stream->samples_per_unit),
                             CASTOR_OK);
            while (coder_take(coder, &unit) == CASTOR_OK)
                decode(&decoder, unit.data, unit.size_bytes);
        }
        for (int i = 0; i < 4; i++)
            decode(&decoder, stream->silence, stream->silence_bytes);
        for (size_t i = decoder.count - stream->samples_per_unit; i < decoder.count; i++)
            tail = fmaxf(tail, fabsf(decoder.heard[i]));
        if (tail > 0.001f)
            fail_msg("codec %u: silence with %f in it", codec, (double)tail);
        decoder_close(&decoder);
        coder_destroy(coder);
    }
}

static void adts_header_says_what_it_is(void **unused)
{
    uint8_t h[ADTS_HEADER_BYTES];

    (void)unused;
    adts_write_header(6, 1000, h);
    assert_int_equal(h[0] << 4 | h[1] >> 4, 0xfff);
    assert_int_equal(h[1] & 0xf, 1);                  // MPEG-4, layer 0, protection absent
    assert_int_equal(h[2] >> 6, 1);                   // LC
    assert_int_equal(h[2] >> 2 & 0xf, 3);             // 48 kHz
    assert_int_equal((h[2] & 1) << 2 | h[3] >> 6, 6); // channel configuration
    assert_int_equal((h[3] & 3) << 11 | h[4] << 3 | h[5] >> 5, 1007);
    assert_int_equal((h[5] & 0x1f) << 6 | h[6] >> 2, 0x7ff);
    assert_int_equal(h[6] & 3, 0);
}

// EBU Tech 3341, test 1: a sine of 1 kHz at -23 dBFS in both channels has -23 LUFS.
static void meters_show_loudness(void **unused)
{
    struct message_sound_levels levels;
    struct meter *meter = NULL;

    (void)unused;
    assert_int_equal(meter_create(2, &meter), CASTOR_OK);
    meter_take(meter, &levels);
    assert_int_equal(levels.peak_mdb, MESSAGE_SOUND_LEVEL_NONE);
    assert_int_equal(levels.integrated_mlu, MESSAGE_SOUND_LEVEL_NONE);
    for (uint32_t block = 0; block < 100 * 4; block++) {
        for (uint32_t i = 0; i < 480; i++)
            samples[2 * i] = samples[2 * i + 1] =
                (float)(pow(10, -23.0 / 20) * sin(2 * M_PI * 1000 * (block * 480 + i) / 48000));
        meter_put(meter, samples, 480);
    }
    meter_take(meter, &levels);
    assert_in_range(levels.peak_mdb + 23000, 0, 100 + 0);
    assert_in_range(levels.momentary_mlu + 23100, 0, 200);
    assert_in_range(levels.short_term_mlu + 23100, 0, 200);
    assert_in_range(levels.integrated_mlu + 23100, 0, 200);
    assert_in_range(levels.true_peak_mdb + 23100, 0, 300);
    meter_take(meter, &levels);
    assert_int_equal(levels.peak_mdb, MESSAGE_SOUND_LEVEL_NONE); // begins anew
    meter_destroy(meter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(units_tell_where_their_sound_is),
        cmocka_unit_test(silence_can_be_decoded_between_others),
        cmocka_unit_test(adts_header_says_what_it_is),
        cmocka_unit_test(meters_show_loudness),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
