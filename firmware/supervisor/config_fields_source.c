// SPDX-License-Identifier: Apache-2.0
// The keys of "source".
#include "supervisor/config_fields.h"

static const char *const source_drivers[] = {"pattern", "clip", "pipe", "v4l2", NULL};

static const struct config_field source_fields[] = {
    {.key = "driver",
     .kind = CONFIG_KIND_WORD,
     AT(struct config_source, driver),
     .words = source_drivers,
     .standard = "pattern",
     .text = "Where frames come from: pattern (drawn, each carries its number), clip (a media file, looped), "
             "pipe "
             "(raw I420 frames, or P010 with depth 10, from a FIFO or standard input), v4l2 (a capture "
             "device: camera, HDMI or SDI "
             "receiver)."},
    {.key = "path",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_source, path),
     LENGTH(1, 1023),
     .text = "File of the clip, FIFO of the pipe (\"-\" is standard input), or node of the capture device "
             "(/dev/video0). Required for all drivers but pattern."},
    {.key = "options",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_source, options),
     LENGTH(1, 255),
     .text = "Options of the driver, \"key=value,key=value\". clip: number (1 draws frame numbers over the "
             "picture), threads; v4l2: input (one of several plugs), edid (a file, without a comma in its "
             "name, that the plug tells the camera)."},
    {.key = "width",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_source, format.width_px),
     .min = 320,
     .max = 3840,
     .step = 2,
     .scale = 1,
     .zero = true,
     .unit = "pixels",
     .standard = "0",
     .text =
         "Picture width; other sizes are scaled to it. 0 = the source's own. Given together with height."},
    {.key = "height",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_source, format.height_px),
     .min = 180,
     .max = 2160,
     .step = 2,
     .scale = 1,
     .zero = true,
     .unit = "pixels",
     .standard = "0",
     .text = "Picture height. 0 = the source's own."},
    {.key = "rate",
     .kind = CONFIG_KIND_RATE,
     AT(struct config_source, format.rate),
     RANGE(1, 120),
     .standard = "0",
     .text = "Frames per second: a number (23.976, 29.97, 59.94 and 119.88 mean the exact NTSC rates) or a "
             "fraction "
             "\"30000/1001\". 0 = the source's own."},
    {.key = "depth",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_source, depth_bits),
     .min = 8,
     .max = 10,
     .step = 2,
     .scale = 1,
     .unit = "bits",
     .standard = "8",
     .text =
         "Bits of a sample, from the source to the stream: 8, or 10 (P010), which the capture device must "
         "deliver and every path's driver must encode: as hevc, or in software (x264) as h264."},
    {0}};
const struct config_group config_source_group = {"The programme source.", source_fields};
