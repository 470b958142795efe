// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_device.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/videodev2.h>

#define NODES_MAX 64    // a board has a handful
#define FORMATS_MAX 128 // a driver that never ends its list is broken

static const struct {
    uint32_t fourcc;
    uint32_t planes;
} raws[V4L2M2M_RAW_COUNT] = {
    [V4L2M2M_RAW_I420] = {V4L2_PIX_FMT_YUV420, 1}, [V4L2M2M_RAW_I420M] = {V4L2_PIX_FMT_YUV420M, 3},
    [V4L2M2M_RAW_NV12] = {V4L2_PIX_FMT_NV12, 1},   [V4L2M2M_RAW_NV12M] = {V4L2_PIX_FMT_NV12M, 2},
    [V4L2M2M_RAW_P010] = {V4L2_PIX_FMT_P010, 1},
};

static const uint32_t coded_fourccs[ENCODER_CODEC_END] = {
    [ENCODER_CODEC_H264] = V4L2_PIX_FMT_H264,
    [ENCODER_CODEC_HEVC] = V4L2_PIX_FMT_HEVC,
};

uint32_t v4l2m2m_coded_fourcc(enum encoder_codec codec)
{
    return coded_fourccs[codec];
}

uint32_t v4l2m2m_raw_fourcc(enum v4l2m2m_raw raw)
{
    return raws[raw].fourcc;
}

uint32_t v4l2m2m_raw_planes(enum v4l2m2m_raw raw)
{
    return raws[raw].planes;
}

uint32_t v4l2m2m_device_buffer_type(const struct v4l2m2m_device *device, bool coded)
{
    if (device->mplane)
        return coded ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE;
    return coded ? V4L2_BUF_TYPE_VIDEO_CAPTURE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
}

int v4l2m2m_ioctl(int fd, unsigned long request, void *argument)
{
    int result;

    do {
        result = ioctl(fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

int v4l2m2m_error(int negative_errno)
{
    int value = -negative_errno;
    bool is_gone = value == EIO || value == ENODEV || value == ENXIO;

    return is_gone ? CASTOR_ERR_LOST : castor_error_from_errno(value);
}

static int explain_open(const char *path, int value, struct encoder_text *why)
{
    switch (value) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND, "v4l2m2m: there is no device %s", path);
    case EACCES:
    case EPERM:
        return encoder_text_set(why, CASTOR_ERR_DENIED,
                                "v4l2m2m: no permission to open %s; the user must be in its group", path);
    case EISDIR:
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "v4l2m2m: %s is a directory, not a device",
                                path);
    default:
        return encoder_text_set(why, castor_error_from_errno(value), "v4l2m2m: %s cannot be opened: %s", path,
                                strerror(value));
    }
}

// True when the list of formats of this direction holds `fourcc`.
static bool offers(int fd, uint32_t type, uint32_t fourcc)
{
    for (uint32_t i = 0; i < FORMATS_MAX; i++) {
        struct v4l2_fmtdesc format = {.index = i, .type = type};
        if (v4l2m2m_ioctl(fd, VIDIOC_ENUM_FMT, &format) != 0)
            return false;
        if (format.pixelformat == fourcc)
            return true;
    }
    return false;
}

static int identify(struct v4l2m2m_device *device, struct encoder_text *why)
{
    struct v4l2_capability capability = {0};
    int error = v4l2m2m_ioctl(device->fd, VIDIOC_QUERYCAP, &capability);

    if (error != 0)
        return encoder_text_set(why, error == -ENOTTY ? CASTOR_ERR_UNSUPPORTED : v4l2m2m_error(error),
                                "v4l2m2m: %s does not answer as a V4L2 device: %s", device->path,
                                strerror(-error));
    uint32_t caps =
        capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    uint32_t pair = V4L2_CAP_VIDEO_CAPTURE_MPLANE | V4L2_CAP_VIDEO_OUTPUT_MPLANE;
    bool is_mplane = caps & V4L2_CAP_VIDEO_M2M_MPLANE || (caps & pair) == pair;
    pair = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_OUTPUT;
    bool is_single = caps & V4L2_CAP_VIDEO_M2M || (caps & pair) == pair;
    if ((!is_mplane && !is_single) || !(caps & V4L2_CAP_STREAMING))
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: %s (%.32s) is no memory-to-memory device", device->path,
                                (const char *)capability.card);
    device->mplane = is_mplane;
    (void)snprintf(device->driver, sizeof device->driver, "%.16s", (const char *)capability.driver);
    (void)snprintf(device->card, sizeof device->card, "%.32s", (const char *)capability.card);
    (void)snprintf(device->bus, sizeof device->bus, "%.32s", (const char *)capability.bus_info);
    return CASTOR_OK;
}

// The raw formats listed are those for the coded format that is set (dev-encoder.rst, "Querying
// capabilities"). Where it cannot be set now, those of another are the best guess.
static uint32_t find_raws(const struct v4l2m2m_device *device, enum encoder_codec codec)
{
    uint32_t raw = v4l2m2m_device_buffer_type(device, false);
    struct v4l2_format format = {.type = v4l2m2m_device_buffer_type(device, true)};
    uint32_t mask = 0;

    if (v4l2m2m_ioctl(device->fd, VIDIOC_G_FMT, &format) == 0) {
        if (device->mplane)
            format.fmt.pix_mp.pixelformat = coded_fourccs[codec];
        else
            format.fmt.pix.pixelformat = coded_fourccs[codec];
        (void)v4l2m2m_ioctl(device->fd, VIDIOC_S_FMT, &format);
    }
    for (uint32_t i = 0; i < V4L2M2M_RAW_COUNT; i++) {
        if ((device->mplane || raws[i].planes == 1) && offers(device->fd, raw, raws[i].fourcc))
            mask |= 1u << i;
    }
    return mask;
}

static int find_formats(struct v4l2m2m_device *device, struct encoder_text *why)
{
    uint32_t coded = v4l2m2m_device_buffer_type(device, true);
    uint32_t all = 0;
    bool is_encoder = false;

    for (enum encoder_codec codec = ENCODER_CODEC_H264; codec < ENCODER_CODEC_END; codec++) {
        if (!offers(device->fd, coded, coded_fourccs[codec]))
            continue;
        is_encoder = true;
        all |= device->raw_mask[codec] = find_raws(device, codec);
    }
    if (!is_encoder)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED, "v4l2m2m: %s (%s) makes neither H.264 nor HEVC",
                                device->path, device->card);
    if (all == 0)
        return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                "v4l2m2m: %s (%s) takes no 4:2:0 pictures (NV12, YU12, NM12, YM12, P010)",
                                device->path, device->card);
    return CASTOR_OK;
}

static int open_path(const char *path, struct v4l2m2m_device *out, struct encoder_text *why)
{
    struct v4l2m2m_device device = {.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC)};

    if (device.fd < 0)
        return explain_open(path, errno, why);
    (void)snprintf(device.path, sizeof device.path, "%s", path);
    int error = identify(&device, why);
    if (error == CASTOR_OK)
        error = find_formats(&device, why);
    if (error != CASTOR_OK)
        close(device.fd);
    else
        *out = device;
    return error;
}

static int compare_numbers(const void *left, const void *right)
{
    const unsigned *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

// The numbers N of all nodes /dev/videoN, lowest first.
static uint32_t find_nodes(unsigned numbers[NODES_MAX])
{
    DIR *folder = opendir("/dev");
    const struct dirent *entry;
    uint32_t count = 0;

    if (!folder)
        return 0;
    while (count < NODES_MAX && (entry = readdir(folder))) {
        unsigned number;
        char rest;
        if (sscanf(entry->d_name, "video%u%c", &number, &rest) == 1)
            numbers[count++] = number;
    }
    closedir(folder);
    qsort(numbers, count, sizeof numbers[0], compare_numbers);
    return count;
}

int v4l2m2m_device_open(const char *path, struct v4l2m2m_device *out, struct encoder_text *why)
{
    unsigned numbers[NODES_MAX];
    bool denied = false;

    if (path[0] != '\0')
        return open_path(path, out, why);
    uint32_t count = find_nodes(numbers);
    for (uint32_t i = 0; i < count; i++) {
        char node[32];
        struct encoder_text reason = {""};
        (void)snprintf(node, sizeof node, "/dev/video%u", numbers[i]);
        int error = open_path(node, out, &reason);
        if (error == CASTOR_OK)
            return CASTOR_OK;
        if (error == CASTOR_ERR_DENIED) {
            denied = true;
            *why = reason;
        }
    }
    if (denied)
        return CASTOR_ERR_DENIED;
    return encoder_text_set(why, CASTOR_ERR_NOT_FOUND,
                            "v4l2m2m: none of the %u nodes /dev/video* is an encoder of H.264 or HEVC",
                            count);
}

void v4l2m2m_device_close(struct v4l2m2m_device *device)
{
    if (device->fd >= 0)
        close(device->fd);
    device->fd = -1;
}

int v4l2m2m_device_list(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    unsigned numbers[NODES_MAX];
    uint32_t nodes = find_nodes(numbers);

    *count = 0;
    for (uint32_t i = 0; i < nodes && *count < capacity; i++) {
        struct encoder_device *entry = &list[*count];
        struct v4l2m2m_device device;
        struct encoder_text reason;
        char node[32];
        (void)snprintf(node, sizeof node, "/dev/video%u", numbers[i]);
        if (open_path(node, &device, &reason) != CASTOR_OK)
            continue;
        *entry = (struct encoder_device){.name = ""};
        (void)snprintf(entry->name, sizeof entry->name, "%s", device.path);
        (void)snprintf(entry->fault_domain, sizeof entry->fault_domain, "%.63s",
                       device.bus[0] ? device.bus : device.path);
        (void)snprintf(entry->description, sizeof entry->description, "%s (%s)", device.card, device.driver);
        v4l2m2m_device_close(&device);
        (*count)++;
    }
    return CASTOR_OK;
}

static void widen(struct encoder_caps *caps, uint32_t width_px, uint32_t height_px)
{
    if (width_px < caps->min_width_px)
        caps->min_width_px = width_px;
    if (height_px < caps->min_height_px)
        caps->min_height_px = height_px;
    if (width_px > caps->max_width_px)
        caps->max_width_px = width_px;
    if (height_px > caps->max_height_px)
        caps->max_height_px = height_px;
}

static void widen_by(struct encoder_caps *caps, int fd, uint32_t fourcc)
{
    for (uint32_t i = 0; i < FORMATS_MAX; i++) {
        struct v4l2_frmsizeenum size = {.index = i, .pixel_format = fourcc};
        if (v4l2m2m_ioctl(fd, VIDIOC_ENUM_FRAMESIZES, &size) != 0)
            return;
        if (size.type == V4L2_FRMSIZE_TYPE_DISCRETE) {
            widen(caps, size.discrete.width, size.discrete.height);
            continue;
        }
        widen(caps, size.stepwise.min_width, size.stepwise.min_height);
        widen(caps, size.stepwise.max_width, size.stepwise.max_height);
        return;
    }
}

void v4l2m2m_device_sizes(const struct v4l2m2m_device *device, struct encoder_caps *caps)
{
    caps->min_width_px = caps->min_height_px = UINT32_MAX;
    caps->max_width_px = caps->max_height_px = 0;
    for (enum encoder_codec codec = ENCODER_CODEC_H264; codec < ENCODER_CODEC_END; codec++)
        if (device->raw_mask[codec])
            widen_by(caps, device->fd, coded_fourccs[codec]);
    if (caps->max_width_px == 0 || caps->max_height_px == 0) {
        caps->min_width_px = 320;
        caps->min_height_px = 180;
        caps->max_width_px = 3840;
        caps->max_height_px = 2160;
    }
}
