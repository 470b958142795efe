// SPDX-License-Identifier: Apache-2.0
// The keys of "mux" and "destinations".
#include "supervisor/config_fields.h"

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
const struct config_group config_mux_group = {"The MPEG transport stream.", mux_fields};

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
const struct config_group config_destination_group = {"A receiver of the stream.", destination_fields};
