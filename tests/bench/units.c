// SPDX-License-Identifier: Apache-2.0
// units CAPTURE
//
// Takes what `receiver` has noted apart, with code that is shared with nobody's multiplexer: one line for
// every access unit, "connection,number,arrival_ns,size_bytes,idr,pts,continuity_errors". The number is what
// `camera` drew, read from the picture that libavcodec decodes, -1 where it cannot be read; the arrival is
// that of the message with the unit's last byte. Connections come as "#connected,N,ns" and
// "#disconnected,N,ns".
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>

#include "capture.h"

#define TS_BYTES 188u
#define CONNECTIONS_MAX 64u
#define CELLS_A_ROW 32
#define LUMA_MIDDLE 125u

struct unit {
    int64_t arrival_ns;
    uint64_t pts;
    size_t offset, size_bytes; // in the connection's data
    uint32_t continuity_errors;
    bool idr;
    int64_t number;
};

struct connection {
    uint8_t *data; // elementary stream
    size_t size_bytes, capacity_bytes;
    struct unit *units;
    size_t count, capacity;
    unsigned pmt_pid, video_pid;
    int continuity;
    uint8_t rest[TS_BYTES]; // of a packet that goes on in the next message
    size_t rest_bytes;
};

static struct connection connections[CONNECTIONS_MAX];

static void *grow(void *memory, size_t count, size_t *capacity, size_t size_bytes)
{
    if (count <= *capacity)
        return memory;
    *capacity = count * 2;
    void *larger = realloc(memory, *capacity * size_bytes);
    if (!larger) {
        fputs("units: out of memory\n", stderr);
        exit(1);
    }
    return larger;
}

// ---- transport stream ----

static unsigned pid_at(const uint8_t *data)
{
    return (data[0] & 0x1fu) << 8 | data[1];
}

static void read_pat(struct connection *c, const uint8_t *section, size_t size_bytes)
{
    for (size_t at = 8; at + 8 <= size_bytes; at += 4)
        if (section[at] || section[at + 1]) // 0 is the network's table
            c->pmt_pid = pid_at(section + at + 2);
}

static void read_pmt(struct connection *c, const uint8_t *section, size_t size_bytes)
{
    size_t at = size_bytes >= 12 ? 12 + ((section[10] & 15u) << 8 | section[11]) : size_bytes;

    for (; at + 9 <= size_bytes; at += 5 + ((section[at + 3] & 15u) << 8 | section[at + 4]))
        if (section[at] == 0x1b)
            c->video_pid = pid_at(section + at + 1);
}

static uint64_t read_pts(const uint8_t *field)
{
    return (uint64_t)(field[0] >> 1 & 7) << 30 | (uint64_t)field[1] << 22 | (uint64_t)(field[2] >> 1) << 15 |
           (uint64_t)field[3] << 7 | field[4] >> 1;
}

// Begins a unit and returns what of the packet belongs to the elementary stream.
static const uint8_t *begin_unit(struct connection *c, const uint8_t *data, const uint8_t *end)
{
    if (end - data < 14 || data[0] || data[1] || data[2] != 1)
        return end;
    c->units = grow(c->units, c->count + 1, &c->capacity, sizeof *c->units);
    c->units[c->count++] =
        (struct unit){.offset = c->size_bytes, .number = -1, .pts = data[7] & 0x80 ? read_pts(data + 9) : 0};
    const uint8_t *payload = data + 9 + data[8];
    return payload < end ? payload : end;
}

static void read_video(struct connection *c, const uint8_t *packet, const uint8_t *data, const uint8_t *end,
                       int64_t arrival_ns)
{
    const int continuity = packet[3] & 15;
    const bool gap = c->continuity >= 0 && continuity != ((c->continuity + 1) & 15);

    c->continuity = continuity;
    if (packet[1] & 0x40)
        data = begin_unit(c, data, end);
    if (c->count == 0)
        return;
    struct unit *unit = &c->units[c->count - 1];
    size_t size_bytes = (size_t)(end - data);
    c->data = grow(c->data, c->size_bytes + size_bytes + AV_INPUT_BUFFER_PADDING_SIZE, &c->capacity_bytes, 1);
    memcpy(c->data + c->size_bytes, data, size_bytes);
    c->size_bytes += size_bytes;
    unit->size_bytes += size_bytes;
    unit->arrival_ns = arrival_ns;
    unit->continuity_errors += gap;
}

static void read_packet(struct connection *c, const uint8_t *packet, int64_t arrival_ns)
{
    const unsigned pid = pid_at(packet + 1);
    const uint8_t *data = packet + 4 + (packet[3] & 0x20 ? 1u + packet[4] : 0);
    const uint8_t *end = packet + TS_BYTES;

    if (packet[0] != 0x47 || !(packet[3] & 0x10) || data >= end)
        return;
    if (pid == c->video_pid && pid != 0) {
        read_video(c, packet, data, end, arrival_ns);
    } else if ((packet[1] & 0x40) && (pid == 0 || pid == c->pmt_pid)) {
        const uint8_t *section = data + 1 + data[0];
        if (end - section < 12)
            return;
        size_t size_bytes = 3 + ((section[1] & 15u) << 8 | section[2]);
        if (size_bytes > (size_t)(end - section))
            size_bytes = (size_t)(end - section);
        if (pid == 0)
            read_pat(c, section, size_bytes);
        else
            read_pmt(c, section, size_bytes);
    }
}

static void read_message(struct connection *c, const uint8_t *data, size_t size_bytes, int64_t arrival_ns)
{
    while (size_bytes > 0) {
        size_t take = TS_BYTES - c->rest_bytes;
        if (take > size_bytes)
            take = size_bytes;
        memcpy(c->rest + c->rest_bytes, data, take);
        c->rest_bytes += take;
        data += take;
        size_bytes -= take;
        if (c->rest_bytes == TS_BYTES) {
            read_packet(c, c->rest, arrival_ns);
            c->rest_bytes = 0;
        }
    }
}

// ---- pictures ----

static bool has_idr(const uint8_t *data, size_t size_bytes)
{
    for (size_t i = 0; i + 3 < size_bytes; i++) {
        if (data[i] || data[i + 1] || data[i + 2] != 1)
            continue;
        unsigned type = data[i + 3] & 31;
        if (type == 5 || type == 1)
            return type == 5;
    }
    return false;
}

static bool read_cell(const AVFrame *frame, int column, int row)
{
    int width = frame->width / CELLS_A_ROW & ~1;
    width = width < 10 ? 10 : width;
    const int height = width > 32 ? 32 : width;
    const uint8_t *line = frame->data[0] + (row * height + height / 4) * frame->linesize[0];
    uint32_t sum = 0;

    for (int y = 0; y < height / 2; y++, line += frame->linesize[0])
        for (int x = 0; x < width / 2; x++)
            sum += line[column * width + width / 4 + x];
    return sum > LUMA_MIDDLE * (uint32_t)(width / 2 * (height / 2));
}

static int64_t read_number(const AVFrame *frame)
{
    uint64_t number = 0;
    uint32_t stated = 0, crc = 0xffff;

    for (int i = 0; i < CELLS_A_ROW; i++)
        number |= (uint64_t)read_cell(frame, i, 0) << i;
    for (int i = 0; i < 16; i++) {
        number |= (uint64_t)read_cell(frame, i, 1) << (CELLS_A_ROW + i);
        stated |= (uint32_t)read_cell(frame, 16 + i, 1) << i;
    }
    for (int bit = 47; bit >= 0; bit--) {
        uint32_t top = crc >> 15 & 1;
        crc = crc << 1 & 0xffff;
        if (top ^ (number >> bit & 1))
            crc ^= 0x1021;
    }
    return crc == stated ? (int64_t)number : -1;
}

static void take_pictures(struct connection *c, AVCodecContext *decoder, AVFrame *frame)
{
    while (avcodec_receive_frame(decoder, frame) == 0) {
        if (frame->pts >= 0 && (size_t)frame->pts < c->count && !frame->decode_error_flags)
            c->units[frame->pts].number = read_number(frame);
    }
}

static void decode(struct connection *c)
{
    AVCodecContext *decoder = avcodec_alloc_context3(avcodec_find_decoder(AV_CODEC_ID_H264));
    AVPacket *packet = av_packet_alloc();
    AVFrame *frame = av_frame_alloc();

    if (!decoder || !packet || !frame)
        exit(1);
    decoder->thread_count = 1;
    decoder->flags |= AV_CODEC_FLAG_LOW_DELAY;
    if (avcodec_open2(decoder, NULL, NULL) != 0)
        exit(1);
    for (size_t i = 0; i < c->count; i++) {
        struct unit *unit = &c->units[i];
        unit->idr = has_idr(c->data + unit->offset, unit->size_bytes);
        packet->data = c->data + unit->offset;
        packet->size = (int)unit->size_bytes;
        packet->pts = packet->dts = (int64_t)i;
        (void)avcodec_send_packet(decoder, packet); // what it refuses stays without a number
        take_pictures(c, decoder, frame);
    }
    (void)avcodec_send_packet(decoder, NULL);
    take_pictures(c, decoder, frame);
    packet->data = NULL;
    packet->size = 0;
    av_frame_free(&frame);
    av_packet_free(&packet);
    avcodec_free_context(&decoder);
}

static int read_capture(FILE *file)
{
    struct capture_record record;
    uint8_t payload[UINT16_MAX];

    while (fread(&record, sizeof record, 1, file) == 1) {
        if (record.connection >= CONNECTIONS_MAX ||
            fread(payload, 1, record.size_bytes, file) != record.size_bytes)
            return -1;
        if (record.kind == CAPTURE_PAYLOAD)
            read_message(&connections[record.connection], payload, record.size_bytes, record.arrival_ns);
        else
            printf("#%s,%" PRIu32 ",%" PRId64 "\n",
                   record.kind == CAPTURE_CONNECTED ? "connected" : "disconnected", record.connection,
                   record.arrival_ns);
    }
    return 0;
}

int main(int argc, char **argv)
{
    FILE *file = argc == 2 ? fopen(argv[1], "re") : NULL;

    if (!file) {
        fputs("usage: units CAPTURE\n", stderr);
        return 2;
    }
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        connections[i].continuity = -1;
    av_log_set_level(AV_LOG_QUIET);
    if (read_capture(file) != 0)
        fputs("units: the capture is cut off\n", stderr);
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *c = &connections[i];
        if (c->count > 0)
            decode(c);
        for (size_t k = 0; k < c->count; k++)
            printf("%u,%" PRId64 ",%" PRId64 ",%zu,%d,%" PRIu64 ",%" PRIu32 "\n", i, c->units[k].number,
                   c->units[k].arrival_ns, c->units[k].size_bytes, c->units[k].idr, c->units[k].pts,
                   c->units[k].continuity_errors);
    }
    fclose(file);
    return 0;
}
