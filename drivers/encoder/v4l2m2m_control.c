// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_control.h"

#include <errno.h>
#include <string.h>

#include <linux/videodev2.h>

// The level is chosen as if the rate was at least this, so that a changed bitrate does not change the SPS.
#define LEVEL_BITRATE_MIN_BPS 20000000u

// Table A-1, from the lowest level on that allows LEVEL_BITRATE_MIN_BPS.
static const struct {
    int32_t value;
    uint32_t mbs_per_s, frame_mbs, bitrate_kbps;
} levels[] = {
    {V4L2_MPEG_VIDEO_H264_LEVEL_3_2, 216000, 5120, 20000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_0, 245760, 8192, 20000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_1, 245760, 8192, 50000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_4_2, 522240, 8704, 50000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_0, 589824, 22080, 135000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_1, 983040, 36864, 240000},
    {V4L2_MPEG_VIDEO_H264_LEVEL_5_2, 2073600, 36864, 240000},
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

static void set_level(int fd, const struct encoder_config *config)
{
    const struct castor_format *format = &config->format;
    uint32_t frame_mbs = ((format->width_px + 15) / 16) * ((format->height_px + 15) / 16);
    uint64_t mbs_per_s = ((uint64_t)frame_mbs * format->rate.num + format->rate.den - 1) / format->rate.den;
    uint32_t rate_bps = config->bitrate_bps;
    size_t i = 0;

    if (rate_bps < LEVEL_BITRATE_MIN_BPS)
        rate_bps = LEVEL_BITRATE_MIN_BPS;
    while (i + 1 < sizeof levels / sizeof levels[0] &&
           (levels[i].frame_mbs < frame_mbs || levels[i].mbs_per_s < mbs_per_s ||
            (uint64_t)levels[i].bitrate_kbps * 1000 < rate_bps))
        i++;
    // A level too low gives no output on some devices, one too high is refused by others.
    while (!set_if_there(fd, V4L2_CID_MPEG_VIDEO_H264_LEVEL, levels[i].value) &&
           ++i < sizeof levels / sizeof levels[0])
        ;
}

static void set_profile(int fd)
{
    static const int32_t profiles[] = {V4L2_MPEG_VIDEO_H264_PROFILE_HIGH, V4L2_MPEG_VIDEO_H264_PROFILE_MAIN,
                                       V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE};

    for (size_t i = 0; i < sizeof profiles / sizeof profiles[0]; i++) {
        if (set(fd, V4L2_CID_MPEG_VIDEO_H264_PROFILE, profiles[i]) == 0)
            return;
    }
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
    set_profile(fd);
    set_level(fd, config);
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
