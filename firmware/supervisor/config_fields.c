// SPDX-License-Identifier: Apache-2.0
// The table of all keys of the configuration.
#include "supervisor/config_schema.h"

#include "supervisor/config.h"

#define AT(type, member) .offset = offsetof(type, member), .size = sizeof(((type *)0)->member)
// Room for a text of the struct, less what the program may add itself.
#define LENGTH(low, high) .min = (low), .max = (high)
#define RANGE(low, high) .min = (low), .max = (high), .step = 1, .scale = 1

static const char *const source_drivers[] = {"pattern", "clip", "pipe", "v4l2", NULL};
static const char *const encoder_drivers[] = {
    "x264", "x265", "nvenc", "vaapi", "v4l2m2m", "fake", CONFIG_DRIVER_AUTO, NULL};
static const char *const codecs[] = {"h264", "hevc", NULL};                           // enum config_codec
static const char *const standby_words[] = {"warm", "hot", "off", NULL};              // enum config_standby
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL}; // enum log_level
static const char *const realtime_words[] = {"off", "auto", NULL};

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
static const struct config_group source_group = {"The programme source.", source_fields};

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
static const struct config_group encoder_group = {"The encoders.", encoder_fields};

static const struct config_field switch_fields[] = {
    {.key = "standby",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_switch, standby),
     .words = standby_words,
     .standard = "warm",
     .text =
         "warm: the second path is open and proves itself with a picture now and then; hot: it encodes every "
         "frame; off: there is none."},
    {.key = "stall_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, stall_budget_ms),
     RANGE(10, 5000),
     .unit = "ms",
     .standard = "70",
     .text = "Age of the oldest frame that is not out at which the path on air has failed and the other "
             "takes over. "
             "So that receivers notice nothing: stall_budget_ms + one frame interval + 25 ms (the first "
             "picture of "
             "the other path) <= the smallest SRT latency of all destinations."},
    {.key = "hang_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, hang_budget_ms),
     RANGE(10, 60000),
     .unit = "ms",
     .standard = "1000",
     .text =
         "The same while there is no other path to go to: then the path is ended and started again. At least "
         "stall_budget_ms."},
    {.key = "standby_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, standby_budget_ms),
     RANGE(10, 60000),
     .unit = "ms",
     .standard = "500",
     .text = "A standby that does not answer an order for so long has failed."},
    {.key = "start_budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, start_budget_ms),
     RANGE(100, 60000),
     .unit = "ms",
     .standard = "5000",
     .text = "An encoder that is not ready so long after its start has failed."},
    {.key = "canary_interval_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, canary_interval_ms),
     RANGE(100, 60000),
     .unit = "ms",
     .standard = "1000",
     .text = "How often a warm standby encodes one picture to prove that it works."},
    {.key = "drops_per_mille",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, drops_per_mille),
     RANGE(0, 1000),
     .unit = "frames per thousand",
     .standard = "5",
     .text = "A hot standby that drops more frames than this is replaced."},
    {.key = "go_back",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config_switch, go_back),
     .text = "Return to path A when it has been ready for hold_ms."},
    {.key = "hold_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_switch, hold_ms),
     RANGE(0, 3600000),
     .unit = "ms",
     .standard = "30000",
     .text = "See go_back."},
    {.key = "allow_late",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config_switch, allow_late),
     .text =
         "Accept budgets that do not fit into the SRT latency: a take-over after a stall then shows at the "
         "receiver. Gives a warning instead of an error."},
    {0}};
static const struct config_group switch_group = {"When a path has failed, and what then.", switch_fields};

static const struct config_field pool_fields[] = {
    {.key = "slots",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config, pool_slots),
     .min = 8,
     .max = 64,
     .step = 1,
     .scale = 1,
     .zero = true,
     .unit = "frames",
     .standard = "0",
     .text = "Raw frames that the pool holds. 0 = as many as the budgets need."},
    {.key = "dmabuf",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, pool_dmabuf),
     LENGTH(3, 63),
     .standard = CONFIG_DMABUF_AUTO,
     .text =
         "Whether capture devices and encoders reach the pool's memory themselves, so that no frame is "
         "copied: \"auto\" where the kernel has /dev/udmabuf and castord may open it, \"off\", or a heap "
         "such as /dev/dma_heap/linux,cma, whose memory the board's devices can use. Whoever is given such "
         "memory could write into it: capture, and the encoders v4l2m2m and vaapi; from a heap, all of "
         "them."},
    {0}};
static const struct config_group pool_group = {"The pool of raw frames.", pool_fields};

static const struct config_field mux_fields[] = {
    {.key = "service_name",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_mux, service_name),
     LENGTH(1, 63),
     .standard = "Castor",
     .text = "Name of the programme in the transport stream (SDT)."},
    {.key = "pts_offset_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_mux, pts_offset_ms),
     .min = 1,
     .max = 10000,
     .step = 1,
     .scale = 1,
     .zero = true,
     .unit = "ms",
     .standard = "0",
     .text = "PTS = capture time + this. 0 = VBV and one frame interval."},
    {.key = "pcr_interval_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_mux, pcr_interval_ms),
     RANGE(10, 40),
     .unit = "ms",
     .standard = "20",
     .text = "Largest distance of clock references (PCR)."},
    {.key = "rate_kbps",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_mux, rate_bps),
     .min = 100,
     .max = 200000,
     .step = 1,
     .scale = 1000,
     .zero = true,
     .unit = "kbit/s",
     .standard = "0",
     .text =
         "Constant rate of the transport stream, filled up with null packets; at least 1.1 times the video "
         "bitrate. 0 = variable."},
    {0}};
static const struct config_group mux_group = {"The MPEG transport stream.", mux_fields};

static const struct config_field destination_fields[] = {
    {.key = "name",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_destination, name),
     LENGTH(1, 31),
     .required = true,
     .text = "Name in the status; each destination has its own."},
    {.key = "url",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_destination, url),
     LENGTH(1, 450),
     .required = true,
     .text = "srt://host:port calls, srt://:port?mode=listener waits for receivers. Parameters: mode, "
             "latency (ms), "
             "passphrase, pbkeylen, streamid."},
    {.key = "passphrase",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_destination, passphrase),
     LENGTH(10, 79),
     .secret = true,
     .text = "Encrypts the stream; the receiver needs the same. 10 to 79 characters, or empty."},
    {.key = "stream_id",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_destination, stream_id),
     LENGTH(1, 512),
     .secret = true,
     .text = "SRT stream id that the receiver expects. Treated as a secret: it often holds a key."},
    {.key = "latency_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_destination, latency_ms),
     .min = 20,
     .max = 30000,
     .step = 1,
     .scale = 1,
     .zero = true,
     .unit = "ms",
     .standard = "0",
     .text = "SRT latency: time for sending lost packets again and for changing the encoder unnoticed. 0 = "
             "that of "
             "the URL, or 250."},
    {0}};
static const struct config_group destination_group = {"A receiver of the stream.", destination_fields};

static const struct config_field control_fields[] = {
    {.key = "socket",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, control_socket),
     LENGTH(2, 103),
     .text = "Absolute path of the local socket. Empty = $CASTOR_SOCKET, /run/castor/castor.sock for root, "
             "$XDG_RUNTIME_DIR/castor.sock."},
    {.key = "allow_faults",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config, allow_faults),
     .text = "Allow castorctl to make faults happen on purpose."},
    {0}};
static const struct config_group control_group = {"Local control.", control_fields};

#define GROUP(name, where, what)                                                                             \
    {                                                                                                        \
        .key = (name), .kind = CONFIG_KIND_OBJECT, .offset = (where), .group = &(what)                       \
    }
static const struct config_field root_fields[] = {
    {.key = "$schema",
     .kind = CONFIG_KIND_TEXT,
     LENGTH(1, 1023),
     .text = "Where this schema is, for editors; ignored."},
    {.key = "name",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, name),
     LENGTH(1, 63),
     .standard = "castor",
     .text = "Name of the box in its status."},
    {.key = "log_level",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config, log_level),
     .words = level_words,
     .standard = "info",
     .text = "How much is logged."},
    {.key = "realtime",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config, realtime),
     .words = realtime_words,
     .standard = "auto",
     .text = "auto: take real-time scheduling where the system permits it."},
    GROUP("source", offsetof(struct config, source), source_group),
    GROUP("encoder", offsetof(struct config, encoder), encoder_group),
    GROUP("switch", offsetof(struct config, switching), switch_group),
    GROUP("pool", 0, pool_group),
    GROUP("mux", offsetof(struct config, mux), mux_group),
    {.key = "destinations",
     .kind = CONFIG_KIND_ARRAY,
     .offset = offsetof(struct config, destinations),
     .size = sizeof(struct config_destination),
     .max = CONFIG_DESTINATIONS_MAX,
     .group = &destination_group,
     .stride = sizeof(struct config_destination),
     .count_offset = offsetof(struct config, destination_count),
     .standard = "[]",
     .text = "Who gets the stream."},
    GROUP("control", 0, control_group),
    {0}};
const struct config_group config_root = {
    "Configuration of a Castor encoder box. Every key may be left out; its default then holds.", root_fields};
