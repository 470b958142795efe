// SPDX-License-Identifier: Apache-2.0
// floor WIDTH HEIGHT FPS PRESET THREADS KBPS VBV_MS GOP_FRAMES PORT LATENCY_MS < raw I420 frames
//
// What live encoding costs at the very least: read a frame, x264_encoder_encode(), the smallest transport
// stream that a player accepts, srt_sendmsg2(). One process, one thread of its own, no error handling beyond
// giving up. Everything that does more is measured against it.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <srt/srt.h>
#include <x264.h>

#define TS_BYTES 188u
#define PAYLOAD_BYTES (7 * TS_BYTES)
#define PMT_PID 0x1000u
#define VIDEO_PID 0x100u
#define PTS_OFFSET 9000 // 100 ms ahead of the clock

static SRTSOCKET peer;
static uint8_t payload[PAYLOAD_BYTES];
static size_t used_bytes;
static unsigned continuity[3];

static void give_up(const char *what)
{
    fprintf(stderr, "floor: %s\n", what);
    exit(1);
}

static void flush_payload(void)
{
    if (used_bytes > 0 && srt_sendmsg2(peer, (const char *)payload, (int)used_bytes, NULL) == SRT_ERROR)
        give_up(srt_getlasterror_str());
    used_bytes = 0;
}

static uint8_t *next_packet(unsigned pid, unsigned counter, bool start)
{
    if (used_bytes == PAYLOAD_BYTES)
        flush_payload();
    uint8_t *packet = payload + used_bytes;
    used_bytes += TS_BYTES;
    packet[0] = 0x47;
    packet[1] = (uint8_t)(pid >> 8 | (start ? 0x40 : 0));
    packet[2] = (uint8_t)pid;
    packet[3] = (uint8_t)(0x10 | (continuity[counter]++ & 15));
    return packet;
}

static uint32_t crc32(const uint8_t *data, size_t size_bytes)
{
    uint32_t crc = 0xffffffff;

    for (size_t i = 0; i < size_bytes; i++) {
        crc ^= (uint32_t)data[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
    }
    return crc;
}

static void write_table(unsigned pid, unsigned counter, const uint8_t *section, size_t size_bytes)
{
    uint8_t *packet = next_packet(pid, counter, true);
    uint32_t crc = crc32(section, size_bytes);

    memset(packet + 4, 0xff, TS_BYTES - 4);
    packet[4] = 0; // pointer_field
    memcpy(packet + 5, section, size_bytes);
    for (int i = 0; i < 4; i++)
        packet[5 + size_bytes + (size_t)i] = (uint8_t)(crc >> (24 - 8 * i));
}

static void write_tables(void)
{
    static const uint8_t pat[] = {0x00,          0xb0, 13, 0, 1, 0xc1, 0, 0, 0, 1, 0xe0 | PMT_PID >> 8,
                                  PMT_PID & 0xff};
    static const uint8_t pmt[] = {0x02,
                                  0xb0,
                                  18,
                                  0,
                                  1,
                                  0xc1,
                                  0,
                                  0,
                                  0xe0 | VIDEO_PID >> 8,
                                  VIDEO_PID & 0xff,
                                  0xf0,
                                  0,
                                  0x1b,
                                  0xe0 | VIDEO_PID >> 8,
                                  VIDEO_PID & 0xff,
                                  0xf0,
                                  0};
    write_table(0, 0, pat, sizeof pat);
    write_table(PMT_PID, 1, pmt, sizeof pmt);
}

static void write_pes_header(uint8_t *out, uint64_t pts, size_t unit_bytes)
{
    size_t length = unit_bytes + 8 <= 0xffff ? unit_bytes + 8 : 0;
    const uint8_t header[14] = {0,
                                0,
                                1,
                                0xe0,
                                (uint8_t)(length >> 8),
                                (uint8_t)length,
                                0x84,
                                0x80,
                                5,
                                (uint8_t)(0x21 | (pts >> 29 & 0x0e)),
                                (uint8_t)(pts >> 22),
                                (uint8_t)(pts >> 14 | 1),
                                (uint8_t)(pts >> 7),
                                (uint8_t)(pts << 1 | 1)};
    memcpy(out, header, sizeof header);
}

// The adaptation field: the clock and the random access point in the first packet, stuffing in the last.
static void write_adaptation(uint8_t *packet, size_t size_bytes, bool first, uint64_t clock, bool idr)
{
    packet[3] |= 0x20;
    packet[4] = (uint8_t)(size_bytes - 1);
    if (size_bytes == 1)
        return;
    memset(packet + 5, 0xff, size_bytes - 1);
    packet[5] = 0;
    if (!first)
        return;
    packet[5] = (uint8_t)(0x10 | (idr ? 0x40 : 0));
    for (int i = 0; i < 4; i++)
        packet[6 + i] = (uint8_t)(clock >> (25 - 8 * i));
    packet[10] = (uint8_t)(clock << 7 | 0x7e);
    packet[11] = 0;
}

static void write_unit(const uint8_t *data, size_t size_bytes, uint64_t clock, bool idr)
{
    uint8_t header[14];
    size_t header_bytes = sizeof header;

    if (idr)
        write_tables();
    write_pes_header(header, clock + PTS_OFFSET, size_bytes);
    for (bool first = true; size_bytes > 0; first = false) {
        uint8_t *packet = next_packet(VIDEO_PID, 2, first);
        size_t field = first ? 8 : 0;
        size_t left = header_bytes + size_bytes;
        if (left < TS_BYTES - 4 - field)
            field = TS_BYTES - 4 - left;
        if (field > 0)
            write_adaptation(packet, field, first, clock, idr);
        uint8_t *at = packet + 4 + field;
        memcpy(at, header, header_bytes);
        at += header_bytes;
        size_t room = TS_BYTES - 4 - field - header_bytes;
        memcpy(at, data, room);
        data += room;
        size_bytes -= room;
        header_bytes = 0;
    }
    flush_payload();
}

static void connect_to(int port, int latency_ms)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    srt_startup();
    srt_setloglevel(0);
    peer = srt_create_socket();
    srt_setsockflag(peer, SRTO_LATENCY, &latency_ms, sizeof latency_ms);
    if (srt_connect(peer, (const struct sockaddr *)&address, sizeof address) == SRT_ERROR)
        give_up(srt_getlasterror_str());
}

static x264_t *open_encoder(char **argv)
{
    x264_param_t param;

    if (x264_param_default_preset(&param, argv[4], "zerolatency") != 0)
        give_up("unknown preset");
    param.i_width = atoi(argv[1]);
    param.i_height = atoi(argv[2]);
    param.i_fps_num = param.i_timebase_den = (uint32_t)atoi(argv[3]);
    param.i_fps_den = param.i_timebase_num = 1;
    param.b_vfr_input = 0;
    param.i_threads = atoi(argv[5]);
    param.rc.i_rc_method = X264_RC_ABR;
    param.rc.i_bitrate = param.rc.i_vbv_max_bitrate = atoi(argv[6]);
    param.rc.i_vbv_buffer_size = param.rc.i_bitrate * atoi(argv[7]) / 1000;
    param.i_keyint_max = param.i_keyint_min = atoi(argv[8]);
    param.i_scenecut_threshold = 0;
    param.b_repeat_headers = param.b_annexb = param.b_aud = 1;
    param.i_log_level = X264_LOG_WARNING;
    x264_t *encoder = x264_encoder_open(&param);
    if (!encoder)
        give_up("x264 refuses its settings");
    return encoder;
}

static bool read_frame(uint8_t *data, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t n = read(STDIN_FILENO, data, size_bytes);
        if (n <= 0)
            return false;
        data += n;
        size_bytes -= (size_t)n;
    }
    return true;
}

int main(int argc, char **argv)
{
    if (argc != 11) {
        fputs("usage: floor WIDTH HEIGHT FPS PRESET THREADS KBPS VBV_MS GOP_FRAMES PORT LATENCY_MS\n",
              stderr);
        return 2;
    }
    const int width = atoi(argv[1]);
    const size_t luma_bytes = (size_t)width * (size_t)atoi(argv[2]);
    const uint64_t rate = strtoull(argv[3], NULL, 10);
    uint8_t *frame = malloc(luma_bytes * 3 / 2);
    x264_picture_t picture, coded;

    connect_to(atoi(argv[9]), atoi(argv[10]));
    x264_t *encoder = open_encoder(argv);
    x264_picture_init(&picture);
    picture.img.i_csp = X264_CSP_I420;
    picture.img.i_plane = 3;
    for (int i = 0; i < 3; i++)
        picture.img.i_stride[i] = i == 0 ? width : width / 2;
    picture.img.plane[0] = frame;
    picture.img.plane[1] = frame + luma_bytes;
    picture.img.plane[2] = frame + luma_bytes * 5 / 4;
    for (picture.i_pts = 0; frame && read_frame(frame, luma_bytes * 3 / 2); picture.i_pts++) {
        x264_nal_t *nals;
        int count;
        int size = x264_encoder_encode(encoder, &nals, &count, &picture, &coded);
        if (size > 0)
            write_unit(nals[0].p_payload, (size_t)size, (uint64_t)coded.i_pts * 90000 / rate,
                       coded.b_keyframe);
    }
    x264_encoder_close(encoder);
    srt_close(peer);
    srt_cleanup();
    free(frame);
    return 0;
}
