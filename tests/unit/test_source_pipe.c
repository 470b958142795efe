// SPDX-License-Identifier: Apache-2.0
// What is peculiar to the pipe source: bytes land where they belong, ends and bad paths are told apart.
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "hal/source.h"
#include "pipe.h"

#define BUDGET_MS 10000

static char folder[] = "/tmp/castor-pipe-XXXXXX";
static char fifo[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(fifo, sizeof fifo, "%s/fifo", folder);
    return mkfifo(fifo, 0600);
}

static int remove_folder(void **state)
{
    (void)state;
    return unlink(fifo) || rmdir(folder);
}

static struct source *open_pipe(uint32_t width, uint32_t height, uint32_t pixel)
{
    struct source_config config = {.path = fifo, .format = {width, height, pixel, {50, 1}}};
    struct source_text why = {""};
    struct source *source = NULL;

    assert_int_equal(source_open(&source_pipe, &config, &source, &why), 0);
    return source;
}

static void lend(struct source *source, struct castor_frame *frame, uint8_t **memory)
{
    struct castor_frame_layout layout;

    assert_int_equal(castor_frame_layout_compute(&source->format, 64, &layout), 0);
    *memory = calloc(1, layout.size_bytes);
    assert_non_null(*memory);
    castor_frame_map(&layout, *memory, frame);
    assert_int_equal(source_queue(source, frame), 0);
}

static int wait_frame(struct source *source, struct castor_frame *out)
{
    int error = CASTOR_ERR_AGAIN;

    while (error == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = source_descriptor(source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, BUDGET_MS), 1);
        error = source_dequeue(source, out);
    }
    return error;
}

struct writing {
    int fd;
    size_t bytes, piece;
};

static uint8_t byte_at(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

static void *write_all(void *argument)
{
    const struct writing *writing = argument;
    uint8_t *data = malloc(writing->bytes);
    size_t done = 0;

    for (size_t i = 0; data && i < writing->bytes; i++)
        data[i] = byte_at(i);
    while (data && done < writing->bytes) {
        size_t left = writing->bytes - done;
        ssize_t put = write(writing->fd, data + done, left < writing->piece ? left : writing->piece);
        if (put <= 0)
            break;
        done += (size_t)put;
    }
    free(data);
    return NULL;
}

// One frame, written in pieces by another thread, stands row by row in the slot.
static void check_bytes(uint32_t width, uint32_t height, uint32_t pixel, size_t piece)
{
    struct source *source = open_pipe(width, height, pixel);
    struct castor_frame frame = {.slot = 0, .dmabuf_fd = -1}, got;
    struct castor_frame_layout packed;
    struct writing writing = {.piece = piece};
    pthread_t thread;
    uint8_t *memory;
    size_t at = 0;

    assert_int_equal(castor_frame_layout_compute(&source->format, 1, &packed), 0);
    lend(source, &frame, &memory);
    writing.fd = open(fifo, O_WRONLY);
    writing.bytes = packed.size_bytes;
    assert_true(writing.fd >= 0);
    assert_int_equal(pthread_create(&thread, NULL, write_all, &writing), 0);
    assert_int_equal(wait_frame(source, &got), 0);
    pthread_join(thread, NULL);
    for (uint32_t plane = 0; plane < packed.planes; plane++)
        for (uint32_t row = 0; row < packed.rows[plane]; row++)
            for (uint32_t x = 0; x < packed.stride_bytes[plane]; x++, at++)
                if (got.plane[plane][row * got.stride_bytes[plane] + x] != byte_at(at))
                    fail_msg("plane %u row %u byte %u", plane, row, x);
    assert_int_equal(at, packed.size_bytes);
    close(writing.fd);
    source_close(source);
    free(memory);
}

static void test_bytes_land_in_rows(void **state)
{
    (void)state;
    check_bytes(320, 180, CASTOR_PIXEL_I420, 1 << 20); // chroma rows are padded in the slot
    check_bytes(322, 182, CASTOR_PIXEL_I420, 1000);    // all rows are padded, pieces end within rows
    check_bytes(322, 182, CASTOR_PIXEL_NV12, 4099);
    check_bytes(1282, 720, CASTOR_PIXEL_I420, 65536);   // more rows than one read takes
    check_bytes(1280, 720, CASTOR_PIXEL_I420, 1 << 24); // one piece of memory, larger than the pipe
    check_bytes(1920, 1080, CASTOR_PIXEL_P010, 1 << 24);
}

static void test_end_drops_a_partial_frame(void **state)
{
    struct source *source = open_pipe(320, 180, CASTOR_PIXEL_I420);
    struct castor_frame one = {.slot = 0, .dmabuf_fd = -1}, two = {.slot = 1, .dmabuf_fd = -1}, got;
    struct writing writing = {.piece = 4096, .bytes = 320 * 180 * 3 / 2 + 1000};
    uint8_t *memory[2];

    (void)state;
    lend(source, &one, &memory[0]);
    lend(source, &two, &memory[1]);
    assert_int_equal(source_dequeue(source, &got), CASTOR_ERR_AGAIN); // nobody has opened the FIFO yet
    writing.fd = open(fifo, O_WRONLY);
    write_all(&writing);
    close(writing.fd);
    assert_int_equal(wait_frame(source, &got), 0);
    assert_int_equal(got.slot, 0);
    assert_int_equal(wait_frame(source, &got), CASTOR_ERR_END);
    assert_non_null(strstr(source_fault(source), "middle of a frame"));
    assert_int_equal(source_dequeue(source, &got), CASTOR_ERR_END);
    source_close(source);
    free(memory[0]);
    free(memory[1]);
}

// A backlog does not make the sequence stand still, and times rise even so.
static void test_backlog_gives_one_sequence_each(void **state)
{
    struct source *source = open_pipe(320, 180, CASTOR_PIXEL_I420);
    struct writing writing = {.piece = 1 << 20, .bytes = 320 * 180 * 3 / 2 * 4};
    struct castor_frame frame[4], got;
    uint8_t *memory[4];
    uint64_t sequence = 0;

    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        frame[i] = (struct castor_frame){.slot = i, .dmabuf_fd = -1};
        lend(source, &frame[i], &memory[i]);
    }
    writing.fd = open(fifo, O_WRONLY);
    write_all(&writing);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(wait_frame(source, &got), 0);
        assert_int_equal(got.slot, i);
        assert_true(i == 0 || got.sequence > sequence);
        sequence = got.sequence;
    }
    close(writing.fd);
    source_close(source);
    for (uint32_t i = 0; i < 4; i++)
        free(memory[i]);
}

static void test_bad_paths(void **state)
{
    const struct {
        const char *path;
        int error;
    } bad[] = {{"/nonexistent/fifo", CASTOR_ERR_NOT_FOUND},
               {folder, CASTOR_ERR_INVALID},
               {"/proc/self/exe", CASTOR_ERR_INVALID},
               {"/dev/zero", CASTOR_ERR_INVALID},
               {NULL, CASTOR_ERR_NOT_FOUND}};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct source_config config = {.path = bad[i].path, .format = {320, 180, 1, {25, 1}}};
        struct source_text why = {""};
        struct source *source = NULL;
        assert_int_equal(source_open(&source_pipe, &config, &source, &why), bad[i].error);
        assert_true(strlen(why.text) > 20);
    }
}

static void test_size_and_rate_are_needed(void **state)
{
    struct source_config config = {.path = fifo, .format = {0, 0, 1, {25, 1}}};
    struct source_text why = {""};
    struct source *source = NULL;

    (void)state;
    assert_int_equal(source_open(&source_pipe, &config, &source, &why), CASTOR_ERR_INVALID);
    config.format = (struct castor_format){320, 180, 1, {0, 1}};
    assert_int_equal(source_open(&source_pipe, &config, &source, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "rate"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_land_in_rows),
        cmocka_unit_test(test_end_drops_a_partial_frame),
        cmocka_unit_test(test_backlog_gives_one_sequence_each),
        cmocka_unit_test(test_bad_paths),
        cmocka_unit_test(test_size_and_rate_are_needed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
