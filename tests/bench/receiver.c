// SPDX-License-Identifier: Apache-2.0
// receiver PORT LATENCY_MS CAPTURE
//
// An SRT listener on 127.0.0.1 that notes when it was handed every message (capture.h), as a player would be,
// and stays open for the next caller. Ends at SIGTERM.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <srt/srt.h>

#include "capture.h"
#include "hal/time.h"

#define PRIORITY 45

static FILE *file;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct caller {
    SRTSOCKET socket;
    uint32_t connection;
};

static void keep(int64_t arrival_ns, uint32_t connection, enum capture_kind kind, const char *data,
                 size_t size)
{
    const struct capture_record record = {.arrival_ns = arrival_ns,
                                          .connection = connection,
                                          .kind = (uint16_t)kind,
                                          .size_bytes = (uint16_t)size};
    pthread_mutex_lock(&lock);
    fwrite(&record, sizeof record, 1, file);
    fwrite(data, 1, size, file);
    pthread_mutex_unlock(&lock);
}

static void *receive(void *argument)
{
    struct caller caller = *(struct caller *)argument;
    char payload[1500];
    int size;

    free(argument);
    while ((size = srt_recvmsg(caller.socket, payload, sizeof payload)) > 0)
        keep(castor_now_ns(), caller.connection, CAPTURE_PAYLOAD, payload, (size_t)size);
    keep(castor_now_ns(), caller.connection, CAPTURE_DISCONNECTED, "", 0);
    srt_close(caller.socket);
    return NULL;
}

static void *accept_callers(void *argument)
{
    SRTSOCKET listener = *(SRTSOCKET *)argument;
    uint32_t connections = 0;

    for (;;) {
        SRTSOCKET socket = srt_accept(listener, NULL, NULL);
        struct caller *caller = malloc(sizeof *caller);
        pthread_t thread;

        if (socket == SRT_INVALID_SOCK || !caller)
            return NULL;
        *caller = (struct caller){.socket = socket, .connection = connections++};
        keep(castor_now_ns(), caller->connection, CAPTURE_CONNECTED, "", 0);
        if (pthread_create(&thread, NULL, receive, caller) != 0)
            return NULL;
        pthread_detach(thread);
    }
}

static int listen_at(int port, int latency_ms, SRTSOCKET *out)
{
    const struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SRTSOCKET socket = srt_create_socket();

    if (srt_setsockflag(socket, SRTO_RCVLATENCY, &latency_ms, sizeof latency_ms) == SRT_ERROR ||
        srt_bind(socket, (const struct sockaddr *)&address, sizeof address) == SRT_ERROR ||
        srt_listen(socket, 8) == SRT_ERROR) {
        fprintf(stderr, "receiver: port %d: %s\n", port, srt_getlasterror_str());
        return -1;
    }
    *out = socket;
    return 0;
}

int main(int argc, char **argv)
{
    static SRTSOCKET listener;
    const struct sched_param param = {.sched_priority = PRIORITY};
    sigset_t set;
    pthread_t thread;
    int signal_number;

    if (argc != 4) {
        fputs("usage: receiver PORT LATENCY_MS CAPTURE\n", stderr);
        return 2;
    }
    file = fopen(argv[3], "we");
    if (!file) {
        perror(argv[3]);
        return 1;
    }
    setvbuf(file, NULL, _IOFBF, 1 << 20);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    // For libsrt's threads too: where the handshake is late, all of the connection's delay is longer by that.
    (void)sched_setscheduler(0, SCHED_RR, &param);
    srt_startup();
    srt_setloglevel(0);
    if (listen_at(atoi(argv[1]), atoi(argv[2]), &listener) != 0 ||
        pthread_create(&thread, NULL, accept_callers, &listener) != 0)
        return 1;
    puts("ready");
    fflush(stdout);
    sigwait(&set, &signal_number);
    pthread_mutex_lock(&lock);
    fclose(file);
    _exit(0);
}
