// SPDX-License-Identifier: Apache-2.0
// One line a message on standard error: time on the house clock, level, program, text. Never blocks for
// longer than the write itself; never carries a secret. Under systemd the level prefix (sd-daemon(3)) is
// added.
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

// `program` names the lines ("encode A") and is copied; messages above `level` are dropped. Call once at
// start.
void log_open(const char *program, enum log_level level);

// Parses "error", "warning", "info", "debug"; -1 for anything else.
int log_level_parse(const char *name);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
