// SPDX-License-Identifier: Apache-2.0
// What the simulations share: chance from a seed, times, and how a mistake is told.
#ifndef SIM_SCHEDULE_H
#define SIM_SCHEDULE_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define US INT64_C(1000)
#define MS INT64_C(1000000)
#define NEVER INT64_MAX

static inline uint64_t schedule_random(uint64_t seed)
{
    return (seed + 1) * UINT64_C(0x9E3779B97F4A7C15);
}

static inline uint32_t schedule_draw(uint64_t *random, uint32_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (uint32_t)((*random >> 32) * below >> 32);
}

static inline int64_t schedule_draw_ns(uint64_t *random, int64_t from_ns, int64_t to_ns)
{
    return from_ns + (int64_t)schedule_draw(random, (uint32_t)((to_ns - from_ns) / US + 1)) * US;
}

// Ends the program.
__attribute__((noreturn)) static inline void schedule_wrong(uint64_t seed, int64_t now_ns, const char *what)
{
    printf("seed %" PRIu64 ", %.3f ms: %s\n", seed, (double)now_ns / (double)MS, what);
    fflush(stdout);
    exit(1);
}

static inline void schedule_trace(int64_t now_ns, const char *format, va_list arguments)
{
    printf("%9.3f ", (double)now_ns / (double)MS);
    vprintf(format, arguments);
    putchar('\n');
}

struct schedule_options {
    uint64_t seed, schedules;
    bool trace;
};

// The command line of the simulation `name`; ends the program when it is wrong.
static inline struct schedule_options schedule_options(const char *name, int argc, char **argv)
{
    struct schedule_options options = {.seed = 1, .schedules = 10000};
    const char *base = getenv("CASTOR_SIM_SEED");

    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--seed") == 0 && i + 1 < argc) {
            options.seed = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--schedules") == 0 && i + 1 < argc) {
            options.schedules = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--trace") == 0) {
            options.trace = true;
        } else {
            fprintf(stderr, "%s [--seed N] [--schedules M] [--trace]\n", name);
            exit(2);
        }
    }
    if (base)
        options.seed += strtoull(base, NULL, 10);
    return options;
}

#endif
