// SPDX-License-Identifier: Apache-2.0
// The full-screen view of a box: everything an operator asks first, on 80 columns and 24 rows or more.
#ifndef CASTORCTL_VIEW_H
#define CASTORCTL_VIEW_H

#include <jansson.h>

#include "castorctl/screen.h"

struct view {
    json_t *status;      // NULL = not connected
    json_t *probe;       // what castor-probe sees, or NULL
    const char *message; // the last event, or ""
    bool message_bad;
};

// Draws a whole page on a begun screen.
void view_draw(struct screen *screen, const struct view *view);

// Why the path on air is on air, in words: "A failed: it stalled".
void view_why(json_t *status, char *out, size_t size);

#endif
