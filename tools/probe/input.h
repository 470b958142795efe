// SPDX-License-Identifier: Apache-2.0
// Where the stream comes from. Each kind is one table; it runs a thread of its own that fills the queue.
#ifndef PROBE_INPUT_H
#define PROBE_INPUT_H

#include "hal/error.h"
#include "probe/queue.h"
#include "probe/srt_stats.h"

#include <stddef.h>

#define INPUT_WAIT_MS 100 // the longest that any wait inside an input lasts

struct input; // each kind's own

struct input_ops {
    const char *name;
    // Opens `where` and starts to fill the queue, which must outlive the input. On error `why` says what
    // happened, why, and what to do. May block as long as resolving a host name takes.
    int (*open)(const char *where, struct queue *queue, struct input **input, char *why, size_t why_bytes);
    // Ends the thread and frees everything; returns within INPUT_WAIT_MS and the time libsrt takes to close.
    // NULL is fine. The queue must have been stopped.
    void (*close)(struct input *input);
    // Copies the counters; zero for a file.
    void (*get_stats)(struct input *input, struct srt_stats *stats);
};

extern const struct input_ops input_file_ops; // a path, or "-" for the standard input
extern const struct input_ops input_srt_ops;  // srt://...

// Both clocks, now.
struct probe_arrival input_now(void);

#endif
