// SPDX-License-Identifier: Apache-2.0
// Files that a test has the packaged programs make before it reads them.
#ifndef TESTS_MADE_FILES_H
#define TESTS_MADE_FILES_H

#include <stddef.h>

// Makes the folder, whose name ends in XXXXXX, and runs each recipe, a shell command in which %s or %1$s is
// the folder. Returns 0, or -1 where one failed, which is printed.
int made_files_make(char *folder, const char *const *recipes, size_t count);

// Removes the folder with all that is in it. Returns 0 or the status of rm.
int made_files_remove(const char *folder);

#endif
