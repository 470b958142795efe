// SPDX-License-Identifier: Apache-2.0
// Values out of a JSON document by their place, "latency.origin.minute.p50_ms" or "paths.0.state". What is
// not there, or of another type, yields the neutral value, so that a document of an older or newer box still
// shows.
#ifndef CASTORCTL_PICK_H
#define CASTORCTL_PICK_H

#include <jansson.h>
#include <stdbool.h>

// The value (borrowed) or NULL.
json_t *pick(json_t *document, const char *place);
// Never NULL; "" when it is not a string.
const char *pick_text(json_t *document, const char *place);
double pick_number(json_t *document, const char *place);
long long pick_integer(json_t *document, const char *place);
bool pick_bool(json_t *document, const char *place);
// True when there is a value other than null.
bool pick_known(json_t *document, const char *place);

#endif
