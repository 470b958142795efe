// SPDX-License-Identifier: Apache-2.0
#include "hal/encoder.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int encoder_text_set(struct encoder_text *text, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text->text, sizeof text->text, format, arguments); // cut to size is what we want
    va_end(arguments);
    return error;
}

static int check_ranges(const struct encoder_config *config, struct encoder_text *why)
{
    const struct castor_format *format = &config->format;
    struct castor_frame_layout layout;

    if (castor_frame_layout_compute(format, 1, &layout) != CASTOR_OK)
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "picture %ux%u, pixel format %u: the size must be even, 320x180 to 3840x2160",
                                format->width_px, format->height_px, format->pixel);
    if (format->rate.num == 0 || format->rate.den == 0 || format->rate.num / format->rate.den > 240)
        return encoder_text_set(why, CASTOR_ERR_INVALID,
                                "frame rate %u/%u: must be above 0 and at most 240 per second",
                                format->rate.num, format->rate.den);
    if (config->bitrate_bps < ENCODER_BITRATE_MIN_BPS || config->bitrate_bps > ENCODER_BITRATE_MAX_BPS)
        return encoder_text_set(why, CASTOR_ERR_INVALID, "bitrate %u bit/s: must be %u to %u",
                                config->bitrate_bps, ENCODER_BITRATE_MIN_BPS, ENCODER_BITRATE_MAX_BPS);
    if (config->vbv_ms > ENCODER_VBV_MAX_MS)
        return encoder_text_set(why, CASTOR_ERR_INVALID, "VBV of %u ms: must be at most %u", config->vbv_ms,
                                ENCODER_VBV_MAX_MS);
    if (config->gop_frames > INT32_MAX)
        return encoder_text_set(why, CASTOR_ERR_INVALID, "GOP of %u frames: too long; 0 means infinite",
                                config->gop_frames);
    return CASTOR_OK;
}

const char *encoder_codec_name(uint32_t codec)
{
    static const char *const names[ENCODER_CODEC_END] = {
        [ENCODER_CODEC_H264] = "h264",
        [ENCODER_CODEC_HEVC] = "hevc",
    };

    return codec < ENCODER_CODEC_END ? names[codec] : NULL;
}

bool encoder_caps_take(const struct encoder_caps *caps, uint32_t codec, uint32_t pixel)
{
    return codec < ENCODER_CODEC_END && pixel < CASTOR_PIXEL_END && (caps->pixels[codec] & 1u << pixel);
}

static int refuse_pixel(const struct encoder_caps *caps, uint32_t codec, uint32_t pixel,
                        struct encoder_text *why)
{
    const char *wanted = castor_pixel_name(pixel);
    char takes[64] = "";
    size_t used = 0;

    for (uint32_t i = 0; i < CASTOR_PIXEL_END; i++)
        if (encoder_caps_take(caps, codec, i) && used < sizeof takes)
            used += (size_t)snprintf(takes + used, sizeof takes - used, " %s", castor_pixel_name(i));
    return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                            "%s from pictures in pixel format %s is not offered, it takes%s",
                            encoder_codec_name(codec), wanted ? wanted : "unknown", takes);
}

int encoder_caps_check(const struct encoder_caps *caps, uint32_t codec, const struct castor_format *format,
                       struct encoder_text *why)
{
    uint64_t pixels_per_second = (uint64_t)format->width_px * format->height_px * format->rate.num /
                                 (format->rate.den ? format->rate.den : 1);

    if (!encoder_codec_name(codec))
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "there is no codec %u", codec);
    if (!caps->pixels[codec])
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "codec %s is not offered",
                                encoder_codec_name(codec));
    if (!encoder_caps_take(caps, codec, format->pixel))
        return refuse_pixel(caps, codec, format->pixel, why);
    if (format->width_px < caps->min_width_px || format->width_px > caps->max_width_px ||
        format->height_px < caps->min_height_px || format->height_px > caps->max_height_px)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "pictures of %ux%u are wanted, it takes %ux%u to %ux%u", format->width_px,
                                format->height_px, caps->min_width_px, caps->min_height_px,
                                caps->max_width_px, caps->max_height_px);
    if (caps->max_pixels_per_second && pixels_per_second > caps->max_pixels_per_second)
        return encoder_text_set(
            why, CASTOR_ERR_UNSUPPORTED, "%llu pixels a second are wanted, it can do %llu",
            (unsigned long long)pixels_per_second, (unsigned long long)caps->max_pixels_per_second);
    return CASTOR_OK;
}

static int check_capabilities(const struct encoder_driver *driver, const struct encoder_config *config,
                              const struct encoder_caps *caps, struct encoder_text *why)
{
    struct encoder_text reason;
    int error = encoder_caps_check(caps, config->codec, &config->format, &reason);

    return error == CASTOR_OK ? error : encoder_text_set(why, error, "%s: %.180s", driver->name, reason.text);
}

int encoder_open(const struct encoder_driver *driver, const struct encoder_config *config,
                 struct encoder **out, struct encoder_text *why)
{
    struct encoder_caps caps;
    struct encoder *encoder = NULL;
    int error = check_ranges(config, why);

    if (error == CASTOR_OK)
        error = driver->probe(config->device ? config->device : "", &caps, why);
    if (error == CASTOR_OK)
        error = check_capabilities(driver, config, &caps, why);
    if (error == CASTOR_OK)
        error = driver->open(config, &encoder, why);
    if (error != CASTOR_OK)
        return error;
    assert(encoder->max_in_flight >= 1 && encoder->max_in_flight <= caps.max_in_flight &&
           caps.max_in_flight <= ENCODER_IN_FLIGHT_MAX);
    encoder->driver = driver;
    encoder->format = config->format;
    *out = encoder;
    return CASTOR_OK;
}

int encoder_descriptor(const struct encoder *encoder)
{
    return encoder->driver->descriptor(encoder);
}

bool encoder_has_held(const struct encoder *encoder)
{
    return encoder->held_valid;
}

static struct encoder_lent *lent_at(struct encoder *encoder, uint32_t index)
{
    return &encoder->lent[(encoder->lent_first + index) % ENCODER_IN_FLIGHT_MAX];
}

int encoder_submit(struct encoder *encoder, const struct castor_frame *frame, uint32_t flags)
{
    assert(frame->plane[0] && frame->plane[1]);
    assert(encoder->format.pixel != CASTOR_PIXEL_I420 || frame->plane[2]);
    encoder->fault.text[0] = '\0';
    if (encoder->lent_count >= encoder->max_in_flight)
        return CASTOR_ERR_FULL;
    // The bytes of a held result die with the next call of the driver.
    if (encoder->held_valid)
        return CASTOR_ERR_FULL;
    int error = encoder->driver->submit(encoder, frame, flags);
    if (error != CASTOR_OK)
        return error;
    *lent_at(encoder, encoder->lent_count) = (struct encoder_lent){frame->sequence, frame->capture_ns};
    encoder->lent_count++;
    encoder->flushing = false;
    return CASTOR_OK;
}

static void make_dropped(const struct encoder_lent *lent, struct encoder_output *out)
{
    *out = (struct encoder_output){
        .kind = ENCODER_OUTPUT_DROPPED,
        .packet = {.sequence = lent->sequence, .capture_ns = lent->capture_ns},
    };
}

// Gives out the result `held`, or before it a DROPPED for the oldest frame that it skips.
static void deliver(struct encoder *encoder, struct encoder_output *out)
{
    const struct encoder_lent *oldest = lent_at(encoder, 0);
    bool is_its_own = oldest->sequence == encoder->held.packet.sequence;

    if (is_its_own)
        *out = encoder->held;
    else
        make_dropped(oldest, out);
    encoder->held_valid = !is_its_own;
    encoder->lent_first = (encoder->lent_first + 1) % ENCODER_IN_FLIGHT_MAX;
    encoder->lent_count--;
}

static int check_output(struct encoder *encoder, struct encoder_output *output)
{
    struct castor_packet *packet = &output->packet;

    for (uint32_t i = 0; i < encoder->lent_count; i++) {
        const struct encoder_lent *lent = lent_at(encoder, i);
        if (lent->sequence != packet->sequence)
            continue;
        packet->capture_ns = lent->capture_ns;
        assert(output->cpu_copies <= ENCODER_CPU_COPIES_MAX);
        bool usable = output->kind == ENCODER_OUTPUT_CODED && packet->data && packet->size_bytes > 0 &&
                      packet->size_bytes <= ENCODER_ACCESS_UNIT_MAX_BYTES;
        if (!usable)
            make_dropped(lent, output);
        return CASTOR_OK;
    }
    return encoder_text_set(&encoder->fault, CASTOR_ERR_INTERNAL,
                            "%s: gave a result for frame %llu, which it was not lent", encoder->driver->name,
                            (unsigned long long)packet->sequence);
}

int encoder_receive(struct encoder *encoder, struct encoder_output *out, int64_t deadline_ns)
{
    encoder->fault.text[0] = '\0';
    if (!encoder->held_valid) {
        struct encoder_output output = {0};
        if (encoder->lent_count == 0)
            return encoder->flushing ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
        int error = encoder->driver->receive(encoder, &output, deadline_ns);
        if (error == CASTOR_ERR_END || error == CASTOR_ERR_AGAIN) {
            // Nothing more comes, yet frames are lent: the driver lost them without a word.
            output = (struct encoder_output){0};
            make_dropped(lent_at(encoder, 0), &output);
        } else if (error != CASTOR_OK) {
            return error;
        } else {
            error = check_output(encoder, &output);
            if (error != CASTOR_OK)
                return error;
        }
        encoder->held = output;
        encoder->held_valid = true;
    }
    deliver(encoder, out);
    return CASTOR_OK;
}

int encoder_set_bitrate(struct encoder *encoder, uint32_t bitrate_bps)
{
    assert(!encoder->held_valid);
    encoder->fault.text[0] = '\0';
    if (bitrate_bps < ENCODER_BITRATE_MIN_BPS || bitrate_bps > ENCODER_BITRATE_MAX_BPS)
        return encoder_text_set(&encoder->fault, CASTOR_ERR_INVALID, "bitrate %u bit/s: must be %u to %u",
                                bitrate_bps, ENCODER_BITRATE_MIN_BPS, ENCODER_BITRATE_MAX_BPS);
    return encoder->driver->set_bitrate(encoder, bitrate_bps);
}

int encoder_flush(struct encoder *encoder, int64_t deadline_ns)
{
    assert(!encoder->held_valid);
    encoder->fault.text[0] = '\0';
    int error = encoder->driver->flush(encoder, deadline_ns);
    if (error == CASTOR_OK)
        encoder->flushing = true;
    return error;
}

uint32_t encoder_in_flight(const struct encoder *encoder)
{
    return encoder->lent_count;
}

const char *encoder_fault(const struct encoder *encoder)
{
    return encoder->fault.text;
}

const char *encoder_note(const struct encoder *encoder)
{
    return encoder->note.text;
}

void encoder_close(struct encoder *encoder)
{
    if (encoder)
        encoder->driver->close(encoder);
}
