// SPDX-License-Identifier: Apache-2.0
// Messages of every wrong kind, the ring's bounds, the pool's hand-back.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#include "../pool_view.h"
#include "ipc/channel.h"
#include "pool/ring.h"

static const struct castor_format format = {640, 360, CASTOR_PIXEL_I420, {30, 1}};

static void good_message_arrives_with_its_descriptor(void **unused)
{
    int pair[2], fds[MESSAGE_FDS_MAX];
    unsigned count = 0;
    struct message out, in;
    (void)unused;

    assert_int_equal(channel_pair(pair), CASTOR_OK);
    message_init(&out, MESSAGE_FRAME);
    out.body.frame = (struct message_frame){.sequence = 7, .capture_ns = 9, .slot = 3};
    assert_int_equal(channel_send(pair[0], &out, &pair[1], 1), CASTOR_OK);
    assert_int_equal(channel_receive(pair[1], MESSAGE_FROM_CAPTURE, &in, fds, &count, NULL), CASTOR_OK);
    assert_int_equal(in.body.frame.sequence, 7);
    assert_int_equal(count, 1);
    close(fds[0]);
    assert_int_equal(channel_receive(pair[1], MESSAGE_FROM_CAPTURE, &in, NULL, NULL, NULL), CASTOR_ERR_AGAIN);
    close(pair[0]);
    assert_int_equal(channel_receive(pair[1], MESSAGE_FROM_CAPTURE, &in, NULL, NULL, NULL), CASTOR_ERR_END);
    close(pair[1]);
}

static void last_words_of_a_dead_worker_arrive(void **unused)
{
    int pair[2];
    struct message out, in;
    (void)unused;

    assert_int_equal(channel_pair(pair), CASTOR_OK);
    message_init(&out, MESSAGE_STOP);
    assert_int_equal(channel_send(pair[0], &out, NULL, 0), CASTOR_OK); // never read
    message_init(&out, MESSAGE_FRAME);
    out.body.frame = (struct message_frame){.sequence = 7, .capture_ns = 9};
    assert_int_equal(channel_send(pair[1], &out, NULL, 0), CASTOR_OK);
    close(pair[1]);
    assert_int_equal(channel_receive(pair[0], MESSAGE_FROM_CAPTURE, &in, NULL, NULL, NULL), CASTOR_OK);
    assert_int_equal(in.body.frame.sequence, 7);
    assert_int_equal(channel_receive(pair[0], MESSAGE_FROM_CAPTURE, &in, NULL, NULL, NULL), CASTOR_ERR_END);
    close(pair[0]);
}

static void wrong_messages_are_refused(void **unused)
{
    struct message m;
    const char *why = NULL;
    (void)unused;

    message_init(&m, MESSAGE_FRAME);
    m.body.frame = (struct message_frame){.sequence = 1, .capture_ns = 1};
    size_t size = m.header.size;
    assert_int_equal(message_check(&m, size, MESSAGE_FROM_CAPTURE, &why), CASTOR_OK);
    assert_int_equal(message_check(&m, size - 1, MESSAGE_FROM_CAPTURE, &why), CASTOR_ERR_INVALID);
    assert_int_equal(message_check(&m, 2, MESSAGE_FROM_CAPTURE, &why), CASTOR_ERR_INVALID);
    assert_int_equal(message_check(&m, size, MESSAGE_FROM_ENCODE, &why), CASTOR_ERR_INVALID);
    assert_string_equal(why, "this sender may not say that");
    m.body.frame.slot = MESSAGE_SLOTS_MAX;
    assert_int_equal(message_check(&m, size, MESSAGE_FROM_CAPTURE, &why), CASTOR_ERR_INVALID);
    m.body.frame.slot = 0;
    m.header.type = 9999;
    assert_int_equal(message_check(&m, size, MESSAGE_FROM_CAPTURE, &why), CASTOR_ERR_INVALID);
    message_init(&m, MESSAGE_FAILED);
    m.body.failed.error = CASTOR_ERR_IO;
    memset(m.body.failed.text, 'x', sizeof m.body.failed.text);
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_ENCODE, &why), CASTOR_ERR_INVALID);
    assert_string_equal(why, "a text is not terminated");
}

static void unknown_codecs_are_refused(void **unused)
{
    struct message m;
    const char *why = NULL;
    (void)unused;

    message_init(&m, MESSAGE_ENCODE_START);
    struct message_encode_start *encode = &m.body.encode_start;
    encode->format = format;
    encode->slot_count = 8;
    encode->ring_bytes = 1u << 16;
    encode->codec = MESSAGE_CODEC_HEVC;
    encode->gop_frames = MESSAGE_GOP_FRAMES_MAX;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, &why), CASTOR_OK);
    encode->codec = MESSAGE_CODECS;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, &why), CASTOR_ERR_INVALID);
    assert_string_equal(why, "unknown codec");
    encode->codec = MESSAGE_CODEC_H264;
    encode->gop_frames = MESSAGE_GOP_FRAMES_MAX + 1;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, &why), CASTOR_ERR_INVALID);
    assert_string_equal(why, "GOP length out of range");

    message_init(&m, MESSAGE_EGRESS_START);
    struct message_stream *egress = &m.body.egress_start.stream;
    egress->format = format;
    egress->path_count = 2;
    egress->ring_bytes = 1u << 16;
    egress->pcr_interval_ms = 20;
    egress->codec = MESSAGE_CODEC_HEVC;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, &why), CASTOR_OK);
    egress->codec = MESSAGE_CODECS;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, &why), CASTOR_ERR_INVALID);
    assert_string_equal(why, "unknown codec");
}

static void ring_spares_what_is_still_read(void **unused)
{
    struct ring *owner, *writer;
    uint64_t position;
    static uint8_t data[30000];
    (void)unused;

    assert_int_equal(ring_create(1u << 16, &owner), CASTOR_OK);
    assert_int_equal(ring_attach_writer(dup(ring_writer_fd(owner)), 1u << 16, 0, 0, &writer), CASTOR_OK);
    memset(data, 0x5a, sizeof data);
    assert_int_equal(ring_write(writer, data, 30000, &position), CASTOR_OK);
    assert_int_equal(ring_write(writer, data, 30000, &position), CASTOR_OK);
    assert_int_equal(position, 30000);
    assert_memory_equal(ring_view(owner, position, 30000), data, 30000);
    assert_int_equal(ring_write(writer, data, 30000, &position), CASTOR_ERR_FULL);
    ring_set_tail(writer, 30000);
    assert_int_equal(ring_write(writer, data, 30000, &position), CASTOR_OK);
    assert_int_equal(position, 1u << 16); // never across the end
    assert_int_equal(ring_write(writer, data, (1u << 15) + 1, &position), CASTOR_ERR_INVALID);
    assert_null(ring_view(owner, 65000, 1000));
    ring_destroy(writer);
    ring_destroy(owner);
}

static void readers_cannot_map_writable(void **unused)
{
    struct pool *pool;
    (void)unused;

    assert_int_equal(pool_create(&format, 4, &pool), CASTOR_OK);
    struct pool_descriptors fds = pool_descriptors(pool);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.pixels_read_only, 0),
                     MAP_FAILED);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds.control, 0), MAP_FAILED);
    assert_int_not_equal(ftruncate(fds.pixels, 0), 0); // sealed
    pool_destroy(pool);
}

static struct pool *attach(const struct pool *owner, enum pool_role role)
{
    struct pool *pool = pool_view(owner, &format, role);

    assert_non_null(pool);
    return pool;
}

// Whether memory can be mapped writable through any of the descriptors that a worker of this role is given.
static bool can_write(const struct pool *owner, enum pool_role role)
{
    int fds[POOL_SHARE_MAX];
    uint32_t dmabuf_count;
    unsigned count = pool_share(owner, role, fds, &dmabuf_count);
    bool can = false;

    for (unsigned i = 0; i < count; i++) {
        void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fds[i], 0);
        can |= memory != MAP_FAILED;
        if (memory != MAP_FAILED)
            munmap(memory, 4096);
    }
    return can;
}

static void slots_are_dmabufs(void **unused)
{
    static const char *const heaps[] = {"", "/dev/dma_heap/castor"};
    (void)unused;

    for (size_t i = 0; i < 2; i++) {
        struct castor_frame written = {0}, read = {0}, imported = {0};
        struct dmabuf_text why;
        struct pool *owner;

        assert_int_equal(pool_create_for_devices(&format, 4, heaps[i], &owner, &why), CASTOR_OK);
        assert_string_equal(why.text, "");
        assert_int_equal(pool_descriptors(owner).dmabuf_count, 4);
        struct pool *capture = attach(owner, POOL_ROLE_CAPTURE);
        struct pool *reader = attach(owner, POOL_ROLE_READER);
        struct pool *importer = attach(owner, POOL_ROLE_IMPORTER);
        pool_frame(capture, 3, &written);
        pool_frame(reader, 3, &read);
        pool_frame(importer, 3, &imported);
        memset(written.plane[2], 0x5a, 100);
        pool_written(capture, &written);
        assert_memory_equal(read.plane[2], written.plane[2], 100);
        assert_memory_equal(imported.plane[2], written.plane[2], 100);
        assert_true(written.dmabuf_fd >= 0 && imported.dmabuf_fd >= 0);
        // Over shared memory those who only read have neither a DMA-BUF nor a way to write.
        assert_int_equal(read.dmabuf_fd >= 0, i == 1);
        assert_int_equal(can_write(owner, POOL_ROLE_READER), i == 1);
        pool_destroy(importer);
        pool_destroy(reader);
        pool_destroy(capture);
        pool_destroy(owner);
    }
}

static void descriptors_that_make_no_pool_are_refused(void **unused)
{
    const int fds[4] = {10, 11, 12, 13};
    struct pool_parts parts;
    struct message m;
    (void)unused;

    message_init(&m, MESSAGE_CAPTURE_POOL);
    m.body.capture_pool.format = format;
    m.body.capture_pool.slot_count = m.body.capture_pool.dmabuf_count = 8;
    m.body.capture_pool.end_slot = 8;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, NULL), CASTOR_OK);
    m.body.capture_pool.dmabuf_count = 7;
    assert_int_equal(message_check(&m, m.header.size, MESSAGE_FROM_SUPERVISOR, NULL), CASTOR_ERR_INVALID);

    assert_false(pool_share_read(fds, 0, 0, &parts));
    assert_false(pool_share_read(fds, 2, 0, &parts));
    assert_false(pool_share_read(fds, 4, 2, &parts));
    assert_false(pool_share_read(fds, 4, POOL_SLOTS_MAX + 1, &parts));
    assert_true(pool_share_read(fds, 4, 3, &parts));
    assert_int_equal(parts.pixels, 10);
    assert_ptr_equal(parts.dmabuf, fds + 1);
    assert_true(pool_share_read(fds, 4, 4, &parts));
    assert_int_equal(parts.pixels, -1);
}

static void without_dmabufs_the_pool_is_a_plain_one(void **unused)
{
    static const struct {
        const char *words, *heap, *why;
    } cases[] = {
        {"no_udmabuf", "", "/dev/udmabuf: No such file"},
        {"denied", "", "/dev/udmabuf: Permission denied; give castord's user access"},
        {"refuse=2", "", "bytes for slot 2: Cannot allocate"},
        {"no_heap", "/dev/dma_heap/castor", "/dev/dma_heap/castor: No such file"},
        {"refuse=0", "/dev/dma_heap/castor", "bytes for slot 0: Cannot allocate"},
    };
    (void)unused;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct castor_frame frame = {0};
        struct dmabuf_text why;
        struct pool *owner;

        setenv("CASTOR_STANDIN_DMABUF", cases[i].words, 1);
        assert_int_equal(pool_create_for_devices(&format, 4, cases[i].heap, &owner, &why), CASTOR_OK);
        if (!strstr(why.text, cases[i].why))
            fail_msg("%s: \"%s\"", cases[i].words, why.text);
        assert_int_equal(pool_descriptors(owner).dmabuf_count, 0);
        struct pool *capture = attach(owner, POOL_ROLE_CAPTURE);
        pool_frame(capture, 0, &frame);
        assert_int_equal(frame.dmabuf_fd, -1);
        pool_written(capture, &frame);
        pool_destroy(capture);
        pool_destroy(owner);
    }
    unsetenv("CASTOR_STANDIN_DMABUF");
}

static void a_slot_is_free_when_its_frame_is_released(void **unused)
{
    struct pool *owner, *capture;
    (void)unused;

    assert_int_equal(pool_create(&format, 4, &owner), CASTOR_OK);
    struct pool_descriptors fds = pool_descriptors(owner);
    const struct pool_parts parts = {.pixels = dup(fds.pixels), .control = dup(fds.control)};
    assert_int_equal(pool_attach(&format, 4, &parts, &capture), CASTOR_OK);
    assert_true(pool_is_free(capture, 2, POOL_SLOT_FREE));
    assert_false(pool_is_free(capture, 2, 41));
    pool_release(owner, 2, 41);
    assert_true(pool_is_free(capture, 2, 41));
    assert_false(pool_is_free(capture, 2, 42));
    pool_destroy(capture);
    pool_destroy(owner);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_message_arrives_with_its_descriptor),
        cmocka_unit_test(last_words_of_a_dead_worker_arrive),
        cmocka_unit_test(wrong_messages_are_refused),
        cmocka_unit_test(unknown_codecs_are_refused),
        cmocka_unit_test(ring_spares_what_is_still_read),
        cmocka_unit_test(readers_cannot_map_writable),
        cmocka_unit_test(slots_are_dmabufs),
        cmocka_unit_test(descriptors_that_make_no_pool_are_refused),
        cmocka_unit_test(without_dmabufs_the_pool_is_a_plain_one),
        cmocka_unit_test(a_slot_is_free_when_its_frame_is_released),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
