// SPDX-License-Identifier: Apache-2.0
#include "slate/loader.h"

#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int loader_init(struct loader *loader, const struct castor_format *format)
{
    memset(loader, 0, sizeof *loader);
    loader->format = *format;
    loader->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return loader->done_fd < 0 ? CASTOR_ERR_NO_MEMORY : CASTOR_OK;
}

static void *load(void *argument)
{
    struct loader *loader = argument;
    const uint64_t one = 1;

    loader->error = look_load(&loader->wanted, &loader->format, &loader->look);
    (void)!write(loader->done_fd, &one, sizeof one); // never full: it is read before the next begins
    return NULL;
}

int loader_ask(struct loader *loader, const struct message_slate_look *wanted)
{
    if (loader->running) {
        loader->next = *wanted;
        loader->again = true;
        return CASTOR_OK;
    }
    loader->wanted = *wanted;
    loader->look = NULL;
    if (pthread_create(&loader->thread, NULL, load, loader) != 0)
        return CASTOR_ERR_NO_MEMORY;
    loader->running = true;
    return CASTOR_OK;
}

int loader_take(struct loader *loader, struct look **out)
{
    uint64_t count;

    if (!loader->running || read(loader->done_fd, &count, sizeof count) != (ssize_t)sizeof count)
        return CASTOR_ERR_AGAIN;
    (void)pthread_join(loader->thread, NULL);
    loader->running = false;
    if (!loader->again) {
        if (!loader->error)
            *out = loader->look;
        return loader->error;
    }
    loader->again = false;
    if (!loader->error)
        look_destroy(loader->look);
    int error = loader_ask(loader, &loader->next);
    return error ? error : CASTOR_ERR_AGAIN;
}

void loader_finish(struct loader *loader)
{
    if (loader->running) {
        (void)pthread_join(loader->thread, NULL);
        if (!loader->error)
            look_destroy(loader->look);
        loader->running = false;
    }
    if (loader->done_fd >= 0)
        close(loader->done_fd);
    loader->done_fd = -1;
}
