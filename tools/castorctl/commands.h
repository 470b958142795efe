// SPDX-License-Identifier: Apache-2.0
// What the commands do, for the command line and for the keys of the live view.
#ifndef CASTORCTL_COMMANDS_H
#define CASTORCTL_COMMANDS_H

#include "castorctl/client.h"

// Each asks the supervisor once or twice and returns what client_ask() does. On success why->text may hold a
// remark; it is empty otherwise.
CASTOR_MUST_USE int commands_switch(struct client *client, const char *path, struct client_why *why);
CASTOR_MUST_USE int commands_idr(struct client *client, struct client_why *why);
CASTOR_MUST_USE int commands_bitrate(struct client *client, long kbps, struct client_why *why);
CASTOR_MUST_USE int commands_fault(struct client *client, const char *path, const char *kind, long count,
                                   long factor, struct client_why *why);
CASTOR_MUST_USE int commands_restart(struct client *client, const char *worker, struct client_why *why);
// Changes a sound track on air: `change` (taken) is an object of keys of its configuration.
CASTOR_MUST_USE int commands_sound(struct client *client, const char *track, json_t *change,
                                   struct client_why *why);
CASTOR_MUST_USE int commands_stop(struct client *client, struct client_why *why);
// Reads a configuration file and has it put in force.
CASTOR_MUST_USE int commands_reload(struct client *client, const char *file, struct client_why *why);

// The status document in *out (the caller's).
CASTOR_MUST_USE int commands_status(struct client *client, json_t **out, struct client_why *why);
// What did not reach the destinations, see status.h.
CASTOR_MUST_USE int commands_gaps(struct client *client, json_t **out, struct client_why *why);
// The configuration, secrets replaced.
CASTOR_MUST_USE int commands_config(struct client *client, json_t **out, struct client_why *why);

// Sends a signal to the process of a worker (the letter of a path, capture, egress, sound). Only on boxes
// that allow faults.
CASTOR_MUST_USE int commands_signal(struct client *client, const char *worker, int signal_number,
                                    struct client_why *why);

#endif
