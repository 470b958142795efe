// SPDX-License-Identifier: Apache-2.0
// UTF-8, strictly by RFC 3629.
#ifndef DRAW_UTF8_H
#define DRAW_UTF8_H

#include <stdint.h>

#define UTF8_BROKEN UINT32_MAX

// The next character of a terminated text, which *at moves behind; 0 at its end, where *at stays.
// UTF8_BROKEN for what is no UTF-8.
uint32_t utf8_next(const char **at);

#endif
