// SPDX-License-Identifier: Apache-2.0
// What the supervisor and egress tell each other. Part of ipc/message.h, which is what to include.
#ifndef IPC_MESSAGE_EGRESS_H
#define IPC_MESSAGE_EGRESS_H

#include <stdint.h>

#include "hal/frame.h"
#include "ipc/message_limits.h"

// A sound track as the transport stream announces it.
struct message_egress_track {
    uint32_t codec;    // enum message_sound_codec
    uint32_t channels; // 1, 2 or 6
    uint32_t samples_per_unit;
    char language[4]; // ISO 639-2, "" = none
};

// The stream on air, as those are told who put it into a container. With it come the descriptors of its
// rings: one of each path, and one of the sound if there are tracks.
struct message_stream {
    char service_name[64];
    struct castor_format format;
    uint32_t path_count; // 1..MESSAGE_PATHS_MAX
    uint32_t ring_bytes;
    uint32_t pts_offset_ms;
    uint32_t pcr_interval_ms;
    uint32_t codec;       // enum message_codec, of all rings
    uint32_t track_count; // of sound, 0..MESSAGE_SOUND_TRACKS_MAX
    uint32_t sound_ring_bytes;
    struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX];
};

struct message_egress_start {
    struct message_stream stream;
    uint32_t mux_rate_bps;  // 0 = variable rate
    int64_t grid_origin_ns; // of the sound, see ipc/message_sound.h
};

// Adds or replaces destination `index`. The passphrase never appears in a log or a status document.
struct message_destination {
    uint32_t index;
    uint32_t reserved;
    char name[32];
    char url[512];       // srt://host:port?...
    char passphrase[80]; // 10..79 characters, or empty; overrides the URL's
    char stream_id[516]; // up to 512 characters, or empty; overrides the URL's
};

enum message_emit_flags {
    MESSAGE_EMIT_IDR = 1u << 0,
    MESSAGE_EMIT_AFTER_SWITCH = 1u << 1, // first access unit of another path
};

// Send this access unit now. Sequences rise strictly.
struct message_emit {
    uint64_t sequence;
    int64_t capture_ns;
    int64_t utc_offset_ns; // UTC of capture = capture_ns + utc_offset_ns
    uint64_t position;
    uint32_t size_bytes;
    uint32_t path;
    uint32_t epoch;
    uint32_t flags; // enum message_emit_flags
};

// Every EMIT is answered exactly once, in order; then its bytes in the ring are free again.
struct message_sent {
    uint64_t sequence;
    int64_t started_ns; // when egress took the order
    int64_t sent_ns;    // when the last payload was handed to the last destination
    uint32_t accepted;  // bit i: destination i took the whole access unit
    uint32_t bytes;     // of transport stream
};

enum message_destination_status {
    MESSAGE_DESTINATION_CONNECTING = 1,
    MESSAGE_DESTINATION_LISTENING = 2,
    MESSAGE_DESTINATION_CONNECTED = 3,
    MESSAGE_DESTINATION_WAITING = 4, // backing off before the next try
    MESSAGE_DESTINATION_STOPPED = 5,
    MESSAGE_DESTINATION_STATUSES = 6,
};
enum message_destination_reason {
    MESSAGE_REASON_NONE = 0,
    MESSAGE_REASON_PASSPHRASE = 1,
    MESSAGE_REASON_REFUSED = 2,
    MESSAGE_REASON_UNREACHABLE = 3,
    MESSAGE_REASON_NAME = 4,    // host name not found
    MESSAGE_REASON_VERSION = 5, // SRT versions do not fit
    MESSAGE_REASON_LOST = 6,    // was connected, peer fell silent or closed
    MESSAGE_REASON_LOCAL = 7,   // no free port, out of memory, bad URL
    MESSAGE_REASONS = 8,
};
struct message_destination_state {
    uint32_t index;
    uint32_t status;      // enum message_destination_status
    uint32_t reason;      // enum message_destination_reason, of the last failure
    uint32_t connections; // since egress started
    char text[240];
};

// Totals since egress started, once a second for every destination.
struct message_destination_stats {
    uint32_t index;
    uint32_t latency_ms; // negotiated
    uint64_t sent_access_units;
    uint64_t lost_not_connected;
    uint64_t lost_waiting_idr;
    uint64_t lost_buffer_full;
    uint64_t lost_unacknowledged; // of those sent: the connection ended, or their time was over, before they
                                  // arrived
    uint64_t too_late_packets;
    uint64_t retransmitted_packets;
    uint64_t lost_packets;
    uint64_t sent_bytes;
    uint32_t rtt_us;
    uint32_t send_buffer_ms;
    uint32_t bandwidth_kbps;
    uint32_t receivers; // connected now (listener mode may have several)
};

struct message_need_idr {
    uint32_t destination;
    uint32_t reserved;
};

// Totals of one sound track since egress started, once a second. Each access unit of the stream is counted
// under one of the first three.
struct message_egress_sound {
    uint32_t track;
    uint32_t reserved;
    uint64_t units;    // as the sound worker made them
    uint64_t silences; // put in the place of one that was not there
    uint64_t skipped;  // left out: the picture paused for so long that the time line has a hole
    uint64_t late;     // came when silence stood in their place already
    uint64_t refused;  // of a wrong size or too far ahead
};

#endif
