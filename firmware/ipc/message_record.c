// SPDX-License-Identifier: Apache-2.0
#include "ipc/message_checks.h"

const char *message_check_record_start(const struct message *m)
{
    return message_fault_of_stream(&m->body.record_start.stream);
}

const char *message_check_record_config(const struct message *m)
{
    const struct message_record_config *b = &m->body.record_config;
    TEXT(b->folder);
    TEXT(b->name);
    MOST(b->container, MESSAGE_RECORD_CONTAINERS - 1, "unknown container");
    MOST(b->mode, MESSAGE_RECORD_MODES - 1, "unknown mode");
    RANGE(b->segment_seconds, 1, 86400, "segment length out of range");
    RANGE(b->preroll_minutes, 1, 1440, "pre-roll out of range");
    MOST(b->recording, 1, "not a yes or no");
    return b->folder[0] == '/' ? NULL : "the folder is not absolute";
}

const char *message_check_record_order(const struct message *m)
{
    const struct message_record_order *b = &m->body.record_order;
    TEXT(b->text);
    RANGE(b->kind, MESSAGE_RECORD_ORDER_START, MESSAGE_RECORD_ORDERS - 1, "unknown order");
    MOST(b->number, 1440, "minutes out of range");
    return NULL;
}

const char *message_check_record_unit(const struct message *m)
{
    return message_fault_of_emit(&m->body.record_unit.emit);
}

const char *message_check_record_state(const struct message *m)
{
    const struct message_record_state *b = &m->body.record_state;
    TEXT(b->answer);
    TEXT(b->text);
    TEXT(b->file);
    RANGE(b->status, MESSAGE_RECORD_STARTING, MESSAGE_RECORD_STATUSES - 1, "unknown status");
    RANGE(b->error, CASTOR_ERR_INTERNAL, CASTOR_OK, "unknown error number");
    RANGE(b->answer_error, CASTOR_ERR_INTERNAL, CASTOR_OK, "unknown error number");
    return NULL;
}
