// SPDX-License-Identifier: Apache-2.0
// A descriptor that becomes readable at a time on the house clock (timerfd_create(2)).
#ifndef SOURCE_TICKER_H
#define SOURCE_TICKER_H

#include <stdint.h>

#include "hal/error.h"

// Owner: the caller closes *out_fd. Errors: NO_MEMORY.
CASTOR_MUST_USE int ticker_open(int *out_fd);

// Readable from time_ns on (a past time: at once), replacing the time before; SOURCE_NO_DEADLINE: not at all.
void ticker_set(int fd, int64_t time_ns);

#endif
