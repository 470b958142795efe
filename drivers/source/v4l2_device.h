// SPDX-License-Identifier: Apache-2.0
// A V4L2 capture node: opening it, what is plugged into it, and whether a picture arrives (Linux media
// userspace API, part I).
#ifndef SOURCE_V4L2_DEVICE_H
#define SOURCE_V4L2_DEVICE_H

#include <linux/videodev2.h>

#include "hal/source.h"

#define V4L2_DEVICE_INPUT_AS_IS UINT32_MAX

struct v4l2_device {
    int fd; // -1 = closed
    bool multi_planar;
    uint32_t buffer_type; // V4L2_BUF_TYPE_VIDEO_CAPTURE or _MPLANE
    bool has_events;      // tells when the source changes
    bool has_timings;     // an input with DV timings (HDMI, SDI, DVI)
    struct v4l2_dv_timings timings;
    char name[33];
};

enum v4l2_link {
    V4L2_LINK_UNKNOWN = 0, // the device does not say
    V4L2_LINK_GOOD,
    V4L2_LINK_NO_CABLE,  // nothing plugged in, or what is has no power
    V4L2_LINK_NO_SIGNAL, // plugged in, but no picture
    V4L2_LINK_NO_SYNC,   // a signal that the receiver cannot lock to
    V4L2_LINK_NO_FORMAT, // a signal outside what the receiver can do
    V4L2_LINK_CHANGED,   // a good signal with other timings than those in force
    V4L2_LINK_GONE,      // the device was unplugged
};

// ioctl(2), begun again after a signal. Returns 0 or errno, positive.
int v4l2_device_call(const struct v4l2_device *device, unsigned long request, void *argument);

// What: opens the node, chooses the input, gives it the EDID in the file `edid` ("" = leave it as it is),
// subscribes to changes, and puts the timings that arrive in force. Owner: v4l2_device_close(). Blocks: for
// the device (QUERY_DV_TIMINGS, some 100 ms). Errors: NOT_FOUND, DENIED, BUSY, INVALID not a capture device
// or no such input, IO; those of v4l2_edid_set().
CASTOR_MUST_USE int v4l2_device_open(const char *path, uint32_t input, const char *edid,
                                     struct v4l2_device *out, struct source_text *why);

// Accepts a closed one.
void v4l2_device_close(struct v4l2_device *device);

// Whether something arrives. `text`: what is wrong and what to do, "" for GOOD and UNKNOWN. Thorough:
// measures the timings of a good signal too, which some receivers need milliseconds for; otherwise never
// CHANGED.
enum v4l2_link v4l2_device_link(const struct v4l2_device *device, bool thorough, struct source_text *text);

// Whether the device reported a change of its source since the last call. *gone: it was unplugged.
bool v4l2_device_changed(const struct v4l2_device *device, bool *gone);

// The frame rate of the timings in force; num 0 when unknown.
struct castor_rational v4l2_device_timings_rate(const struct v4l2_device *device);

// The rate of the house that is meant: 29.97 for 29.970029, 60 for 60.0001.
struct castor_rational v4l2_rate_tidy(uint64_t num, uint64_t den);

// Whether two rates differ by less than half a percent.
bool v4l2_rate_alike(struct castor_rational a, struct castor_rational b);

#endif
