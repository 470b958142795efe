// SPDX-License-Identifier: Apache-2.0
// wake
//
// What it costs on this machine that a sleeping process is sent a message and goes back to sleep: prints the
// receiver's CPU in microseconds for each of 60 messages, 1/30 s apart. A box of several processes pays it
// some times for each frame, one that is a single process does not; on bare metal it is a few microseconds,
// in a virtual machine it can be a hundred.
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGES 60
#define MESSAGE_BYTES 64

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int receive(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};
    char message[MESSAGE_BYTES];
    const double begin_us = cpu_us();

    for (int i = 0; i < MESSAGES; i++)
        if (poll(&polled, 1, 1000) != 1 || recv(fd, message, sizeof message, MSG_DONTWAIT) != sizeof message)
            return 1;
    printf("%.1f\n", (cpu_us() - begin_us) / MESSAGES);
    fflush(stdout);
    return 0;
}

int main(void)
{
    const struct timespec interval = {.tv_nsec = 33333333};
    const char message[MESSAGE_BYTES] = {0};
    int ends[2], status = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return 1;
    pid_t receiver = fork();
    if (receiver < 0)
        return 1;
    if (receiver == 0)
        _exit(receive(ends[0]));
    for (int i = 0; i < MESSAGES; i++) {
        nanosleep(&interval, NULL);
        if (send(ends[1], message, sizeof message, MSG_NOSIGNAL) != sizeof message)
            return 1;
    }
    return waitpid(receiver, &status, 0) == receiver && status == 0 ? 0 : 1;
}
