// SPDX-License-Identifier: Apache-2.0
#ifndef DRIVERS_TRANSPORT_TEXT_H
#define DRIVERS_TRANSPORT_TEXT_H

#include "hal/transport.h"

// Writes a text, cut to size; `text` may be NULL. Returns `error`, so that a driver can write
// "return transport_text_set(...)".
int transport_text_set(struct transport_text *text, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
