// SPDX-License-Identifier: Apache-2.0
#include "base/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/udmabuf.h>

// Never part of anybody's work here. A list of what is refused, not of what is allowed: vendor libraries
// differ in what they need, and a box that goes dark over a harmless call would be worse.
static const int refused[] = {
#if !defined(__SANITIZE_ADDRESS__) // its leak check traces the process
    SCMP_SYS(ptrace),
#endif
    SCMP_SYS(execve),
    SCMP_SYS(execveat),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(setns),
    SCMP_SYS(unshare),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(bpf),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(keyctl),
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(sethostname),
    SCMP_SYS(acct),
};

// Whoever may open /dev/udmabuf could make a writable DMA-BUF of memory that he is given to read only. The
// supervisor makes them, and nobody else.
static const unsigned refused_ioctls[] = {(unsigned)UDMABUF_CREATE, (unsigned)UDMABUF_CREATE_LIST};

static int refuse(scmp_filter_ctx filter, enum sandbox sandbox)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), refused[i], 0);
        if (result != 0 && result != -EDOM && result != -EFAULT) // not on this architecture
            return result;
    }
    for (size_t i = 0; i < sizeof refused_ioctls / sizeof refused_ioctls[0]; i++) {
        // The kernel looks at the lower half only.
        int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                                      SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, refused_ioctls[i]));
        if (result != 0)
            return result;
    }
    if (sandbox == SANDBOX_NO_NETWORK)
        return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                SCMP_A0(SCMP_CMP_NE, AF_UNIX, 0));
    // Internet only: no raw packets, no netlink but for routes, which resolvers ask for.
    int result = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                  SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
    return result != 0 ? result
                       : seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(socket), 1,
                                          SCMP_A1(SCMP_CMP_MASKED_EQ, 0xff, SOCK_PACKET));
}

int sandbox_enter(enum sandbox sandbox)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return castor_error_from_errno(errno);
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return CASTOR_ERR_NO_MEMORY;
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    int result = refuse(filter, sandbox);
    if (result == 0)
        result = seccomp_load(filter);
    seccomp_release(filter);
    if (result == 0)
        return CASTOR_OK;
    return result == -EINVAL || result == -ENOSYS ? CASTOR_ERR_UNSUPPORTED : castor_error_from_errno(-result);
}
