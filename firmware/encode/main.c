// SPDX-License-Identifier: Apache-2.0
// castor-encode: runs one encoder driver for the supervisor, which starts it with its channel on
// descriptor 3. With options it answers questions about the drivers instead (trial_main.h).
#include "base/worker_process.h"
#include "encode/trial_main.h"
#include "encode/worker.h"
#include "encoder/table.h"
#include "ipc/message.h"

int main(int argc, char **argv)
{
    enum log_level level;

    if (argc > 1 && argv[1][0] == '-')
        return trial_main(argc, argv, encoder_driver_name, encoder_driver_find);
    if (worker_process_begin("encode", MESSAGE_WORKER_FD, SANDBOX_NO_NETWORK, &level) != CASTOR_OK)
        return WORKER_EXIT_PROTOCOL;
    return encode_worker_run(MESSAGE_WORKER_FD, encoder_driver_find, level);
}
