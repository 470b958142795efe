// SPDX-License-Identifier: Apache-2.0
// Raw frames, packed, from a pipe, FIFO or socket, read straight into the slot. A frame's capture time is
// when its first byte was seen; its sequence follows from that time.
#include "pipe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "slots.h"
#include "ticker.h"

#define PIPE_QUEUE_DEPTH 2
#define PIPE_SIZE_BYTES (1 << 20) // what an unprivileged user may have
#define PIPE_ROWS_A_READ 256
#define PIPE_PIECE_BYTES (1 << 18) // who writes so much at a time needs no rest
#define PIPE_REST_MIN_NS (50 * CASTOR_NS_PER_US)
#define PIPE_REST_MAX_NS (5 * CASTOR_NS_PER_MS)

struct pipe_source {
    struct source source;
    struct slots empty;
    struct castor_frame_layout packed; // of the bytes in the pipe
    size_t filled_bytes;               // of the oldest empty slot
    int64_t first_byte_ns;
    int64_t anchor_ns; // capture time of the frame before, 0 = none
    uint64_t anchor_sequence;
    bool starved; // a time without an empty slot since the frame before
    bool ended;
    int64_t fill_ns;  // how long the frame before took from its first byte to its last, 0 = not known
    int64_t until_ns; // of the last rest in this frame, 0 = none
    bool resting;     // wait for `ticker` instead of the pipe
    int ticker;
    int fd;
};

static struct pipe_source *from_source(struct source *source)
{
    return (struct pipe_source *)source;
}

static int open_failed(const char *path, struct source_text *why)
{
    int number = errno;

    return source_text_set(why, castor_error_from_errno(number), "cannot read frames from \"%s\": %s", path,
                           strerror(number));
}

// Standard input is opened anew where that is possible, because O_NONBLOCK on the inherited descriptor would
// change it for every process that shares it.
static int open_path(const char *path, int *out_fd, struct source_text *why)
{
    bool standard_input = strcmp(path, "-") == 0;
    struct stat info;
    int fd;

    if (standard_input ? fstat(STDIN_FILENO, &info) : stat(path, &info))
        return open_failed(path, why);
    if (!S_ISFIFO(info.st_mode) && !(standard_input && S_ISSOCK(info.st_mode)))
        return source_text_set(
            why, CASTOR_ERR_INVALID,
            "\"%s\" is not a pipe: give a FIFO, or \"-\" with raw frames piped in; use the "
            "clip source for files",
            path);
    fd = open(standard_input ? "/proc/self/fd/0" : path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && standard_input) {
        fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
        if (fd >= 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0) {
            close(fd);
            fd = -1;
        }
    }
    if (fd < 0)
        return open_failed(path, why);
    (void)fcntl(fd, F_SETPIPE_SZ, PIPE_SIZE_BYTES); // less only costs more reads
    *out_fd = fd;
    return CASTOR_OK;
}

static int resolve(const struct source_config *config, struct castor_format *out, struct source_text *why)
{
    struct castor_format format = config->format;
    int error = source_options_parse(config->options, NULL, 0, why);

    if (error)
        return error;
    if (format.width_px == 0 || format.rate.num == 0)
        return source_text_set(
            why, CASTOR_ERR_INVALID,
            "raw frames do not tell their size and rate: configure width, height and rate");
    if (format.pixel == CASTOR_PIXEL_NONE)
        format.pixel = CASTOR_PIXEL_I420;
    *out = format;
    return CASTOR_OK;
}

static int pipe_probe(const struct source_config *config, struct castor_format *out, struct source_text *why)
{
    struct castor_format format;
    int fd;
    int error = resolve(config, &format, why);

    if (!error)
        error = open_path(config->path ? config->path : "", &fd, why);
    if (error)
        return error;
    close(fd);
    *out = format;
    return CASTOR_OK;
}

static void pipe_close(struct source *source)
{
    struct pipe_source *pipe_source = from_source(source);

    if (!pipe_source)
        return;
    if (pipe_source->ticker >= 0)
        close(pipe_source->ticker);
    if (pipe_source->fd >= 0)
        close(pipe_source->fd);
    free(pipe_source);
}

static int pipe_open(const struct source_config *config, struct source **out, struct source_text *why)
{
    struct pipe_source *self = calloc(1, sizeof *self);
    int error;

    if (!self)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the pipe source");
    self->fd = -1;
    self->ticker = -1;
    error = resolve(config, &self->source.format, why);
    if (!error)
        error = castor_frame_layout_compute(&self->source.format, 1, &self->packed);
    if (!error)
        error = open_path(config->path ? config->path : "", &self->fd, why);
    if (!error && ticker_open(&self->ticker))
        error = source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of descriptors for the pipe source");
    if (error) {
        pipe_close(&self->source);
        return error;
    }
    self->source.queue_depth = PIPE_QUEUE_DEPTH;
    self->anchor_ns = config->anchor_ns;
    self->anchor_sequence = config->anchor_sequence;
    *out = &self->source;
    return CASTOR_OK;
}

static int pipe_queue(struct source *source, const struct castor_frame *frame)
{
    struct pipe_source *self = from_source(source);

    if (slots_is_full(&self->empty))
        return CASTOR_ERR_FULL;
    slots_push(&self->empty, frame);
    return CASTOR_OK;
}

// Where the rest of the frame goes, rows that follow each other in memory taken together. Returns the number
// of vectors; the frame may be longer than they reach.
static int rest_of_frame(const struct pipe_source *self, const struct castor_frame *frame, struct iovec *list)
{
    size_t skip = self->filled_bytes;
    int count = 0;

    for (uint32_t plane = 0; plane < self->packed.planes; plane++) {
        size_t row_bytes = self->packed.stride_bytes[plane];
        size_t plane_bytes = row_bytes * self->packed.rows[plane];
        bool dense = frame->stride_bytes[plane] == row_bytes;

        if (skip >= plane_bytes) {
            skip -= plane_bytes;
            continue;
        }
        for (size_t at = skip; at < plane_bytes;) {
            size_t piece = dense ? plane_bytes - at : row_bytes - at % row_bytes;
            uint8_t *start =
                frame->plane[plane] + at / row_bytes * frame->stride_bytes[plane] + at % row_bytes;
            if (count > 0 && (uint8_t *)list[count - 1].iov_base + list[count - 1].iov_len == start) {
                list[count - 1].iov_len += piece;
            } else {
                if (count == PIPE_ROWS_A_READ)
                    return count;
                list[count++] = (struct iovec){start, piece};
            }
            at += piece;
        }
        skip = 0;
    }
    return count;
}

// No bytes: the end, or a FIFO that no writer has opened yet.
static int read_nothing(struct pipe_source *self)
{
    struct pollfd poll_fd = {.fd = self->fd, .events = POLLIN};

    if (poll(&poll_fd, 1, 0) == 0)
        return CASTOR_ERR_AGAIN;
    self->ended = true;
    return source_text_set(&self->source.fault, CASTOR_ERR_END, "the writer of the pipe closed it%s",
                           self->filled_bytes ? " in the middle of a frame, which is dropped" : "");
}

static void name_frame(struct pipe_source *self, struct castor_frame *frame)
{
    uint64_t steps = 0;

    if (self->anchor_ns != 0) {
        castor_uint128 late_ns =
            (castor_uint128)(self->first_byte_ns > self->anchor_ns ? self->first_byte_ns - self->anchor_ns
                                                                   : 0);
        castor_uint128 unit = (castor_uint128)self->source.format.rate.den * CASTOR_NS_PER_S;
        steps = (uint64_t)((late_ns * self->source.format.rate.num + unit / 2) / unit);
        if (steps == 0)
            steps = 1;
        if (self->source.counters.captured > 0 && self->starved)
            self->source.counters.lost_no_slot += steps - 1;
        else if (self->source.counters.captured > 0)
            self->source.counters.lost_device += steps - 1;
        if (self->first_byte_ns <= self->anchor_ns)
            self->first_byte_ns = self->anchor_ns + 1;
    }
    self->starved = false;
    self->anchor_sequence += steps;
    self->anchor_ns = self->first_byte_ns;
    frame->sequence = self->anchor_sequence;
    frame->capture_ns = self->anchor_ns;
}

// A writer that writes in small pieces would wake us for each of them. So once a frame has begun, the pipe is
// left alone until shortly before the frame's end, judged by the frame before, or until the pipe is nearly
// full, so that the writer never waits. The estimate shrinks with every frame that was complete on waking.
// A writer of large pieces wakes us seldom enough, and what it writes is taken as soon as it is there.
static void rest(struct pipe_source *self)
{
    int64_t now_ns = castor_now_ns();
    int64_t until_ns = self->first_byte_ns + self->fill_ns * 7 / 8;
    int64_t pipe_full_ns =
        now_ns + (int64_t)((uint64_t)self->fill_ns * (PIPE_SIZE_BYTES * 3 / 4) / self->packed.size_bytes);

    if (until_ns > pipe_full_ns)
        until_ns = pipe_full_ns;
    if (until_ns < now_ns + PIPE_REST_MIN_NS)
        return;
    ticker_set(self->ticker, until_ns);
    self->until_ns = until_ns;
    self->resting = true;
}

static void frame_complete(struct pipe_source *self, struct castor_frame *out)
{
    // After a rest the last byte came no later than its end; our waking up and reading is none of the
    // writer's time.
    int64_t last_byte_ns = self->until_ns ? self->until_ns : castor_now_ns();
    int64_t fill_ns = last_byte_ns - self->first_byte_ns;

    self->until_ns = 0;
    self->fill_ns = fill_ns < PIPE_REST_MAX_NS ? fill_ns : PIPE_REST_MAX_NS;
    *out = slots_pop(&self->empty);
    self->filled_bytes = 0;
    self->source.counters.cpu_copies++; // out of the pipe
    name_frame(self, out);
    self->starved = self->empty.count == 0;
}

static int pipe_dequeue(struct source *source, struct castor_frame *out)
{
    struct pipe_source *self = from_source(source);
    const struct castor_frame *slot = slots_peek(&self->empty);
    struct iovec list[PIPE_ROWS_A_READ];

    self->resting = false;
    while (slot && !self->ended) {
        int64_t now_ns = self->filled_bytes ? 0 : castor_now_ns();
        int vectors = rest_of_frame(self, slot, list);
        ssize_t got = readv(self->fd, list, vectors);

        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return CASTOR_ERR_AGAIN;
        if (got < 0) {
            return source_text_set(&source->fault, CASTOR_ERR_IO, "reading the pipe failed: %s",
                                   strerror(errno));
        }
        if (got == 0)
            return read_nothing(self);
        if (self->filled_bytes == 0)
            self->first_byte_ns = now_ns;
        self->filled_bytes += (size_t)got;
        if (self->filled_bytes == self->packed.size_bytes) {
            frame_complete(self, out);
            return CASTOR_OK;
        }
        if (vectors < PIPE_ROWS_A_READ) { // everything was asked for, so the pipe is empty now
            self->until_ns = 0;
            if (got < PIPE_PIECE_BYTES)
                rest(self);
            return CASTOR_ERR_AGAIN;
        }
    }
    return self->ended ? CASTOR_ERR_END : CASTOR_ERR_AGAIN;
}

static int pipe_descriptor(const struct source *source)
{
    const struct pipe_source *self = (const struct pipe_source *)source;

    if (self->empty.count == 0)
        return -1;
    return self->resting ? self->ticker : self->fd;
}

static int64_t pipe_next_deadline(const struct source *source)
{
    (void)source;
    return SOURCE_NO_DEADLINE;
}

static enum source_signal pipe_signal(const struct source *source)
{
    const struct pipe_source *self = (const struct pipe_source *)source;

    if (self->ended)
        return SOURCE_SIGNAL_NONE;
    return source->counters.captured ? SOURCE_SIGNAL_PRESENT : SOURCE_SIGNAL_UNKNOWN;
}

const struct source_driver source_pipe = {
    .name = "pipe",
    .description = "raw frames from a pipe, FIFO or standard input",
    .probe = pipe_probe,
    .open = pipe_open,
    .queue = pipe_queue,
    .dequeue = pipe_dequeue,
    .descriptor = pipe_descriptor,
    .next_deadline = pipe_next_deadline,
    .signal = pipe_signal,
    .close = pipe_close,
};
