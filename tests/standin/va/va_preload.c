// SPDX-License-Identifier: Apache-2.0
// Preloaded into programs on machines without a graphics device: render nodes that exist, of a kernel driver
// named "standin", so that libva loads standin_drv_video.so. CASTOR_STANDIN_VA_NODES: how many (1).
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "../open.h"

#define NODE_PREFIX "/dev/dri/renderD"
#define NODE_FIRST 128
#define DRM_MAJOR 226
#define BEHIND "/dev/null" // what descriptors of a node really are
#define NODE_RENDER 2      // DRM_NODE_RENDER of xf86drm.h

// xf86drm.h's drmVersion; libdrm itself may be absent here.
struct version {
    int major, minor, patch;
    int name_length;
    char *name;
    int date_length;
    char *date;
    int description_length;
    char *description;
};

int drmGetNodeTypeFromFd(int fd);
struct version *drmGetVersion(int fd);
void drmFreeVersion(struct version *version);

static void *next(const char *name)
{
    return dlsym(RTLD_NEXT, name);
}

// The number of a node that exists, or -1.
static int node_number(const char *path)
{
    const char *nodes = getenv("CASTOR_STANDIN_VA_NODES");
    int count = nodes ? atoi(nodes) : 1;

    if (!path || strncmp(path, NODE_PREFIX, sizeof NODE_PREFIX - 1) != 0)
        return -1;
    int number = atoi(path + sizeof NODE_PREFIX - 1);
    return number >= NODE_FIRST && number < NODE_FIRST + count ? number : -1;
}

static bool is_node(int fd)
{
    struct stat status, behind;
    int (*real_stat)(const char *, struct stat *);
    void *symbol = next("stat");

    memcpy(&real_stat, &symbol, sizeof real_stat);
    return fstat(fd, &status) == 0 && real_stat(BEHIND, &behind) == 0 && status.st_rdev == behind.st_rdev;
}

static int open_next(const char *name, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...);
    void *symbol = next(name);

    memcpy(&real, &symbol, sizeof real);
    return real(node_number(path) >= 0 ? BEHIND : path, flags, mode);
}

STANDIN_OPEN(open, open_next)
STANDIN_OPEN(open64, open_next)

#define STAT(name, type)                                                                                     \
    int name(const char *restrict path, struct type *restrict out)                                           \
    {                                                                                                        \
        int (*real)(const char *, struct type *);                                                            \
        void *symbol = next(#name);                                                                          \
        int number = node_number(path);                                                                      \
        memcpy(&real, &symbol, sizeof real);                                                                 \
        if (number < 0)                                                                                      \
            return real(path, out);                                                                          \
        memset(out, 0, sizeof *out);                                                                         \
        out->st_mode = S_IFCHR | 0666;                                                                       \
        out->st_rdev = makedev(DRM_MAJOR, (unsigned)number);                                                 \
        return 0;                                                                                            \
    }
STAT(stat, stat)
STAT(stat64, stat64)

int access(const char *path, int mode)
{
    int (*real)(const char *, int);
    void *symbol = next("access");

    memcpy(&real, &symbol, sizeof real);
    return node_number(path) >= 0 ? 0 : real(path, mode);
}

int drmGetNodeTypeFromFd(int fd)
{
    if (is_node(fd))
        return NODE_RENDER;
    errno = EINVAL;
    return -1;
}

struct version *drmGetVersion(int fd)
{
    struct version *version = is_node(fd) ? calloc(1, sizeof *version) : NULL;

    if (!version)
        return NULL;
    version->major = 1;
    version->name = strdup("standin");
    version->name_length = (int)strlen("standin");
    version->date = strdup("0");
    version->date_length = 1;
    version->description = strdup("no device");
    version->description_length = (int)strlen("no device");
    return version;
}

void drmFreeVersion(struct version *version)
{
    if (!version)
        return;
    free(version->name);
    free(version->date);
    free(version->description);
    free(version);
}
