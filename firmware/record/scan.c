// SPDX-License-Identifier: Apache-2.0
#include "record/scan.h"

#include <string.h>

#define TS_BYTES 188u
#define TS_SYNC 0x47
#define PES_HEAD_BYTES 6u
#define VIDEO_STREAM_ID_MASK 0xf0
#define VIDEO_STREAM_ID 0xe0
#define BOX_HEAD_BYTES 8u
#define BOX_LARGE_BYTES 16u

// time stamp UUID, status, 8 bytes of time with 3 guards, SEI type and size, identity UUID, 16 bytes
#define UUID_BYTES 16u
#define TIME_AT (UUID_BYTES + 1)
#define IDENTITY_AT (UUID_BYTES + 12 + 2)
#define SEQUENCE_AT (IDENTITY_AT + UUID_BYTES + 8)
#define NAME_BYTES (IDENTITY_AT + UUID_BYTES + 16)

static const uint8_t time_uuid[UUID_BYTES] = "MISPmicrosectime";
static const uint8_t identity_uuid[UUID_BYTES] = "castor-frame-id1";

void scan_init(struct scan *scan, enum archive_container container)
{
    memset(scan, 0, sizeof *scan);
    scan->container = container;
}

// ---- names ----

static uint64_t read_be(const uint8_t *from, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | from[i];
    return value;
}

static void note_frame(struct scan *scan, const uint8_t *name)
{
    struct scan_frames *frames = &scan->so_far;
    uint64_t utc_us = 0;

    for (unsigned part = 0; part < 4; part++)
        utc_us = utc_us << 16 | read_be(name + TIME_AT + part * 3, 2);
    if (utc_us > INT64_MAX / 1000)
        return;
    frames->last_sequence = read_be(name + SEQUENCE_AT, 8);
    frames->last_utc_us = (int64_t)utc_us;
    if (frames->count++ == 0) {
        frames->first_sequence = frames->last_sequence;
        frames->first_utc_us = frames->last_utc_us;
    }
}

// Takes emulation prevention out; false when the source ends before all is there.
static bool unescape(const uint8_t *from, size_t size_bytes, uint8_t *out, size_t wanted)
{
    unsigned zeros = 0;
    size_t n = 0;

    for (size_t i = 0; i < size_bytes && n < wanted; i++) {
        if (zeros >= 2 && from[i] == 3) {
            zeros = 0;
            continue;
        }
        zeros = from[i] == 0 ? zeros + 1 : 0;
        out[n++] = from[i];
    }
    return n == wanted;
}

static const uint8_t *find_uuid(const uint8_t *from, size_t size_bytes)
{
    const uint8_t *end = from + size_bytes;

    while ((size_t)(end - from) >= UUID_BYTES) {
        from = memchr(from, time_uuid[0], (size_t)(end - from) - UUID_BYTES + 1);
        if (!from || memcmp(from, time_uuid, UUID_BYTES) == 0)
            return from;
        from++;
    }
    return NULL;
}

// Searches one contiguous piece; returns how many bytes at its end have to be looked at again with more.
static size_t search(struct scan *scan, const uint8_t *data, size_t size_bytes)
{
    const uint8_t *end = data + size_bytes;
    const uint8_t *found = find_uuid(data, size_bytes);
    uint8_t name[NAME_BYTES];

    while (found) {
        size_t there = (size_t)(end - found);
        if (!unescape(found, there, name, sizeof name))
            return there < SCAN_NAME_BYTES ? there : 0;
        if (memcmp(name + IDENTITY_AT, identity_uuid, UUID_BYTES) == 0)
            note_frame(scan, name);
        data = found + UUID_BYTES;
        found = find_uuid(data, (size_t)(end - data));
    }
    size_t left = (size_t)(end - data);
    return left < UUID_BYTES - 1 ? left : UUID_BYTES - 1;
}

static void search_next(struct scan *scan, const uint8_t *data, size_t size_bytes)
{
    uint8_t joint[SCAN_NAME_BYTES * 2];
    size_t head = size_bytes < SCAN_NAME_BYTES ? size_bytes : SCAN_NAME_BYTES;
    size_t again;

    // What was left before, with as much of the new as a name can need; then the rest of the new.
    memcpy(joint, scan->tail, scan->tail_bytes);
    memcpy(joint + scan->tail_bytes, data, head);
    again = search(scan, joint, scan->tail_bytes + head);
    if (head < size_bytes) {
        if (again > head) // cannot be: a name is never longer than what was added
            again = head;
        data += head - again;
        size_bytes -= head - again;
        again = search(scan, data, size_bytes);
        memcpy(scan->tail, data + size_bytes - again, again);
    } else {
        memmove(scan->tail, joint + scan->tail_bytes + head - again, again);
    }
    scan->tail_bytes = again;
}

static void is_whole_up_to(struct scan *scan, uint64_t position)
{
    scan->whole_bytes = position;
    scan->frames = scan->so_far;
}

// ---- transport stream ----

// The payload of a packet, or NULL. *filled: it does not use the whole packet.
static const uint8_t *payload_of(const uint8_t *packet, size_t *size_bytes, bool *filled)
{
    unsigned adaptation = packet[3] >> 4 & 3;
    size_t offset = 4 + (adaptation & 2 ? 1u + packet[4] : 0u);

    if (!(adaptation & 1) || offset >= TS_BYTES)
        return NULL;
    *filled = adaptation & 2;
    *size_bytes = TS_BYTES - offset;
    return packet + offset;
}

static bool begins_video(const uint8_t *payload, size_t size_bytes)
{
    return size_bytes > PES_HEAD_BYTES && payload[0] == 0 && payload[1] == 0 && payload[2] == 1 &&
           (payload[3] & VIDEO_STREAM_ID_MASK) == VIDEO_STREAM_ID;
}

static void begin_pes(struct scan *scan, const uint8_t *payload, uint16_t pid, uint64_t offset)
{
    uint64_t length = read_be(payload + 4, 2);

    // The one before is complete now if it did not state its length.
    if (scan->pes_open && scan->pes_left < 0)
        is_whole_up_to(scan, offset);
    scan->pes_open = true;
    scan->pid = pid;
    scan->pes_left = length ? (int64_t)(length + PES_HEAD_BYTES) : -1;
    scan->tail_bytes = 0;
}

static void take_packet(struct scan *scan, const uint8_t *packet)
{
    uint64_t offset = scan->position - TS_BYTES;
    uint16_t pid = (uint16_t)(read_be(packet + 1, 2) & 0x1fff);
    bool start = packet[1] & 0x40, filled = false;
    size_t size_bytes = 0;
    const uint8_t *payload = payload_of(packet, &size_bytes, &filled);

    if (packet[0] != TS_SYNC) {
        scan->broken = true;
        return;
    }
    if (payload && start && begins_video(payload, size_bytes))
        begin_pes(scan, payload, pid, offset);
    else if (!scan->pes_open)
        is_whole_up_to(scan, scan->position); // between two access units
    if (!payload || !scan->pes_open || pid != scan->pid)
        return;
    search_next(scan, payload, size_bytes);
    bool stated = scan->pes_left >= 0;
    if (stated)
        scan->pes_left -= (int64_t)size_bytes;
    if (stated ? scan->pes_left <= 0 : filled && !start) {
        scan->pes_open = false;
        is_whole_up_to(scan, scan->position);
    }
}

static size_t feed_packets(struct scan *scan, const uint8_t *data, size_t size_bytes)
{
    size_t n = TS_BYTES - scan->gathered_bytes;

    if (n > size_bytes)
        n = size_bytes;
    memcpy(scan->gathered + scan->gathered_bytes, data, n);
    scan->gathered_bytes += n;
    scan->position += n;
    if (scan->gathered_bytes == TS_BYTES) {
        scan->gathered_bytes = 0;
        take_packet(scan, scan->gathered);
    }
    return n;
}

// ---- MP4 ----

#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define BOX_MDAT BOX('m', 'd', 'a', 't')
#define BOX_MOOF BOX('m', 'o', 'o', 'f')
#define BOX_MOOV BOX('m', 'o', 'o', 'v')
#define BOX_FTYP BOX('f', 't', 'y', 'p')

static void box_ends(struct scan *scan)
{
    if (scan->box_type == BOX_MOOV)
        scan->had_moov = true;
    if (scan->had_moov && scan->box_type != BOX_MOOF)
        is_whole_up_to(scan, scan->position);
    scan->gathered_bytes = 0;
}

static void box_begins(struct scan *scan)
{
    uint64_t size = read_be(scan->gathered, 4);
    size_t head_bytes = size == 1 ? BOX_LARGE_BYTES : BOX_HEAD_BYTES;

    if (scan->gathered_bytes < head_bytes)
        return;
    if (size == 1)
        size = read_be(scan->gathered + BOX_HEAD_BYTES, 8);
    scan->box_type = (uint32_t)read_be(scan->gathered + 4, 4);
    bool first = scan->position == scan->gathered_bytes;
    if (size < head_bytes || first != (scan->box_type == BOX_FTYP)) {
        scan->broken = true;
        return;
    }
    scan->tail_bytes = 0;
    scan->box_left = size - head_bytes;
    if (scan->box_left == 0)
        box_ends(scan);
}

static size_t feed_boxes(struct scan *scan, const uint8_t *data, size_t size_bytes)
{
    if (scan->box_left == 0) { // byte by byte: headers are short
        scan->gathered[scan->gathered_bytes++] = *data;
        scan->position++;
        if (scan->gathered_bytes == BOX_HEAD_BYTES || scan->gathered_bytes == BOX_LARGE_BYTES)
            box_begins(scan);
        return 1;
    }
    size_t n = size_bytes < scan->box_left ? size_bytes : (size_t)scan->box_left;
    if (scan->box_type == BOX_MDAT)
        search_next(scan, data, n);
    scan->box_left -= n;
    scan->position += n;
    if (scan->box_left == 0)
        box_ends(scan);
    return n;
}

// ---- the whole ----

void scan_feed(struct scan *scan, const uint8_t *data, size_t size_bytes)
{
    while (size_bytes > 0 && !scan->broken) {
        size_t n = scan->container == ARCHIVE_TS ? feed_packets(scan, data, size_bytes)
                                                 : feed_boxes(scan, data, size_bytes);
        data += n;
        size_bytes -= n;
    }
}

void scan_finish(struct scan *scan)
{
    if (scan->frames.count == 0)
        scan->whole_bytes = 0;
}
