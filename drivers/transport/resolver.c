// SPDX-License-Identifier: Apache-2.0
#include "transport/resolver.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 16
#define STACK_BYTES (256 * 1024)

// Shared by caller and thread; whoever leaves last frees it.
struct resolver {
    atomic_int holders;
    atomic_bool done;
    char host[256];
    char port[8];
    int error;
    struct resolver_answer answer;
};

static atomic_int threads;

static void let_go(struct resolver *resolver)
{
    if (atomic_fetch_sub(&resolver->holders, 1) == 1)
        free(resolver);
}

static void keep_answer(struct resolver *resolver, const struct addrinfo *list)
{
    for (const struct addrinfo *a = list; a; a = a->ai_next) {
        struct resolver_address *to = &resolver->answer.list[resolver->answer.count];

        if (a->ai_addrlen > sizeof to->address)
            continue;
        memcpy(&to->address, a->ai_addr, a->ai_addrlen);
        to->size_bytes = a->ai_addrlen;
        if (++resolver->answer.count == RESOLVER_ADDRESSES_MAX)
            return;
    }
}

static void *look_up(void *argument)
{
    struct resolver *resolver = argument;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(resolver->host, resolver->port, &hints, &list);

    if (error == 0) {
        keep_answer(resolver, list);
        freeaddrinfo(list);
    }
    if (error == EAI_AGAIN || error == EAI_SYSTEM || error == EAI_MEMORY)
        resolver->error = CASTOR_ERR_IO;
    else if (error != 0 || resolver->answer.count == 0)
        resolver->error = CASTOR_ERR_NOT_FOUND;
    atomic_store(&resolver->done, true);
    let_go(resolver);
    atomic_fetch_sub(&threads, 1);
    return NULL;
}

static int start_thread(struct resolver *resolver)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int error;

    if (pthread_attr_init(&attributes) != 0)
        return CASTOR_ERR_NO_MEMORY;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    // Signals are the main thread's.
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, look_up, resolver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return error ? CASTOR_ERR_NO_MEMORY : CASTOR_OK;
}

int resolver_numeric(const char *host, uint16_t port, struct resolver_address *out)
{
    const struct addrinfo hints = {.ai_family = host[0] ? AF_UNSPEC : AF_INET,
                                   .ai_socktype = SOCK_DGRAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE};
    struct addrinfo *list = NULL;
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host[0] ? host : NULL, service, &hints, &list) != 0)
        return CASTOR_ERR_NOT_FOUND;
    memset(out, 0, sizeof *out);
    memcpy(&out->address, list->ai_addr, list->ai_addrlen);
    out->size_bytes = list->ai_addrlen;
    freeaddrinfo(list);
    return CASTOR_OK;
}

int resolver_start(const char *host, uint16_t port, struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof *resolver);
    int error;

    if (!resolver)
        return CASTOR_ERR_NO_MEMORY;
    snprintf(resolver->host, sizeof resolver->host, "%s", host);
    snprintf(resolver->port, sizeof resolver->port, "%u", port);
    atomic_init(&resolver->holders, 2);
    atomic_init(&resolver->done, false);
    error = atomic_fetch_add(&threads, 1) < THREADS_MAX ? start_thread(resolver) : CASTOR_ERR_NO_MEMORY;
    if (error) {
        atomic_fetch_sub(&threads, 1);
        free(resolver);
        return error;
    }
    *out = resolver;
    return CASTOR_OK;
}

int resolver_poll(struct resolver *resolver, struct resolver_answer *out)
{
    if (!atomic_load(&resolver->done))
        return CASTOR_ERR_AGAIN;
    if (resolver->error)
        return resolver->error;
    *out = resolver->answer;
    return CASTOR_OK;
}

void resolver_drop(struct resolver *resolver)
{
    if (resolver)
        let_go(resolver);
}
