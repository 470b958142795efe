// SPDX-License-Identifier: Apache-2.0
// camera CLIP WIDTH HEIGHT FPS SOCKET LOG
//
// Raw I420 frames on a steady beat, as a camera gives them, for any number of readers. A reader connects to
// SOCKET and is handed the reading end of a fresh pipe, which begins with a whole frame at the next beat.
// Each frame carries the number of its beat in the picture. Like a camera it never waits: beats that pass
// while a reader has not taken the frame before are lost to that reader. LOG gets one line for each frame and
// reader: reader, number, beat, time when the reader had taken all of it (nanoseconds, CLOCK_MONOTONIC).
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "hal/error.h"
#include "hal/frame.h"
#include "hal/time.h"
#include "number.h"

#define PIPE_BYTES (1 << 20)            // what an unprivileged reader could have asked for
#define LATE_NS (2 * CASTOR_NS_PER_MS)  // a beat missed by more is lost
#define LEAD_NS (50 * CASTOR_NS_PER_MS) // from the start to beat 0
#define PRIORITY 40

static struct {
    struct castor_format format;
    struct castor_frame_layout layout;
    uint8_t *clip;
    uint64_t clip_frames;
    int64_t start_ns;
    FILE *log;
} camera;

struct reader {
    int fd;
    unsigned index;
};

static int fail(const char *what)
{
    fprintf(stderr, "camera: %s: %s\n", what, strerror(errno));
    return 1;
}

static void take_priority(void)
{
    const struct sched_param param = {.sched_priority = PRIORITY};
    (void)sched_setscheduler(0, SCHED_RR, &param); // without it the beat is only less steady
}

static int64_t beat_ns(uint64_t number)
{
    return camera.start_ns + castor_frame_time_ns(camera.format.rate, number);
}

static void wait_for(int64_t time_ns)
{
    const struct timespec until = castor_timespec(time_ns);
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}

static bool write_frame(int fd, const uint8_t *data, size_t size_bytes)
{
    while (size_bytes > 0) {
        ssize_t n = write(fd, data, size_bytes);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            data += n;
            size_bytes -= (size_t)n;
        }
    }
    return true;
}

static void *serve(void *argument)
{
    struct reader reader = *(struct reader *)argument;
    struct castor_frame frame = {0};
    uint8_t *own = malloc(camera.layout.size_bytes); // each reader's frames carry other numbers
    uint64_t number = 0;

    free(argument);
    take_priority();
    while (own && beat_ns(number) < castor_now_ns())
        number++;
    for (bool open = own != NULL; open; number++) {
        // Prepared ahead of the beat, so that the copy counts for nobody.
        memcpy(own, camera.clip + number % camera.clip_frames * camera.layout.size_bytes,
               camera.layout.size_bytes);
        castor_frame_map(&camera.layout, own, &frame);
        number_draw(&camera.format, &frame, number);
        if (castor_now_ns() > beat_ns(number) + LATE_NS)
            continue;
        wait_for(beat_ns(number));
        open = write_frame(reader.fd, own, camera.layout.size_bytes);
        if (open)
            fprintf(camera.log, "%u,%" PRIu64 ",%" PRId64 ",%" PRId64 "\n", reader.index, number,
                    beat_ns(number), castor_now_ns());
    }
    close(reader.fd);
    free(own);
    return NULL;
}

static int hand_over(int client, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(client, &message, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int admit(int client, unsigned index)
{
    int ends[2];
    pthread_t thread;
    struct reader *reader = malloc(sizeof *reader);

    if (!reader || pipe2(ends, O_CLOEXEC) != 0) {
        free(reader);
        return -1;
    }
    (void)fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
    int result = hand_over(client, ends[0]);
    close(ends[0]);
    *reader = (struct reader){.fd = ends[1], .index = index};
    if (result == 0 && pthread_create(&thread, NULL, serve, reader) == 0) {
        pthread_detach(thread);
        return 0;
    }
    close(ends[1]);
    free(reader);
    return -1;
}

static int map_clip(const char *path)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &info) != 0)
        return fail(path);
    camera.clip_frames = (uint64_t)info.st_size / camera.layout.size_bytes;
    if (camera.clip_frames == 0) {
        fprintf(stderr, "camera: %s holds no frame of this size\n", path);
        return 1;
    }
    camera.clip = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    close(fd);
    return camera.clip == MAP_FAILED ? fail(path) : 0;
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 8) != 0)
        return -1;
    return fd;
}

static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

int main(int argc, char **argv)
{
    const struct sigaction on_stop = {.sa_handler = stop}; // no SA_RESTART: poll(2) returns
    unsigned readers = 0;

    if (argc != 7) {
        fputs("usage: camera CLIP WIDTH HEIGHT FPS SOCKET LOG\n", stderr);
        return 2;
    }
    camera.format = (struct castor_format){.width_px = (uint32_t)atoi(argv[2]),
                                           .height_px = (uint32_t)atoi(argv[3]),
                                           .pixel = CASTOR_PIXEL_I420,
                                           .rate = {(uint32_t)atoi(argv[4]), 1}};
    if (castor_frame_layout_compute(&camera.format, 1, &camera.layout) != CASTOR_OK)
        return 2;
    if (map_clip(argv[1]) != 0)
        return 1;
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigaction(SIGTERM, &on_stop, NULL);
    camera.log = fopen(argv[6], "we");
    struct pollfd listener = {.fd = listen_at(argv[5]), .events = POLLIN};
    if (!camera.log || listener.fd < 0)
        return fail("opening socket or log");
    camera.start_ns = castor_now_ns() + LEAD_NS;
    puts("ready");
    fflush(stdout);
    while (!stopping) {
        if (poll(&listener, 1, 1000) <= 0)
            continue;
        int client = accept4(listener.fd, NULL, NULL, SOCK_CLOEXEC);
        if (client < 0 || admit(client, readers++) != 0)
            fputs("camera: a reader could not be served\n", stderr);
        if (client >= 0)
            close(client);
    }
    // A reader that is stopped may hold its thread in write(): nobody waits for it.
    fflush(camera.log);
    _exit(0);
}
