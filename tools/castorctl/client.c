// SPDX-License-Identifier: Apache-2.0
#include "castorctl/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "hal/time.h"
#include "ipc/control_socket.h"

#define ANSWER_NS (3 * CASTOR_NS_PER_S)

static int explain(const struct client *client, int errno_value, struct client_why *why)
{
    int error = castor_error_from_errno(errno_value);

    if (errno_value == ENOENT || errno_value == ECONNREFUSED) {
        snprintf(why->text, sizeof why->text,
                 "no castord is running on %s; start one, or name its socket with --socket", client->path);
        return CASTOR_ERR_NOT_FOUND;
    }
    if (errno_value == EACCES || errno_value == EPERM) {
        snprintf(why->text, sizeof why->text,
                 "no permission for %s; run castorctl as the user or in the group that castord runs as",
                 client->path);
        return CASTOR_ERR_DENIED;
    }
    snprintf(why->text, sizeof why->text, "cannot talk to castord on %s: %s", client->path,
             strerror(errno_value));
    return error;
}

int client_open(const char *path, struct client *out, struct client_why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct client client = {.fd = -1};
    char chosen[512];

    if (path)
        snprintf(chosen, sizeof chosen, "%s", path);
    else
        control_default_path(chosen, sizeof chosen);
    if (strlen(chosen) >= sizeof client.path) {
        snprintf(why->text, sizeof why->text, "the socket path is longer than %zu characters",
                 sizeof client.path - 1);
        return CASTOR_ERR_INVALID;
    }
    memcpy(client.path, chosen, strlen(chosen) + 1);
    memcpy(address.sun_path, chosen, strlen(chosen) + 1);
    client.fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client.fd < 0)
        return explain(&client, errno, why);
    if (connect(client.fd, (const struct sockaddr *)&address, sizeof address) != 0) {
        int errno_value = errno;
        close(client.fd);
        return explain(&client, errno_value, why);
    }
    *out = client;
    return CASTOR_OK;
}

void client_close(struct client *client)
{
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
}

static int lose(struct client *client, int error, struct client_why *why, const char *what)
{
    snprintf(why->text, sizeof why->text, "%s on %s", what, client->path);
    client_close(client);
    return error;
}

static int wait_for(const struct client *client, short events, int64_t deadline_ns)
{
    struct pollfd pollfd = {.fd = client->fd, .events = events};

    for (;;) {
        int64_t left_ns = deadline_ns - castor_now_ns();
        int n = left_ns > 0 ? poll(&pollfd, 1, (int)(left_ns / CASTOR_NS_PER_MS) + 1) : 0;
        if (n > 0)
            return CASTOR_OK;
        if (n == 0)
            return CASTOR_ERR_TIMEOUT;
        if (errno != EINTR)
            return CASTOR_ERR_IO;
    }
}

// Sends the request, receives the answer: a malloc'ed text.
static int exchange(struct client *client, const char *request, char **out, size_t *out_bytes,
                    struct client_why *why)
{
    int64_t deadline_ns = castor_now_ns() + ANSWER_NS;
    char *buffer = malloc(CONTROL_REPLY_MAX_BYTES);
    int result = CASTOR_ERR_NO_MEMORY;

    if (!buffer)
        return lose(client, result, why, "out of memory for an answer");
    if (strlen(request) > CONTROL_REQUEST_MAX_BYTES) {
        result =
            lose(client, CASTOR_ERR_INVALID, why, "the request is larger than 64 KiB, too large for castord");
        goto fail;
    }
    result = wait_for(client, POLLOUT, deadline_ns);
    if (result == CASTOR_OK && send(client->fd, request, strlen(request), MSG_NOSIGNAL) < 0)
        result = CASTOR_ERR_LOST;
    if (result == CASTOR_OK)
        result = wait_for(client, POLLIN, deadline_ns);
    ssize_t n = result == CASTOR_OK ? recv(client->fd, buffer, CONTROL_REPLY_MAX_BYTES, 0) : -1;
    if (result == CASTOR_ERR_TIMEOUT) {
        result = lose(client, result, why,
                      "castord does not answer within 3 seconds; it may be frozen or overloaded");
        goto fail;
    }
    if (n <= 0) {
        result = lose(client, CASTOR_ERR_LOST, why, "castord has closed the connection; it may have ended");
        goto fail;
    }
    *out = buffer;
    *out_bytes = (size_t)n;
    return CASTOR_OK;
fail:
    free(buffer);
    return result;
}

int client_ask(struct client *client, json_t *request, json_t **reply, struct client_why *why)
{
    char *text = json_dumps(request, JSON_COMPACT);
    char *answer = NULL;
    size_t answer_bytes = 0;

    json_decref(request);
    if (!text)
        return lose(client, CASTOR_ERR_NO_MEMORY, why, "out of memory for a request");
    int error = exchange(client, text, &answer, &answer_bytes, why);
    explicit_bzero(text, strlen(text)); // a configuration holds secrets
    free(text);
    if (error != CASTOR_OK)
        return error;
    json_t *object = json_loadb(answer, answer_bytes, 0, NULL);
    free(answer);
    if (!json_is_boolean(json_object_get(object, "ok"))) {
        json_decref(object);
        return lose(client, CASTOR_ERR_INVALID, why, "the answer is not castord's");
    }
    if (json_is_false(json_object_get(object, "ok"))) {
        const char *reason = json_string_value(json_object_get(object, "error"));
        snprintf(why->text, sizeof why->text, "%s", reason ? reason : "refused");
        json_decref(object);
        return CASTOR_ERR_REJECTED;
    }
    *reply = object;
    return CASTOR_OK;
}
