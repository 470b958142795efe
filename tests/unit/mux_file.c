// SPDX-License-Identifier: Apache-2.0
// Muxes an H.264 or HEVC (IN ends with .hevc) byte stream with access unit delimiters into a transport stream
// file, for tests with other tools. mux_file IN OUT RATE_NUM RATE_DEN [RATE_BPS]
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/coded.h"
#include "base/nal.h"
#include "hal/time.h"
#include "mux/mux.h"

struct file_sink {
    struct mux_sink sink;
    FILE *file;
};

static int file_write(struct mux_sink *sink, const struct mux_payload *payload)
{
    struct file_sink *self = (struct file_sink *)sink; // its first member
    return fwrite(payload->data, 1, payload->size_bytes, self->file) == payload->size_bytes ? 0
                                                                                            : CASTOR_ERR_IO;
}

static uint8_t *read_file(const char *name, size_t *size_bytes)
{
    FILE *file = fopen(name, "rb");
    uint8_t *data = NULL;
    if (file == NULL || fseek(file, 0, SEEK_END) != 0)
        goto out;
    *size_bytes = (size_t)ftell(file);
    rewind(file);
    data = malloc(*size_bytes);
    if (data != NULL && fread(data, 1, *size_bytes, file) != *size_bytes) {
        free(data);
        data = NULL;
    }
out:
    if (file != NULL)
        fclose(file);
    return data;
}

static bool is_delimiter(const struct nal_span *nal, enum encoder_codec codec)
{
    return (coded_classify(codec, nal->data, nal->size_bytes) & NAL_IS_AUD) != 0;
}

// Cuts the stream before every delimiter and muxes the pieces.
static int mux_stream(struct mux *mux, struct file_sink *sink, const uint8_t *data, size_t size_bytes,
                      enum encoder_codec codec, struct castor_rational rate)
{
    size_t position = 0;
    size_t begin = 0;
    uint64_t index = 0;
    struct nal_span nal = {.size_bytes = 0};
    bool more = nal_next(data, size_bytes, &position, &nal);
    while (more) {
        more = nal_next(data, size_bytes, &position, &nal);
        if (more && !is_delimiter(&nal, codec))
            continue;
        size_t end = more ? nal.start_bytes : size_bytes;
        struct mux_access_unit unit = {.data = data + begin,
                                       .size_bytes = end - begin,
                                       .capture_ns = castor_frame_time_ns(rate, index),
                                       .utc_offset_ns = INT64_C(1790000000000000000),
                                       .sequence = index};
        enum coded_verdict verdict =
            coded_check_access_unit(codec, unit.data, unit.size_bytes, NULL, CODED_SCAN_ALL, NULL);
        if (verdict != CODED_OK) {
            fprintf(stderr, "access unit %llu: %s\n", (unsigned long long)index, coded_verdict_text(verdict));
            return CASTOR_ERR_INVALID;
        }
        int result = mux_write_access_unit(mux, &unit, &sink->sink);
        if (result != CASTOR_OK)
            return result;
        begin = end;
        index++;
    }
    return CASTOR_OK;
}

int main(int argc, char **argv)
{
    struct mux_config config;
    struct mux *mux = NULL;
    size_t size_bytes = 0;
    if (argc < 5)
        return 2;
    struct castor_rational rate = {(uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4])};
    const char *suffix = strrchr(argv[1], '.');
    enum encoder_codec codec =
        suffix && strcmp(suffix, ".hevc") == 0 ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    mux_config_init(&config);
    if (codec == ENCODER_CODEC_HEVC &&
        mux_stream_init(MUX_CODEC_HEVC, 0x100, NULL, &config.streams[0]) != CASTOR_OK)
        return 1;
    if (argc > 5)
        config.rate_bps = (uint64_t)atoll(argv[5]);
    uint8_t *data = read_file(argv[1], &size_bytes);
    struct file_sink sink = {.sink = {.write = file_write}, .file = fopen(argv[2], "wb")};
    int result = CASTOR_ERR_IO;
    if (data != NULL && sink.file != NULL && mux_create(&config, &mux) == CASTOR_OK)
        result = mux_stream(mux, &sink, data, size_bytes, codec, rate);
    if (sink.file != NULL && fclose(sink.file) != 0)
        result = CASTOR_ERR_IO;
    mux_destroy(mux);
    free(data);
    if (result != CASTOR_OK)
        fprintf(stderr, "mux_file: %s\n", castor_error_text(result));
    return result == CASTOR_OK ? 0 : 1;
}
