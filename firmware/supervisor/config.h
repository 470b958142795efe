// SPDX-License-Identifier: Apache-2.0
// The configuration of a box: one JSON file, described by board/config.schema.json. Plain data of fixed size,
// so that two configurations can be compared and one can be put in place of the other at once.
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/frame.h"
#include "ipc/message_overlay.h"

#define CONFIG_CHAIN_MAX 8
#define CONFIG_DESTINATIONS_MAX 8
#define CONFIG_WARNINGS_MAX 8
#define CONFIG_TRACKS_MAX 4
#define CONFIG_DRIVER_AUTO "auto" // the encoder of this path is chosen by selection.h

#define CONFIG_SOUND_OFF "off"

#define CONFIG_DMABUF_AUTO "auto"
#define CONFIG_DMABUF_OFF "off"
#define CONFIG_DMABUF_HEAPS "/dev/dma_heap/"

enum config_codec { CONFIG_CODEC_H264, CONFIG_CODEC_HEVC };
enum config_sound_codec { CONFIG_SOUND_AAC, CONFIG_SOUND_OPUS };
enum config_sound_layout { CONFIG_LAYOUT_MONO, CONFIG_LAYOUT_STEREO, CONFIG_LAYOUT_5_1 };
enum config_standby { CONFIG_STANDBY_WARM, CONFIG_STANDBY_HOT, CONFIG_STANDBY_OFF };

struct config_source {
    char driver[16]; // pattern, clip, pipe, v4l2
    char path[1024];
    char options[256];
    uint32_t depth_bits;         // of a sample: 8 or 10
    struct castor_format format; // any part 0 = the source's own; pixel follows from the depth and the driver
};

struct config_encoder { // one path of the chain
    char driver[16];
    char device[128];
    char preset[32];
    char script[512];
    uint32_t threads; // 0 = the driver's choice
};

struct config_encoders {
    enum config_codec codec; // of all paths
    uint32_t bitrate_bps;    // key bitrate_kbps
    uint32_t vbv_ms;
    uint32_t gop_frames;
    uint32_t chain_count;
    struct config_encoder chain[CONFIG_CHAIN_MAX];
    uint32_t prefer_count;
    struct config_encoder prefer[CONFIG_CHAIN_MAX]; // for entries of the chain with driver CONFIG_DRIVER_AUTO
};

struct config_switch {
    enum config_standby standby;
    uint32_t stall_budget_ms;
    uint32_t hang_budget_ms;
    uint32_t standby_budget_ms;
    uint32_t start_budget_ms;
    uint32_t canary_interval_ms;
    uint32_t drops_per_mille;
    uint32_t hold_ms;
    bool go_back;
    bool allow_late;
};

struct config_mux {
    char service_name[64];
    uint32_t pts_offset_ms;   // 0 = VBV and one frame interval
    uint32_t pcr_interval_ms; // 10..40
    uint32_t rate_bps;        // key rate_kbps; 0 = variable
};

struct config_destination {
    char name[32];
    char url[512];       // with mode and latency spelled out; passphrase and stream id taken out of it
    char passphrase[80]; // secret
    char stream_id[516]; // secret: often holds a key
    uint32_t latency_ms; // of the key, of the URL, or the default of 250
};

struct config_track {
    char name[32];
    char language[4]; // ISO 639-2, "" = not said
    enum config_sound_codec codec;
    enum config_sound_layout layout;
    uint32_t bitrate_bps; // key bitrate_kbps; 0 = by codec and layout
    char map[256];        // as sound_map.h reads it, "" = what suits
    int32_t gain_cb;      // key gain_db, in 1/10 dB
    bool mute;
    int32_t delay_ms;
};

struct config_sound { // config_sound.h says what it comes to
    char driver[16];  // CONFIG_DRIVER_AUTO, CONFIG_SOUND_OFF, or the name of one
    char path[1024];
    char options[256];
    uint32_t rate_hz;  // 0 = the source's own
    uint32_t channels; // 0 = all
    uint32_t track_count;
    struct config_track tracks[CONFIG_TRACKS_MAX];
};

enum config_container { CONFIG_CONTAINER_TS, CONFIG_CONTAINER_MP4 };
enum config_record_mode { CONFIG_RECORD_CONTINUOUS, CONFIG_RECORD_COMMAND, CONFIG_RECORD_PREROLL };

struct config_record {
    char folder[512]; // absolute; "" = nothing is recorded
    enum config_container container;
    enum config_record_mode mode;
    uint32_t segment_seconds;
    uint32_t segment_mb; // 0 = any size
    uint32_t keep_mb;    // 0 = no limit
    uint32_t free_mb;
    uint32_t preroll_minutes;
};

enum config_slate_picture {
    CONFIG_SLATE_OFF,
    CONFIG_SLATE_LAST,
    CONFIG_SLATE_STILL,
    CONFIG_SLATE_BARS,
    CONFIG_SLATE_BLACK,
};
enum config_slate_place { CONFIG_SLATE_TOP, CONFIG_SLATE_MIDDLE, CONFIG_SLATE_BOTTOM };
enum config_slate_sound { CONFIG_SLATE_SOUND_ON, CONFIG_SLATE_SOUND_SILENCE };

struct config_slate { // what stands in for a lost source
    enum config_slate_picture picture;
    enum config_slate_place place; // of the text
    enum config_slate_sound sound;
    uint32_t hold_ms;
    uint32_t budget_ms; // 0 = as the rate and the latency allow
    char file[512];
    char font[256];
    char text[128];
};

struct config {
    char name[64];
    int log_level;
    bool realtime; // take real-time scheduling where it is permitted
    struct config_source source;
    struct config_sound sound;
    struct config_encoders encoder;
    struct config_switch switching; // key "switch"
    struct config_slate slate;
    uint32_t pool_slots;  // key pool.slots; 0 = as many as the budgets need
    char pool_dmabuf[64]; // key pool.dmabuf: CONFIG_DMABUF_AUTO, _OFF, or the path of a heap
    struct config_mux mux;
    struct config_record record;
    uint32_t destination_count;
    struct config_destination destinations[CONFIG_DESTINATIONS_MAX];
    uint32_t overlay_count;
    struct message_overlay_item overlay[MESSAGE_OVERLAY_ITEMS_MAX]; // as capture is told
    char control_socket[104]; // key control.socket; empty = the default place
    bool allow_faults;        // key control.allow_faults
    uint32_t warning_count;   // what was accepted although it is unwise
    char warnings[CONFIG_WARNINGS_MAX][256];
};

// Where and why a configuration was refused: `path` is the JSON pointer of the offending value
// ("/source/width", "" for the whole document), `text` says what is wrong and what would be right. Never
// holds a secret.
struct config_error {
    char path[128];
    char text[384];
};

// Parses and checks a whole document; absent keys take their defaults. CASTOR_ERR_INVALID with *error filled
// in, and *out untouched, when anything about it is wrong.
CASTOR_MUST_USE int config_parse(const char *json, size_t size_bytes, struct config *out,
                                 struct config_error *error);
// The same for a file of at most 1 MiB.
CASTOR_MUST_USE int config_load(const char *path, struct config *out, struct config_error *error);

// The configuration with other values of one sound track: `json` is an object of its keys gain_db, mute,
// delay_ms and map, any of them. CASTOR_ERR_NOT_FOUND no such track, CASTOR_ERR_INVALID; *error says which
// and why, and *out is then undefined.
CASTOR_MUST_USE int config_change_track(const struct config *config, const char *track, const char *json,
                                        struct config *out, struct config_error *error);

// The JSON Schema (draft 2020-12), made from the same table that checks. malloc'ed; the caller frees. NULL
// when out of memory.
char *config_schema_json(void);

// The configuration as JSON with every secret replaced by "***". malloc'ed; the caller frees.
char *config_dump_redacted(const struct config *config);

// What a change from `before` to `after` needs.
enum config_change {
    CONFIG_CHANGE_BITRATE = 1u << 0,      // a message to the encoders
    CONFIG_CHANGE_SWITCH = 1u << 1,       // switch_reconfigure()
    CONFIG_CHANGE_DESTINATIONS = 1u << 2, // egress starts again
    CONFIG_CHANGE_MUX = 1u << 3,          // egress starts again
    CONFIG_CHANGE_ENCODERS = 1u << 4,     // the encoders start again, one after the other
    CONFIG_CHANGE_SOURCE = 1u << 5,       // capture starts again
    CONFIG_CHANGE_RESTART = 1u << 6,      // pool, picture format, chain length: everything starts again
    CONFIG_CHANGE_SOUND = 1u << 8,        // the sound worker starts again
    CONFIG_CHANGE_SOUND_MIX = 1u << 9,    // a message to the sound worker
    CONFIG_CHANGE_RECORD = 1u << 12,      // a message to the recorder, or its start or end
    CONFIG_CHANGE_SLATE = 1u << 10,       // a message to the slate, feed_reconfigure()
    CONFIG_CHANGE_OVERLAY = 1u << 13,     // a message to capture for each item that differs
    CONFIG_CHANGE_OTHER = 1u << 7,        // names and permissions: in force as soon as it is in place
};
unsigned config_diff(const struct config *before, const struct config *after);

#endif
