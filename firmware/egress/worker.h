// SPDX-License-Identifier: Apache-2.0
// The egress worker: takes access units out of the coded rings as the supervisor orders, multiplexes them
// once, sends them to every destination, and answers each order.
#ifndef EGRESS_WORKER_H
#define EGRESS_WORKER_H

#include "base/worker_process.h"
#include "egress/destination.h"

// How long the end may take after STOP, so that receivers get what was already accepted for them.
#define EGRESS_FAREWELL_NS (INT64_C(250) * 1000000)

// Runs until told to stop; returns an enum worker_exit. `fd` is the channel to the supervisor, kept open.
// After it has returned, threads of the transport's library may still live: end the process with _exit(2),
// which does not wait for them.
int egress_worker_run(int fd, destination_find find);

#endif
