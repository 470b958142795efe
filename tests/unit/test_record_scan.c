// SPDX-License-Identifier: Apache-2.0
// What is whole of a segment that was cut off at any byte.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hal/time.h"
#include "mux/mux.h"
#include "record/container.h"
#include "record/scan.h"

#define FRAMES 40
#define FILE_BYTES (4u << 20)

// A host that keeps what it is given, and where each access unit ended.
struct rig {
    struct container_host host;
    uint8_t file[FILE_BYTES];
    size_t bytes;
    size_t ends[FRAMES];
};

static int keep(struct container_host *host, const uint8_t *data, size_t size_bytes)
{
    struct rig *rig = (struct rig *)host;

    assert_true(rig->bytes + size_bytes <= FILE_BYTES);
    memcpy(rig->file + rig->bytes, data, size_bytes);
    rig->bytes += size_bytes;
    return CASTOR_OK;
}

static int turn(struct container_host *host)
{
    ((struct rig *)host)->bytes = 0; // what came before belongs to no file
    return CASTOR_OK;
}

// An access unit of H.264 as far as anybody looks at it: delimiter, at an IDR parameter sets, one slice. The
// larger ones do not state their length in the PES header.
static size_t make_unit(uint8_t *out, bool idr, size_t size_bytes)
{
    static const uint8_t delimiter[] = {0, 0, 0, 1, 9, 0xf0};
    static const uint8_t sets[] = {0,    0,    0, 1, 0x67, 0x42, 0xc0, 0x0b, 0xda, 0x05, 0x07, 0x6c,
                                   0x04, 0x40, 0, 0, 3,    0,    0x40, 0,    0,    0x0c, 0x03, 0xc5,
                                   0x0a, 0xa8, 0, 0, 0,    1,    0x68, 0xce, 0x0f, 0xc8};
    size_t used = sizeof delimiter;

    memset(out, 0x55, size_bytes);
    memcpy(out, delimiter, sizeof delimiter);
    if (idr) {
        memcpy(out + used, sets, sizeof sets);
        used += sizeof sets;
    }
    memcpy(out + used, idr ? "\0\0\1\x65\x88" : "\0\0\1\x41\x9a", 5);
    return size_bytes;
}

static void record_frames(struct rig *rig, const struct container_ops *ops)
{
    static uint8_t data[200000];
    const struct container_config config = {
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = 176, .height_px = 144, .pixel = CASTOR_PIXEL_I420, .rate = {25, 1}},
        .pts_offset_ns = 100 * CASTOR_NS_PER_MS,
        .pcr_interval_ns = 20 * CASTOR_NS_PER_MS,
    };
    struct container *container = NULL;

    rig->host = (struct container_host){.write = keep, .turn = turn};
    rig->bytes = 0;
    assert_int_equal(ops->create(&config, &rig->host, &container), CASTOR_OK);
    for (unsigned i = 0; i < FRAMES; i++) {
        bool idr = i % 10 == 0;
        // Sizes that fill packets in all ways; every tenth is beyond what a PES header can state.
        struct record_unit unit = {
            .data = data,
            .size_bytes = (uint32_t)make_unit(data, idr, idr ? 70000 + i * 61 : 700 + i * 61),
            .sequence = 1000 + i,
            .capture_ns = (1 + i) * 40 * CASTOR_NS_PER_MS,
            .utc_offset_ns = INT64_C(1795832400) * CASTOR_NS_PER_S,
            .idr = idr,
        };
        assert_int_equal(ops->write(container, &unit, i == 0), CASTOR_OK);
        assert_int_equal(ops->settle(container), CASTOR_OK);
        rig->ends[i] = rig->bytes;
    }
    ops->destroy(container);
}

static unsigned whole_frames(const struct rig *rig, size_t size_bytes)
{
    unsigned n = 0;

    while (n < FRAMES && rig->ends[n] <= size_bytes)
        n++;
    return n;
}

// Cut off at any byte, the file is whole up to the last access unit that it has all of.
static void cut_anywhere(enum archive_container container, const struct container_ops *ops)
{
    struct rig *rig = malloc(sizeof *rig);
    struct scan scan;

    assert_non_null(rig);
    record_frames(rig, ops);
    for (size_t size = 0; size <= rig->bytes; size += 1 + size % 97) {
        unsigned frames = whole_frames(rig, size);
        scan_init(&scan, container);
        for (size_t at = 0; at < size; at += 4096)
            scan_feed(&scan, rig->file + at, size - at < 4096 ? size - at : 4096);
        scan_finish(&scan);
        // An access unit of unstated length whose last packet is full to the byte cannot be told from one
        // that goes on: of these there is none among the sizes here.
        assert_int_equal(scan.frames.count, frames);
        if (frames == 0)
            continue;
        assert_int_equal(scan.frames.first_sequence, 1000);
        assert_int_equal(scan.frames.last_sequence, 999 + frames);
        assert_int_equal(scan.frames.last_utc_us - scan.frames.first_utc_us, (int64_t)(frames - 1) * 40000);
        assert_true(scan.whole_bytes >= rig->ends[frames - 1] && scan.whole_bytes <= size);
    }
    free(rig);
}

static void a_transport_stream_is_whole_up_to_its_last_access_unit(void **state)
{
    (void)state;
    cut_anywhere(ARCHIVE_TS, &container_ts);
}

static void an_mp4_file_is_whole_up_to_its_last_fragment(void **state)
{
    (void)state;
    cut_anywhere(ARCHIVE_MP4, &container_mp4);
}

static void rubbish_is_not_whole(void **state)
{
    static uint8_t rubbish[10000];
    struct scan scan;

    (void)state;
    for (int container = ARCHIVE_TS; container < ARCHIVE_CONTAINERS; container++) {
        scan_init(&scan, (enum archive_container)container);
        scan_feed(&scan, rubbish, sizeof rubbish);
        scan_finish(&scan);
        assert_int_equal(scan.whole_bytes, 0);
        assert_int_equal(scan.frames.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transport_stream_is_whole_up_to_its_last_access_unit),
        cmocka_unit_test(an_mp4_file_is_whole_up_to_its_last_fragment),
        cmocka_unit_test(rubbish_is_not_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
