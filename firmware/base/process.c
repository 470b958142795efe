// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

void process_become(const char *path, char *const argv[], pid_t parent, bool keep_stdin, int first_closed_fd)
{
    const struct rlimit no_core = {0, 0};
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        _exit(126); // the parent died before the kernel knew
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    (void)setrlimit(RLIMIT_CORE, &no_core); // a core file would hold pictures and passphrases
    if (!keep_stdin) {
        int null = open("/dev/null", O_RDONLY);
        if (null < 0 || dup2(null, STDIN_FILENO) < 0)
            _exit(126);
    }
    (void)close_range((unsigned)first_closed_fd, ~0u, 0);
    setsid(); // a terminal's Ctrl-C is the parent's to handle, and all that it starts can be killed with it
    execv(path, argv);
    _exit(127);
}

int process_watch(pid_t pid, int *pidfd)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);

    if (fd < 0) {
        int error = castor_error_from_errno(errno);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0); // it has opened no device yet, so it ends at once
        return error;
    }
    *pidfd = fd;
    return CASTOR_OK;
}

int process_folder(char *out, size_t size_bytes)
{
    ssize_t n = readlink("/proc/self/exe", out, size_bytes);

    if (n <= 0)
        return CASTOR_ERR_NOT_FOUND;
    if ((size_t)n == size_bytes)
        return CASTOR_ERR_FULL;
    out[n] = '\0';
    char *slash = strrchr(out, '/');
    if (!slash)
        return CASTOR_ERR_NOT_FOUND;
    *slash = '\0';
    return CASTOR_OK;
}
