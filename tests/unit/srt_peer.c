// SPDX-License-Identifier: Apache-2.0
#include "srt_peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <srt/access_control.h>
#include <srt/srt.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "hal/time.h"

#define BYTES_MAX (64u << 20)

struct srt_peer {
    struct srt_peer_config config;
    pthread_t thread;
    pthread_mutex_t lock;
    atomic_bool stop;
    SRTSOCKET listener;
    SRTSOCKET active; // the one that receives, closed by the test to wake it
    unsigned connections;
    int reject_reason;
    char stream_id[513];
    size_t note_count;
    struct srt_peer_note notes[SRT_PEER_NOTES_MAX];
    size_t byte_count;
    uint8_t *bytes;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static int refuse(void *opaque, SRTSOCKET socket, int version, const struct sockaddr *address,
                  const char *stream_id)
{
    struct srt_peer *peer = opaque;

    (void)version;
    (void)address;
    (void)stream_id;
    srt_setrejectreason(socket,
                        peer->config.refuse_with ? (int)peer->config.refuse_with : SRT_REJX_FORBIDDEN);
    return -1;
}

static struct sockaddr_in local_address(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static SRTSOCKET make_socket(const struct srt_peer_config *config)
{
    SRTSOCKET s = srt_create_socket();
    const int32_t latency = (int32_t)config->latency_ms, key = (int32_t)config->key_bytes;
    const int32_t connect_timeout = 1000;

    assert(s != SRT_INVALID_SOCK);
    srt_setsockflag(s, SRTO_RCVLATENCY, &latency, sizeof latency);
    srt_setsockflag(s, SRTO_CONNTIMEO, &connect_timeout, sizeof connect_timeout);
    if (config->passphrase) {
        if (key)
            srt_setsockflag(s, SRTO_PBKEYLEN, &key, sizeof key);
        srt_setsockflag(s, SRTO_PASSPHRASE, config->passphrase, (int)strlen(config->passphrase));
    }
    if (config->stream_id)
        srt_setsockflag(s, SRTO_STREAMID, config->stream_id, (int)strlen(config->stream_id));
    return s;
}

static void note(struct srt_peer *peer, const char *data, size_t size_bytes, int64_t arrival_ns)
{
    pthread_mutex_lock(&peer->lock);
    if (peer->note_count < SRT_PEER_NOTES_MAX) {
        struct srt_peer_note *n = &peer->notes[peer->note_count++];
        n->arrival_ns = arrival_ns;
        n->size_bytes = (uint32_t)size_bytes;
        memcpy(n->head, data, size_bytes < sizeof n->head ? size_bytes : sizeof n->head);
    }
    if (peer->byte_count + size_bytes <= BYTES_MAX) {
        memcpy(peer->bytes + peer->byte_count, data, size_bytes);
        peer->byte_count += size_bytes;
    }
    pthread_mutex_unlock(&peer->lock);
}

// Names the socket that receives, or none. What the test has stopped is closed at once.
static void set_active(struct srt_peer *peer, SRTSOCKET s)
{
    pthread_mutex_lock(&peer->lock);
    peer->active = s;
    pthread_mutex_unlock(&peer->lock);
    if (atomic_load(&peer->stop) && s != SRT_INVALID_SOCK)
        srt_close(s);
}

// Until the connection ends or the test does. It waits without a timeout of libsrt's: after one, libsrt
// hands out packets before their time.
static void receive(struct srt_peer *peer, SRTSOCKET s)
{
    char buffer[1500];
    int size = sizeof peer->stream_id - 1, n;

    pthread_mutex_lock(&peer->lock);
    peer->connections++;
    memset(peer->stream_id, 0, sizeof peer->stream_id);
    srt_getsockflag(s, SRTO_STREAMID, peer->stream_id, &size);
    pthread_mutex_unlock(&peer->lock);
    set_active(peer, s);
    while ((n = srt_recvmsg(s, buffer, sizeof buffer)) > 0)
        note(peer, buffer, (size_t)n, castor_now_ns());
    set_active(peer, SRT_INVALID_SOCK);
    srt_close(s);
}

// libsrt's epoll does not show a caller that came before the listener was added, so it is asked instead.
static void *listen_thread(void *argument)
{
    struct srt_peer *peer = argument;
    const bool yes = true;

    while (!atomic_load(&peer->stop)) {
        SRTSOCKET s = srt_accept(peer->listener, NULL, NULL);

        if (s == SRT_INVALID_SOCK) {
            (void)poll(NULL, 0, 2);
            continue;
        }
        srt_setsockflag(s, SRTO_RCVSYN, &yes, sizeof yes); // not as its listener: wait in recv
        receive(peer, s);
    }
    srt_close(peer->listener);
    return NULL;
}

static void *call_thread(void *argument)
{
    struct srt_peer *peer = argument;
    struct sockaddr_in address = local_address(peer->config.port);

    while (!atomic_load(&peer->stop)) {
        SRTSOCKET s = make_socket(&peer->config);
        if (srt_connect(s, (struct sockaddr *)&address, sizeof address) != SRT_ERROR) {
            receive(peer, s);
            continue;
        }
        pthread_mutex_lock(&peer->lock);
        peer->reject_reason = srt_getrejectreason(s);
        pthread_mutex_unlock(&peer->lock);
        srt_close(s);
    }
    return NULL;
}

// libsrt counts its users and ends its threads with the last one. They must have ended before its globals go
// at exit, or the program dies there.
static void end_library(void)
{
    (void)srt_cleanup();
}

static void start_library(void)
{
    srt_startup();
    srt_setloglevel(0);
    atexit(end_library);
}

struct srt_peer *srt_peer_start(const struct srt_peer_config *config)
{
    struct srt_peer *peer = calloc(1, sizeof *peer);
    struct sockaddr_in address = local_address(config->port);
    int failed;

    assert(peer);
    pthread_once(&library_once, start_library);
    peer->config = *config;
    peer->bytes = malloc(BYTES_MAX);
    assert(peer->bytes);
    pthread_mutex_init(&peer->lock, NULL);
    atomic_init(&peer->stop, false);
    peer->active = SRT_INVALID_SOCK;
    if (!config->caller) {
        peer->listener = make_socket(config);
        if (config->refuse)
            srt_listen_callback(peer->listener, refuse, peer);
        failed = srt_bind(peer->listener, (struct sockaddr *)&address, sizeof address) == SRT_ERROR ||
                 srt_listen(peer->listener, 64) == SRT_ERROR;
        assert(!failed);
        const bool no = false;
        srt_setsockflag(peer->listener, SRTO_RCVSYN, &no, sizeof no);
    }
    failed = pthread_create(&peer->thread, NULL, config->caller ? call_thread : listen_thread, peer);
    assert(!failed);
    (void)failed;
    return peer;
}

size_t srt_peer_notes(struct srt_peer *peer, struct srt_peer_note *out, size_t capacity)
{
    pthread_mutex_lock(&peer->lock);
    size_t count = peer->note_count < capacity ? peer->note_count : capacity;
    if (out)
        memcpy(out, peer->notes, count * sizeof *out);
    pthread_mutex_unlock(&peer->lock);
    return count;
}

size_t srt_peer_bytes(struct srt_peer *peer, uint8_t *out, size_t capacity)
{
    pthread_mutex_lock(&peer->lock);
    size_t count = peer->byte_count < capacity ? peer->byte_count : capacity;
    if (out)
        memcpy(out, peer->bytes, count);
    pthread_mutex_unlock(&peer->lock);
    return count;
}

unsigned srt_peer_connections(struct srt_peer *peer, char *stream_id, size_t size)
{
    pthread_mutex_lock(&peer->lock);
    unsigned count = peer->connections;
    if (stream_id) {
        strncpy(stream_id, peer->stream_id, size - 1);
        stream_id[size - 1] = '\0';
    }
    pthread_mutex_unlock(&peer->lock);
    return count;
}

int srt_peer_reject_reason(struct srt_peer *peer)
{
    pthread_mutex_lock(&peer->lock);
    int reason = peer->reject_reason;
    pthread_mutex_unlock(&peer->lock);
    return reason;
}

void srt_peer_stop(struct srt_peer *peer)
{
    if (!peer)
        return;
    atomic_store(&peer->stop, true);
    pthread_mutex_lock(&peer->lock);
    if (peer->active != SRT_INVALID_SOCK)
        srt_close(peer->active);
    pthread_mutex_unlock(&peer->lock);
    pthread_join(peer->thread, NULL);
    pthread_mutex_destroy(&peer->lock);
    free(peer->bytes);
    free(peer);
}

uint16_t srt_peer_free_port(void)
{
    struct sockaddr_in address = local_address(0);
    socklen_t size = sizeof address;
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int failed = s < 0 || bind(s, (struct sockaddr *)&address, sizeof address) != 0 ||
                 getsockname(s, (struct sockaddr *)&address, &size) != 0;

    assert(!failed);
    (void)failed;
    close(s);
    return ntohs(address.sin_port);
}
