// SPDX-License-Identifier: Apache-2.0
#include "now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool standin_now(char out[STANDIN_NOW_BYTES])
{
    const char *folder = getenv("CASTOR_STANDIN_NOW");
    char path[512];

    if (!folder || (size_t)snprintf(path, sizeof path, "%s/%d", folder, (int)getpid()) >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(out, 1, STANDIN_NOW_BYTES - 1, file);
    (void)fclose(file);
    out[size] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return unlink(path) == 0; // of several threads one takes it
}
