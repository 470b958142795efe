// SPDX-License-Identifier: Apache-2.0
#include "egress_rig.h"

#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal/time.h"
#include "ipc/channel.h"

#define MS CASTOR_NS_PER_MS
#define UNIT_MAX_BYTES 60000u
#define IDR_INTERVAL_NS (500 * MS)

static void must(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "egress rig: %s\n", what);
    abort();
}

static void run_program(int channel)
{
    char path[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);

    if (n < 0)
        _exit(126);
    path[n] = '\0';
    strcpy(strrchr(path, '/') + 1, "castor-egress");
    if (dup2(channel, MESSAGE_WORKER_FD) < 0)
        _exit(126);
    execl(path, "castor-egress", (char *)NULL);
    _exit(126);
}

void rig_start(struct rig *rig)
{
    int pair[2];

    memset(rig, 0, sizeof *rig);
    must(channel_pair(pair) == CASTOR_OK, "no channel");
    rig->pid = fork();
    if (rig->pid == 0)
        run_program(pair[1]);
    must(rig->pid > 0, "no process");
    close(pair[1]);
    rig->fd = pair[0];
    must(ring_create(RIG_RING_BYTES, &rig->ring) == CASTOR_OK, "no ring");
    must(ring_attach_writer(fcntl(ring_writer_fd(rig->ring), F_DUPFD_CLOEXEC, 3), RIG_RING_BYTES, 0, 0,
                            &rig->writer) == CASTOR_OK,
         "no writer");
}

void rig_send(struct rig *rig, const struct message *message)
{
    if (channel_send(rig->fd, message, NULL, 0) != CASTOR_OK)
        rig->ended = true;
}

static void take(struct rig *rig, const struct message *m)
{
    switch (m->header.type) {
    case MESSAGE_EGRESS_READY:
        rig->ready = true;
        break;
    case MESSAGE_FAILED:
        rig->failed = true;
        memcpy(rig->failure, m->body.failed.text, sizeof rig->failure);
        break;
    case MESSAGE_SENT:
        must(m->body.sent.sequence == ++rig->answered, "answers out of order");
        must(m->body.sent.sent_ns >= m->body.sent.started_ns, "sent before it was started");
        rig->accepted[m->body.sent.sequence] = m->body.sent.accepted;
        break;
    case MESSAGE_DESTINATION_STATE:
        rig->states[m->body.destination_state.index] = m->body.destination_state;
        rig->reasons_seen[m->body.destination_state.index] |= 1u << m->body.destination_state.reason;
        break;
    case MESSAGE_DESTINATION_STATS:
        rig->stats[m->body.destination_stats.index] = m->body.destination_stats;
        break;
    case MESSAGE_GAP:
        must(m->body.gap.first > rig->gap[m->body.gap.destination].last ||
                 m->body.gap.number == rig->gap[m->body.gap.destination].number,
             "gaps overlap");
        rig->gap[m->body.gap.destination] = m->body.gap;
        if (m->body.gap.possible < message_gap_frames(m->body.gap.frames))
            rig->certain_gap[m->body.gap.destination] = m->body.gap;
        break;
    case MESSAGE_ARRIVED:
        rig->arrived[m->body.arrived.destination] = m->body.arrived.sequence;
        break;
    case MESSAGE_NEED_IDR:
        rig->needs_idr = true;
        rig->idr_requests++;
        break;
    default:
        must(false, "an unexpected message");
    }
}

void rig_pump(struct rig *rig, int ms)
{
    int64_t until_ns = castor_now_ns() + ms * MS;

    while (!rig->ended) {
        int64_t left_ns = until_ns - castor_now_ns();
        struct pollfd p = {.fd = rig->fd, .events = POLLIN};
        struct message message;
        const char *why = "";
        int error;

        if (poll(&p, 1, left_ns > 0 ? (int)(left_ns / MS) : 0) != 1)
            return;
        error = channel_receive(rig->fd, MESSAGE_FROM_EGRESS, &message, NULL, NULL, &why);
        must(error != CASTOR_ERR_INVALID, why);
        if (error == CASTOR_OK)
            take(rig, &message);
        else if (error != CASTOR_ERR_AGAIN)
            rig->ended = true;
    }
}

void rig_begin(struct rig *rig, uint32_t pcr_interval_ms)
{
    struct message message;
    int fd = ring_reader_fd(rig->ring);

    message_init(&message, MESSAGE_EGRESS_START);
    message.body.egress_start = (struct message_egress_start){
        .stream =
            {.service_name = "test",
             .format = {.width_px = 640, .height_px = 360, .pixel = CASTOR_PIXEL_I420, .rate = {100, 1}},
             .path_count = 1,
             .ring_bytes = RIG_RING_BYTES,
             .pts_offset_ms = 100,
             .pcr_interval_ms = pcr_interval_ms},
    };
    must(channel_send(rig->fd, &message, &fd, 1) == CASTOR_OK, "START was not taken");
    for (int i = 0; i < 500 && !rig->ready && !rig->ended; i++)
        rig_pump(rig, 20);
}

void rig_destination(struct rig *rig, uint32_t index, const char *url, const char *passphrase)
{
    struct message message;

    message_init(&message, MESSAGE_DESTINATION);
    message.body.destination.index = index;
    snprintf(message.body.destination.name, sizeof message.body.destination.name, "d%u", index);
    snprintf(message.body.destination.url, sizeof message.body.destination.url, "%s", url);
    snprintf(message.body.destination.passphrase, sizeof message.body.destination.passphrase, "%s",
             passphrase);
    rig_send(rig, &message);
}

static size_t append(uint8_t *unit, size_t at, const void *bytes, size_t size_bytes)
{
    memcpy(unit + at, bytes, size_bytes);
    return at + size_bytes;
}

// An access unit as an encoder makes it, as far as a multiplexer looks, with a mark in its slice.
static void fill_unit(uint8_t *unit, uint64_t sequence, bool idr)
{
    static const uint8_t delimiter[] = {0, 0, 0, 1, 0x09, 0xf0};
    static const uint8_t parameters[] = {0,    0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0x95, 0xa0,
                                         0x50, 0, 0, 0, 1,    0x68, 0xce, 0x3c, 0x80};
    const uint8_t slice[] = {0, 0, 0, 1, idr ? 0x65 : 0x41, 0x88};
    char mark[16];
    size_t at = append(unit, 0, delimiter, sizeof delimiter);

    if (idr)
        at = append(unit, at, parameters, sizeof parameters);
    at = append(unit, at, slice, sizeof slice);
    snprintf(mark, sizeof mark, "FRM%08u%c", (unsigned)sequence % 100000000u, idr ? 'I' : 'P');
    (void)append(unit, at, mark, strlen(mark));
}

void rig_emit(struct rig *rig, bool idr, uint32_t size_bytes)
{
    static uint8_t unit[UNIT_MAX_BYTES];
    struct message message;
    uint64_t position;

    must(size_bytes >= 64 && size_bytes <= sizeof unit && rig->sequence + 1 < RIG_UNITS_MAX, "bad order");
    rig->sequence++;
    memset(unit, 0x55, sizeof unit);
    fill_unit(unit, rig->sequence, idr);
    must(ring_write(rig->writer, unit, size_bytes, &position) == CASTOR_OK, "the ring is full");
    message_init(&message, MESSAGE_EMIT);
    message.body.emit = (struct message_emit){
        .sequence = rig->sequence,
        .capture_ns = castor_now_ns(),
        .position = position,
        .size_bytes = size_bytes,
        .flags = idr ? MESSAGE_EMIT_IDR : 0u,
    };
    rig_send(rig, &message);
    // Egress answers at once; half a ring is far more than it ever has under way.
    if (position > RIG_RING_BYTES / 2)
        ring_set_tail(rig->writer, position - RIG_RING_BYTES / 2);
}

void rig_run(struct rig *rig, unsigned count)
{
    for (unsigned i = 0; i < count && !rig->ended; i++) {
        bool idr = rig->needs_idr || castor_now_ns() - rig->last_idr_ns >= IDR_INTERVAL_NS;

        if (idr) {
            rig->last_idr_ns = castor_now_ns();
            rig->needs_idr = false;
        }
        rig_emit(rig, idr, idr ? 20000 : 4000);
        rig_pump(rig, 10);
    }
}

bool rig_run_until(struct rig *rig, uint32_t index, uint32_t status)
{
    int64_t until_ns = castor_now_ns() + 20 * CASTOR_NS_PER_S;

    while (rig->states[index].status != status && castor_now_ns() < until_ns && !rig->ended)
        rig_run(rig, 1);
    return rig->states[index].status == status;
}

void rig_wait_end(struct rig *rig)
{
    int64_t until_ns = castor_now_ns() + 10 * CASTOR_NS_PER_S;
    int status = 0;

    if (rig->pid <= 0)
        return;
    while (!rig->ended && castor_now_ns() < until_ns)
        rig_pump(rig, 20);
    if (!rig->ended)
        (void)kill(rig->pid, SIGKILL);
    (void)waitpid(rig->pid, &status, 0);
    rig->exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    rig->pid = 0;
}

void rig_finish(struct rig *rig)
{
    if (rig->pid > 0) {
        (void)kill(rig->pid, SIGKILL);
        (void)waitpid(rig->pid, NULL, 0);
    }
    close(rig->fd);
    ring_destroy(rig->writer);
    ring_destroy(rig->ring);
}

// ---- what a receiver got ----

// Marks in the elementary stream.
static int find_marks(const uint8_t *es, size_t size_bytes, struct rig_unit *out, int capacity)
{
    int count = 0;

    for (size_t i = 0; i + 12 <= size_bytes && count < capacity; i++) {
        char digits[9] = "";

        if (memcmp(es + i, "FRM", 3) != 0)
            continue;
        memcpy(digits, es + i + 3, 8);
        out[count++] = (struct rig_unit){strtoull(digits, NULL, 10), es[i + 11] == 'I'};
    }
    return count;
}

int rig_take_apart(const uint8_t *ts, size_t size_bytes, struct rig_unit *out, int capacity, int *first_pid)
{
    uint8_t *es = malloc(size_bytes + 1);
    size_t es_bytes = 0;
    int counters[8192];
    int result = -1;

    must(es != NULL, "no memory");
    memset(counters, -1, sizeof counters);
    *first_pid = -1;
    for (size_t i = 0; i + 188 <= size_bytes; i += 188) {
        const uint8_t *p = ts + i;
        int pid = (p[1] & 0x1f) << 8 | p[2];
        size_t header = p[3] & 0x20 ? 5u + p[4] : 4u;

        if (p[0] != 0x47 || header > 188)
            goto done;
        if (*first_pid < 0)
            *first_pid = pid;
        if (p[3] & 0x10) { // has payload: the counter moves
            if (counters[pid] >= 0 && ((counters[pid] + 1) & 15) != (p[3] & 15))
                goto done;
            counters[pid] = p[3] & 15;
            if (pid == 0x100) {
                memcpy(es + es_bytes, p + header, 188 - header);
                es_bytes += 188 - header;
            }
        }
    }
    result = find_marks(es, es_bytes, out, capacity);
done:
    free(es);
    return result;
}
