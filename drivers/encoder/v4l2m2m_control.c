// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_control.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

#include "h264_level.h"
#include "hevc_level.h"

// Entries of V4L2's menus of levels, lowest first, and what the standards write for them.
struct menu_level {
    int32_t value;
    uint8_t idc;
};

static const struct menu_level h264_levels[] = {
    {V4L2_MPEG_VIDEO_H264_LEVEL_3_2, 32}, {V4L2_MPEG_VIDEO_H264_LEVEL_4_0, 40},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_1, 41}, {V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 42},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_0, 50}, {V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 51},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_2, 52}, {0, 0},
};

static const struct menu_level hevc_levels[] = {
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_4_1, 123}, {V4L2_MPEG_VIDEO_HEVC_LEVEL_5, 150},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_5_1, 153}, {V4L2_MPEG_VIDEO_HEVC_LEVEL_5_2, 156},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_6, 180},   {V4L2_MPEG_VIDEO_HEVC_LEVEL_6_1, 183},
    {V4L2_MPEG_VIDEO_HEVC_LEVEL_6_2, 186}, {0, 0},
};

static bool query(int fd, uint32_t id, struct v4l2_queryctrl *out)
{
    struct v4l2_queryctrl control = {.id = id};

    if (v4l2m2m_ioctl(fd, VIDIOC_QUERYCTRL, &control) != 0 || control.flags & V4L2_CTRL_FLAG_DISABLED)
        return false;
    *out = control;
    return true;
}

bool v4l2m2m_control_exists(int fd, uint32_t id)
{
    struct v4l2_queryctrl control;

    return query(fd, id, &control);
}

bool v4l2m2m_control_offers(int fd, uint32_t id, uint32_t entry)
{
    struct v4l2_querymenu menu = {.id = id, .index = entry};

    return v4l2m2m_ioctl(fd, VIDIOC_QUERYMENU, &menu) == 0;
}

int32_t v4l2m2m_control_get(int fd, uint32_t id, int32_t otherwise)
{
    struct v4l2_control control = {.id = id};

    if (!v4l2m2m_control_exists(fd, id) || v4l2m2m_ioctl(fd, VIDIOC_G_CTRL, &control) != 0)
        return otherwise;
    return control.value;
}

static int set(int fd, uint32_t id, int32_t value)
{
    struct v4l2_control control = {.id = id, .value = value};

    return v4l2m2m_ioctl(fd, VIDIOC_S_CTRL, &control);
}

// Sets a control where the device has it, within its range. True when it took.
static bool set_if_there(int fd, uint32_t id, int64_t value)
{
    struct v4l2_queryctrl control;

    if (!query(fd, id, &control))
        return false;
    if (value > control.maximum)
        value = control.maximum;
    if (value < control.minimum)
        value = control.minimum;
    return set(fd, id, (int32_t)value) == 0;
}

// A level too low gives no output on some devices, one too high is refused by others: the first from `idc` on
// that the device takes.
static void set_level(int fd, uint32_t id, const struct menu_level *level, uint8_t idc)
{
    while (level->idc && (level->idc < idc || !set_if_there(fd, id, level->value)))
        level++;
}

static void set_h264(int fd, const struct encoder_config *config)
{
    static const int32_t profiles[] = {V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, V4L2_MPEG_VIDEO_H264_PROFILE_MAIN,
                                       V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE};
    const struct h264_level *level =
        h264_level_choose(&config->format, config->bitrate_bps, 0, H264_FACTOR_MAIN);

    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (set(fd, V4L2_CID_MPEG_VIDEO_H264_PROFILE, profiles[i]) == 0)
            break;
    }
    set_level(fd, V4L2_CID_MPEG_VIDEO_H264_LEVEL, h264_levels, level && level->idc < 52 ? level->idc : 52);
}

static int set_hevc(int fd, const struct encoder_config *config, struct encoder_text *why)
{
    bool ten = config->format.pixel == CASTOR_PIXEL_P010;
    int32_t profile = ten ? V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10 : V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN;
    struct hevc_level level = {.idc = 186};

    // A device of one profile may do without the control; 10 bits it would make 8 of.
    int error = set(fd, V4L2_CID_MPEG_VIDEO_HEVC_PROFILE, profile);
    if (error != 0 && ten)
        return encoder_text_set(
            why, v4l2m2m_error(error) == CASTOR_ERR_LOST ? CASTOR_ERR_LOST : CASTOR_ERR_UNSUPPORTED,
            "v4l2m2m: the device does not take profile Main 10: %s", strerror(-error));
    (void)hevc_level_choose(&config->format, config->bitrate_bps, 0, &level);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_HEVC_TIER,
                       level.high_tier ? V4L2_MPEG_VIDEO_HEVC_TIER_HIGH : V4L2_MPEG_VIDEO_HEVC_TIER_MAIN);
    set_level(fd, V4L2_CID_MPEG_VIDEO_HEVC_LEVEL, hevc_levels, level.idc);
    // Key frames that are no IDR (CRA, or plain I pictures) are of no use to whoever joins or takes over.
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_HEVC_REFRESH_TYPE, V4L2_MPEG_VIDEO_HEVC_REFRESH_IDR);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_HEVC_REFRESH_PERIOD, 0);
    return CASTOR_OK;
}

int v4l2m2m_control_bitrate(int fd, uint32_t bitrate_bps, uint32_t vbv_ms, struct encoder_text *why)
{
    struct v4l2_queryctrl control;

    if (!query(fd, V4L2_CID_MPEG_VIDEO_BITRATE, &control))
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: the device has no control of its bitrate");
    if (bitrate_bps > (uint32_t)control.maximum || (int64_t)bitrate_bps < control.minimum)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: bitrate %u bit/s: the device does %d to %d", bitrate_bps,
                                control.minimum, control.maximum);
    int error = set(fd, V4L2_CID_MPEG_VIDEO_BITRATE, (int32_t)bitrate_bps);
    if (error == -EBUSY)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: the device cannot change its bitrate while it runs; open it again");
    if (error != 0)
        return encoder_text_set(why, v4l2m2m_error(error), "v4l2m2m: bitrate %u bit/s: %s", bitrate_bps,
                                strerror(-error));
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_BITRATE_PEAK, bitrate_bps);
    // In kilobytes. The VBV keeps its size in time.
    int64_t vbv_bytes = (int64_t)bitrate_bps * vbv_ms / 8000;
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_VBV_SIZE, vbv_bytes >= 1024 ? vbv_bytes / 1024 : 1);
    return CASTOR_OK;
}

int v4l2m2m_control_setup(const struct v4l2m2m_device *device, const struct encoder_config *config,
                          uint32_t vbv_ms, struct encoder_text *why)
{
    int fd = device->fd;
    int64_t gop = config->gop_frames ? config->gop_frames : INT32_MAX; // cut to the device's longest

    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_MPEG_VIDEO_BITRATE_MODE_CBR);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, 1);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_B_FRAMES, 0);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_GOP_SIZE, gop);
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, gop);
    if (config->codec == ENCODER_CODEC_H264)
        set_h264(fd, config);
    int error = config->codec == ENCODER_CODEC_HEVC ? set_hevc(fd, config, why) : CASTOR_OK;
    if (error != CASTOR_OK)
        return error;
    (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_AU_DELIMITER, 1);
    // The Raspberry Pi's firmware stalls after some 20000 frames when it repeats them (raspberrypi/linux
    // issue 4520, not tried here); the driver inserts them anyway.
    if (strcmp(device->driver, "bcm2835-codec") != 0)
        (void)set_if_there(fd, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, 1);
    if (!v4l2m2m_control_exists(fd, V4L2_CID_MPEG_VIDEO_BITRATE))
        return CASTOR_OK; // it codes at a rate of its own; its capabilities say so
    return v4l2m2m_control_bitrate(fd, config->bitrate_bps, vbv_ms, why);
}

int v4l2m2m_control_force_key(int fd)
{
    return set(fd, V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, 1);
}
