// SPDX-License-Identifier: Apache-2.0
// metronome FILE CPU
//
// Wakes every 5 ms on one processor and writes to FILE when it was let run too late: the time at which it
// should have run and the delay, both in nanoseconds (CLOCK_MONOTONIC). It does nothing else and has, where
// permitted, real-time priority: what delays it is the machine, not what is tested beside it. Ends with
// SIGTERM.
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS 5000000
#define DELAY_MIN_NS 2000000
#define PRIORITY 20 // that of the receiving side, above everything in the box
#define NS_PER_S 1000000000

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

int main(int argc, char **argv)
{
    const struct sched_param param = {.sched_priority = PRIORITY};
    cpu_set_t cpus;

    if (argc != 3) {
        fputs("usage: metronome FILE CPU\n", stderr);
        return 2;
    }
    FILE *file = fopen(argv[1], "we");
    if (!file) {
        perror(argv[1]);
        return 1;
    }
    setvbuf(file, NULL, _IOLBF, 0);
    CPU_ZERO(&cpus);
    CPU_SET((size_t)atoi(argv[2]), &cpus);
    if (sched_setaffinity(0, sizeof cpus, &cpus) != 0)
        perror("metronome: processor");
    (void)sched_setscheduler(0, SCHED_RR, &param); // without the permission it sees more delays
    for (int64_t due_ns = now_ns() + PERIOD_NS;; due_ns += PERIOD_NS) {
        const struct timespec due = {.tv_sec = due_ns / NS_PER_S, .tv_nsec = due_ns % NS_PER_S};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
            continue;
        int64_t delay_ns = now_ns() - due_ns;
        if (delay_ns < DELAY_MIN_NS)
            continue;
        fprintf(file, "%" PRId64 " %" PRId64 "\n", due_ns, delay_ns);
        due_ns += delay_ns / PERIOD_NS * PERIOD_NS;
    }
}
