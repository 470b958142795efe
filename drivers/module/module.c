// SPDX-License-Identifier: Apache-2.0
#include "module/module.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The folders to look in, best first: false beyond the last.
static bool folder_of(unsigned index, char *out, size_t size)
{
    const char *chosen = getenv("CASTOR_MODULE_DIR");

    if (chosen && *chosen)
        return index == 0 && (size_t)snprintf(out, size, "%s", chosen) < size;
    ssize_t bytes = readlink("/proc/self/exe", out, size - 1);
    if (index > 1 || bytes < 0)
        return false;
    out[bytes] = '\0';
    char *slash = strrchr(out, '/');
    if (!slash || (size_t)(slash - out) + sizeof "/../lib" > size)
        return false;
    memcpy(slash, index == 0 ? "/../lib" : "", index == 0 ? sizeof "/../lib" : 1);
    return true;
}

static int load_file(const char *path, const void **out, char *why, size_t why_bytes)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    const void *driver = NULL;
    const void *(*entry)(uint32_t version) = NULL;

    if (!handle) {
        (void)snprintf(why, why_bytes, "cannot load the driver: %s", dlerror());
        return CASTOR_ERR_UNSUPPORTED;
    }
    void *symbol = dlsym(handle, DRIVER_MODULE_SYMBOL);
    memcpy(&entry, &symbol, sizeof entry); // POSIX, dlsym(): the way to a function pointer
    if (entry)
        driver = entry(DRIVER_MODULE_VERSION);
    dlclose(handle); // NODELETE keeps it mapped
    if (!driver) {
        (void)snprintf(why, why_bytes, "%s is from another build: install both together", path);
        return CASTOR_ERR_UNSUPPORTED;
    }
    *out = driver;
    return CASTOR_OK;
}

static int load(const char *category, const char *name, const void **out, char *why, size_t why_bytes)
{
    char folder[PATH_MAX], path[PATH_MAX + 64];

    for (unsigned i = 0; folder_of(i, folder, sizeof folder); i++) {
        (void)snprintf(path, sizeof path, "%s/castor-%s-%s.so", folder, category, name);
        if (access(path, F_OK) == 0)
            return load_file(path, out, why, why_bytes);
    }
    (void)snprintf(why, why_bytes,
                   "castor-%s-%s.so is missing: install it into ../lib beside the programs or set "
                   "CASTOR_MODULE_DIR",
                   category, name);
    return CASTOR_ERR_UNSUPPORTED;
}

int driver_find(const struct driver_list *list, const char *name, const void **out, char *why,
                size_t why_bytes)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->entries[i].name, name) != 0)
            continue;
        if (!list->entries[i].table)
            return load(list->category, name, out, why, why_bytes);
        *out = list->entries[i].table;
        return CASTOR_OK;
    }
    int used = snprintf(why, why_bytes, "there is no %s \"%.40s\": choose ", list->category, name);
    for (size_t i = 0; i < list->count && used >= 0 && (size_t)used < why_bytes; i++)
        used += snprintf(why + used, why_bytes - (size_t)used, "%s%s",
                         i == 0                ? ""
                         : i + 1 < list->count ? ", "
                                               : " or ",
                         list->entries[i].name);
    return CASTOR_ERR_NOT_FOUND;
}
