// SPDX-License-Identifier: Apache-2.0
// SRT as an edge receives it: one thread that waits with a deadline, reads and takes the time.
#include "probe/input.h"

#include "hal/time.h"
#include "probe/srt_socket.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS (250 * CASTOR_NS_PER_MS)
#define SAMPLE_NS (100 * CASTOR_NS_PER_MS)
#define EVENTS 8

struct input {
    struct srt_url url;
    struct queue *queue;
    int epoll;
    SRTSOCKET listener;
    SRTSOCKET connecting; // caller: not decided yet
    SRTSOCKET current;    // the one that is read
    SRTSOCKET next; // a newcomer; takes over when its first data is due, so that nothing of `current` is lost
    int64_t retry_ns;
    int64_t sample_ns;
    bool failed;
    atomic_bool stop;
    atomic_ullong knocks;
    pthread_t thread;
    pthread_mutex_t lock; // of the two below
    struct srt_stats stats;
    struct srt_stats before; // counts of connections that are over
    struct queue_item item;
};

static void sample(struct input *in)
{
    SRT_TRACEBSTATS now;
    if (in->current == SRT_INVALID_SOCK || srt_bstats(in->current, &now, 0) != 0)
        return;
    pthread_mutex_lock(&in->lock);
    struct srt_stats *s = &in->stats;
    s->rtt_ms = now.msRTT;
    s->receive_mbps = now.mbpsRecvRate;
    s->packets = in->before.packets + (uint64_t)now.pktRecvTotal;
    s->lost = in->before.lost + (uint64_t)now.pktRcvLossTotal;
    s->retransmitted = in->before.retransmitted + (uint64_t)now.pktRcvRetrans;
    s->belated = in->before.belated + (uint64_t)now.pktRcvBelated;
    s->dropped = in->before.dropped + (uint64_t)now.pktRcvDropTotal;
    s->undecrypted = in->before.undecrypted + (uint64_t)now.pktRcvUndecryptTotal;
    pthread_mutex_unlock(&in->lock);
}

static void note_error(struct input *in, const char *text)
{
    pthread_mutex_lock(&in->lock);
    snprintf(in->stats.last_error, sizeof in->stats.last_error, "%.*s", (int)sizeof in->stats.last_error - 1,
             text);
    pthread_mutex_unlock(&in->lock);
}

// Unlike data an event is never thrown away: waits until the analysis has room or the run ends.
static void push_event(struct input *in)
{
    int result = CASTOR_ERR_FULL;
    while (result == CASTOR_ERR_FULL && !atomic_load(&in->stop))
        result = queue_push(in->queue, &in->item, castor_now_ns() + INPUT_WAIT_MS * CASTOR_NS_PER_MS);
}

static void give_up(struct input *in, const char *text)
{
    in->item.kind = QUEUE_FAILED;
    in->item.bytes = (size_t)snprintf((char *)in->item.data, sizeof in->item.data, "%s", text) + 1;
    push_event(in);
    in->failed = true;
}

static void watch(struct input *in, SRTSOCKET socket, int events)
{
    events |= SRT_EPOLL_ERR;
    srt_epoll_add_usock(in->epoll, socket, &events);
}

static void drop(struct input *in, SRTSOCKET *socket)
{
    if (*socket == SRT_INVALID_SOCK)
        return;
    srt_epoll_remove_usock(in->epoll, *socket);
    srt_close(*socket);
    *socket = SRT_INVALID_SOCK;
}

static void begin(struct input *in, SRTSOCKET socket)
{
    in->current = socket;
    pthread_mutex_lock(&in->lock);
    in->stats.connected = true;
    in->stats.connections++;
    in->before = in->stats;
    srt_socket_prepare(socket, in->stats.peer, sizeof in->stats.peer);
    pthread_mutex_unlock(&in->lock);
    in->item.kind = QUEUE_CONNECTED;
    in->item.arrival = input_now();
    in->item.bytes = 0;
    push_event(in);
}

static void end(struct input *in)
{
    sample(in);
    drop(in, &in->current);
    pthread_mutex_lock(&in->lock);
    in->stats.connected = false;
    in->stats.disconnections++;
    pthread_mutex_unlock(&in->lock);
    in->retry_ns = castor_now_ns() + RETRY_NS;
    if (in->next != SRT_INVALID_SOCK) {
        SRTSOCKET socket = in->next;
        in->next = SRT_INVALID_SOCK;
        begin(in, socket);
    }
}

// Reads whatever is due. The queue is never waited for: a full one means that the analysis is too slow.
static void drain(struct input *in)
{
    for (;;) {
        int got = srt_recvmsg(in->current, (char *)in->item.data, sizeof in->item.data);
        in->item.arrival = input_now();
        if (got < 0) {
            if (srt_getlasterror(NULL) != SRT_EASYNCRCV)
                end(in);
            return;
        }
        if (got == 0)
            return;
        in->item.kind = QUEUE_DATA;
        in->item.bytes = (size_t)got;
        if (queue_push(in->queue, &in->item, 0) == CASTOR_ERR_FULL) {
            pthread_mutex_lock(&in->lock);
            in->stats.overruns++;
            pthread_mutex_unlock(&in->lock);
        }
    }
}

static void take_caller(struct input *in)
{
    SRTSOCKET socket = srt_accept(in->listener, NULL, NULL);
    if (socket == SRT_INVALID_SOCK)
        return;
    int no = 0;
    srt_setsockflag(socket, SRTO_RCVSYN, &no, sizeof no);
    watch(in, socket, SRT_EPOLL_IN);
    if (in->current == SRT_INVALID_SOCK) {
        begin(in, socket);
        return;
    }
    drop(in, &in->next);
    in->next = socket;
}

static void start_connecting(struct input *in)
{
    char why[256];
    in->retry_ns = castor_now_ns() + RETRY_NS;
    if (srt_socket_connect(&in->url, &in->connecting, why, sizeof why) != CASTOR_OK) {
        in->connecting = SRT_INVALID_SOCK;
        note_error(in, why);
        return;
    }
    watch(in, in->connecting, SRT_EPOLL_OUT);
}

static void decide_connecting(struct input *in)
{
    SRT_SOCKSTATUS state = srt_getsockstate(in->connecting);
    if (state == SRTS_CONNECTED) {
        SRTSOCKET socket = in->connecting;
        in->connecting = SRT_INVALID_SOCK;
        // Writable for ever from now on; only reading matters.
        srt_epoll_remove_usock(in->epoll, socket);
        watch(in, socket, SRT_EPOLL_IN);
        begin(in, socket);
    } else if (state != SRTS_CONNECTING && state != SRTS_OPENED && state != SRTS_INIT) {
        int reason = srt_getrejectreason(in->connecting);
        note_error(in, srt_rejectreason_str(reason));
        drop(in, &in->connecting);
        in->retry_ns = castor_now_ns() + RETRY_NS;
        if (reason == SRT_REJ_BADSECRET)
            give_up(in, "the listener refused the passphrase; give the one it was set up with");
        else if (reason == SRT_REJ_UNSECURE)
            give_up(in, "only one side encrypts; give passphrase=... on both sides or on neither");
    }
}

static void dispatch(struct input *in, const SRT_EPOLL_EVENT *events, int count)
{
    // Newcomers last: what is due on the current connection came before them.
    bool current = false;
    bool next = false;
    bool next_broken = false;
    bool listener = false;
    for (int i = 0; i < count; i++) {
        current |= events[i].fd == in->current;
        next |= events[i].fd == in->next && (events[i].events & SRT_EPOLL_IN);
        next_broken |= events[i].fd == in->next && (events[i].events & SRT_EPOLL_ERR);
        listener |= events[i].fd == in->listener;
        if (in->connecting != SRT_INVALID_SOCK && events[i].fd == in->connecting)
            decide_connecting(in);
    }
    if (current && in->current != SRT_INVALID_SOCK)
        drain(in);
    if (next && in->next != SRT_INVALID_SOCK) {
        end(in); // makes `next` the current one
        drain(in);
    } else if (next_broken) {
        drop(in, &in->next);
    }
    if (listener)
        take_caller(in);
}

static void *run(void *context)
{
    struct input *in = context;
    while (!atomic_load(&in->stop) && !in->failed) {
        SRT_EPOLL_EVENT events[EVENTS];
        int64_t now = castor_now_ns();
        bool idle = in->current == SRT_INVALID_SOCK && in->connecting == SRT_INVALID_SOCK;
        if (!in->url.listener && idle && now >= in->retry_ns)
            start_connecting(in);
        int count = srt_epoll_uwait(in->epoll, events, EVENTS, INPUT_WAIT_MS);
        if (count > 0)
            dispatch(in, events, count < EVENTS ? count : EVENTS);
        if (now >= in->sample_ns) {
            sample(in);
            in->sample_ns = now + SAMPLE_NS;
        }
    }
    return NULL;
}

// Sees every caller before its passphrase is checked; libsrt tells a listener nothing about those it turns
// away.
static int count_knock(void *context, SRTSOCKET socket, int version, const struct sockaddr *peer,
                       const char *stream_id)
{
    struct input *in = context;
    (void)socket;
    (void)version;
    (void)peer;
    (void)stream_id;
    atomic_fetch_add(&in->knocks, 1);
    return 0;
}

static int start(struct input *in, char *why, size_t why_bytes)
{
    in->epoll = srt_epoll_create();
    if (in->epoll < 0) {
        snprintf(why, why_bytes, "libsrt cannot start: %s", srt_getlasterror_str());
        return CASTOR_ERR_NO_MEMORY;
    }
    // A caller between two tries watches nothing and still waits.
    srt_epoll_set(in->epoll, SRT_EPOLL_ENABLE_EMPTY);
    if (in->url.listener) {
        int result = srt_socket_listen(&in->url, &in->listener, why, why_bytes);
        if (result != CASTOR_OK) {
            in->listener = SRT_INVALID_SOCK;
            return result;
        }
        srt_listen_callback(in->listener, count_knock, in);
        watch(in, in->listener, SRT_EPOLL_IN);
    }
    if (pthread_create(&in->thread, NULL, run, in) != 0) {
        snprintf(why, why_bytes, "cannot start a thread: the system allows no more");
        return CASTOR_ERR_NO_MEMORY;
    }
    return CASTOR_OK;
}

static void release(struct input *in)
{
    drop(in, &in->connecting);
    drop(in, &in->next);
    drop(in, &in->current);
    drop(in, &in->listener);
    if (in->epoll >= 0)
        srt_epoll_release(in->epoll);
    pthread_mutex_destroy(&in->lock);
    free(in);
    srt_cleanup();
}

static int srt_input_open(const char *where, struct queue *queue, struct input **input, char *why,
                          size_t why_bytes)
{
    struct srt_url url;
    int result = url_parse(where, &url, why, why_bytes);
    if (result != CASTOR_OK)
        return result;
    struct input *in = calloc(1, sizeof *in);
    if (in == NULL)
        return CASTOR_ERR_NO_MEMORY;
    srt_startup();
    srt_setloglevel(0); // LOG_EMERG: libsrt's own lines would run into the report
    in->url = url;
    in->queue = queue;
    in->listener = in->connecting = in->current = in->next = SRT_INVALID_SOCK;
    in->stats.used = true;
    pthread_mutex_init(&in->lock, NULL);
    result = start(in, why, why_bytes);
    if (result != CASTOR_OK) {
        release(in);
        return result;
    }
    *input = in;
    return CASTOR_OK;
}

static void srt_input_close(struct input *in)
{
    if (in == NULL)
        return;
    atomic_store(&in->stop, true);
    pthread_join(in->thread, NULL);
    release(in);
}

static void srt_input_get_stats(struct input *in, struct srt_stats *stats)
{
    pthread_mutex_lock(&in->lock);
    *stats = in->stats;
    pthread_mutex_unlock(&in->lock);
    stats->knocks = atomic_load(&in->knocks);
}

const struct input_ops input_srt_ops = {
    .name = "srt",
    .open = srt_input_open,
    .close = srt_input_close,
    .get_stats = srt_input_get_stats,
};
