// SPDX-License-Identifier: Apache-2.0
// Least privilege for workers, by seccomp(2): what a worker of this kind never does, the kernel refuses it
// from here on. A library in it that is taken over by a hostile file or peer cannot start programs, look into
// other processes, load kernel code, make DMA-BUFs of the pool's memory or (but for egress) reach a network.
#ifndef BASE_SANDBOX_H
#define BASE_SANDBOX_H

#include "hal/error.h"

enum sandbox {
    SANDBOX_NO_NETWORK, // no sockets but local ones: capture, encode
    SANDBOX_NETWORK,    // Internet sockets allowed: egress
};

// Applies to all threads of the process and cannot be undone. A refused call fails with EPERM. Call before
// anything from outside is read. CASTOR_ERR_UNSUPPORTED when the kernel has no seccomp: the worker may go on
// without.
CASTOR_MUST_USE int sandbox_enter(enum sandbox sandbox);

#endif
