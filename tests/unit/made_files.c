// SPDX-License-Identifier: Apache-2.0
#include "made_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

int made_files_make(char *folder, const char *const *recipes, size_t count)
{
    if (!mkdtemp(folder))
        return -1;
    for (size_t i = 0; i < count; i++) {
        char command[1024];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(command, sizeof command, recipes[i], folder);
#pragma GCC diagnostic pop
        if (system(command) != 0) {
            print_error("failed: %s\n", command);
            return -1;
        }
    }
    return 0;
}

int made_files_remove(const char *folder)
{
    char command[128];

    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}
