// SPDX-License-Identifier: Apache-2.0
// A pool as a worker has it, in the process that made it.
#ifndef TESTS_POOL_VIEW_H
#define TESTS_POOL_VIEW_H

#include <fcntl.h>
#include <stddef.h>

#include "pool/pool.h"

// Attached with copies of the descriptors that a worker of this role is sent. NULL: it cannot be.
static inline struct pool *pool_view(const struct pool *owner, const struct castor_format *format,
                                     enum pool_role role)
{
    int fds[POOL_SHARE_MAX];
    struct pool_parts parts;
    struct pool *pool = NULL;
    uint32_t dmabuf_count = 0;
    unsigned count = pool_share(owner, role, fds, &dmabuf_count);

    for (unsigned i = 0; i < count; i++)
        fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 0);
    if (!pool_share_read(fds, count, dmabuf_count, &parts))
        return NULL;
    if (role == POOL_ROLE_CAPTURE)
        parts.control = fcntl(pool_descriptors(owner).control, F_DUPFD_CLOEXEC, 0);
    return pool_attach(format, pool_slot_count(owner), &parts, &pool) == CASTOR_OK ? pool : NULL;
}

#endif
