// SPDX-License-Identifier: Apache-2.0
// SRT in live mode. Source: draft-sharabayko-srt-01; the API documents of libsrt 1.5.
//
// What libsrt 1.5.1 does not do by itself and is done here:
// - a silent peer: libsrt needs at least 16 expirations, 5.1 s, whatever SRTO_PEERIDLETIMEO says. Here it is
//   lost when data is under way and no acknowledgement came for idle_timeout_ms.
// - the state while a handshake ends: libsrt clears "connecting" before it sets "connected", and says in
//   between that the socket is broken. Only one that stays broken is.
// - counters while it works: srt_bistats() tells an empty send buffer when another thread of the library holds
//   the connection's lock at that moment (2 of 100 calls on a busy machine). Such an answer is none.
// - source times: srt_sendmsg2() refuses one before the socket was made, so they are raised to that.
#include "transport/srt.h"

#include <assert.h>
#include <errno.h>
#include <srt/access_control.h>
#include <srt/srt.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "hal/time.h"
#include "transport/resolver.h"
#include "transport/srt_library.h"
#include "transport/srt_reason.h"
#include "transport/srt_socket.h"
#include "transport/srt_url.h"
#include "transport/text.h"

#define RESOLVE_TIMEOUT_NS (10 * CASTOR_NS_PER_S)
// libsrt ends a connection attempt by itself; this much later we stop believing that.
#define CONNECT_GRACE_NS CASTOR_NS_PER_S
// A socket that has looked broken for so long, without a reason, is.
#define DOUBT_MAX_NS CASTOR_NS_PER_S
#define STATS_INTERVAL_NS (100 * CASTOR_NS_PER_MS)
// A peer that has acknowledged nothing for so long is silent, not only late by one acknowledgement.
#define SILENT_NS (500 * CASTOR_NS_PER_MS)
// A pause of this process is no silence of the peer: one step of advance() counts at most this much.
#define IDLE_STEP_MAX_NS (250 * CASTOR_NS_PER_MS)

struct srt_transport {
    struct transport common;
    struct transport_config config;
    SRTSOCKET socket; // SRT_INVALID_SOCK while there is none
    int64_t clock_offset_us;
    struct srt_transport *listener; // where it was accepted, NULL for a caller
    atomic_uint receivers;          // of a listener: accepted and not closed yet; read by libsrt's thread too
    struct resolver *resolver;
    struct resolver_answer addresses;
    uint32_t next_address;
    int64_t deadline_ns; // of look-up or handshake
    int64_t doubt_ns;    // when the handshake first looked broken, 0 = it never did
    char peer[64];
    int64_t earliest_us; // libsrt takes no earlier source time
    int64_t source_us;   // of the payload before
    uint32_t blocks_max;
    int64_t stats_ns; // when the counters were read
    int64_t idle_ns;  // without an acknowledgement that was due
    int64_t acks;
    uint64_t taken; // payloads
    int32_t drops;  // of payloads, as libsrt counts them
    struct transport_stats stats;
};

static struct srt_transport *from(struct transport *transport)
{
    return (struct srt_transport *)transport;
}

static const struct srt_transport *from_const(const struct transport *transport)
{
    return (const struct srt_transport *)transport;
}

static void drop_socket(struct srt_transport *srt)
{
    if (srt->socket != SRT_INVALID_SOCK)
        srt_close(srt->socket);
    srt->socket = SRT_INVALID_SOCK;
}

static void fail(struct srt_transport *srt, enum transport_reason reason)
{
    drop_socket(srt);
    srt->common.state = TRANSPORT_FAILED;
    srt->common.reason = reason;
}

// What the connection owed at its end. The library keeps the send buffer of a broken socket until it is
// closed.
static void keep_pending(struct srt_transport *srt)
{
    size_t blocks = 0, bytes = 0;

    if (srt_getsndbuffer(srt->socket, &blocks, &bytes) == SRT_ERROR)
        return;
    srt->stats.taken_payloads = srt->taken;
    srt->stats.pending_payloads = (uint32_t)blocks;
}

static void fail_lost(struct srt_transport *srt, const char *what)
{
    keep_pending(srt);
    transport_text_set(&srt->common.text, 0, "%s %s; check the receiver and the network", srt->peer, what);
    fail(srt, TRANSPORT_REASON_LOST);
}

// ---- listening ----

// Runs in a thread of libsrt while srt_close() of the listener waits for it.
static int admit(void *opaque, SRTSOCKET socket, int version, const struct sockaddr *peer,
                 const char *stream_id)
{
    struct srt_transport *listener = opaque;
    const char *wanted = listener->config.stream_id;

    (void)version;
    (void)peer;
    if (atomic_load(&listener->receivers) >= listener->config.receivers_max) {
        (void)srt_setrejectreason(socket, SRT_REJX_OVERLOAD);
        return -1;
    }
    if (wanted[0] && (!stream_id || strcmp(stream_id, wanted) != 0)) {
        (void)srt_setrejectreason(socket, SRT_REJX_FORBIDDEN);
        return -1;
    }
    return 0;
}

static void listen_at(struct srt_transport *srt, const struct resolver_address *address)
{
    struct transport_text why;
    int system_error = 0;

    srt_socket_address_text(&address->address, srt->peer, sizeof srt->peer);
    if (srt_socket_create(&srt->config, &srt->socket, &why) != CASTOR_OK) {
        srt->common.text = why;
        fail(srt, TRANSPORT_REASON_LOCAL);
        return;
    }
    if (srt_listen_callback(srt->socket, admit, srt) != SRT_ERROR &&
        srt_bind(srt->socket, (const struct sockaddr *)&address->address, (int)address->size_bytes) !=
            SRT_ERROR &&
        srt_listen(srt->socket, (int)srt->config.receivers_max) != SRT_ERROR) {
        srt->common.state = TRANSPORT_LISTENING;
        transport_text_set(&srt->common.text, 0, "%s", srt->peer);
        return;
    }
    (void)srt_getlasterror(&system_error);
    transport_text_set(&srt->common.text, 0, "cannot listen at %s: %s", srt->peer,
                       system_error == EADDRNOTAVAIL
                           ? "this box has no such address; leave the host empty to listen on all"
                       : system_error == EACCES ? "ports below 1024 need more rights; choose a higher one"
                                                : "another program uses the port; choose a free one");
    fail(srt, TRANSPORT_REASON_LOCAL);
}

// ---- connecting ----

static void connected(struct srt_transport *srt)
{
    int32_t latency_ms = 0;
    int size = sizeof latency_ms;

    srt->common.state = TRANSPORT_CONNECTED;
    transport_text_set(&srt->common.text, 0, "%s", srt->peer);
    srt->earliest_us = srt_connection_time(srt->socket);
    if (srt_getsockflag(srt->socket, SRTO_PEERLATENCY, &latency_ms, &size) != SRT_ERROR)
        srt->stats.latency_ms = (uint32_t)latency_ms;
}

// Tries the next address of the host; false when there is none left.
static bool connect_next(struct srt_transport *srt, int64_t now_ns)
{
    while (srt->next_address < srt->addresses.count) {
        const struct resolver_address *address = &srt->addresses.list[srt->next_address++];

        drop_socket(srt);
        srt->doubt_ns = 0;
        srt_socket_address_text(&address->address, srt->peer, sizeof srt->peer);
        if (srt_socket_create(&srt->config, &srt->socket, &srt->common.text) != CASTOR_OK) {
            fail(srt, TRANSPORT_REASON_LOCAL);
            return true;
        }
        srt->deadline_ns = now_ns + srt->config.connect_timeout_ms * CASTOR_NS_PER_MS + CONNECT_GRACE_NS;
        if (srt_connect(srt->socket, (const struct sockaddr *)&address->address, (int)address->size_bytes) !=
            SRT_ERROR) {
            srt->common.state = TRANSPORT_CONNECTING;
            transport_text_set(&srt->common.text, 0, "%s", srt->peer);
            return true;
        }
        srt->common.reason = srt_reason_of(SRT_REJ_SYSTEM, srt->peer, &srt->common.text);
    }
    return false;
}

static void begin(struct srt_transport *srt, int64_t now_ns)
{
    if (srt->config.mode == TRANSPORT_MODE_LISTENER)
        listen_at(srt, &srt->addresses.list[0]);
    else if (!connect_next(srt, now_ns))
        fail(srt, srt->common.reason);
}

static void advance_resolving(struct srt_transport *srt, int64_t now_ns)
{
    int error = resolver_poll(srt->resolver, &srt->addresses);

    if (error == CASTOR_ERR_AGAIN && now_ns < srt->deadline_ns)
        return;
    resolver_drop(srt->resolver);
    srt->resolver = NULL;
    if (!error) {
        begin(srt, now_ns);
        return;
    }
    transport_text_set(&srt->common.text, 0,
                       error == CASTOR_ERR_NOT_FOUND
                           ? "the host name %.100s does not exist; check its spelling"
                           : "the host name %.100s cannot be looked up: the name service does not answer; "
                             "check the network and DNS settings of this box",
                       srt->config.host);
    fail(srt, TRANSPORT_REASON_NAME);
}

static bool still_connecting(struct srt_transport *srt, SRT_SOCKSTATUS status, int64_t now_ns)
{
    if (now_ns >= srt->deadline_ns)
        return false;
    if (status == SRTS_CONNECTING || status == SRTS_OPENED || status == SRTS_INIT)
        return true;
    if (status != SRTS_BROKEN || srt_getrejectreason(srt->socket) != SRT_REJ_UNKNOWN)
        return false;
    if (srt->doubt_ns == 0)
        srt->doubt_ns = now_ns;
    return now_ns - srt->doubt_ns < DOUBT_MAX_NS;
}

static void advance_connecting(struct srt_transport *srt, int64_t now_ns)
{
    SRT_SOCKSTATUS status = srt_getsockstate(srt->socket);
    int reject;

    if (status == SRTS_CONNECTED) {
        connected(srt);
        return;
    }
    if (still_connecting(srt, status, now_ns))
        return;
    reject = now_ns < srt->deadline_ns ? srt_getrejectreason(srt->socket) : SRT_REJ_TIMEOUT;
    srt->common.reason = srt_reason_of(reject, srt->peer, &srt->common.text);
    // Another address of the host may answer; one that said no has answered.
    if (srt->common.reason == TRANSPORT_REASON_UNREACHABLE && connect_next(srt, now_ns))
        return;
    fail(srt, srt->common.reason);
}

// ---- connected ----

// Payloads leave the send buffer when they are acknowledged or when libsrt gives them up, after a second at
// the earliest. It counts fewer of the latter than it throws away once the peer is silent; but what leaves
// behind a peer that has long been silent was thrown away. Not at once: libsrt empties the buffer before it
// counts the acknowledgement.
static void keep_buffer_stats(struct srt_transport *srt, const SRT_TRACEBSTATS *perf, bool acknowledged)
{
    struct transport_stats *to = &srt->stats;
    uint64_t left_before = to->taken_payloads - to->pending_payloads;

    to->taken_payloads = srt->taken;
    to->pending_payloads = (uint32_t)perf->pktSndBuf;
    if (acknowledged || srt->idle_ns < SILENT_NS)
        to->too_late_payloads += (uint64_t)(perf->pktSndDropTotal - srt->drops);
    else
        to->too_late_payloads += to->taken_payloads - to->pending_payloads - left_before;
    srt->drops = perf->pktSndDropTotal;
}

// A buffer that is empty has room, and one that has none is not empty.
static bool saw_send_buffer(const SRT_TRACEBSTATS *perf)
{
    return perf->pktSndBuf > 0 || perf->byteAvailSndBuf > 0;
}

static void keep_stats(struct transport_stats *to, const SRT_TRACEBSTATS *from_library)
{
    const SRT_TRACEBSTATS *s = from_library;

    to->sent_payloads = (uint64_t)s->pktSentUniqueTotal;
    to->sent_bytes = s->byteSentUniqueTotal;
    to->retransmitted_payloads = (uint64_t)s->pktRetransTotal;
    to->lost_payloads = (uint64_t)s->pktSndLossTotal;
    to->rtt_us = (uint32_t)(s->msRTT * 1000);
    to->bandwidth_kbps = (uint32_t)(s->mbpsBandwidth * 1000);
    to->buffer_ms = (uint32_t)s->msSndBuf;
    to->buffer_bytes = (uint32_t)s->byteSndBuf;
    to->flight_payloads = (uint32_t)s->pktFlightSize;
    to->latency_ms = (uint32_t)s->msSndTsbPdDelay;
}

static void advance_connected(struct srt_transport *srt, int64_t now_ns)
{
    SRT_TRACEBSTATS perf;
    int64_t since_ns = now_ns - srt->stats_ns;
    int64_t acks;

    if (srt_getsockstate(srt->socket) != SRTS_CONNECTED) {
        fail_lost(srt, "closed the connection or fell silent");
        return;
    }
    if (srt->stats_ns != 0 && since_ns < STATS_INTERVAL_NS)
        return;
    if (srt_bistats(srt->socket, &perf, 0, 1) == SRT_ERROR || !saw_send_buffer(&perf))
        return; // it broke just now, or was at work; the next call sees more
    keep_stats(&srt->stats, &perf);
    acks = (int64_t)perf.pktRecvACKTotal + perf.pktRecvNAKTotal;
    keep_buffer_stats(srt, &perf, acks != srt->acks);
    if (acks != srt->acks || perf.pktSndBuf == 0 || srt->stats_ns == 0)
        srt->idle_ns = 0;
    else
        srt->idle_ns += since_ns < IDLE_STEP_MAX_NS ? since_ns : IDLE_STEP_MAX_NS;
    srt->acks = acks;
    srt->stats_ns = now_ns;
    if (srt->idle_ns > srt->config.idle_timeout_ms * CASTOR_NS_PER_MS)
        fail_lost(srt, "fell silent: it has acknowledged nothing for too long");
}

// ---- the driver's members ----

static int srt_parse(const char *url, struct transport_config *out, struct transport_text *why)
{
    return srt_url_parse(url, out, why);
}

static struct srt_transport *make(const struct transport_config *config, int64_t clock_offset_us)
{
    struct srt_transport *srt = calloc(1, sizeof *srt);

    if (!srt)
        return NULL;
    srt->common.driver = &transport_srt;
    srt->config = *config;
    srt->socket = SRT_INVALID_SOCK;
    srt->clock_offset_us = clock_offset_us;
    srt->blocks_max = config->buffer_bytes / SRT_SOCKET_BLOCK_BYTES;
    atomic_init(&srt->receivers, 0);
    return srt;
}

static void srt_close_transport(struct transport *transport)
{
    struct srt_transport *srt = from(transport);

    if (!transport)
        return;
    assert(atomic_load(&srt->receivers) == 0);
    drop_socket(srt);
    resolver_drop(srt->resolver);
    if (srt->listener)
        atomic_fetch_sub(&srt->listener->receivers, 1);
    explicit_bzero(&srt->config, sizeof srt->config); // holds the passphrase
    free(srt);
}

static int srt_open(const struct transport_config *config, struct transport **out, struct transport_text *why)
{
    struct srt_transport *srt;
    int64_t clock_offset_us = 0;
    int error = srt_config_check(config, why);

    if (!error)
        error = srt_library_start(&clock_offset_us, why);
    if (error)
        return error;
    srt = make(config, clock_offset_us);
    if (!srt)
        return transport_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory");
    srt->deadline_ns = castor_now_ns() + RESOLVE_TIMEOUT_NS;
    if (resolver_numeric(config->host, config->port, &srt->addresses.list[0]) == CASTOR_OK) {
        srt->addresses.count = 1;
        begin(srt, castor_now_ns());
    } else if (resolver_start(config->host, config->port, &srt->resolver) == CASTOR_OK) {
        srt->common.state = TRANSPORT_RESOLVING;
        transport_text_set(&srt->common.text, 0, "%.200s", config->host);
    } else {
        srt_close_transport(&srt->common);
        return transport_text_set(why, CASTOR_ERR_NO_MEMORY,
                                  "too many look-ups of host names are hanging; check the name service");
    }
    *out = &srt->common;
    return CASTOR_OK;
}

static void srt_advance(struct transport *transport, int64_t now_ns)
{
    struct srt_transport *srt = from(transport);

    switch (transport->state) {
    case TRANSPORT_RESOLVING:
        advance_resolving(srt, now_ns);
        break;
    case TRANSPORT_CONNECTING:
        advance_connecting(srt, now_ns);
        break;
    case TRANSPORT_LISTENING:
        if (srt_getsockstate(srt->socket) != SRTS_LISTENING) {
            transport_text_set(&transport->text, 0, "no longer listening at %s: the network device is gone",
                               srt->peer);
            fail(srt, TRANSPORT_REASON_LOCAL);
        }
        break;
    case TRANSPORT_CONNECTED:
        advance_connected(srt, now_ns);
        break;
    case TRANSPORT_FAILED:
        break;
    }
}

static int srt_accept_receiver(struct transport *listener, struct transport **out)
{
    struct srt_transport *parent = from(listener);
    struct sockaddr_storage address = {.ss_family = AF_INET};
    int size = sizeof address;
    struct srt_transport *srt;
    SRTSOCKET socket;

    if (listener->state != TRANSPORT_LISTENING)
        return CASTOR_ERR_AGAIN;
    socket = srt_accept(parent->socket, (struct sockaddr *)&address, &size);
    if (socket == SRT_INVALID_SOCK)
        return CASTOR_ERR_AGAIN;
    // Several may have been admitted at once when there was only one place left.
    if (atomic_load(&parent->receivers) >= parent->config.receivers_max ||
        srt_socket_adopt(socket) != CASTOR_OK) {
        srt_close(socket);
        return CASTOR_ERR_AGAIN;
    }
    srt = make(&parent->config, parent->clock_offset_us);
    if (!srt) {
        srt_close(socket);
        return CASTOR_ERR_NO_MEMORY;
    }
    srt->socket = socket;
    srt->listener = parent;
    atomic_fetch_add(&parent->receivers, 1);
    srt_socket_address_text(&address, srt->peer, sizeof srt->peer);
    connected(srt);
    *out = &srt->common;
    return CASTOR_OK;
}

static int srt_room(const struct transport *transport, uint32_t payloads)
{
    const struct srt_transport *srt = from_const(transport);
    size_t blocks = 0, bytes = 0;

    if (transport->state != TRANSPORT_CONNECTED)
        return CASTOR_ERR_LOST;
    if (srt_getsndbuffer(srt->socket, &blocks, &bytes) == SRT_ERROR)
        return CASTOR_ERR_LOST;
    return blocks + payloads <= srt->blocks_max ? CASTOR_OK : CASTOR_ERR_FULL;
}

static int srt_send_payload(struct transport *transport, const uint8_t *data, size_t size_bytes,
                            int64_t source_ns)
{
    struct srt_transport *srt = from(transport);
    SRT_MSGCTRL control = srt_msgctrl_default;

    assert(size_bytes > 0 && size_bytes <= TRANSPORT_PAYLOAD_MAX_BYTES);
    if (transport->state != TRANSPORT_CONNECTED)
        return CASTOR_ERR_LOST;
    control.srctime = source_ns / CASTOR_NS_PER_US + srt->clock_offset_us;
    if (control.srctime < srt->earliest_us)
        control.srctime = srt->earliest_us;
    if (control.srctime < srt->source_us)
        control.srctime = srt->source_us;
    srt->source_us = control.srctime;
    control.inorder = 1;
    if (srt_sendmsg2(srt->socket, (const char *)data, (int)size_bytes, &control) != SRT_ERROR) {
        srt->taken++;
        return CASTOR_OK;
    }
    switch (srt_getlasterror(NULL)) {
    case SRT_EASYNCSND:
        return CASTOR_ERR_FULL;
    default:
        fail_lost(srt, "closed the connection or fell silent");
        return CASTOR_ERR_LOST;
    }
}

static uint32_t srt_pending(const struct transport *transport)
{
    size_t blocks = 0, bytes = 0;

    if (transport->state != TRANSPORT_CONNECTED ||
        srt_getsndbuffer(from_const(transport)->socket, &blocks, &bytes) == SRT_ERROR)
        return 0;
    return (uint32_t)blocks;
}

static void srt_stats(const struct transport *transport, struct transport_stats *out)
{
    *out = from_const(transport)->stats;
}

const struct transport_driver transport_srt = {
    .name = "srt",
    .description = "SRT live mode with libsrt",
    .parse = srt_parse,
    .open = srt_open,
    .advance = srt_advance,
    .accept = srt_accept_receiver,
    .room = srt_room,
    .send = srt_send_payload,
    .pending = srt_pending,
    .stats = srt_stats,
    .close = srt_close_transport,
};
