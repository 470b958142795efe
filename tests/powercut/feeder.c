// SPDX-License-Identifier: Apache-2.0
// castor-record with a supervisor played by this program: access units of a file go to it in real time, round
// and round. What was told and what the recorder says is on the disk goes to standard output, a line each:
//
//   told SEQUENCE NS         handed to the recorder, at this time of CLOCK_MONOTONIC
//   synced SEQUENCE NS       the recorder's own word
//   state WORD               when it changes
//
//   feeder RECORDER FOLDER CLIP SECONDS [key=value ...]
//
// CLIP is an Annex B stream with access unit delimiters, an IDR first; SECONDS 0 only lets the recorder put
// the folder in order. Keys: container (ts, mp4), segment_seconds, fps, free_mb, first (sequence).
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/coded.h"
#include "base/h264.h"
#include "base/nal.h"
#include "hal/time.h"
#include "ipc/channel.h"
#include "pool/ring.h"

#define RING_BYTES (4u << 20)
#define UNITS_MAX 4096
#define PATIENCE_NS (20 * CASTOR_NS_PER_S)

struct feeder {
    int fd;
    pid_t pid;
    struct ring *ring, *writer;
    uint8_t *clip;
    size_t clip_bytes;
    struct {
        size_t at, bytes;
        bool idr;
    } unit[UNITS_MAX];
    unsigned units;
    struct message_record_config config;
    unsigned fps;
    uint64_t sequence, first;
    uint64_t told, taken, synced;
    uint32_t status;
    bool ready, ended;
};

_Noreturn static void give_up(const char *what)
{
    printf("feeder: %s: %s\n", what, strerror(errno));
    exit(1);
}

// ---- the clip ----

static void read_clip(struct feeder *f, const char *path)
{
    struct nal_span nal;
    size_t position = 0;
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0)
        give_up(path);
    f->clip_bytes = (size_t)info.st_size;
    f->clip = malloc(f->clip_bytes);
    if (!f->clip || read(fd, f->clip, f->clip_bytes) != (ssize_t)f->clip_bytes)
        give_up(path);
    close(fd);
    while (nal_next(f->clip, f->clip_bytes, &position, &nal)) {
        uint32_t traits = coded_classify(ENCODER_CODEC_H264, nal.data, nal.size_bytes);
        if ((traits & NAL_IS_AUD) && f->units < UNITS_MAX)
            f->unit[f->units++].at = nal.start_bytes;
        if (f->units > 0 && (traits & NAL_IS_IDR))
            f->unit[f->units - 1].idr = true;
    }
    for (unsigned i = 0; i < f->units; i++)
        f->unit[i].bytes = (i + 1 < f->units ? f->unit[i + 1].at : f->clip_bytes) - f->unit[i].at;
    if (f->units == 0 || !f->unit[0].idr)
        give_up("the clip has no access units, or no IDR first");
}

// ---- the recorder ----

static void start(struct feeder *f, const char *program)
{
    int pair[2];

    if (ring_create(RING_BYTES, &f->ring) != CASTOR_OK ||
        ring_attach_writer(dup(ring_writer_fd(f->ring)), RING_BYTES, 0, 0, &f->writer) != CASTOR_OK ||
        channel_pair(pair) != CASTOR_OK)
        give_up("ring or channel");
    f->pid = fork();
    if (f->pid == 0) {
        if (dup2(pair[1], MESSAGE_WORKER_FD) < 0 ||
            (pair[1] == MESSAGE_WORKER_FD && fcntl(3, F_SETFD, 0) != 0))
            _exit(126);
        execl(program, program, (char *)NULL);
        _exit(127);
    }
    close(pair[1]);
    f->fd = pair[0];
}

static void send_message(struct feeder *f, const struct message *message, const int *fds, unsigned count)
{
    if (channel_send(f->fd, message, fds, count) == CASTOR_ERR_LOST)
        f->ended = true;
}

static void tell(struct feeder *f)
{
    struct message message;
    int ring = ring_reader_fd(f->ring);

    message_init(&message, MESSAGE_RECORD_START);
    message.body.record_start = (struct message_record_start){
        .stream =
            {.service_name = "powercut",
             .format = {.width_px = 320, .height_px = 180, .pixel = CASTOR_PIXEL_I420, .rate = {f->fps, 1}},
             .path_count = 1,
             .ring_bytes = RING_BYTES,
             .pts_offset_ms = 100,
             .pcr_interval_ms = 20},
        .session = 1 + f->first,
        .bitrate_bps = 1000000,
    };
    send_message(f, &message, &ring, 1);
    message_init(&message, MESSAGE_RECORD_CONFIG);
    message.body.record_config = f->config;
    send_message(f, &message, NULL, 0);
}

static void hear(struct feeder *f, const struct message *message)
{
    static const char *const states[] = {"none", "starting", "idle", "recording", "preroll", "failing"};
    const struct message_record_state *state = &message->body.record_state;

    if (message->header.type == MESSAGE_RECORD_READY)
        f->ready = true;
    if (message->header.type == MESSAGE_RECORD_TAKEN)
        f->taken = message->body.record_taken.sequence;
    if (message->header.type != MESSAGE_RECORD_STATE)
        return;
    if (state->status != f->status)
        printf("state %s %s\n", states[state->status], state->text);
    if (state->synced_sequence > f->synced)
        printf("synced %llu %lld\n", (unsigned long long)state->synced_sequence, (long long)castor_now_ns());
    f->status = state->status;
    f->synced = state->synced_sequence;
}

static void read_channel(struct feeder *f, int64_t until_ns)
{
    static struct message message;
    struct pollfd poll_fd = {.fd = f->fd, .events = POLLIN};
    int64_t left_ns = until_ns - castor_now_ns();
    const struct timespec wait = castor_timespec(left_ns > 0 ? left_ns : 0);
    const char *why = "";

    if (ppoll(&poll_fd, 1, &wait, NULL) <= 0)
        return;
    int error = channel_receive(f->fd, MESSAGE_FROM_RECORD, &message, NULL, NULL, &why);
    if (error == CASTOR_OK)
        hear(f, &message);
    else if (error != CASTOR_ERR_AGAIN)
        f->ended = true;
}

static void feed(struct feeder *f, int64_t due_ns)
{
    unsigned i = (unsigned)(f->sequence % f->units);
    struct message message;
    uint64_t position = 0;

    message_init(&message, MESSAGE_RECORD_UNIT);
    if (ring_write(f->writer, f->clip + f->unit[i].at, (uint32_t)f->unit[i].bytes, &position) != CASTOR_OK)
        give_up("the ring is full");
    // The ring goes round without asking: it holds far more than the recorder can be late.
    ring_set_tail(f->writer, position);
    message.body.record_unit = (struct message_record_unit){
        .emit = {.sequence = f->sequence,
                 .capture_ns = due_ns,
                 .utc_offset_ns = INT64_C(1795832400000000000),
                 .position = position,
                 .size_bytes = (uint32_t)f->unit[i].bytes,
                 .flags = f->unit[i].idr ? MESSAGE_EMIT_IDR : 0},
        .claim_until_ns = castor_now_ns() + CASTOR_NS_PER_S,
    };
    send_message(f, &message, NULL, 0);
    printf("told %llu %lld\n", (unsigned long long)f->sequence, (long long)castor_now_ns());
    f->sequence++;
}

static void run(struct feeder *f, int seconds)
{
    int64_t began_ns = castor_now_ns();
    struct message stop;
    int status;

    while (!f->ready && !f->ended && castor_now_ns() - began_ns < PATIENCE_NS)
        read_channel(f, castor_now_ns() + CASTOR_NS_PER_MS);
    began_ns = castor_now_ns();
    for (uint64_t n = 0; n < (uint64_t)seconds * f->fps && !f->ended; n++) {
        int64_t due_ns = began_ns + (int64_t)(n * CASTOR_NS_PER_S / f->fps);
        while (castor_now_ns() < due_ns && !f->ended)
            read_channel(f, due_ns);
        feed(f, due_ns);
    }
    while (seconds == 0 && !f->ended && f->status != MESSAGE_RECORD_IDLE &&
           f->status != MESSAGE_RECORD_FAILING && castor_now_ns() - began_ns < PATIENCE_NS)
        read_channel(f, castor_now_ns() + CASTOR_NS_PER_MS);
    message_init(&stop, MESSAGE_STOP);
    send_message(f, &stop, NULL, 0);
    while (!f->ended && castor_now_ns() - began_ns < PATIENCE_NS + seconds * CASTOR_NS_PER_S)
        read_channel(f, castor_now_ns() + 10 * CASTOR_NS_PER_MS);
    kill(f->pid, SIGKILL); // no effect on one that has ended
    if (waitpid(f->pid, &status, 0) != f->pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        give_up("the recorder did not end well");
    printf("ended\n");
}

static void set(struct feeder *f, const char *word)
{
    const char *value = strchr(word, '=');
    unsigned number = value ? (unsigned)atoi(value + 1) : 0;

    if (!value)
        give_up(word);
    if (strncmp(word, "container", 9) == 0)
        f->config.container = strcmp(value + 1, "mp4") == 0 ? MESSAGE_RECORD_MP4 : MESSAGE_RECORD_TS;
    else if (strncmp(word, "segment_seconds", 15) == 0)
        f->config.segment_seconds = number;
    else if (strncmp(word, "fps", 3) == 0)
        f->fps = number;
    else if (strncmp(word, "free_mb", 7) == 0)
        f->config.free_mb = number;
    else if (strncmp(word, "first", 5) == 0)
        f->first = f->sequence = number;
    else
        give_up(word);
}

int main(int argc, char **argv)
{
    static struct feeder f;

    if (argc < 5)
        give_up("RECORDER FOLDER CLIP SECONDS are needed");
    setvbuf(stdout, NULL, _IOLBF, 0);
    f.fps = 30;
    f.config = (struct message_record_config){.segment_seconds = 2, .preroll_minutes = 1};
    snprintf(f.config.folder, sizeof f.config.folder, "%s", argv[2]);
    for (int i = 5; i < argc; i++)
        set(&f, argv[i]);
    int seconds = atoi(argv[4]);
    f.config.mode = seconds > 0 ? MESSAGE_RECORD_CONTINUOUS : MESSAGE_RECORD_COMMAND;
    f.config.recording = seconds > 0;
    read_clip(&f, argv[3]);
    start(&f, argv[1]);
    tell(&f);
    run(&f, seconds);
    return 0;
}
