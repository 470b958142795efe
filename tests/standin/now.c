// SPDX-License-Identifier: Apache-2.0
#include "now.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool take(const char *folder, const char *name, char out[STANDIN_NOW_BYTES])
{
    char path[512];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return false;
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t size = fread(out, 1, STANDIN_NOW_BYTES - 1, file);
    (void)fclose(file);
    out[size] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return unlink(path) == 0; // of several that read it one takes it
}

bool standin_now(const char *name, char out[STANDIN_NOW_BYTES])
{
    static char for_opening[STANDIN_NOW_BYTES]; // devices are opened one after the other
    const char *folder = getenv("CASTOR_STANDIN_NOW");
    char process[16];

    (void)snprintf(process, sizeof process, "%d", (int)getpid());
    if (folder && take(folder, process, out))
        return true;
    if (!folder || !name)
        return false;
    if (for_opening[0] == '\0' && !take(folder, name, for_opening))
        for_opening[0] = '\0';
    memcpy(out, for_opening, sizeof for_opening);
    return out[0] != '\0';
}
