// SPDX-License-Identifier: Apache-2.0
// The terminal while a full-screen view is on it: its own page, no cursor, keys without Return; and all as it
// was at the end, however that comes.
#ifndef CASTORCTL_TERMINAL_H
#define CASTORCTL_TERMINAL_H

#include <stdbool.h>

// Takes over the terminal on standard input and output. False when either is not a terminal.
bool terminal_begin(void);
// Gives it back. May be called at any time.
void terminal_end(void);

// True once SIGINT, SIGTERM or SIGHUP has arrived. Installed by terminal_begin() and
// terminal_catch_signals().
bool terminal_stopped(void);
void terminal_catch_signals(void);

// The size now, at least 1x1.
void terminal_size(int *rows, int *columns);
// Waits for a key up to `wait_ms`; 0 when there was none.
int terminal_key(int wait_ms);

#endif
