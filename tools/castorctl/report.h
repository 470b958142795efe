// SPDX-License-Identifier: Apache-2.0
// The status document as text, for `castorctl status` and for the view without a terminal.
#ifndef CASTORCTL_REPORT_H
#define CASTORCTL_REPORT_H

#include <jansson.h>
#include <stdio.h>

void report_status(json_t *status, FILE *out);
// One line: the state at this moment. `probe` may be NULL.
void report_line(json_t *status, json_t *probe, FILE *out);

#endif
