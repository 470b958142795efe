// SPDX-License-Identifier: Apache-2.0
#include "hal/error.h"

#include <errno.h>

static const char *const texts[] = {
    [-CASTOR_OK] = "no error",
    [-CASTOR_ERR_AGAIN] = "nothing there yet",
    [-CASTOR_ERR_TIMEOUT] = "timed out",
    [-CASTOR_ERR_INVALID] = "malformed input",
    [-CASTOR_ERR_UNSUPPORTED] = "not supported",
    [-CASTOR_ERR_NO_MEMORY] = "out of memory or sessions",
    [-CASTOR_ERR_IO] = "input/output failed",
    [-CASTOR_ERR_BUSY] = "in use by somebody else",
    [-CASTOR_ERR_LOST] = "device or peer is gone",
    [-CASTOR_ERR_DENIED] = "permission denied",
    [-CASTOR_ERR_NOT_FOUND] = "not found",
    [-CASTOR_ERR_FULL] = "no room",
    [-CASTOR_ERR_END] = "end of stream",
    [-CASTOR_ERR_REJECTED] = "rejected by the peer",
    [-CASTOR_ERR_INTERNAL] = "internal error",
};

const char *castor_error_text(int error)
{
    int index = -error;
    if (index < 0 || index >= (int)(sizeof texts / sizeof texts[0]))
        return "unknown error";
    return texts[index];
}

int castor_error_from_errno(int errno_value)
{
    switch (errno_value) {
    case 0:
        return CASTOR_OK;
    case EAGAIN:
    case EINTR:
        return CASTOR_ERR_AGAIN;
    case ETIMEDOUT:
        return CASTOR_ERR_TIMEOUT;
    case EINVAL:
        return CASTOR_ERR_INVALID;
    case ENOTSUP:
    case ENOSYS:
    case ENOTTY:
        return CASTOR_ERR_UNSUPPORTED;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return CASTOR_ERR_NO_MEMORY;
    case EBUSY:
    case EADDRINUSE:
        return CASTOR_ERR_BUSY;
    case ENODEV:
    case ENXIO:
    case EPIPE:
    case ECONNRESET:
        return CASTOR_ERR_LOST;
    case EACCES:
    case EPERM:
        return CASTOR_ERR_DENIED;
    case ENOENT:
        return CASTOR_ERR_NOT_FOUND;
    case ENOSPC:
    case ENOBUFS:
        return CASTOR_ERR_FULL;
    default:
        return CASTOR_ERR_IO;
    }
}
