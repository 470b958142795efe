// SPDX-License-Identifier: Apache-2.0
// castor-egress: multiplexes the programme and sends it to its destinations. The supervisor starts it with
// its channel on descriptor 3.
#include <unistd.h>

#include "base/worker_process.h"
#include "egress/worker.h"
#include "ipc/message.h"

int main(void)
{
    enum log_level level;

    if (worker_process_begin("egress", MESSAGE_WORKER_FD, SANDBOX_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    // libsrt's destructors would wait up to a second for its threads.
    _exit(egress_worker_run(MESSAGE_WORKER_FD, transport_driver_find));
}
