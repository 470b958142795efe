// SPDX-License-Identifier: Apache-2.0
// relay PORT TARGET_PORT CAPTURE
//
// Stands in the way of unencrypted SRT on 127.0.0.1: hands every datagram on, both ways, and notes the
// payload of data packets with the time at which the kernel had them (capture.h). So arrivals are those on
// the wire, whatever the receiver's own delay and threads add. Retransmissions are handed on, but not noted.
// Ends at SIGTERM. Packet layout: draft-sharabayko-srt-01, section 3.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "capture.h"
#include "hal/time.h"

#define PRIORITY 45
#define SENDERS_MAX 32
#define HEADER_BYTES 16
#define CONTROL_FLAG 0x80       // in the first byte
#define RETRANSMITTED_FLAG 0x04 // in the fifth

struct sender {
    struct sockaddr_in address;
    int fd; // towards the receiver
};

static struct sender senders[SENDERS_MAX];
static unsigned sender_count;
static FILE *file;
static volatile sig_atomic_t stopping;

static void stop(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static struct sockaddr_in local(int port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static void note(int64_t arrival_ns, uint32_t connection, enum capture_kind kind, const uint8_t *data,
                 size_t size)
{
    const struct capture_record record = {.arrival_ns = arrival_ns,
                                          .connection = connection,
                                          .kind = (uint16_t)kind,
                                          .size_bytes = (uint16_t)size};
    fwrite(&record, sizeof record, 1, file);
    fwrite(data, 1, size, file);
}

static struct sender *find_sender(const struct sockaddr_in *address, int target_port)
{
    const struct sockaddr_in target = local(target_port);

    for (unsigned i = 0; i < sender_count; i++)
        if (senders[i].address.sin_port == address->sin_port)
            return &senders[i];
    if (sender_count == SENDERS_MAX)
        return NULL;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&target, sizeof target) != 0)
        return NULL;
    senders[sender_count] = (struct sender){.address = *address, .fd = fd};
    note(castor_now_ns(), sender_count, CAPTURE_CONNECTED, (const uint8_t *)"", 0);
    return &senders[sender_count++];
}

// The kernel stamps with the wall clock; both clocks are read now, a moment later.
static int64_t arrival_ns(struct msghdr *message)
{
    const int64_t now_ns = castor_now_ns();
    struct timespec wall, stamp;

    clock_gettime(CLOCK_REALTIME, &wall);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
        return now_ns - (wall.tv_sec - stamp.tv_sec) * CASTOR_NS_PER_S - (wall.tv_nsec - stamp.tv_nsec);
    }
    return now_ns;
}

// One datagram from a sender; false when there is none.
static bool take(int fd, int target_port)
{
    uint8_t data[2048];
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(struct timespec))];
    } control;
    struct sockaddr_in from;
    struct iovec iov = {data, sizeof data};
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof from,
                             .msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    ssize_t size = recvmsg(fd, &message, MSG_DONTWAIT);

    if (size < 0)
        return false;
    struct sender *sender = find_sender(&from, target_port);
    if (!sender)
        return true;
    (void)send(sender->fd, data, (size_t)size, MSG_DONTWAIT); // what is lost here SRT sends again
    if (size > HEADER_BYTES && !(data[0] & CONTROL_FLAG) && !(data[4] & RETRANSMITTED_FLAG))
        note(arrival_ns(&message), (uint32_t)(sender - senders), CAPTURE_PAYLOAD, data + HEADER_BYTES,
             (size_t)size - HEADER_BYTES);
    return true;
}

static void hand_back(int fd, const struct sender *sender)
{
    uint8_t data[2048];
    ssize_t size;

    while ((size = recv(sender->fd, data, sizeof data, MSG_DONTWAIT)) > 0)
        (void)sendto(fd, data, (size_t)size, MSG_DONTWAIT, (const struct sockaddr *)&sender->address,
                     sizeof sender->address);
}

static void run(int fd, int target_port)
{
    struct pollfd polled[SENDERS_MAX + 1];

    while (!stopping) {
        polled[SENDERS_MAX] = (struct pollfd){.fd = fd, .events = POLLIN};
        for (unsigned i = 0; i < SENDERS_MAX; i++)
            polled[i] = (struct pollfd){.fd = i < sender_count ? senders[i].fd : -1, .events = POLLIN};
        if (poll(polled, SENDERS_MAX + 1, 1000) <= 0)
            continue;
        while (take(fd, target_port))
            continue;
        for (unsigned i = 0; i < sender_count; i++)
            hand_back(fd, &senders[i]);
    }
}

int main(int argc, char **argv)
{
    const struct sched_param param = {.sched_priority = PRIORITY};
    const struct sigaction on_stop = {.sa_handler = stop}; // no SA_RESTART: poll(2) returns
    const int yes = 1, buffer_bytes = 4 << 20;

    if (argc != 4) {
        fputs("usage: relay PORT TARGET_PORT CAPTURE\n", stderr);
        return 2;
    }
    const struct sockaddr_in address = local(atoi(argv[1]));
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    file = fopen(argv[3], "we");
    if (!file || fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &yes, sizeof yes) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        perror("relay");
        return 1;
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    (void)sigaction(SIGTERM, &on_stop, NULL);
    (void)sched_setscheduler(0, SCHED_RR, &param); // without it arrivals are as exact, but later handed on
    puts("ready");
    fflush(stdout);
    run(fd, atoi(argv[2]));
    fclose(file);
    return 0;
}
