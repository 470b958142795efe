// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hal/time.h"

static char program_name[32] = "castor";
static enum log_level threshold = LOG_LEVEL_INFO;
static int journal;

static const char *const names[] = {"error", "warning", "info", "debug"};

void log_open(const char *program, enum log_level level)
{
    snprintf(program_name, sizeof program_name, "%s", program);
    threshold = level;
    journal = getenv("JOURNAL_STREAM") != NULL;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return i;
    return -1;
}

__attribute__((format(printf, 2, 0))) static void log_line(enum log_level level, const char *format,
                                                           va_list args)
{
    static const char *const priorities[] = {"<3>", "<4>", "<6>", "<7>"};
    char line[1024];
    int64_t now = castor_now_ns();
    int n;

    if (level > threshold)
        return;
    n = snprintf(line, sizeof line, "%s%lld.%03lld %s %s: ", journal ? priorities[level] : "",
                 (long long)(now / CASTOR_NS_PER_S), (long long)(now / CASTOR_NS_PER_MS % 1000), names[level],
                 program_name);
    int m = vsnprintf(line + n, sizeof line - (size_t)n - 1, format, args);
    if (m < 0)
        return;
    size_t length = strnlen(line, sizeof line - 1);
    line[length++] = '\n';
    // One write, so that lines of several processes do not mix; a full pipe loses the line, not the stream.
    if (write(STDERR_FILENO, line, length) < 0)
        return;
}

#define LOG_FUNCTION(name, level)                                                                            \
    void name(const char *format, ...)                                                                       \
    {                                                                                                        \
        va_list args;                                                                                        \
        va_start(args, format);                                                                              \
        log_line(level, format, args);                                                                       \
        va_end(args);                                                                                        \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
