// SPDX-License-Identifier: Apache-2.0
#include "ipc/duty.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hal/time.h"
#include "ipc/channel.h"

#define START_BUDGET_NS (30 * CASTOR_NS_PER_S)

void duty_begin(struct duty *duty, int fd)
{
    *duty = (struct duty){.fd = fd, .start_until_ns = castor_now_ns() + START_BUDGET_NS};
}

void duty_finish(struct duty *duty, enum worker_exit exit)
{
    duty->done = true;
    duty->exit = exit;
}

void duty_fail(struct duty *duty, int error, const char *text)
{
    struct message message;

    log_error("%s", text);
    message_init(&message, MESSAGE_FAILED);
    message.body.failed.error = error;
    (void)snprintf(message.body.failed.text, sizeof message.body.failed.text, "%s", text);
    if (channel_send(duty->fd, &message, NULL, 0) != CASTOR_OK)
        log_warning("the supervisor did not take the reason of the failure");
    duty_finish(duty, WORKER_EXIT_FAILED);
}

void duty_refuse(struct duty *duty, const char *why)
{
    log_error("bad message from the supervisor: %s", why);
    duty->refused = why;
    duty_finish(duty, WORKER_EXIT_PROTOCOL);
}

void duty_await_start(struct duty *duty, int64_t now_ns)
{
    if (now_ns > duty->start_until_ns)
        duty_fail(duty, CASTOR_ERR_TIMEOUT, "the supervisor sent no START in time");
}

void duty_tell(struct duty *duty, const struct message *message)
{
    if (channel_send(duty->fd, message, NULL, 0) != CASTOR_OK)
        duty_finish(duty, WORKER_EXIT_OK);
}

bool duty_wait(struct duty *duty, struct pollfd *polled, nfds_t count, int64_t until_ns)
{
    const int64_t left_ns = until_ns - castor_now_ns();
    const struct timespec left = castor_timespec(left_ns > 0 ? left_ns : 0);

    if (ppoll(polled, count, &left, NULL) >= 0 || errno == EINTR)
        return true;
    duty_fail(duty, CASTOR_ERR_INTERNAL, "waiting for the supervisor failed");
    return false;
}

bool duty_read(struct duty *duty, void (*handle)(void *worker), void *worker)
{
    const char *why = "";
    int error =
        channel_receive(duty->fd, MESSAGE_FROM_SUPERVISOR, &duty->message, duty->fds, &duty->fd_count, &why);

    if (error == CASTOR_ERR_AGAIN)
        return false;
    if (error == CASTOR_ERR_INVALID) {
        duty_refuse(duty, why);
        return false;
    }
    if (error != CASTOR_OK) { // the supervisor is gone: nobody is left to tell
        duty_finish(duty, WORKER_EXIT_OK);
        return false;
    }
    handle(worker);
    for (unsigned i = 0; i < duty->fd_count; i++) {
        if (duty->fds[i] >= 0)
            close(duty->fds[i]);
    }
    return true;
}

void duty_keep(struct duty *duty, unsigned first, unsigned count)
{
    assert(first + count <= duty->fd_count);
    for (unsigned i = first; i < first + count; i++)
        duty->fds[i] = -1;
}
