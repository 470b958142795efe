// SPDX-License-Identifier: Apache-2.0
// What a recorded stream is wrapped in. A container gets access units and hands out bytes, for the present
// segment, to its host. One thread.
#ifndef RECORD_CONTAINER_H
#define RECORD_CONTAINER_H

#include "archive/name.h"
#include "hal/encoder.h"
#include "hal/frame.h"
#include "ipc/message.h"
#include "record/unit.h"

struct container_config {
    enum encoder_codec codec;
    struct castor_format format;
    char service_name[64];
    int64_t pts_offset_ns; // as in the stream on air
    int64_t pcr_interval_ns;
    uint32_t track_count; // of sound
    struct message_egress_track tracks[MESSAGE_SOUND_TRACKS_MAX];
};

// What a container asks of the writer. Embed it in the writer's struct. Results: 0 or a castor_error, which
// the container hands on.
struct container_host {
    // Bytes of the present segment; without one they are to be dropped.
    int (*write)(struct container_host *host, const uint8_t *data, size_t size_bytes);
    // All bytes of the old segment were given: end it, if there is one, and begin the next.
    int (*turn)(struct container_host *host);
};

struct container;

struct container_ops {
    // Other parameter sets need another segment.
    bool headers_apart;
    int (*create)(const struct container_config *config, struct container_host *host, struct container **out);
    void (*destroy)(struct container *container); // accepts NULL; writes nothing
    // `begin`: it is an IDR with parameter sets that begins a segment; turn() is called on the way.
    int (*write)(struct container *container, const struct record_unit *unit, bool begin);
    // A unit of sound, which belongs into the present segment by when it came.
    int (*sound)(struct container *container, const struct record_unit *unit);
    // Everything so far is handed out, so that the file can be played up to here.
    int (*settle)(struct container *container);
    // Hands out what makes the segment complete; before its end without a next one.
    int (*end)(struct container *container);
};

extern const struct container_ops container_ts;  // MPEG transport stream, by the house's multiplexer
extern const struct container_ops container_mp4; // fragmented MP4, by libavformat

#endif
