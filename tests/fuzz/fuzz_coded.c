// SPDX-License-Identifier: Apache-2.0
// Any bytes as an access unit, of the codec that the first of them says: the parsers stay within them, and
// the mux neither breaks nor lets out broken packets.
#include <stdlib.h>

#include "base/coded.h"
#include "base/h264.h"
#include "base/hevc.h"
#include "mux/mux.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static int check_payload(struct mux_sink *sink, const struct mux_payload *payload)
{
    (void)sink;
    if (payload->size_bytes == 0 || payload->size_bytes % MUX_TS_PACKET_BYTES != 0)
        abort();
    for (size_t at = 0; at < payload->size_bytes; at += MUX_TS_PACKET_BYTES) {
        if (payload->data[at] != 0x47)
            abort();
    }
    return CASTOR_OK;
}

static void check_sps(enum encoder_codec codec, const uint8_t *nal, size_t size_bytes)
{
    const uint32_t side_px_max = codec == ENCODER_CODEC_HEVC ? 16888 : 32768; // pairs of fields in H.264
    struct nal_sps sps;
    int result = codec == ENCODER_CODEC_HEVC ? hevc_parse_sps(nal, size_bytes, &sps)
                                             : h264_parse_sps(nal, size_bytes, &sps);
    if (result == CASTOR_OK && (sps.width_px == 0 || sps.height_px == 0 || sps.width_px > side_px_max ||
                                sps.height_px > side_px_max))
        abort();
}

static void walk(enum encoder_codec codec, const uint8_t *data, size_t size_bytes)
{
    struct nal_span nal;
    size_t position = 0;
    while (nal_next(data, size_bytes, &position, &nal)) {
        if (nal.data < data || nal.data + nal.size_bytes > data + size_bytes || nal.size_bytes == 0)
            abort();
        check_sps(codec, nal.data, nal.size_bytes);
    }
    check_sps(codec, data, size_bytes);
}

static void round_trip(const uint8_t *data, size_t size_bytes)
{
    uint8_t escaped[NAL_ESCAPED_BYTES_MAX(256)];
    size_t used = size_bytes < 256 ? size_bytes : 256;
    struct nal_bits back = {.data = escaped};
    if (nal_escape(data, used, escaped, sizeof escaped, &back.size_bytes) != CASTOR_OK)
        abort();
    for (size_t i = 0; i < used; i++) {
        if (nal_read_bits(&back, 8) != data[i])
            abort();
    }
    if (back.broken || back.at_bytes != back.size_bytes)
        abort();
}

static struct mux *create_mux(enum encoder_codec codec)
{
    struct mux_config config;
    struct mux *mux = NULL;
    mux_config_init(&config);
    if (codec == ENCODER_CODEC_HEVC &&
        mux_stream_init(MUX_CODEC_HEVC, 0x100, NULL, &config.streams[0]) != CASTOR_OK)
        abort();
    if (mux_create(&config, &mux) != CASTOR_OK)
        abort();
    return mux;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct mux *muxes[2];
    static int64_t capture_ns;
    struct coded_summary summary;
    struct castor_format format = {.width_px = 640, .height_px = 360};
    if (size_bytes == 0)
        return 0;
    enum encoder_codec codec = (data[0] & 1) != 0 ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    struct mux **mux = &muxes[data[0] & 1];
    data++;
    size_bytes--;
    if (*mux == NULL)
        *mux = create_mux(codec);
    walk(codec, data, size_bytes);
    round_trip(data, size_bytes);
    coded_check_access_unit(codec, data, size_bytes, &format, CODED_SCAN_ALL, &summary);
    if (summary.first_slice_bytes > size_bytes || summary.pictures > summary.slices)
        abort();
    struct mux_sink sink = {.write = check_payload};
    struct mux_access_unit unit = {.data = data, .size_bytes = size_bytes, .capture_ns = capture_ns};
    int result = mux_write_access_unit(*mux, &unit, &sink);
    if (result != (summary.slices > 0 ? CASTOR_OK : CASTOR_ERR_INVALID))
        abort();
    capture_ns += 33000000;
    return 0;
}
