// SPDX-License-Identifier: Apache-2.0
#include "probe/input.h"

#include "hal/time.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_BYTES 1316 // seven packets, as SRT carries them

struct input {
    int fd;
    bool live; // a pipe or socket: the time of reading means something
    struct queue *queue;
    atomic_bool stop;
    pthread_t thread;
};

struct probe_arrival input_now(void)
{
    struct timespec utc;
    clock_gettime(CLOCK_REALTIME, &utc);
    return (struct probe_arrival){true, castor_now_ns(), (int64_t)utc.tv_sec * CASTOR_NS_PER_S + utc.tv_nsec};
}

static int push(struct input *in, const struct queue_item *item)
{
    int result = CASTOR_ERR_FULL;
    while (result == CASTOR_ERR_FULL && !atomic_load(&in->stop))
        result = queue_push(in->queue, item, castor_now_ns() + INPUT_WAIT_MS * CASTOR_NS_PER_MS);
    return result;
}

// Fills the item with the next bytes. Returns false when there was nothing yet.
static bool read_item(struct input *in, struct queue_item *item)
{
    struct pollfd poll_fd = {.fd = in->fd, .events = POLLIN};
    int ready = poll(&poll_fd, 1, INPUT_WAIT_MS);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return false;
    ssize_t got = read(in->fd, item->data, READ_BYTES);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return false;
    item->arrival = input_now();
    item->arrival.known = in->live;
    item->kind = got > 0 ? QUEUE_DATA : QUEUE_END;
    item->bytes = got > 0 ? (size_t)got : 0;
    if (got < 0) {
        item->kind = QUEUE_FAILED;
        int n = snprintf((char *)item->data, sizeof item->data, "reading failed: %s", strerror(errno));
        item->bytes = (size_t)n + 1;
    }
    return true;
}

static void *run(void *context)
{
    struct input *in = context;
    struct queue_item item;
    while (!atomic_load(&in->stop)) {
        if (!read_item(in, &item))
            continue;
        if (push(in, &item) != CASTOR_OK || item.kind != QUEUE_DATA)
            break;
    }
    return NULL;
}

static int file_open(const char *where, struct queue *queue, struct input **input, char *why,
                     size_t why_bytes)
{
    bool standard = strcmp(where, "-") == 0;
    struct input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return CASTOR_ERR_NO_MEMORY;
    in->queue = queue;
    in->fd = standard ? dup(STDIN_FILENO) : open(where, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (in->fd < 0 || fstat(in->fd, &status) != 0) {
        int error = errno;
        snprintf(why, why_bytes, "cannot read '%s': %s; give a .ts file, '-' or srt://host:port", where,
                 strerror(error));
        if (in->fd >= 0)
            close(in->fd);
        free(in);
        return castor_error_from_errno(error);
    }
    if (S_ISDIR(status.st_mode)) {
        snprintf(why, why_bytes, "'%s' is a folder; give a .ts file, '-' or srt://host:port", where);
        close(in->fd);
        free(in);
        return CASTOR_ERR_INVALID;
    }
    in->live = !S_ISREG(status.st_mode);
    if (pthread_create(&in->thread, NULL, run, in) != 0) {
        snprintf(why, why_bytes, "cannot start a thread: the system allows no more");
        close(in->fd);
        free(in);
        return CASTOR_ERR_NO_MEMORY;
    }
    *input = in;
    return CASTOR_OK;
}

static void file_close(struct input *in)
{
    if (in == NULL)
        return;
    atomic_store(&in->stop, true);
    pthread_join(in->thread, NULL);
    close(in->fd);
    free(in);
}

static void file_get_stats(struct input *in, struct srt_stats *stats)
{
    (void)in;
    *stats = (struct srt_stats){0};
}

const struct input_ops input_file_ops = {
    .name = "file",
    .open = file_open,
    .close = file_close,
    .get_stats = file_get_stats,
};
