// SPDX-License-Identifier: Apache-2.0
// For tests of leaks.
#ifndef TESTS_DESCRIPTORS_H
#define TESTS_DESCRIPTORS_H

#include <dirent.h>

// How many descriptors this process has open, or -1.
static inline int open_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    int count = 0;

    if (!list)
        return -1;
    while (readdir(list))
        count++;
    closedir(list);
    return count;
}

#endif
