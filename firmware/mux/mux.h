// SPDX-License-Identifier: Apache-2.0
// MPEG-TS multiplexer: access units in, SRT payloads of whole TS packets out.
//
// Everything is derived from capture time on the house clock: PTS, PCR, table repetition and the source time
// of each payload. So what the mux makes of an access unit depends neither on when it arrives nor on who
// encoded it, and a switch between encoders moves nothing. All memory is taken in mux_create(); no call
// waits, sleeps or reads a clock. One thread a mux. Sources: Rec. ITU-T H.222.0 (ISO/IEC 13818-1), ETSI EN
// 300 468 (SDT), ETSI TR 101 290 (repetition), MISB ST 0604 (precision time stamp).
#ifndef MUX_MUX_H
#define MUX_MUX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"
#include "hal/error.h"

#define MUX_TS_PACKET_BYTES 188
#define MUX_PAYLOAD_BYTES_MAX (7 * MUX_TS_PACKET_BYTES) // 1316, what SRT sends in one packet
#define MUX_STREAMS_MAX 16
#define MUX_NAME_BYTES_MAX 64
#define MUX_DESCRIPTORS_BYTES_MAX 64
#define MUX_PCR_GAP_MAX_NS INT64_C(40000000) // TR 101 290, 2.3

// Elementary streams that mux_stream_init() knows. More need only their numbers in struct mux_stream.
enum mux_codec {
    MUX_CODEC_H264,
    MUX_CODEC_HEVC,
    MUX_CODEC_AAC,  // ADTS
    MUX_CODEC_OPUS, // in PES private data; stereo unless mux_stream_set_channels() says otherwise
    MUX_CODEC_ID3,  // timed metadata
};

// One line of the stream table: how a stream appears in the PMT and in its PES headers.
struct mux_stream {
    uint16_t pid;                                   // 0x20..0x1ffe, unlike any other in the table
    uint8_t stream_type;                            // 13818-1 table 2-34
    uint8_t stream_id;                              // 13818-1 table 2-22; 0xe0..0xef is video
    uint8_t descriptors[MUX_DESCRIPTORS_BYTES_MAX]; // ES_info, whole descriptors
    uint8_t descriptors_size_bytes;
    bool is_id3; // asks for the metadata_pointer_descriptor in the programme's descriptors
};

struct mux_config {
    char service_name[MUX_NAME_BYTES_MAX];  // UTF-8, NUL-terminated; shown by receivers
    char provider_name[MUX_NAME_BYTES_MAX]; // UTF-8, NUL-terminated
    uint16_t transport_stream_id;
    uint16_t service_id; // not 0
    uint16_t pmt_pid;
    uint8_t psi_version; // 0..31, of PAT, PMT and SDT; the PMT counts on from it when the video changes
    int64_t
        pts_offset_ns; // PTS = capture time + this; 0 .. 10 s. The time a receiver has to collect a picture
    int64_t pcr_interval_ns; // 10 ms .. 40 ms: no two PCRs are further apart
    int64_t psi_interval_ns; // PAT and PMT, at most; 80 ms .. 500 ms
    int64_t sdt_interval_ns; // SDT, at most; 80 ms .. 10 s
    int64_t hole_ns;         // a longer gap in capture is not bridged but marked; 100 ms .. 10 s
    uint64_t
        rate_bps; // constant rate of the transport stream, 200 kbit/s .. 1 Gbit/s; 0 = as much as there is
    uint32_t stream_count;                      // 1..MUX_STREAMS_MAX
    struct mux_stream streams[MUX_STREAMS_MAX]; // [0] is the video (H.264 or HEVC) and carries the PCR
};

// Fills in the house's defaults: service 1 "Castor", PMT on PID 0x1000, one H.264 stream on PID 0x100, PTS
// 100 ms after capture, PCR within 40 ms, PAT/PMT within 100 ms, SDT within 2 s, holes from 1 s, no constant
// rate.
void mux_config_init(struct mux_config *out);

// Fills in one line of the stream table. `language` is an ISO 639-2 code ("eng") or NULL.
// Returns CASTOR_ERR_INVALID for an unknown codec or a code that is not three characters long.
CASTOR_MUST_USE int mux_stream_init(enum mux_codec codec, uint16_t pid, const char *language,
                                    struct mux_stream *out);

// Says how many channels (1, 2 or 6) an Opus stream has, in its descriptor; nothing for other codecs.
void mux_stream_set_channels(struct mux_stream *stream, uint32_t channels);

// The control header that stands before each Opus packet in a transport stream (opus_control_header() of the
// Opus TS mapping that ETSI TS 103 285 refers to; as FFmpeg and GStreamer read it): a prefix of 11 bits, five
// flags, the packet's size in bytes of 255 and a rest.
#define MUX_OPUS_HEADER_BYTES_MAX 36
// Returns its size. `size_bytes` at most 8191.
size_t mux_opus_header(size_t size_bytes, uint8_t out[MUX_OPUS_HEADER_BYTES_MAX]);

enum mux_access_unit_flags {
    MUX_ACCESS_UNIT_AFTER_SWITCH =
        1 << 0, // the first one of another path; goes into the Castor SEI, nowhere else
};

// One access unit, Annex B, of the codec that streams[0] names. The bytes are only read, and only during the
// call. Whether it is an IDR is found in the bytes. A missing access unit delimiter is added.
struct mux_access_unit {
    const uint8_t *data;
    size_t size_bytes;
    int64_t capture_ns;    // not negative; later than that of the access unit before
    int64_t utc_offset_ns; // UTC since 1970 = capture_ns + this
    uint64_t sequence;
    uint32_t epoch;
    uint8_t path;   // 0 = A
    uint32_t flags; // enum mux_access_unit_flags
};

// One PES packet's worth of another stream: audio frames, metadata.
struct mux_pes {
    uint32_t stream; // index into the stream table, not 0
    const uint8_t *data;
    size_t size_bytes;  // at most 65527, except for video
    int64_t pts_ns;     // capture time of what is in it; the same offset as for video is added
    int64_t source_ns;  // when it is to leave (capture domain); ignored with a constant rate
    bool random_access; // decoding may start here (13818-1 2.4.3.5)
};

enum mux_payload_flags {
    MUX_PAYLOAD_JOIN = 1 << 0, // PAT, PMT and an IDR begin here: a receiver may be joined
};

// What the sink gets: 1 to 7 whole TS packets, to be sent as one SRT message. `data` lives during the call
// only.
struct mux_payload {
    const uint8_t *data;
    size_t size_bytes;
    int64_t source_ns; // capture domain; never earlier than that of the payload before, mux_pes aside
    uint32_t flags;    // enum mux_payload_flags
};

// Takes payloads. Embed it in the sending struct and find that from it. `write` must not call back into the
// mux. It returns 0 or a negative castor_error. After an error the mux still offers all that follows (so that
// one bad destination does not hide packets from another) and returns the first error at the end of the call.
struct mux_sink {
    int (*write)(struct mux_sink *sink, const struct mux_payload *payload);
};

// What goes along with the video: the mux asks for it at the time for each packet, so that it lies in the
// stream where its source_ns puts it, also while a large access unit is being sent at a constant rate.
struct mux_companion {
    // The next PES packet whose source_ns is not after `until_ns`; source_ns never goes back. False: there is
    // none. Its bytes must stay until the next call. Must not call the mux.
    bool (*next)(struct mux_companion *companion, int64_t until_ns, struct mux_pes *out);
    // The stream has a hole (mux_config.hole_ns): what would have left before `until_ns` is left out.
    void (*skip)(struct mux_companion *companion, int64_t until_ns);
};

struct mux_statistics {
    uint64_t access_units;
    uint64_t pes_packets; // of the other streams
    uint64_t payloads;
    uint64_t packets; // TS packets of all kinds
    uint64_t bytes;   // = 188 * packets
    uint64_t null_packets;
    uint64_t pcr_packets;   // packets that carry a PCR
    uint64_t psi_packets;   // PAT, PMT, SDT
    uint64_t refused_pes;   // of the companion: bad stream, size or time
    uint64_t holes;         // gaps in capture longer than hole_ns
    uint64_t rate_overflow; // access units that the constant rate could not carry before their PTS
    uint64_t sink_errors;
};

struct mux;

// Checks the configuration, builds the tables, takes all memory. The caller owns *out and ends it with
// mux_destroy(). Returns CASTOR_ERR_INVALID (a value out of range, PIDs that collide, tables that do not fit
// one section) or CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int mux_create(const struct mux_config *config, struct mux **out);

// Accepts NULL.
void mux_destroy(struct mux *mux);

// Multiplexes one access unit and hands out all its packets before it returns. Tables, and PCR packets that
// bridge the time since the access unit before, come first.
//
// With a constant rate, null packets first fill the time up to the capture time; then the access unit follows
// at that rate, so its last bytes have a source time after capture. If they would come after its PTS, the
// rest of it leaves at its PTS, faster than the rate, and rate_overflow counts it: nothing is cut, nothing
// grows without bound.
//
// A gap longer than hole_ns is bridged by nothing; the next PCR carries discontinuity_indicator
// (13818-1 2.4.3.5 and 2.7.2) and PTS goes on with capture time.
//
// Returns CASTOR_ERR_INVALID and emits nothing when capture_ns is negative or not later than before, or when
// the bytes hold no slice. Any other error is the sink's.
CASTOR_MUST_USE int mux_write_access_unit(struct mux *mux, const struct mux_access_unit *unit,
                                          struct mux_sink *sink);

// From now on the companion's packets go along; NULL: none. It must live as long as the mux, and is asked
// within mux_write_access_unit() only.
void mux_set_companion(struct mux *mux, struct mux_companion *companion);

// Multiplexes one PES packet of another stream. Returns CASTOR_ERR_AGAIN before the first access unit (there
// is no PCR to relate to yet), CASTOR_ERR_INVALID for a bad stream, size or time; any other error is the
// sink's.
CASTOR_MUST_USE int mux_write_pes(struct mux *mux, const struct mux_pes *pes, struct mux_sink *sink);

#define MUX_SEI_BYTES_MAX 128

// Writes the SEI NAL unit, start code first, that mux_write_access_unit() puts before the first slice:
// capture time in UTC (MISB ST 0604) and the frame's identity. For containers that are no transport streams.
// Returns its size.
size_t mux_sei_write(enum encoder_codec codec, const struct mux_access_unit *unit,
                     uint8_t out[MUX_SEI_BYTES_MAX]);

void mux_get_statistics(const struct mux *mux, struct mux_statistics *out);

#endif
