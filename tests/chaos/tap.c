// SPDX-License-Identifier: Apache-2.0
// tap STREAM ARRIVALS < stream
//
// Writes standard input to STREAM and for every piece that arrives one line to ARRIVALS: the offset of its
// end in STREAM and the time on CLOCK_MONOTONIC in nanoseconds. A program of its own, so that nothing that a
// test does beside it makes arrivals look late. STREAM is written without delay: what a killed sender had
// delivered is there.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int write_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        data += n;
        size -= (size_t)n;
    }
    return 0;
}

static int fail(const char *what)
{
    perror(what);
    return 1;
}

int main(int argc, char **argv)
{
    static char buffer[1 << 16];
    uint64_t offset = 0;

    if (argc != 3) {
        fputs("usage: tap STREAM ARRIVALS < stream\n", stderr);
        return 2;
    }
    int stream = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    FILE *arrivals = fopen(argv[2], "we");
    if (stream < 0 || !arrivals)
        return fail("tap: opening");
    for (;;) {
        ssize_t n = read(STDIN_FILENO, buffer, sizeof buffer);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail("tap: reading");
        if (n == 0)
            break;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        offset += (uint64_t)n;
        if (write_all(stream, buffer, (size_t)n) != 0)
            return fail("tap: writing");
        fprintf(arrivals, "%" PRIu64 " %" PRId64 "\n", offset,
                (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
    }
    return fclose(arrivals) == 0 ? 0 : fail("tap: writing");
}
