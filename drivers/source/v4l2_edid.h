// SPDX-License-Identifier: Apache-2.0
// What a receiver tells the camera about itself: its EDID (VESA E-EDID 1.4, CTA-861), from a file.
#ifndef SOURCE_V4L2_EDID_H
#define SOURCE_V4L2_EDID_H

#include "v4l2_device.h"

// What: reads the EDID in the file `path`, checks it, and gives it to the input in force. Cameras take a new
// EDID as if the plug had been pulled out, so a device that has this one already is left alone. Blocks: for
// the device. Errors: of the file NOT_FOUND, DENIED, INVALID not an EDID; of the device UNSUPPORTED it takes
// none, INVALID it takes fewer blocks, BUSY, DENIED, NOT_FOUND it was unplugged, IO.
CASTOR_MUST_USE int v4l2_edid_set(const struct v4l2_device *device, const char *path,
                                  struct source_text *why);

#endif
