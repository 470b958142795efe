// SPDX-License-Identifier: Apache-2.0
// How the bodies of messages are checked: one function a type, in the file of its subject. Each returns what
// is wrong (static storage), or NULL. Nobody outside ipc/ includes this.
#ifndef IPC_MESSAGE_CHECKS_H
#define IPC_MESSAGE_CHECKS_H

#include <string.h>

#include "ipc/message.h"

#define TEXT(field)                                                                                          \
    do {                                                                                                     \
        if (!memchr(field, '\0', sizeof(field)))                                                             \
            return "a text is not terminated";                                                               \
    } while (0)
#define RANGE(value, low, high, reason)                                                                      \
    do {                                                                                                     \
        if ((value) < (low) || (value) > (high))                                                             \
            return reason;                                                                                   \
    } while (0)

#define MOST(value, high, reason)                                                                            \
    do {                                                                                                     \
        if ((value) > (high))                                                                                \
            return reason;                                                                                   \
    } while (0)

// A format of which any part may be 0 ("the source's own").
const char *message_wanted_format(const struct castor_format *format);
// A format that is complete.
const char *message_format(const struct castor_format *format);

// The origin of a media time line; `known`: a time must be in it.
const char *message_origin(const struct message_capture_origin *origin, int known);
// What is wrong with what is told of a stream.
const char *message_fault_of_stream(const struct message_stream *b);
// What is wrong with the name of an access unit.
const char *message_fault_of_emit(const struct message_emit *emit);

const char *message_check_capture_start(const struct message *m);
const char *message_check_capture_ready(const struct message *m);
const char *message_check_capture_pool(const struct message *m);
const char *message_check_overlay(const struct message *m);
const char *message_check_overlay_state(const struct message *m);
const char *message_check_frame(const struct message *m);
const char *message_check_capture_stats(const struct message *m);
const char *message_check_capture_origin(const struct message *m);

const char *message_check_encode_start(const struct message *m);
const char *message_check_encode_ready(const struct message *m);
const char *message_check_encode(const struct message *m);
const char *message_check_set_bitrate(const struct message *m);
const char *message_check_fault(const struct message *m);
const char *message_check_coded(const struct message *m);
const char *message_check_dropped(const struct message *m);

const char *message_check_egress_start(const struct message *m);
const char *message_check_destination(const struct message *m);
const char *message_check_emit(const struct message *m);
const char *message_check_sent(const struct message *m);
const char *message_check_destination_state(const struct message *m);
const char *message_check_destination_stats(const struct message *m);
const char *message_check_need_idr(const struct message *m);
const char *message_check_egress_sound(const struct message *m);

const char *message_check_sound_start(const struct message *m);
const char *message_check_sound_set_mix(const struct message *m);
const char *message_check_sound_ready(const struct message *m);
const char *message_check_sound_unit(const struct message *m);
const char *message_check_sound_stats(const struct message *m);

const char *message_check_slate_start(const struct message *m);
const char *message_check_slate_look(const struct message *m);
const char *message_check_slate_draw(const struct message *m);
const char *message_check_slate_ready(const struct message *m);

const char *message_check_gap(const struct message *m);
const char *message_check_arrived(const struct message *m);
const char *message_check_gap_note(const struct message *m);

const char *message_check_record_start(const struct message *m);
const char *message_check_record_config(const struct message *m);
const char *message_check_record_order(const struct message *m);
const char *message_check_record_unit(const struct message *m);
const char *message_check_record_state(const struct message *m);

#endif
