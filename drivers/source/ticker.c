// SPDX-License-Identifier: Apache-2.0
#include "ticker.h"

#include <sys/timerfd.h>

#include "hal/source.h"

int ticker_open(int *out_fd)
{
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);

    if (fd < 0)
        return CASTOR_ERR_NO_MEMORY;
    *out_fd = fd;
    return CASTOR_OK;
}

void ticker_set(int fd, int64_t time_ns)
{
    struct itimerspec spec = {0}; // a zero time disarms

    if (time_ns != SOURCE_NO_DEADLINE) {
        if (time_ns < 1)
            time_ns = 1;
        spec.it_value.tv_sec = (time_t)(time_ns / CASTOR_NS_PER_S);
        spec.it_value.tv_nsec = (long)(time_ns % CASTOR_NS_PER_S);
    }
    (void)timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL); // fails only for arguments it never gets
}
