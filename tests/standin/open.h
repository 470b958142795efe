// SPDX-License-Identifier: Apache-2.0
// open(2) in the place of the C library's, for the stand-ins that are put between a program and its devices.
#ifndef TESTS_STANDIN_OPEN_H
#define TESTS_STANDIN_OPEN_H

#include <fcntl.h>
#include <stdarg.h>

// Defines `name`, open() or open64(): int work(const char *name, const char *path, int flags, mode_t mode)
// does it. There is a mode only where a file may be made.
#define STANDIN_OPEN(name, work)                                                                             \
    int name(const char *path, int flags, ...)                                                               \
    {                                                                                                        \
        va_list arguments;                                                                                   \
        mode_t mode = 0;                                                                                     \
                                                                                                             \
        va_start(arguments, flags);                                                                          \
        if (flags & (O_CREAT | __O_TMPFILE))                                                                 \
            mode = va_arg(arguments, mode_t);                                                                \
        va_end(arguments);                                                                                   \
        return work(#name, path, flags, mode);                                                               \
    }

#endif
