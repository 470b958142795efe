// SPDX-License-Identifier: Apache-2.0
// The supervisor: starts and watches the workers, carries their messages to the switch and the switch's
// orders to them, keeps the counters, answers the control socket. One thread, one poll loop, nothing in it
// waits.
#ifndef SUPERVISOR_SUPERVISOR_H
#define SUPERVISOR_SUPERVISOR_H

#include "supervisor/config.h"
#include "supervisor/selection.h"

struct supervisor;

// Makes the rings and the control socket; no worker yet. `folder` is where the worker programs are;
// `config_path` (may be NULL) is read again on SIGHUP and must stay valid. `config` has no automatic path any
// more; `selection` has filled them, and will again for a new configuration. It stays the caller's and must
// stay valid.
CASTOR_MUST_USE int supervisor_create(const struct config *config, const char *config_path,
                                      const char *folder, struct selection *selection,
                                      struct supervisor **out);

// Runs until SIGINT, SIGTERM, a stop command, or the end of a source that cannot begin again. All workers are
// gone when it returns. 0, or an error that made running impossible (already logged).
CASTOR_MUST_USE int supervisor_run(struct supervisor *supervisor);

// Accepts NULL.
void supervisor_destroy(struct supervisor *supervisor);

#endif
