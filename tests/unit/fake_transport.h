// SPDX-License-Identifier: Apache-2.0
// A transport that does as it is told, for tests of what stands on one.
#ifndef TESTS_FAKE_TRANSPORT_H
#define TESTS_FAKE_TRANSPORT_H

#include <stdbool.h>

#include "hal/transport.h"

#define FAKE_MAX 4096

struct fake {
    struct transport common;
    struct fake *listener;
    enum transport_state next; // taken on at the next advance(), 0 = none
    enum transport_reason next_reason;
    bool full;
    unsigned accepted; // payloads
    struct transport_stats stats;
};

extern struct fake *made[FAKE_MAX]; // every one opened or accepted since fake_reset(), by age
extern unsigned made_count, open_count;
extern unsigned joiners; // that wait at the listener
extern int open_error;
extern struct transport_config opened;

void fake_reset(void);
// "fake://caller", "fake://listener"; "fake://bad" cannot be parsed.
int fake_find(const char *url, const struct transport_driver **out, struct transport_text *why);

#endif
