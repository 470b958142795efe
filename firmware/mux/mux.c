// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include <stdlib.h>

#include <bitstream/mpeg/psi/pmt.h>

#include "base/coded.h"
#include "base/h264.h"

#define PTS_MASK ((UINT64_C(1) << 33) - 1)
#define PES_LENGTH_MAX 65535
// Times up to here (73 years) leave room for every sum in here.
#define TIME_MAX_NS (INT64_MAX / 4)

// Any slice type: primary_pic_type 7 (H.264 7.4.2.4), pic_type 2 (H.265 7.4.3.5).
static const uint8_t delimiter_h264[] = {0, 0, 0, 1, H264_NAL_AUD, 0xf0};
static const uint8_t delimiter_hevc[] = {0, 0, 0, 1, HEVC_NAL_AUD << 1, 1, 0x50};

int mux_create(const struct mux_config *config, struct mux **out)
{
    int result = mux_config_check(config);
    if (result != CASTOR_OK)
        return result;
    struct mux *mux = calloc(1, sizeof *mux);
    if (mux == NULL)
        return CASTOR_ERR_NO_MEMORY;
    mux->config = *config;
    mux->codec =
        config->streams[0].stream_type == PMT_STREAMTYPE_VIDEO_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    mux->pts_offset_90k = mux_ticks_90k(config->pts_offset_ns);
    for (uint32_t i = 0; i < MUX_STREAMS_MAX; i++)
        mux->continuity[i] = 0xf; // the first packet carries 0
    result = mux_tables_build(mux);
    if (result != CASTOR_OK) {
        mux_destroy(mux);
        return result;
    }
    *out = mux;
    return CASTOR_OK;
}

void mux_destroy(struct mux *mux)
{
    free(mux);
}

void mux_get_statistics(const struct mux *mux, struct mux_statistics *out)
{
    *out = mux->statistics;
}

static bool is_video(const struct mux_stream *stream)
{
    return (stream->stream_id & 0xf0) == 0xe0;
}

// The length is stated wherever it fits: a receiver then hands the access unit on with its last byte, not
// when the next one begins. 0 (unbounded) is allowed for video only (13818-1 2.4.3.7). No DTS: order of
// decoding is order of display.
static void write_pes_header(const struct mux *mux, const struct mux_stream *stream, int64_t pts_ns,
                             size_t size_bytes, uint8_t out[PES_HEADER_SIZE_PTS])
{
    size_t length = PES_HEADER_SIZE_PTS - PES_HEADER_SIZE + size_bytes;
    pes_init(out);
    pes_set_streamid(out, stream->stream_id);
    pes_set_length(out, length <= PES_LENGTH_MAX ? (uint16_t)length : 0);
    pes_set_headerlength(out, PES_HEADER_SIZE_PTS - PES_HEADER_SIZE_NOPTS);
    pes_set_dataalignment(out);
    pes_set_pts(out, (mux_ticks_90k(pts_ns) + mux->pts_offset_90k) & PTS_MASK);
}

void mux_set_companion(struct mux *mux, struct mux_companion *companion)
{
    mux->companion = companion;
}

static void begin_call(struct mux *mux, struct mux_sink *sink)
{
    mux->sink = sink;
    mux->sink_error = CASTOR_OK;
}

static int end_call(struct mux *mux)
{
    mux_payload_flush(mux);
    mux->sink = NULL;
    return mux->sink_error;
}

static bool unit_times_fit(const struct mux *mux, const struct mux_access_unit *unit)
{
    if (unit->capture_ns < 0 || unit->capture_ns > TIME_MAX_NS)
        return false;
    if (unit->utc_offset_ns < -TIME_MAX_NS || unit->utc_offset_ns > TIME_MAX_NS)
        return false;
    return !mux->started || unit->capture_ns > mux->capture_ns;
}

// Moves the clock to the access unit and fills the time before it.
static void reach_capture_time(struct mux *mux, int64_t capture_ns)
{
    mux->overflow = false;
    mux->pace.deadline_ns = capture_ns + mux->config.pts_offset_ns;
    if (mux->started)
        mux_bridge(mux, capture_ns, capture_ns - mux->capture_ns);
    else
        mux_pace_start(mux, capture_ns);
    mux->capture_ns = capture_ns;
}

// The access unit in its pieces: PES header, delimiter where there is none, SEI before the first slice.
static void gather_unit(const struct mux *mux, const struct mux_access_unit *unit,
                        const struct coded_summary *summary, uint8_t header[PES_HEADER_SIZE_PTS],
                        uint8_t sei[MUX_SEI_BYTES_MAX], struct mux_bytes *bytes)
{
    const bool hevc = mux->codec == ENCODER_CODEC_HEVC;
    const size_t sei_size_bytes = mux_sei_write(mux->codec, unit, sei);
    const uint8_t *delimiter = hevc ? delimiter_hevc : delimiter_h264;
    size_t delimiter_bytes = hevc ? sizeof delimiter_hevc : sizeof delimiter_h264;

    if (summary->aud_first)
        delimiter_bytes = 0;
    write_pes_header(mux, &mux->config.streams[0], unit->capture_ns,
                     delimiter_bytes + sei_size_bytes + unit->size_bytes, header);
    mux_bytes_add(bytes, header, PES_HEADER_SIZE_PTS);
    mux_bytes_add(bytes, delimiter, delimiter_bytes);
    mux_bytes_add(bytes, unit->data, summary->first_slice_bytes);
    mux_bytes_add(bytes, sei, sei_size_bytes);
    mux_bytes_add(bytes, unit->data + summary->first_slice_bytes,
                  unit->size_bytes - summary->first_slice_bytes);
}

static void describe_video(struct mux *mux, const struct coded_summary *summary)
{
    struct nal_sps sps;

    if (mux->codec == ENCODER_CODEC_HEVC && summary->sps_data != NULL &&
        hevc_parse_sps(summary->sps_data, summary->sps_size_bytes, &sps) == CASTOR_OK)
        mux_tables_describe_hevc(mux, sps.profile);
}

int mux_write_access_unit(struct mux *mux, const struct mux_access_unit *unit, struct mux_sink *sink)
{
    struct coded_summary summary;
    if (!unit_times_fit(mux, unit) || unit->data == NULL)
        return CASTOR_ERR_INVALID;
    coded_summarize(mux->codec, unit->data, unit->size_bytes, CODED_SCAN_HEADERS, &summary);
    if (summary.slices == 0)
        return CASTOR_ERR_INVALID;

    uint8_t sei[MUX_SEI_BYTES_MAX];
    uint8_t header[PES_HEADER_SIZE_PTS];
    struct mux_bytes bytes = {.left_bytes = 0};
    gather_unit(mux, unit, &summary, header, sei, &bytes);

    begin_call(mux, sink);
    reach_capture_time(mux, unit->capture_ns);
    const bool join = summary.idr && summary.parameter_sets;
    if (join) {
        mux_payload_flush(mux);
        mux->payload_flags = MUX_PAYLOAD_JOIN;
        describe_video(mux, &summary);
    }
    mux_write_tables(mux, unit->capture_ns, summary.idr);
    mux_write_bytes(mux, 0, unit->capture_ns, join ? MUX_PACKET_RANDOM_ACCESS : 0, &bytes);
    mux->statistics.access_units++;
    if (mux->overflow)
        mux->statistics.rate_overflow++;
    return end_call(mux);
}

static bool pes_fits(const struct mux *mux, const struct mux_pes *pes)
{
    if (pes->stream < 1 || pes->stream >= mux->config.stream_count || pes->data == NULL ||
        pes->size_bytes == 0)
        return false;
    if (pes->pts_ns < 0 || pes->pts_ns > TIME_MAX_NS || pes->source_ns < 0 || pes->source_ns > TIME_MAX_NS)
        return false;
    return is_video(&mux->config.streams[pes->stream]) ||
           pes->size_bytes <= PES_LENGTH_MAX - (PES_HEADER_SIZE_PTS - PES_HEADER_SIZE);
}

bool mux_write_other(struct mux *mux, const struct mux_pes *pes)
{
    uint8_t header[PES_HEADER_SIZE_PTS];
    struct mux_bytes bytes = {.left_bytes = 0};

    if (!pes_fits(mux, pes))
        return false;
    write_pes_header(mux, &mux->config.streams[pes->stream], pes->pts_ns, pes->size_bytes, header);
    mux_bytes_add(&bytes, header, sizeof header);
    mux_bytes_add(&bytes, pes->data, pes->size_bytes);
    mux_write_bytes(mux, pes->stream, pes->source_ns, pes->random_access ? MUX_PACKET_RANDOM_ACCESS : 0,
                    &bytes);
    mux->statistics.pes_packets++;
    return true;
}

int mux_write_pes(struct mux *mux, const struct mux_pes *pes, struct mux_sink *sink)
{
    if (!mux->started)
        return CASTOR_ERR_AGAIN;
    begin_call(mux, sink);
    bool fits = mux_write_other(mux, pes);
    int result = end_call(mux);
    return fits ? result : CASTOR_ERR_INVALID;
}
