// SPDX-License-Identifier: Apache-2.0
// `castorctl encoders`: what the box tried for its automatic paths, and why each was taken or not.
#ifndef CASTORCTL_ENCODERS_H
#define CASTORCTL_ENCODERS_H

#include <jansson.h>
#include <stdio.h>

// The member "encoders" of a status document as a table.
void encoders_report(json_t *status, FILE *out);

#endif
