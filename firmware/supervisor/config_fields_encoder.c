// SPDX-License-Identifier: Apache-2.0
// The keys of "encoder".
#include "supervisor/config_fields.h"

static const char *const encoder_drivers[] = {
    "x264", "x265", "nvenc", "vaapi", "v4l2m2m", "fake", CONFIG_DRIVER_AUTO, NULL};
static const char *const codecs[] = {"h264", "hevc", NULL}; // enum config_codec

static const struct config_field path_fields[] = {
    {.key = "driver",
     .kind = CONFIG_KIND_WORD,
     AT(struct config_encoder, driver),
     .words = encoder_drivers,
     .standard = "x264",
     .text = "Encoder driver: x264 (H.264 in software), x265 (HEVC in software), nvenc (NVIDIA cards), vaapi "
             "(Intel and AMD graphics), v4l2m2m (encoders of the kernel), fake (for tests: follows a "
             "script, needs no processor time), "
             "auto (in a chain: found out at start by trying what the box has)."},
    {.key = "device",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_encoder, device),
     LENGTH(1, 127),
     .text = "Device of the driver; empty for software and for the driver's first device."},
    {.key = "preset",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_encoder, preset),
     LENGTH(1, 31),
     .text = "Speed against quality, in the driver's own words (x264 and x265: ultrafast to placebo). Empty "
             "= the "
             "driver's "
             "choice."},
    {.key = "threads",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_encoder, threads),
     RANGE(0, 64),
     .standard = "0",
     .text = "Threads of a software encoder. 0 = the driver's choice."},
    {.key = "script",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_encoder, script),
     LENGTH(1, 511),
     .text = "Schedule of the fake driver, for example \"delay 8ms; every 500 drop\"."},
    {0}};
static const struct config_group path_group = {"One encoder path.", path_fields};

static const struct config_field encoder_fields[] = {
    {.key = "codec",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_encoders, codec),
     .words = codecs,
     .standard = "h264",
     .text = "Video codec of the stream: h264, or hevc (H.265), which every path's driver must then encode "
             "(x265 in software)."},
    {.key = "bitrate_kbps",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_encoders, bitrate_bps),
     .min = 100,
     .max = 100000,
     .step = 1,
     .scale = 1000,
     .unit = "kbit/s",
     .standard = "4000",
     .text = "Video bitrate. Can be changed on air."},
    {.key = "vbv_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_encoders, vbv_ms),
     RANGE(20, 5000),
     .unit = "ms",
     .standard = "250",
     .text = "Size of the video buffer (VBV) as time at the bitrate: how far single pictures may exceed the "
             "mean."},
    {.key = "gop_frames",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_encoders, gop_frames),
     RANGE(1, 600),
     .unit = "frames",
     .standard = "60",
     .text = "Distance of IDR pictures; receivers can join at each."},
    {.key = "chain",
     .kind = CONFIG_KIND_ARRAY,
     .offset = offsetof(struct config_encoders, chain),
     .size = sizeof(struct config_encoder),
     .min = 1,
     .max = CONFIG_CHAIN_MAX,
     .group = &path_group,
     .stride = sizeof(struct config_encoder),
     .count_offset = offsetof(struct config_encoders, chain_count),
     .standard = "[{}, {}]",
     .text =
         "The encoder paths A, B, C … in order of preference. Two run; the others step in when one cannot be "
         "started any more."},
    {.key = "prefer",
     .kind = CONFIG_KIND_ARRAY,
     .offset = offsetof(struct config_encoders, prefer),
     .size = sizeof(struct config_encoder),
     .max = CONFIG_CHAIN_MAX,
     .group = &path_group,
     .stride = sizeof(struct config_encoder),
     .count_offset = offsetof(struct config_encoders, prefer_count),
     .standard = "[]",
     .text =
         "For entries of the chain with driver auto: what is taken first if it passes its trial, best first, "
         "and with which preset and threads. Without a device it means all of the driver. Others follow by "
         "what their trials show."},
    {0}};
const struct config_group config_encoder_group = {"The encoders.", encoder_fields};
