// SPDX-License-Identifier: Apache-2.0
#include "transport/text.h"

#include <stdarg.h>
#include <stdio.h>

int transport_text_set(struct transport_text *text, int error, const char *format, ...)
{
    va_list args;

    if (!text)
        return error;
    va_start(args, format);
    if (vsnprintf(text->text, sizeof text->text, format, args) < 0)
        text->text[0] = '\0';
    va_end(args);
    return error;
}
