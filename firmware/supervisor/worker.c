// SPDX-License-Identifier: Apache-2.0
#include "supervisor/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/process.h"
#include "ipc/channel.h"

void worker_init(struct worker *worker, const char *program, const char *name, enum message_sender sender,
                 const struct restart_config *restart)
{
    memset(worker, 0, sizeof *worker);
    worker->program = program;
    snprintf(worker->name, sizeof worker->name, "%s", name);
    worker->sender = sender;
    worker->pidfd = worker->channel_fd = -1;
    restart_init(&worker->restart, restart);
}

// Between fork and exec: only async-signal-safe calls.
static void become_worker(const struct worker *worker, const char *path, char *const argv[], int channel_fd,
                          pid_t parent)
{
    (void)setpriority(PRIO_PROCESS, 0, worker->nice);
    if (channel_fd == MESSAGE_WORKER_FD) {
        if (fcntl(channel_fd, F_SETFD, 0) != 0)
            _exit(126);
    } else if (dup2(channel_fd, MESSAGE_WORKER_FD) < 0) {
        _exit(126);
    }
    process_become(path, argv, parent, worker->keep_stdin, MESSAGE_WORKER_FD + 1);
}

int worker_start(struct worker *worker, const char *folder, int64_t now_ns)
{
    char path[512];
    int pair[2];
    char *const argv[] = {(char *)(uintptr_t)worker->program, worker->name, NULL};

    if (snprintf(path, sizeof path, "%s/%s", folder, worker->program) >= (int)sizeof path)
        return CASTOR_ERR_INVALID;
    if (access(path, X_OK) != 0)
        return castor_error_from_errno(errno);
    int error = channel_pair(pair);
    if (error != CASTOR_OK)
        return error;
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become_worker(worker, path, argv, pair[1], parent);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return castor_error_from_errno(errno);
    }
    int pidfd = -1;
    error = process_watch(pid, &pidfd);
    if (error != CASTOR_OK) {
        close(pair[0]);
        return error;
    }
    worker_close_channel(worker);
    worker->pid = pid;
    worker->pidfd = pidfd;
    worker->channel_fd = pair[0];
    worker->ready = worker->killed = worker->hung_up = false;
    worker->started_ns = now_ns;
    worker->failure[0] = '\0';
    restart_started(&worker->restart, now_ns);
    log_debug("%s started as process %d", worker->name, (int)pid);
    return CASTOR_OK;
}

void worker_kill(struct worker *worker)
{
    if (worker->pid > 0 && !worker->killed) {
        kill(worker->pid, SIGKILL);
        worker->killed = true;
    }
}

void worker_end(struct worker *worker, const char *why)
{
    if (worker->pid > 0 && !worker->killed)
        snprintf(worker->failure, sizeof worker->failure, "%s", why);
    worker_kill(worker);
}

static void describe_end(struct worker *worker)
{
    int status = worker->exit_status;

    if (worker->failure[0] != '\0')
        return; // it said itself what was wrong
    if (WIFSIGNALED(status) && worker->killed && !worker->hung_up)
        snprintf(worker->failure, sizeof worker->failure, "ended by the supervisor");
    else if (WIFSIGNALED(status))
        snprintf(worker->failure, sizeof worker->failure, "killed by signal %d (%s)%s", WTERMSIG(status),
                 strsignal(WTERMSIG(status)),
                 WTERMSIG(status) == SIGKILL
                     ? ": by somebody, or by the kernel as memory ran out (see its log)"
                     : "");
    else if (WEXITSTATUS(status) == 127 || WEXITSTATUS(status) == 126)
        snprintf(worker->failure, sizeof worker->failure,
                 "%s could not be started; is it installed beside castord?", worker->program);
    else
        snprintf(worker->failure, sizeof worker->failure, "exited with status %d", WEXITSTATUS(status));
}

bool worker_reap(struct worker *worker, int64_t now_ns)
{
    int status;

    if (worker->pid <= 0)
        return true;
    pid_t got = waitpid(worker->pid, &status, WNOHANG);
    if (got == 0)
        return false;
    worker->exit_status = got > 0 ? status : 0;
    describe_end(worker);
    static_assert(sizeof worker->last_failure == sizeof worker->failure, "one does not fit the other");
    memcpy(worker->last_failure, worker->failure, sizeof worker->last_failure);
    worker->ended_ns = now_ns;
    close(worker->pidfd);
    worker->pidfd = -1;
    worker->pid = 0;
    worker->ready = false;
    restart_ended(&worker->restart, now_ns);
    return true;
}

void worker_close_channel(struct worker *worker)
{
    if (worker->channel_fd >= 0)
        close(worker->channel_fd);
    worker->channel_fd = -1;
}

int worker_send(struct worker *worker, const struct message *message, const int *fds, unsigned fd_count)
{
    if (worker->channel_fd < 0 || worker->killed)
        return CASTOR_ERR_LOST;
    int error = channel_send(worker->channel_fd, message, fds, fd_count);
    if (error != CASTOR_OK) {
        if (worker->failure[0] == '\0' && error == CASTOR_ERR_FULL)
            snprintf(worker->failure, sizeof worker->failure, "did not read its orders");
        worker->hung_up = error == CASTOR_ERR_LOST;
        worker_kill(worker);
    }
    return error;
}

// Waits until the process behind `worker` has ended or the deadline passed.
static bool wait_for_end(struct worker *worker, int64_t deadline_ns)
{
    struct pollfd p = {.fd = worker->pidfd, .events = POLLIN};

    while (worker->pid > 0) {
        int64_t left_ns = deadline_ns - castor_now_ns();
        if (left_ns < 0)
            return false;
        (void)poll(&p, 1, (int)(left_ns / CASTOR_NS_PER_MS) + 1);
        (void)worker_reap(worker, castor_now_ns());
    }
    return true;
}

void worker_stop_all(struct worker *const *workers, unsigned count, int64_t deadline_ns)
{
    struct message stop;

    message_init(&stop, MESSAGE_STOP);
    for (unsigned i = 0; i < count; i++)
        if (workers[i]->pid > 0 && worker_send(workers[i], &stop, NULL, 0) != CASTOR_OK)
            worker_kill(workers[i]); // it cannot hear the order
    for (unsigned i = 0; i < count; i++)
        if (!wait_for_end(workers[i], deadline_ns))
            worker_kill(workers[i]);
    for (unsigned i = 0; i < count; i++) {
        // A killed process ends as soon as the kernel has freed its memory; one in an uninterruptible driver
        // call may not, and is left to the kernel after a second.
        if (!wait_for_end(workers[i], castor_now_ns() + CASTOR_NS_PER_S))
            log_error("%s (process %d) does not end even when killed; its device is probably stuck",
                      workers[i]->name, (int)workers[i]->pid);
        worker_close_channel(workers[i]);
    }
}
