// SPDX-License-Identifier: Apache-2.0
// castor-slate: draws the picture that stands in for a lost source. The supervisor starts it with its channel
// on descriptor 3.
#include "base/worker_process.h"
#include "ipc/message.h"
#include "slate/worker.h"

int main(void)
{
    enum log_level level;

    if (worker_process_begin("slate", MESSAGE_WORKER_FD, SANDBOX_NO_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    return slate_worker_run(MESSAGE_WORKER_FD);
}
