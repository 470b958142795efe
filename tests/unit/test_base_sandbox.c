// SPDX-License-Identifier: Apache-2.0
// What the sandbox refuses and what it leaves, each tried in a child process.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <linux/udmabuf.h>

#include "base/sandbox.h"

enum attempt { INTERNET_SOCKET, LOCAL_SOCKET, RAW_SOCKET, START_PROGRAM, MAKE_DMABUF };

// Exit status 0: the kernel let it; 1: refused with EPERM; 2: something else.
static int child(enum sandbox sandbox, enum attempt attempt)
{
    char *const argv[] = {(char *)(uintptr_t) "true", NULL};
    int fd = -1;

    if (sandbox_enter(sandbox) != CASTOR_OK)
        return 3;
    switch (attempt) {
    case INTERNET_SOCKET:
        fd = socket(AF_INET, SOCK_DGRAM, 0);
        break;
    case LOCAL_SOCKET:
        fd = socket(AF_UNIX, SOCK_STREAM, 0);
        break;
    case RAW_SOCKET:
        fd = socket(AF_PACKET, SOCK_RAW, 0);
        break;
    case MAKE_DMABUF: // refused before the kernel looks at the descriptor, however the request is widened
        for (unsigned long high = 0; high <= 1; high++)
            if (syscall(SYS_ioctl, -1, high << 32 | UDMABUF_CREATE, NULL) != -1 || errno != EPERM ||
                syscall(SYS_ioctl, -1, high << 32 | UDMABUF_CREATE_LIST, NULL) != -1 || errno != EPERM)
                return 2;
        return ioctl(-1, FIONREAD, NULL) == -1 && errno == EBADF ? 1 : 2;
    case START_PROGRAM:
        execv("/bin/true", argv);
        break;
    }
    if (fd >= 0)
        return 0;
    return errno == EPERM ? 1 : 2;
}

static int try(enum sandbox sandbox, enum attempt attempt)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0)
        _exit(child(sandbox, attempt));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void encoders_reach_no_network(void **unused)
{
    (void)unused;
    assert_int_equal(try(SANDBOX_NO_NETWORK, INTERNET_SOCKET), 1);
    assert_int_equal(try(SANDBOX_NO_NETWORK, LOCAL_SOCKET), 0);
}

static void egress_reaches_the_internet_but_no_raw_packets(void **unused)
{
    (void)unused;
    assert_int_equal(try(SANDBOX_NETWORK, INTERNET_SOCKET), 0);
    assert_int_equal(try(SANDBOX_NETWORK, RAW_SOCKET), 1);
}

static void nobody_starts_programs(void **unused)
{
    (void)unused;
    assert_int_equal(try(SANDBOX_NO_NETWORK, START_PROGRAM), 1);
    assert_int_equal(try(SANDBOX_NETWORK, START_PROGRAM), 1);
}

static void nobody_makes_dmabufs(void **unused)
{
    (void)unused;
    assert_int_equal(try(SANDBOX_NO_NETWORK, MAKE_DMABUF), 1);
    assert_int_equal(try(SANDBOX_NETWORK, MAKE_DMABUF), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encoders_reach_no_network),
        cmocka_unit_test(egress_reaches_the_internet_but_no_raw_packets),
        cmocka_unit_test(nobody_starts_programs),
        cmocka_unit_test(nobody_makes_dmabufs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
