// SPDX-License-Identifier: Apache-2.0
#include "ipc/channel.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// The kernel accounts a few hundred bytes for each datagram; this holds several seconds of orders at 60 fps.
#define CHANNEL_BUFFER_BYTES (512 * 1024)

int channel_pair(int fds[2])
{
    int pair[2];
    int size = CHANNEL_BUFFER_BYTES;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return castor_error_from_errno(errno);
    for (int i = 0; i < 2; i++)
        (void)setsockopt(pair[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof size); // the default also works
    fds[0] = pair[0];
    fds[1] = pair[1];
    return CASTOR_OK;
}

union control_buffer {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int) * MESSAGE_FDS_MAX)];
};

int channel_send(int fd, const struct message *message, const int *fds, unsigned fd_count)
{
    union control_buffer control;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)message, .iov_len = message->header.size};
    struct msghdr header = {.msg_iov = &iov, .msg_iovlen = 1};

    if (fd_count > MESSAGE_FDS_MAX)
        return CASTOR_ERR_INVALID;
    if (fd_count > 0) {
        memset(&control, 0, sizeof control);
        header.msg_control = control.bytes;
        header.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&header);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
        memcpy(CMSG_DATA(c), fds, sizeof(int) * fd_count);
    }
    ssize_t n;
    do {
        n = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
    } while (n < 0 && errno == EINTR);
    if (n >= 0)
        return CASTOR_OK;
    return errno == EAGAIN || errno == ENOBUFS ? CASTOR_ERR_FULL : castor_error_from_errno(errno);
}

static void take_descriptors(struct msghdr *header, int *fds, unsigned *fd_count)
{
    unsigned count = 0;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        size_t in_this = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < in_this; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
            if (fds && count < MESSAGE_FDS_MAX)
                fds[count++] = fd;
            else
                close(fd);
        }
    }
    if (fd_count)
        *fd_count = count;
}

int channel_receive(int fd, enum message_sender sender, struct message *message, int *fds, unsigned *fd_count,
                    const char **why)
{
    union control_buffer control;
    struct iovec iov = {.iov_base = message, .iov_len = sizeof *message};
    struct msghdr header = {.msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control.bytes,
                            .msg_controllen = sizeof control.bytes};
    ssize_t n;

    // A peer that died with unread orders leaves one ECONNRESET in front of what it had sent; that comes
    // next.
    bool reset = false;
    do {
        n = recvmsg(fd, &header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    } while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset && (reset = true))));
    if (n < 0)
        return castor_error_from_errno(errno);
    unsigned count = 0;
    take_descriptors(&header, fds, &count);
    if (n == 0)
        return CASTOR_ERR_END;
    int error = CASTOR_ERR_INVALID;
    if (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
        if (why)
            *why = "longer than any message";
    } else {
        error = message_check(message, (size_t)n, sender, why);
    }
    if (error != CASTOR_OK) {
        for (unsigned i = 0; fds && i < count; i++)
            close(fds[i]);
        return error;
    }
    if (fd_count)
        *fd_count = count;
    return CASTOR_OK;
}
