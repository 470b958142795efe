// SPDX-License-Identifier: Apache-2.0
// castor-capture: runs one source driver for the supervisor, which starts it with its channel on
// descriptor 3.
#include "base/worker_process.h"
#include "capture/worker.h"
#include "ipc/message.h"

int main(void)
{
    enum log_level level;

    if (worker_process_begin("capture", MESSAGE_WORKER_FD, SANDBOX_NO_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    return capture_worker_run(MESSAGE_WORKER_FD, source_driver_find);
}
