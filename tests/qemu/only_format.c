// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program (LD_PRELOAD), it takes formats away from a capture device: only the one that
// CASTOR_ONLY_FORMAT names (four characters, as v4l2-ctl prints them) is left. Everything else is the real
// driver's. That is how each conversion meets the kernel's pictures, although the device offers better
// formats too.
#include <errno.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t only(void)
{
    const char *name = getenv("CASTOR_ONLY_FORMAT");

    return name && strlen(name) == 4 ? v4l2_fourcc(name[0], name[1], name[2], name[3]) : 0;
}

static int device_ioctl(int fd, unsigned long request, void *argument)
{
    return (int)syscall(SYS_ioctl, fd, request, argument);
}

// The device's list with one entry.
static int enumerate(int fd, struct v4l2_fmtdesc *asked)
{
    struct v4l2_fmtdesc entry = {.type = asked->type, .mbus_code = asked->mbus_code};

    if (asked->index > 0) {
        errno = EINVAL;
        return -1;
    }
    while (device_ioctl(fd, VIDIOC_ENUM_FMT, &entry) == 0) {
        if (entry.pixelformat == only()) {
            *asked = entry;
            asked->index = 0;
            return 0;
        }
        entry.index++;
    }
    return -1;
}

// As a driver does with a format that it does not have: another takes its place.
static void replace(struct v4l2_format *format)
{
    if (V4L2_TYPE_IS_MULTIPLANAR(format->type))
        format->fmt.pix_mp.pixelformat = only();
    else
        format->fmt.pix.pixelformat = only();
}

static bool is_capture(uint32_t type)
{
    return type == V4L2_BUF_TYPE_VIDEO_CAPTURE || type == V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE;
}

int ioctl(int fd, unsigned long request, ...)
{
    void *argument;
    va_list list;

    va_start(list, request);
    argument = va_arg(list, void *);
    va_end(list);
    if (only() && request == VIDIOC_ENUM_FMT && is_capture(((struct v4l2_fmtdesc *)argument)->type))
        return enumerate(fd, argument);
    if (only() && (request == VIDIOC_S_FMT || request == VIDIOC_TRY_FMT) &&
        is_capture(((struct v4l2_format *)argument)->type))
        replace(argument);
    return device_ioctl(fd, request, argument);
}
