// SPDX-License-Identifier: Apache-2.0
#include "v4l2_device.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "v4l2_edid.h"

#define EVENTS_A_CALL 32
#define NO_SYNC_STATUS                                                                                       \
    (V4L2_IN_ST_NO_SYNC | V4L2_IN_ST_NO_H_LOCK | V4L2_IN_ST_NO_V_LOCK | V4L2_IN_ST_NO_STD_LOCK)

int v4l2_device_call(const struct v4l2_device *device, unsigned long request, void *argument)
{
    int result;

    do
        result = ioctl(device->fd, request, argument);
    while (result < 0 && errno == EINTR);
    return result < 0 ? errno : 0;
}

static int open_failed(const char *path, int number, struct source_text *why)
{
    int error = castor_error_from_errno(number);
    const char *remedy = "check the path";

    if (number == ENOENT || number == ENXIO || number == ENODEV) {
        error = CASTOR_ERR_NOT_FOUND;
        remedy = "plug the device in or choose another; v4l2-ctl --list-devices shows them";
    } else if (number == EISDIR || number == ENOTDIR) {
        error = CASTOR_ERR_INVALID;
        remedy = "give a capture node such as /dev/video0";
    } else if (number == EACCES || number == EPERM) {
        error = CASTOR_ERR_DENIED;
        remedy = "give the user access, for example by the group \"video\"";
    } else if (number == EBUSY) {
        error = CASTOR_ERR_BUSY;
        remedy = "end the program that uses it";
    }
    return source_text_set(why, error, "cannot open capture device \"%.80s\": %s; %s", path, strerror(number),
                           remedy);
}

static int identify(struct v4l2_device *device, const char *path, struct source_text *why)
{
    struct v4l2_capability capability = {0};
    uint32_t caps;

    if (v4l2_device_call(device, VIDIOC_QUERYCAP, &capability))
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "\"%.80s\" is not a V4L2 device; give a capture node such as /dev/video0",
                               path);
    caps = capability.capabilities & V4L2_CAP_DEVICE_CAPS ? capability.device_caps : capability.capabilities;
    memcpy(device->name, capability.card, sizeof capability.card);
    if (!(caps & (V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_VIDEO_CAPTURE_MPLANE)))
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "\"%.80s\" (%s) does not capture video; a device often has several nodes, "
                               "choose another of them",
                               path, device->name);
    if (!(caps & V4L2_CAP_STREAMING))
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "\"%.80s\" (%s) offers no streaming by mapped buffers, which is needed", path,
                               device->name);
    device->multi_planar = !(caps & V4L2_CAP_VIDEO_CAPTURE);
    device->buffer_type =
        device->multi_planar ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
    return CASTOR_OK;
}

static int choose_input(const struct v4l2_device *device, uint32_t input, struct source_text *why)
{
    int index = (int)input;
    int number;

    if (input == V4L2_DEVICE_INPUT_AS_IS)
        return CASTOR_OK;
    number = v4l2_device_call(device, VIDIOC_S_INPUT, &index);
    if (number == EBUSY)
        return source_text_set(why, CASTOR_ERR_BUSY,
                               "the input of %s cannot be changed: another program captures from it",
                               device->name);
    if (number)
        return source_text_set(why, CASTOR_ERR_INVALID, "%s has no input %u: leave the option input away",
                               device->name, input);
    return CASTOR_OK;
}

// What arrives is put in force; where nothing does, what was in force before stays.
static int adopt_timings(struct v4l2_device *device, struct source_text *why)
{
    struct v4l2_dv_timings timings;
    int number;

    memset(&timings, 0, sizeof timings);
    number = v4l2_device_call(device, VIDIOC_QUERY_DV_TIMINGS, &timings);
    if (number == ENODEV)
        return open_failed(device->name, number, why);
    device->has_timings = number == 0 || number == ENOLINK || number == ENOLCK || number == ERANGE;
    if (!device->has_timings)
        return CASTOR_OK;
    if (number == 0)
        number = v4l2_device_call(device, VIDIOC_S_DV_TIMINGS, &timings);
    else
        number = 0;
    if (number == EBUSY)
        return source_text_set(why, CASTOR_ERR_BUSY, "%s is used by another program", device->name);
    if (number)
        return source_text_set(why, CASTOR_ERR_IO, "%s does not accept the timings that it found itself: %s",
                               device->name, strerror(number));
    memset(&device->timings, 0, sizeof device->timings);
    if (v4l2_device_call(device, VIDIOC_G_DV_TIMINGS, &device->timings))
        device->timings = timings;
    return CASTOR_OK;
}

static void subscribe(struct v4l2_device *device)
{
    struct v4l2_event_subscription subscription;
    int input = 0;

    memset(&subscription, 0, sizeof subscription);
    if (v4l2_device_call(device, VIDIOC_G_INPUT, &input))
        input = 0;
    subscription.type = V4L2_EVENT_SOURCE_CHANGE;
    subscription.id = (uint32_t)input;
    device->has_events = v4l2_device_call(device, VIDIOC_SUBSCRIBE_EVENT, &subscription) == 0;
}

int v4l2_device_open(const char *path, uint32_t input, const char *edid, struct v4l2_device *out,
                     struct source_text *why)
{
    struct v4l2_device device;
    int error;

    memset(&device, 0, sizeof device);
    device.fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (device.fd < 0)
        return open_failed(path, errno, why);
    error = identify(&device, path, why);
    if (!error)
        error = choose_input(&device, input, why);
    if (!error && edid[0] != '\0')
        error = v4l2_edid_set(&device, edid, why); // before the look at what the camera then puts out
    if (!error) {
        subscribe(&device); // before the look at the timings, so that no change falls between
        error = adopt_timings(&device, why);
    }
    if (error) {
        v4l2_device_close(&device);
        return error;
    }
    *out = device;
    return CASTOR_OK;
}

void v4l2_device_close(struct v4l2_device *device)
{
    if (device->fd >= 0)
        close(device->fd);
    device->fd = -1;
}

static bool same_timings(const struct v4l2_bt_timings *a, const struct v4l2_bt_timings *b)
{
    uint64_t difference =
        a->pixelclock > b->pixelclock ? a->pixelclock - b->pixelclock : b->pixelclock - a->pixelclock;

    // The clock is measured: 0.3 %, within which 60 and 59.94 Hz are the same, which does no harm.
    return a->width == b->width && a->height == b->height && a->interlaced == b->interlaced &&
           difference <= b->pixelclock / 333;
}

static enum v4l2_link timings_link(const struct v4l2_device *device, struct source_text *text)
{
    struct v4l2_dv_timings found;
    const struct v4l2_bt_timings *bt, *was = &device->timings.bt;

    memset(&found, 0, sizeof found);
    switch (v4l2_device_call(device, VIDIOC_QUERY_DV_TIMINGS, &found)) {
    case 0:
        break;
    case ENODEV:
        return V4L2_LINK_GONE;
    case ENOLINK:
        return V4L2_LINK_NO_SIGNAL;
    case ENOLCK:
        return V4L2_LINK_NO_SYNC;
    case ERANGE:
        return V4L2_LINK_NO_FORMAT;
    default:
        return V4L2_LINK_UNKNOWN;
    }
    bt = &found.bt;
    if (same_timings(bt, was))
        return V4L2_LINK_GOOD;
    (void)source_text_set(text, 0,
                          "the signal at %s changed from %ux%u%s to %ux%u%s; capture starts again with it",
                          device->name, was->width, was->height, was->interlaced ? "i" : "p", bt->width,
                          bt->height, bt->interlaced ? "i" : "p");
    return V4L2_LINK_CHANGED;
}

// What the input's status says, and, most exactly, whether the plug carries 5 V.
static enum v4l2_link input_link(const struct v4l2_device *device)
{
    struct v4l2_control power = {.id = V4L2_CID_DV_RX_POWER_PRESENT};
    struct v4l2_input input;
    int index = 0, number;

    memset(&input, 0, sizeof input);
    number = v4l2_device_call(device, VIDIOC_G_INPUT, &index);
    input.index = (uint32_t)index;
    if (number == 0)
        number = v4l2_device_call(device, VIDIOC_ENUMINPUT, &input);
    if (number == ENODEV)
        return V4L2_LINK_GONE;
    if (v4l2_device_call(device, VIDIOC_G_CTRL, &power) == 0 && power.value == 0)
        return V4L2_LINK_NO_CABLE;
    if (number)
        return V4L2_LINK_UNKNOWN;
    if (input.status & V4L2_IN_ST_NO_POWER)
        return V4L2_LINK_NO_CABLE;
    if (input.status & V4L2_IN_ST_NO_SIGNAL)
        return V4L2_LINK_NO_SIGNAL;
    return input.status & NO_SYNC_STATUS ? V4L2_LINK_NO_SYNC : V4L2_LINK_GOOD;
}

enum v4l2_link v4l2_device_link(const struct v4l2_device *device, bool thorough, struct source_text *text)
{
    static const char *const reasons[] = {
        [V4L2_LINK_NO_CABLE] =
            "no cable: nothing is plugged in, or the camera is off; check the cable and the camera's power",
        [V4L2_LINK_NO_SIGNAL] = "no signal: check that the camera puts out a picture, and the cable",
        [V4L2_LINK_NO_SYNC] =
            "no sync: the receiver cannot lock to the signal; use a better cable or a lower resolution",
        [V4L2_LINK_NO_FORMAT] = "the signal is beyond what the receiver can do; choose another camera format",
        [V4L2_LINK_GONE] = "the device was unplugged; plug it in again",
    };
    enum v4l2_link link = input_link(device);
    bool bad = link == V4L2_LINK_NO_SIGNAL || link == V4L2_LINK_NO_SYNC;

    text->text[0] = '\0';
    if (device->has_timings && (bad || (thorough && link != V4L2_LINK_GONE && link != V4L2_LINK_NO_CABLE))) {
        enum v4l2_link found = timings_link(device, text);
        // A receiver does not lock to what is beyond it, and its input says no more than that.
        if (found == V4L2_LINK_GONE || found == V4L2_LINK_NO_FORMAT || (!bad && found != V4L2_LINK_UNKNOWN))
            link = found;
    }
    if (link < sizeof reasons / sizeof reasons[0] && reasons[link])
        (void)source_text_set(text, 0, "capture device %s: %s", device->name, reasons[link]);
    return link;
}

bool v4l2_device_changed(const struct v4l2_device *device, bool *gone)
{
    bool changed = false;

    *gone = false;
    for (int i = 0; device->has_events && i < EVENTS_A_CALL; i++) {
        struct v4l2_event event;
        int number;

        memset(&event, 0, sizeof event);
        number = v4l2_device_call(device, VIDIOC_DQEVENT, &event);
        *gone = number == ENODEV;
        if (number)
            break;
        changed |= event.type == V4L2_EVENT_SOURCE_CHANGE;
    }
    return changed;
}

struct castor_rational v4l2_device_timings_rate(const struct v4l2_device *device)
{
    const struct v4l2_bt_timings *bt = &device->timings.bt;
    uint64_t total = (uint64_t)V4L2_DV_BT_FRAME_WIDTH(bt) * V4L2_DV_BT_FRAME_HEIGHT(bt);

    return v4l2_rate_tidy(bt->pixelclock, total);
}

static bool within(uint64_t num, uint64_t den, struct castor_rational rate, uint64_t per_million)
{
    castor_uint128 a = (castor_uint128)num * rate.den, b = (castor_uint128)rate.num * den;

    return (a > b ? a - b : b - a) * 1000000 <= b * per_million;
}

struct castor_rational v4l2_rate_tidy(uint64_t num, uint64_t den)
{
    static const struct castor_rational known[] = {{24000, 1001}, {24, 1},  {25, 1},        {30000, 1001},
                                                   {30, 1},       {48, 1},  {50, 1},        {60, 1},
                                                   {60000, 1001}, {100, 1}, {120000, 1001}, {120, 1}};

    if (num == 0 || den == 0)
        return (struct castor_rational){0, 1};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (within(num, den, known[i], 200))
            return known[i];
    while (num > UINT32_MAX || den > UINT32_MAX) {
        num >>= 1;
        den >>= 1;
    }
    if (den == 0 || num / den < 1 || num / den > SOURCE_RATE_MAX)
        return (struct castor_rational){0, 1};
    return (struct castor_rational){(uint32_t)num, (uint32_t)den};
}

bool v4l2_rate_alike(struct castor_rational a, struct castor_rational b)
{
    return within(a.num, a.den, b, 5000);
}
