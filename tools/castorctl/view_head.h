// SPDX-License-Identifier: Apache-2.0
// The head of the live view: the box, its source, sound, stream and recording, and what is on air.
#ifndef CASTORCTL_VIEW_HEAD_H
#define CASTORCTL_VIEW_HEAD_H

#include <jansson.h>

#include "castorctl/screen.h"

// Draws it from row 0 on, `air` rows of room below the title; returns the row below it.
int view_head(struct screen *screen, int air, json_t *status);

#endif
