// SPDX-License-Identifier: Apache-2.0
#include "v4l2_layout.h"

#include <errno.h>
#include <string.h>

#define OFFERED_MAX 64

struct choice {
    uint32_t fourcc;
    enum v4l2_kind kind;
    uint32_t memory_planes;
};

// Best first. The separate layouts exist in the multi-planar API only.
static const struct choice choices[] = {
    {V4L2_PIX_FMT_NV12, V4L2_KIND_NV12, 1},   {V4L2_PIX_FMT_NV12M, V4L2_KIND_NV12, 2},
    {V4L2_PIX_FMT_YUV420, V4L2_KIND_I420, 1}, {V4L2_PIX_FMT_YUV420M, V4L2_KIND_I420, 3},
    {V4L2_PIX_FMT_YUYV, V4L2_KIND_YUYV, 1},   {V4L2_PIX_FMT_UYVY, V4L2_KIND_UYVY, 1},
    {V4L2_PIX_FMT_MJPEG, V4L2_KIND_MJPEG, 1}, {V4L2_PIX_FMT_JPEG, V4L2_KIND_MJPEG, 1},
    {V4L2_PIX_FMT_RGB24, V4L2_KIND_RGB24, 1}, {V4L2_PIX_FMT_P010, V4L2_KIND_P010, 1},
};
#define CHOICES (sizeof choices / sizeof choices[0])

// The parts of struct v4l2_format that both APIs have.
struct answer {
    uint32_t width, height, fourcc, field, colorspace, ycbcr_enc, quantization;
    uint32_t planes;
    uint32_t stride[3], size[3];
};

struct offer {
    uint32_t fourcc[OFFERED_MAX];
    uint32_t count;
};

static struct answer answer_read(const struct v4l2_device *device, const struct v4l2_format *format)
{
    const struct v4l2_pix_format *pix = &format->fmt.pix;
    const struct v4l2_pix_format_mplane *mp = &format->fmt.pix_mp;
    struct answer answer;

    if (!device->multi_planar)
        return (struct answer){pix->width,          pix->height,     pix->pixelformat,  pix->field,
                               pix->colorspace,     pix->ycbcr_enc,  pix->quantization, 1,
                               {pix->bytesperline}, {pix->sizeimage}};
    answer = (struct answer){mp->width,     mp->height,       mp->pixelformat, mp->field, mp->colorspace,
                             mp->ycbcr_enc, mp->quantization, mp->num_planes,  {0},       {0}};
    for (uint32_t i = 0; i < 3; i++) {
        answer.stride[i] = mp->plane_fmt[i].bytesperline;
        answer.size[i] = mp->plane_fmt[i].sizeimage;
    }
    return answer;
}

static void list_formats(const struct v4l2_device *device, struct offer *offer)
{
    offer->count = 0;
    while (offer->count < OFFERED_MAX) {
        struct v4l2_fmtdesc description;

        memset(&description, 0, sizeof description);
        description.index = offer->count;
        description.type = device->buffer_type;
        if (v4l2_device_call(device, VIDIOC_ENUM_FMT, &description))
            return;
        offer->fourcc[offer->count++] = description.pixelformat;
    }
}

static bool offers(const struct offer *offer, uint32_t fourcc)
{
    for (uint32_t i = 0; i < offer->count; i++)
        if (offer->fourcc[i] == fourcc)
            return true;
    return false;
}

// Bytes of a row of plane `plane`, and its rows.
static uint32_t row_bytes(enum v4l2_kind kind, uint32_t plane, uint32_t width)
{
    switch (kind) {
    case V4L2_KIND_I420:
        return plane ? width / 2 : width;
    case V4L2_KIND_YUYV:
    case V4L2_KIND_UYVY:
    case V4L2_KIND_P010:
        return 2 * width;
    case V4L2_KIND_RGB24:
        return 3 * width;
    default:
        return width;
    }
}

uint32_t v4l2_layout_pixel(enum v4l2_kind kind)
{
    switch (kind) {
    case V4L2_KIND_NV12:
        return CASTOR_PIXEL_NV12;
    case V4L2_KIND_I420:
        return CASTOR_PIXEL_I420;
    case V4L2_KIND_P010:
        return CASTOR_PIXEL_P010;
    default:
        return CASTOR_PIXEL_NONE;
    }
}

static uint32_t plane_count(enum v4l2_kind kind)
{
    return kind == V4L2_KIND_I420 ? 3 : kind == V4L2_KIND_NV12 || kind == V4L2_KIND_P010 ? 2 : 1;
}

// Places the planes by the strides that the device names. The last row need not be padded.
static int place_planes(const struct v4l2_device *device, const struct answer *answer,
                        struct v4l2_layout *layout, struct source_text *why)
{
    bool separate = layout->memory_planes > 1;
    size_t end = 0;

    for (uint32_t i = 0; i < plane_count(layout->kind); i++) {
        struct v4l2_place *place = &layout->plane[i];
        uint32_t rows = i ? answer->height / 2 : answer->height;
        uint32_t bytes = row_bytes(layout->kind, i, answer->width);

        place->memory = separate ? i : 0;
        place->stride_bytes = separate || layout->kind != V4L2_KIND_I420 || i == 0
                                  ? answer->stride[place->memory]
                                  : answer->stride[0] / 2;
        place->offset_bytes = separate ? 0 : end;
        if (place->stride_bytes < bytes)
            return source_text_set(why, CASTOR_ERR_IO,
                                   "%s claims rows of %u bytes for a picture that is %u pixels wide, which "
                                   "needs %u: its driver is broken",
                                   device->name, place->stride_bytes, answer->width, bytes);
        end = place->offset_bytes + (size_t)place->stride_bytes * rows;
        layout->needed_bytes[place->memory] = end - (place->stride_bytes - bytes);
    }
    for (uint32_t i = 0; i < layout->memory_planes; i++)
        if (answer->size[i] < layout->needed_bytes[i])
            return source_text_set(why, CASTOR_ERR_IO,
                                   "%s claims pictures of %u bytes for %ux%u, which needs %zu: its driver is "
                                   "broken",
                                   device->name, answer->size[i], answer->width, answer->height,
                                   layout->needed_bytes[i]);
    return CASTOR_OK;
}

static int check_answer(const struct v4l2_device *device, const struct choice *choice,
                        const struct answer *answer, struct source_text *why)
{
    if (answer->fourcc != choice->fourcc || answer->planes != choice->memory_planes)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s lists the pixel format %.4s and then does not set it", device->name,
                               (const char *)&choice->fourcc);
    if (answer->width < 2 || answer->height < 2 || answer->width % 2 || answer->height % 2 ||
        answer->width > V4L2_PICTURE_PX_MAX || answer->height > V4L2_PICTURE_PX_MAX)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s delivers %ux%u: both sides must be even and at most %d", device->name,
                               answer->width, answer->height, V4L2_PICTURE_PX_MAX);
    if (answer->field != V4L2_FIELD_NONE && answer->field != V4L2_FIELD_ANY &&
        answer->field != V4L2_FIELD_INTERLACED && answer->field != V4L2_FIELD_INTERLACED_TB &&
        answer->field != V4L2_FIELD_INTERLACED_BT)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s delivers single fields: set the camera to a progressive format",
                               device->name);
    return CASTOR_OK;
}

// JPEG is BT.601 (JFIF 1.02); libyuv makes BT.601 of RGB.
static bool is_bt601(const struct choice *choice, const struct answer *answer)
{
    uint32_t encoding = answer->ycbcr_enc;

    if (choice->kind == V4L2_KIND_MJPEG || choice->kind == V4L2_KIND_RGB24)
        return true;
    if (encoding == V4L2_YCBCR_ENC_DEFAULT && answer->colorspace != V4L2_COLORSPACE_DEFAULT)
        encoding = V4L2_MAP_YCBCR_ENC_DEFAULT(answer->colorspace);
    return encoding == V4L2_YCBCR_ENC_601 || encoding == V4L2_YCBCR_ENC_XV601;
}

static enum recolour_range range_of(const struct choice *choice, const struct answer *answer)
{
    if (choice->kind == V4L2_KIND_RGB24)
        return answer->quantization == V4L2_QUANTIZATION_LIM_RANGE ? RECOLOUR_LIMITED_TWICE
                                                                   : RECOLOUR_LIMITED;
    if (answer->quantization == V4L2_QUANTIZATION_DEFAULT &&
        (choice->kind == V4L2_KIND_MJPEG || answer->colorspace == V4L2_COLORSPACE_JPEG))
        return RECOLOUR_FULL;
    return answer->quantization == V4L2_QUANTIZATION_FULL_RANGE ? RECOLOUR_FULL : RECOLOUR_LIMITED;
}

// Sets the format and reads back what stands.
static int set_format(const struct v4l2_device *device, uint32_t fourcc, uint32_t width, uint32_t height,
                      struct answer *out)
{
    struct v4l2_format format;
    int number;

    memset(&format, 0, sizeof format);
    format.type = device->buffer_type;
    if (device->multi_planar) {
        format.fmt.pix_mp.width = width;
        format.fmt.pix_mp.height = height;
        format.fmt.pix_mp.pixelformat = fourcc;
        format.fmt.pix_mp.field = V4L2_FIELD_NONE;
    } else {
        format.fmt.pix.width = width;
        format.fmt.pix.height = height;
        format.fmt.pix.pixelformat = fourcc;
        format.fmt.pix.field = V4L2_FIELD_NONE;
    }
    number = v4l2_device_call(device, VIDIOC_S_FMT, &format);
    if (number)
        return number;
    memset(&format, 0, sizeof format);
    format.type = device->buffer_type;
    number = v4l2_device_call(device, VIDIOC_G_FMT, &format);
    if (number)
        return number;
    *out = answer_read(device, &format);
    return 0;
}

static struct castor_rational set_rate(const struct v4l2_device *device, struct castor_rational wanted)
{
    const struct castor_rational unknown = {0, 1};
    struct v4l2_streamparm parm;
    struct v4l2_fract *interval = &parm.parm.capture.timeperframe;

    if (device->has_timings)
        return v4l2_device_timings_rate(device);
    memset(&parm, 0, sizeof parm);
    parm.type = device->buffer_type;
    if (v4l2_device_call(device, VIDIOC_G_PARM, &parm))
        return unknown;
    if (wanted.num != 0 && parm.parm.capture.capability & V4L2_CAP_TIMEPERFRAME) {
        *interval = (struct v4l2_fract){wanted.den, wanted.num};
        if (v4l2_device_call(device, VIDIOC_S_PARM, &parm) && v4l2_device_call(device, VIDIOC_G_PARM, &parm))
            return unknown;
    }
    return v4l2_rate_tidy(interval->denominator, interval->numerator);
}

static int try_choice(const struct v4l2_device *device, const struct choice *choice, uint32_t width,
                      uint32_t height, struct castor_rational rate, struct v4l2_layout *out,
                      struct source_text *why)
{
    struct v4l2_layout layout = {.kind = choice->kind,
                                 .fourcc = choice->fourcc,
                                 .memory_planes = choice->memory_planes,
                                 .needed_bytes = {1, 1, 1}};
    struct answer answer;
    int number = set_format(device, choice->fourcc, width, height, &answer);
    int error;

    if (number == EBUSY)
        return source_text_set(why, CASTOR_ERR_BUSY,
                               "the format of %s cannot be set: another program captures from it",
                               device->name);
    if (number)
        return source_text_set(why, CASTOR_ERR_IO, "%s refuses the pixel format %.4s that it lists: %s",
                               device->name, (const char *)&choice->fourcc, strerror(number));
    error = check_answer(device, choice, &answer, why);
    if (!error && choice->kind != V4L2_KIND_MJPEG)
        error = place_planes(device, &answer, &layout, why);
    if (error)
        return error;
    layout.width_px = answer.width;
    layout.height_px = answer.height;
    layout.image_bytes = answer.size[0];
    layout.bt601 = is_bt601(choice, &answer);
    layout.range = range_of(choice, &answer);
    layout.rate = set_rate(device, rate);
    *out = layout;
    return CASTOR_OK;
}

// The size to ask for: what is wanted, otherwise what arrives or what the device stands at.
static void size_to_ask(const struct v4l2_device *device, const struct castor_format *wanted, uint32_t *width,
                        uint32_t *height)
{
    struct v4l2_format format;

    *width = wanted->width_px;
    *height = wanted->height_px;
    if (*width == 0 && device->has_timings) {
        *width = device->timings.bt.width;
        *height = device->timings.bt.height;
    }
    if (*width != 0)
        return;
    memset(&format, 0, sizeof format);
    format.type = device->buffer_type;
    if (v4l2_device_call(device, VIDIOC_G_FMT, &format) == 0) {
        struct answer answer = answer_read(device, &format);
        *width = answer.width;
        *height = answer.height;
    }
    if (*width == 0 || *height == 0) {
        *width = 1280;
        *height = 720;
    }
}

static bool usable(const struct choice *choice, const struct castor_format *wanted, const struct offer *offer)
{
    bool deep = wanted->pixel == CASTOR_PIXEL_P010;

    return (choice->kind == V4L2_KIND_P010) == deep && offers(offer, choice->fourcc);
}

static int nothing_usable(const struct v4l2_device *device, const struct castor_format *wanted,
                          const struct offer *offer, struct source_text *why)
{
    if (wanted->pixel == CASTOR_PIXEL_P010)
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s delivers no 10-bit pictures (P010): set source.depth to 8", device->name);
    if (offers(offer, V4L2_PIX_FMT_P010))
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s delivers 10-bit pictures (P010) only: set source.depth to 10, or the "
                               "camera to 8 bits",
                               device->name);
    return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                           "%s offers none of NV12, I420, YUYV, UYVY, MJPEG, RGB24 (%u formats in all)",
                           device->name, offer->count);
}

// How much of what is wanted a layout must give in each round.
enum round { ROUND_AS_WANTED, ROUND_EXACT, ROUND_SIZE, ROUND_ANY, ROUNDS };

// Pictures that need no conversion come first: where the pool's memory serves as the device's buffers, they
// need no copy either.
static bool is_as_wanted(enum v4l2_kind kind, uint32_t pixel)
{
    return v4l2_layout_pixel(kind) == pixel && pixel != CASTOR_PIXEL_NONE;
}

static bool good_enough(enum round round, const struct v4l2_layout *layout, uint32_t width, uint32_t height,
                        struct castor_rational rate)
{
    bool size = layout->width_px == width && layout->height_px == height;
    bool same_rate = rate.num == 0 || layout->rate.num == 0 || v4l2_rate_alike(layout->rate, rate);

    return round == ROUND_ANY || (size && (round == ROUND_SIZE || same_rate));
}

int v4l2_layout_negotiate(const struct v4l2_device *device, const struct castor_format *wanted,
                          struct v4l2_layout *out, struct source_text *why)
{
    struct v4l2_layout layout;
    struct offer offer;
    uint32_t width, height;
    int error = CASTOR_OK;

    list_formats(device, &offer);
    size_to_ask(device, wanted, &width, &height);
    for (enum round round = ROUND_AS_WANTED; round < ROUNDS; round++)
        for (size_t i = 0; i < CHOICES; i++) {
            if (!usable(&choices[i], wanted, &offer) ||
                (round == ROUND_AS_WANTED && !is_as_wanted(choices[i].kind, wanted->pixel)))
                continue;
            error = try_choice(device, &choices[i], width, height, wanted->rate, &layout, why);
            if (error == CASTOR_ERR_BUSY)
                return error;
            if (error || !good_enough(round, &layout, width, height, wanted->rate))
                continue;
            *out = layout;
            return CASTOR_OK;
        }
    return error ? error : nothing_usable(device, wanted, &offer, why);
}
