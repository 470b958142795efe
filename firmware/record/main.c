// SPDX-License-Identifier: Apache-2.0
// castor-record: writes the programme to local storage. The supervisor starts it with its channel on
// descriptor 3.
#include <unistd.h>

#include "base/worker_process.h"
#include "ipc/message.h"
#include "record/worker.h"

int main(void)
{
    enum log_level level;

    if (worker_process_begin("record", MESSAGE_WORKER_FD, SANDBOX_NO_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    // A thread that waits for a dead disk would hold up a normal end.
    _exit(record_worker_run(MESSAGE_WORKER_FD));
}
