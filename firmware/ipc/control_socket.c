// SPDX-License-Identifier: Apache-2.0
#include "ipc/control_socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void control_default_path(char *path, size_t size)
{
    const char *chosen = getenv("CASTOR_SOCKET");
    const char *runtime = getenv("XDG_RUNTIME_DIR");

    if (chosen && chosen[0] != '\0')
        snprintf(path, size, "%s", chosen);
    else if (geteuid() == 0)
        snprintf(path, size, CONTROL_RUN_FOLDER "/castor.sock");
    else if (runtime && runtime[0] != '\0')
        snprintf(path, size, "%s/castor.sock", runtime);
    else
        snprintf(path, size, "/tmp/castor-%u.sock", (unsigned)geteuid());
}
