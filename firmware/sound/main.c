// SPDX-License-Identifier: Apache-2.0
// castor-sound: takes sound from one source and encodes it for the supervisor, which starts it with its
// channel on descriptor 3.
#include "base/worker_process.h"
#include "ipc/message.h"
#include "sound/worker.h"

int main(void)
{
    enum log_level level;

    if (worker_process_begin("sound", MESSAGE_WORKER_FD, SANDBOX_NO_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    return sound_worker_run(MESSAGE_WORKER_FD, sound_driver_find);
}
