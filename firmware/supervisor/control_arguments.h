// SPDX-License-Identifier: Apache-2.0
// The arguments of a request to the supervisor: a table a command says which there are; each is checked and
// stored. What is wrong with one is the reply. Nobody but the control socket includes this.
#ifndef SUPERVISOR_CONTROL_ARGUMENTS_H
#define SUPERVISOR_CONTROL_ARGUMENTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ipc/message.h"

enum argument_kind {
    ARGUMENT_PATH,
    ARGUMENT_PATH_OR_SOUND,
    ARGUMENT_NUMBER,
    ARGUMENT_FAULT,
    ARGUMENT_WORKER,
    ARGUMENT_DOCUMENT,
    ARGUMENT_RECORD,
    ARGUMENT_TEXT
};

// Everything that any command takes.
struct arguments {
    uint32_t path;
    uint32_t kbps;
    uint32_t kind; // enum message_fault_kind
    uint32_t count;
    uint32_t factor;
    char worker[16];
    uint32_t action; // enum message_record_order_kind
    uint32_t minutes;
    char text[MESSAGE_RECORD_TEXT_BYTES];
    uint32_t index;
    char *config; // JSON, malloc'ed
};

struct argument {
    const char *key;
    enum argument_kind kind;
    size_t offset;
    uint32_t min, max, standard;
    bool required;
};

// Checks the arguments of the command called `command` against the table `expected` (NULL: it takes none) and
// stores them. Returns NULL, or the reply that refuses the request, which is the caller's. Owner:
// arguments->config is the caller's either way; it may hold a secret.
char *control_take_arguments(const char *command, const struct argument *expected, json_t *request,
                             struct arguments *arguments);

// {"ok":OK,"KEY":TEXT}, without the text where it is empty. The caller's; NULL when out of memory.
char *control_reply_text(bool ok, const char *key, const char *text);
// {"ok":false,"error":…}.
char *control_reply_error(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
