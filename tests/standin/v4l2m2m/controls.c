// SPDX-License-Identifier: Apache-2.0
#include "standin.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

struct standin_control *standin_control_find(struct standin_device *device, uint32_t id)
{
    for (int i = 0; i < STANDIN_CONTROLS; i++) {
        struct standin_control *control = &device->controls[i];
        if (control->id == id && id != 0 && !control->missing)
            return control;
    }
    return NULL;
}

void standin_controls_init(struct standin_device *device)
{
    const struct standin_options *o = &device->options;
    int hoard = (int)o->hoard;
    int profile_most =
        o->raws & STANDIN_P010 ? V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN_10 : V4L2_MPEG_VIDEO_HEVC_PROFILE_MAIN;
    bool no_hevc = !o->hevc;
    const struct standin_control controls[STANDIN_CONTROLS] = {
        {V4L2_CID_MPEG_VIDEO_BITRATE, V4L2_CTRL_TYPE_INTEGER, 10000, 100000000, 4000000, false},
        {V4L2_CID_MPEG_VIDEO_BITRATE_MODE, V4L2_CTRL_TYPE_MENU, 0, 1, 0, false},
        {V4L2_CID_MPEG_VIDEO_FRAME_RC_ENABLE, V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 0, false},
        {V4L2_CID_MPEG_VIDEO_B_FRAMES, V4L2_CTRL_TYPE_INTEGER, 0, 2, 0, false},
        {V4L2_CID_MPEG_VIDEO_GOP_SIZE, V4L2_CTRL_TYPE_INTEGER, 1, INT_MAX, 60, o->no_gop},
        {V4L2_CID_MPEG_VIDEO_H264_I_PERIOD, V4L2_CTRL_TYPE_INTEGER, 0, INT_MAX, 60, o->no_gop},
        {V4L2_CID_MPEG_VIDEO_H264_PROFILE, V4L2_CTRL_TYPE_MENU, 0, 4, 4, false},
        {V4L2_CID_MPEG_VIDEO_H264_LEVEL, V4L2_CTRL_TYPE_MENU, 0, 16, V4L2_MPEG_VIDEO_H264_LEVEL_4_0, false},
        {V4L2_CID_MPEG_VIDEO_HEVC_PROFILE, V4L2_CTRL_TYPE_MENU, 0, profile_most, 0, no_hevc},
        {V4L2_CID_MPEG_VIDEO_HEVC_LEVEL, V4L2_CTRL_TYPE_MENU, 0, 12, V4L2_MPEG_VIDEO_HEVC_LEVEL_4_1, no_hevc},
        {V4L2_CID_MPEG_VIDEO_HEVC_TIER, V4L2_CTRL_TYPE_MENU, 0, 1, 0, no_hevc},
        {V4L2_CID_MPEG_VIDEO_HEVC_REFRESH_TYPE, V4L2_CTRL_TYPE_MENU, 0, 2, V4L2_MPEG_VIDEO_HEVC_REFRESH_NONE,
         no_hevc},
        {V4L2_CID_MPEG_VIDEO_HEVC_REFRESH_PERIOD, V4L2_CTRL_TYPE_INTEGER, 0, INT_MAX, 10, no_hevc},
        {V4L2_CID_MPEG_VIDEO_VBV_SIZE, V4L2_CTRL_TYPE_INTEGER, 0, 1 << 20, 0, o->no_vbv},
        {V4L2_CID_MPEG_VIDEO_AU_DELIMITER, V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 0, o->no_aud},
        {V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER, V4L2_CTRL_TYPE_BOOLEAN, 0, 1, 0, o->no_repeat},
        {V4L2_CID_MPEG_VIDEO_FORCE_KEY_FRAME, V4L2_CTRL_TYPE_BUTTON, 0, 0, 0, o->no_force_key},
        {V4L2_CID_MIN_BUFFERS_FOR_OUTPUT, V4L2_CTRL_TYPE_INTEGER, hoard, hoard, hoard, hoard == 1},
        {V4L2_CID_MPEG_VIDEO_HEADER_MODE, V4L2_CTRL_TYPE_MENU, 0, 1, 1, false},
    };

    memcpy(device->controls, controls, sizeof controls);
}

static int query(struct standin_device *device, struct v4l2_queryctrl *query)
{
    const struct standin_control *control = standin_control_find(device, query->id);

    if (!control)
        return -EINVAL;
    *query = (struct v4l2_queryctrl){.id = control->id, .type = control->type};
    query->minimum = control->minimum;
    query->maximum = control->maximum;
    query->default_value = control->value;
    query->step = 1;
    return 0;
}

static int query_menu(struct standin_device *device, const struct v4l2_querymenu *menu)
{
    const struct standin_control *control = standin_control_find(device, menu->id);
    bool is_there = control && control->type == V4L2_CTRL_TYPE_MENU &&
                    menu->index >= (uint32_t)control->minimum && menu->index <= (uint32_t)control->maximum;

    return is_there ? 0 : -EINVAL;
}

static int set(struct standin_device *device, uint32_t id, int32_t *value)
{
    struct standin_control *control = standin_control_find(device, id);
    bool is_rate = id == V4L2_CID_MPEG_VIDEO_BITRATE || id == V4L2_CID_MPEG_VIDEO_VBV_SIZE;

    if (!control || id == V4L2_CID_MIN_BUFFERS_FOR_OUTPUT)
        return -EINVAL;
    if (control->type == V4L2_CTRL_TYPE_BUTTON) {
        device->force_key = true;
        return 0;
    }
    if (control->type == V4L2_CTRL_TYPE_MENU && (*value < control->minimum || *value > control->maximum))
        return -ERANGE;
    if (!is_rate && device->codec)
        return -EBUSY;
    if (*value < control->minimum)
        *value = control->minimum;
    if (*value > control->maximum)
        *value = control->maximum;
    control->value = *value;
    if (is_rate)
        device->rate_changed = true;
    return 0;
}

static int set_many(struct standin_device *device, struct v4l2_ext_controls *many)
{
    for (uint32_t i = 0; i < many->count; i++) {
        int32_t value = many->controls[i].value; // the member is packed
        int error = set(device, many->controls[i].id, &value);
        many->controls[i].value = value;
        if (error != 0) {
            many->error_idx = i;
            return error;
        }
    }
    return 0;
}

static int get_many(struct standin_device *device, struct v4l2_ext_controls *many)
{
    for (uint32_t i = 0; i < many->count; i++) {
        const struct standin_control *control = standin_control_find(device, many->controls[i].id);
        if (!control) {
            many->error_idx = i;
            return -EINVAL;
        }
        many->controls[i].value = control->value;
    }
    return 0;
}

int standin_control_ioctl(struct standin_device *device, unsigned long request, void *argument)
{
    struct v4l2_control *one = argument;

    if (request == VIDIOC_QUERYCTRL)
        return query(device, argument);
    if (request == VIDIOC_QUERYMENU)
        return query_menu(device, argument);
    if (request == VIDIOC_S_CTRL)
        return set(device, one->id, &one->value);
    if (request == VIDIOC_S_EXT_CTRLS)
        return set_many(device, argument);
    if (request == VIDIOC_G_EXT_CTRLS)
        return get_many(device, argument);
    const struct standin_control *control = standin_control_find(device, one->id);
    if (!control)
        return -EINVAL;
    one->value = control->value;
    return 0;
}
