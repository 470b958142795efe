// SPDX-License-Identifier: Apache-2.0
#include "base/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"
#include "hal/time.h"

#define UNKILLABLE_NS CASTOR_NS_PER_S

struct child {
    pid_t pid;
    int pidfd;
    int pipe_fd; // its standard output; -1 after its end
    char *output;
    size_t capacity, used;
    bool overflow;
};

static int start(struct child *child, char *const argv[])
{
    int ends[2];

    if (access(argv[0], X_OK) != 0)
        return castor_error_from_errno(errno);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return castor_error_from_errno(errno);
    child->pipe_fd = ends[0];
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(ends[1], STDOUT_FILENO) < 0)
            _exit(126);
        process_become(argv[0], argv, parent, false, STDERR_FILENO + 1);
    }
    int error = pid < 0 ? castor_error_from_errno(errno) : CASTOR_OK;
    close(ends[1]);
    if (error == CASTOR_OK)
        error = process_watch(pid, &child->pidfd);
    if (error != CASTOR_OK)
        return error;
    child->pid = pid;
    (void)fcntl(child->pipe_fd, F_SETFL, O_NONBLOCK);
    return CASTOR_OK;
}

static void read_output(struct child *child)
{
    char rest[512];

    while (child->pipe_fd >= 0) {
        bool fits = child->used + 1 < child->capacity;
        ssize_t n = fits
                        ? read(child->pipe_fd, child->output + child->used, child->capacity - 1 - child->used)
                        : read(child->pipe_fd, rest, sizeof rest);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close(child->pipe_fd);
            child->pipe_fd = -1;
            return;
        }
        if (fits)
            child->used += (size_t)n;
        else
            child->overflow = true;
    }
}

// Waits for output or the end. False when the deadline has passed.
static bool wait_for_end(struct child *child, int64_t deadline_ns, int *status)
{
    for (;;) {
        struct pollfd fds[2] = {{.fd = child->pidfd, .events = POLLIN},
                                {.fd = child->pipe_fd, .events = POLLIN}};
        int64_t left_ns = deadline_ns - castor_now_ns();
        if (left_ns <= 0)
            return false;
        const struct timespec left = castor_timespec(left_ns);
        (void)ppoll(fds, 2, &left, NULL);
        read_output(child);
        pid_t got = waitpid(child->pid, status, WNOHANG);
        if (got == child->pid || (got < 0 && errno != EINTR)) {
            child->pid = 0;
            read_output(child); // what was in the pipe when it ended
            return true;
        }
    }
}

// Takes the step lines out of the output; the last is kept.
static void take_steps(struct child *child, struct child_end *end)
{
    char *to = child->output;

    child->output[child->used] = '\0';
    for (char *line = child->output; *line;) {
        size_t length = strcspn(line, "\n");
        size_t whole = length + (line[length] == '\n');
        if (line[0] == CHILD_STEP_MARK) {
            snprintf(end->step, sizeof end->step, "%.*s", (int)length - 1, line + 1);
        } else {
            memmove(to, line, whole);
            to += whole;
        }
        line += whole;
    }
    *to = '\0';
}

static int describe(const struct child *child, int64_t took_ns, struct child_end *end)
{
    const char *in = end->step[0] ? " in " : "";

    if (end->timed_out) {
        snprintf(end->text, sizeof end->text, "hung%s%s; given up after %.1f s%s", in, end->step,
                 (double)took_ns / 1e9, child->pid > 0 ? ", and cannot even be killed" : "");
        return CASTOR_ERR_TIMEOUT;
    }
    if (WIFSIGNALED(end->status)) {
        snprintf(end->text, sizeof end->text, "crashed with signal %d (%s)%s%s", WTERMSIG(end->status),
                 strsignal(WTERMSIG(end->status)), in, end->step);
        return CASTOR_ERR_LOST;
    }
    if (WEXITSTATUS(end->status) != 0) {
        snprintf(end->text, sizeof end->text, "ended with status %d%s%s", WEXITSTATUS(end->status), in,
                 end->step);
        return CASTOR_ERR_IO;
    }
    snprintf(end->text, sizeof end->text, "%s", child->overflow ? "printed too much" : "ended well");
    return child->overflow ? CASTOR_ERR_FULL : CASTOR_OK;
}

int child_run(char *const argv[], int64_t deadline_ns, char *output, size_t output_bytes,
              struct child_end *end)
{
    struct child child = {.pidfd = -1, .pipe_fd = -1, .output = output, .capacity = output_bytes};
    int64_t started_ns = castor_now_ns();
    int status = 0;

    *end = (struct child_end){0};
    output[0] = '\0';
    int error = start(&child, argv);
    if (error != CASTOR_OK)
        snprintf(end->text, sizeof end->text, "%.80s cannot be started: %s", argv[0],
                 castor_error_text(error));
    if (error == CASTOR_OK && !wait_for_end(&child, deadline_ns, &status)) {
        end->timed_out = true;
        (void)kill(child.pid, SIGKILL); // it may not have come to be the leader of its group yet
        (void)kill(-child.pid, SIGKILL);
        (void)wait_for_end(&child, castor_now_ns() + UNKILLABLE_NS, &status);
    }
    if (child.pipe_fd >= 0)
        close(child.pipe_fd);
    if (child.pidfd >= 0)
        close(child.pidfd);
    if (error != CASTOR_OK)
        return error;
    end->status = status;
    take_steps(&child, end);
    return describe(&child, castor_now_ns() - started_ns, end);
}
