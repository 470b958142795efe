// SPDX-License-Identifier: Apache-2.0
// The control socket itself: listening, clients, datagrams. What they say is control_request.c's.
#include "supervisor/control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

struct client {
    int fd; // -1 = free
    uint64_t
        heard; // number of the last request, of all clients: the smallest is the one that is silent longest
};

struct control {
    const struct control_handlers *handlers;
    struct supervisor *supervisor;
    int fd;
    struct sockaddr_un address;
    ino_t inode; // of the socket file, so that a successor's is not removed
    uint64_t requests;
    struct client client[CONTROL_CLIENTS_MAX];
    char request[CONTROL_REQUEST_MAX_BYTES];
};

// ---- life ----

// Looks at what stands at the address: free, a stale socket that was removed, or something to respect.
static int clear_address(const struct sockaddr_un *address, const char **why)
{
    struct stat info;
    int result = CASTOR_OK;

    if (lstat(address->sun_path, &info) != 0)
        return CASTOR_OK;
    if (!S_ISSOCK(info.st_mode)) {
        *why = "there is a file of this name that is not a socket; move it away or choose another "
               "control.socket";
        return CASTOR_ERR_BUSY;
    }
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return castor_error_from_errno(errno);
    int answered = connect(fd, (const struct sockaddr *)address, sizeof *address);
    int error = answered == 0 ? 0 : errno;
    close(fd);
    // Only a refusal proves that nobody listens: a full backlog (EAGAIN) is somebody, and busy.
    if (error == ECONNREFUSED)
        result = unlink(address->sun_path) == 0 ? CASTOR_OK : castor_error_from_errno(errno);
    else if (error != ENOENT)
        result = CASTOR_ERR_BUSY;
    if (result == CASTOR_ERR_BUSY)
        *why = "another castord is running on it; stop that one (castorctl stop) or choose another "
               "control.socket";
    else if (result != CASTOR_OK)
        *why = "a stale socket file cannot be removed; remove it by hand";
    return result;
}

static int listen_on(struct control *control, const char **why)
{
    struct stat info;

    if (strncmp(control->address.sun_path, CONTROL_RUN_FOLDER "/", strlen(CONTROL_RUN_FOLDER "/")) == 0)
        (void)mkdir(CONTROL_RUN_FOLDER, 0755); // when that fails, bind() tells why
    int error = clear_address(&control->address, why);
    if (error != CASTOR_OK)
        return error;
    control->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->fd < 0) {
        *why = "the system gives no socket; too many files are open";
        return castor_error_from_errno(errno);
    }
    mode_t before = umask(0117); // 0660 from the first moment on
    int bound = bind(control->fd, (const struct sockaddr *)&control->address, sizeof control->address);
    error = bound == 0 ? CASTOR_OK : castor_error_from_errno(errno);
    (void)umask(before);
    if (error != CASTOR_OK) {
        *why = error == CASTOR_ERR_NOT_FOUND
                   ? "its folder does not exist; make it or choose another control.socket"
               : error == CASTOR_ERR_DENIED ? "no permission in its folder; choose another control.socket"
                                            : "it cannot be bound; choose another control.socket";
        return error;
    }
    if (lstat(control->address.sun_path, &info) == 0)
        control->inode = info.st_ino;
    if (listen(control->fd, CONTROL_CLIENTS_MAX) != 0) {
        *why = "it cannot be listened on";
        return castor_error_from_errno(errno);
    }
    return CASTOR_OK;
}

int control_create(const char *path, const struct control_handlers *handlers, struct supervisor *supervisor,
                   struct control **out, const char **why)
{
    struct control *control = calloc(1, sizeof *control);
    char chosen[512];

    *why = "out of memory";
    if (!control)
        return CASTOR_ERR_NO_MEMORY;
    control->handlers = handlers;
    control->supervisor = supervisor;
    control->fd = -1;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->client[i].fd = -1;
    if (path[0] != '\0')
        snprintf(chosen, sizeof chosen, "%s", path);
    else
        control_default_path(chosen, sizeof chosen);
    control->address.sun_family = AF_UNIX;
    int error = CASTOR_ERR_INVALID;
    *why = "its path is longer than 107 characters; choose another control.socket";
    if (strlen(chosen) < sizeof control->address.sun_path) {
        memcpy(control->address.sun_path, chosen, strlen(chosen) + 1);
        *why = "the system refuses it";
        error = listen_on(control, why);
    }
    if (error != CASTOR_OK) {
        log_error("control socket %s: %s", chosen, *why);
        control_destroy(control);
        return error;
    }
    *out = control;
    return CASTOR_OK;
}

static void drop_client(struct client *client)
{
    close(client->fd);
    client->fd = -1;
}

void control_destroy(struct control *control)
{
    struct stat info;

    if (!control)
        return;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->client[i].fd >= 0)
            drop_client(&control->client[i]);
    if (control->inode != 0 && lstat(control->address.sun_path, &info) == 0 && info.st_ino == control->inode)
        (void)unlink(control->address.sun_path);
    if (control->fd >= 0)
        close(control->fd);
    explicit_bzero(control->request, sizeof control->request);
    free(control);
}

// ---- traffic ----

unsigned control_poll_fds(const struct control *control, struct pollfd *fds)
{
    unsigned count = 0;

    fds[count++] = (struct pollfd){.fd = control->fd, .events = POLLIN};
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->client[i].fd >= 0)
            fds[count++] = (struct pollfd){.fd = control->client[i].fd, .events = POLLIN};
    return count;
}

// A free place; when there is none, that of the client that has been silent longest.
static struct client *make_room(struct control *control)
{
    struct client *oldest = &control->client[0];

    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        if (control->client[i].fd < 0)
            return &control->client[i];
        if (control->client[i].heard < oldest->heard)
            oldest = &control->client[i];
    }
    drop_client(oldest);
    return oldest;
}

static void accept_client(struct control *control)
{
    int size_bytes = CONTROL_REPLY_MAX_BYTES;
    int fd = accept4(control->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size_bytes, sizeof size_bytes);
    *make_room(control) = (struct client){.fd = fd, .heard = ++control->requests};
}

// Sends a reply; false when the client does not read or is gone.
static bool send_reply(int fd, const char *reply)
{
    static const char too_large[] = "{\"ok\":false,\"error\":\"the answer is too large for one message\"}";
    static const char no_memory[] = "{\"ok\":false,\"error\":\"out of memory\"}";

    if (!reply)
        reply = no_memory;
    if (strlen(reply) > CONTROL_REPLY_MAX_BYTES)
        reply = too_large;
    return send(fd, reply, strlen(reply), MSG_NOSIGNAL) >= 0;
}

static void serve(struct control *control, struct client *client)
{
    static const char too_large[] = "{\"ok\":false,\"error\":\"the request is larger than 64 KiB\"}";
    // MSG_TRUNC: the length of the datagram, also when it is more than the buffer holds.
    ssize_t size = recv(client->fd, control->request, sizeof control->request, MSG_TRUNC);

    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        drop_client(client);
        return;
    }
    client->heard = ++control->requests;
    bool delivered;
    if ((size_t)size > sizeof control->request) {
        delivered = send_reply(client->fd, too_large);
    } else {
        char *reply = control_answer(control->handlers, control->supervisor, control->request, (size_t)size);
        explicit_bzero(control->request, (size_t)size);
        delivered = send_reply(client->fd, reply);
        free(reply);
    }
    if (!delivered)
        drop_client(client);
}

void control_handle(struct control *control, const struct pollfd *fds, unsigned count)
{
    bool waiting = false;

    // New clients last: their descriptors may be those of clients that are dropped here.
    for (unsigned i = 0; i < count; i++) {
        if (!fds[i].revents)
            continue;
        waiting = waiting || fds[i].fd == control->fd;
        for (int k = 0; k < CONTROL_CLIENTS_MAX; k++) {
            if (control->client[k].fd >= 0 && control->client[k].fd == fds[i].fd) {
                serve(control, &control->client[k]);
                break;
            }
        }
    }
    if (waiting)
        accept_client(control);
}
