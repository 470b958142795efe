// SPDX-License-Identifier: Apache-2.0
// Outgoing transports: how a transport stream leaves the box. struct transport_driver is what a driver
// implements; the transport_*() functions below it are what a program calls.
//
// One struct transport is one connection to one peer, or a listener. A listener sends nothing itself; each
// receiver that joins it comes out of accept() as a connection of its own. Connections never come back to
// life: FAILED is final, and trying again means close() and open() (firmware/egress/reconnect.h decides
// when).
//
// Threads: all calls on one transport, and on what it accepted, come from one thread. What may take long (a
// name look-up, a handshake, retransmission) happens in threads of the driver and shows in advance(). So no
// call here waits for the network; the longest wait of each is named.
//
// Time: each payload carries its source time, the capture time of what is in it. A transport that can (SRT)
// hands it to the receiver, which delivers at source time plus latency, however late the payload was sent.
#ifndef HAL_TRANSPORT_H
#define HAL_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"

#define TRANSPORT_PAYLOAD_MAX_BYTES 1316u // seven TS packets
#define TRANSPORT_RECEIVERS_MAX 8u        // of one listener
#define TRANSPORT_HOST_MAX_BYTES 256u
#define TRANSPORT_PASSPHRASE_MIN_BYTES 10u
#define TRANSPORT_PASSPHRASE_MAX_BYTES 79u
#define TRANSPORT_STREAM_ID_MAX_BYTES 512u

// What happened, why, what to do: for logs and operators. Always terminated, never holds a secret.
struct transport_text {
    char text[240];
};

enum transport_mode {
    TRANSPORT_MODE_CALLER = 1,   // connects to host and port
    TRANSPORT_MODE_LISTENER = 2, // waits on port for receivers; host is the local address, "" = any
};

// Where and how to send. Plain data of fixed size; all texts are terminated. 0 = the default where a range
// does not include 0.
struct transport_config {
    enum transport_mode mode;
    char host[TRANSPORT_HOST_MAX_BYTES]; // name or address; IPv6 without brackets
    uint16_t port;                       // 1..65535
    uint8_t key_bytes;                   // AES key: 16, 24 or 32; counts only with a passphrase
    uint8_t receivers_max;               // of a listener, 1..TRANSPORT_RECEIVERS_MAX
    uint32_t latency_ms;                 // 0..30000; the receiver may ask for more
    uint32_t connect_timeout_ms;         // 100..30000, for each address of the host
    uint32_t idle_timeout_ms;            // 500..60000 without an answer while data is under way: peer lost
    uint32_t buffer_bytes;               // bound of what is sent and not acknowledged, 256 KiB .. 256 MiB
    uint64_t bandwidth_max_bps;          // ceiling with retransmissions; 0 = none
    int32_t ip_tos;                      // 0..255, -1 = the system's
    int32_t ip_ttl;                      // 1..255, -1 = the system's
    // A secret: 10..79 bytes, or "" = not encrypted. Never printed.
    char passphrase[TRANSPORT_PASSPHRASE_MAX_BYTES + 1];
    // Caller: sent to the peer, any bytes but NUL. Listener: receivers must send the same; "" = any.
    char stream_id[TRANSPORT_STREAM_ID_MAX_BYTES + 1];
};

enum transport_state {
    TRANSPORT_RESOLVING = 1,
    TRANSPORT_CONNECTING = 2,
    TRANSPORT_LISTENING = 3,
    TRANSPORT_CONNECTED = 4,
    TRANSPORT_FAILED = 5,
};

// Why a connection failed, as far as the operator has to do different things about it.
enum transport_reason {
    TRANSPORT_REASON_NONE = 0,
    TRANSPORT_REASON_PASSPHRASE = 1,  // the passphrases differ, or only one side has one
    TRANSPORT_REASON_REFUSED = 2,     // the peer answered no
    TRANSPORT_REASON_UNREACHABLE = 3, // no answer
    TRANSPORT_REASON_NAME = 4,        // host name not found
    TRANSPORT_REASON_VERSION = 5,     // the versions do not fit
    TRANSPORT_REASON_LOST = 6,        // was connected; the peer closed or fell silent
    TRANSPORT_REASON_LOCAL = 7,       // this box: port in use, no memory, no such local address
    TRANSPORT_REASONS = 8,
};

// Totals since the connection was made, and its present condition.
struct transport_stats {
    uint64_t sent_payloads; // first transmissions
    uint64_t sent_bytes;    // of payload, first transmissions
    uint64_t retransmitted_payloads;
    uint64_t lost_payloads;     // reported missing by the receiver
    uint64_t too_late_payloads; // thrown away here, because they could not have arrived in time
    uint64_t taken_payloads;    // by send(); read together with the two beside it
    uint32_t pending_payloads;  // of those taken: neither acknowledged nor thrown away
    uint32_t rtt_us;
    uint32_t bandwidth_kbps; // estimated capacity of the way
    uint32_t buffer_ms;      // time between the oldest and the newest payload that is not acknowledged
    uint32_t buffer_bytes;   // not acknowledged
    uint32_t flight_payloads;
    uint32_t latency_ms; // negotiated
};

struct transport_driver;

// The part that is common to all drivers: each embeds it as the first member of its own struct. Written by
// the driver, read by everybody.
struct transport {
    const struct transport_driver *driver;
    enum transport_state state;
    enum transport_reason reason; // with TRANSPORT_FAILED
    struct transport_text text;   // with TRANSPORT_FAILED: the reason in words; otherwise the peer's address
};

// A driver: one const table. Every member is present.
struct transport_driver {
    const char *name; // also the scheme of its URLs: "srt"; static storage
    const char *description;

    // What: reads a URL of this driver's scheme; sets every member of *out. Never blocks. Errors: INVALID;
    // *why then names the offending part and what would be right, without any value that may be a secret.
    int (*parse)(const char *url, struct transport_config *out, struct transport_text *why);

    // What: starts a connection or a listener. Owner: *config is copied as far as needed; *out is the
    // caller's until close(). Blocks: at most 10 ms. Errors: INVALID (a value out of range), NO_MEMORY,
    // UNSUPPORTED (the library is unfit); *why says so. Everything that depends on the outside, a port in use
    // too, is no error of open() but shows as TRANSPORT_FAILED.
    int (*open)(const struct transport_config *config, struct transport **out, struct transport_text *why);

    // What: brings `state` up to date: takes results of look-up and handshake, notices a lost peer, reads
    // the counters. To be called at least every 100 ms and as often as wanted. Blocks: at most 10 ms.
    void (*advance)(struct transport *transport, int64_t now_ns);

    // What: the next receiver of a listener, already CONNECTED. Owner: *out is the caller's and must be
    // closed before the listener. Blocks: at most 1 ms. Errors: AGAIN nobody is waiting; NO_MEMORY.
    int (*accept)(struct transport *listener, struct transport **out);

    // What: whether `payloads` more would find room in the send buffer, so that a whole access unit is
    // either sent or left out. Never blocks. Errors: FULL not now; LOST not connected.
    int (*room)(const struct transport *transport, uint32_t payloads);

    // What: sends one payload (1..TRANSPORT_PAYLOAD_MAX_BYTES) with its source time on the house clock.
    // Source times that go back, or lie before the connection was made, are raised to what is possible.
    // Owner: data is copied. Never waits for the network. Errors: FULL no room, nothing was sent; LOST not
    // connected (state is then FAILED).
    int (*send)(struct transport *transport, const uint8_t *data, size_t size_bytes, int64_t source_ns);

    // What: payloads that the peer has not acknowledged yet, so that a farewell can wait for them. 0 when not
    // connected. Never blocks.
    uint32_t (*pending)(const struct transport *transport);

    // What: the counters as advance() saw them last; they stay readable after a failure. Never blocks.
    void (*stats)(const struct transport *transport, struct transport_stats *out);

    // What: says good-bye to the peer and frees everything, whatever the state; payloads that are not
    // acknowledged may be lost. A listener must have no connection left (asserted). Accepts NULL. Blocks: at
    // most 20 ms.
    void (*close)(struct transport *transport);
};

// ---- what programs call ----

// The driver for a URL's scheme ("srt://..."), or of a bare name ("srt"); static storage. Errors:
// UNSUPPORTED; *why lists the schemes there are.
CASTOR_MUST_USE int transport_driver_find(const char *url, const struct transport_driver **out,
                                          struct transport_text *why);

CASTOR_MUST_USE static inline int transport_open(const struct transport_driver *driver,
                                                 const struct transport_config *config,
                                                 struct transport **out, struct transport_text *why)
{
    return driver->open(config, out, why);
}

static inline void transport_advance(struct transport *transport, int64_t now_ns)
{
    transport->driver->advance(transport, now_ns);
}

CASTOR_MUST_USE static inline int transport_accept(struct transport *listener, struct transport **out)
{
    return listener->driver->accept(listener, out);
}

CASTOR_MUST_USE static inline int transport_room(const struct transport *transport, uint32_t payloads)
{
    return transport->driver->room(transport, payloads);
}

CASTOR_MUST_USE static inline int transport_send(struct transport *transport, const uint8_t *data,
                                                 size_t size_bytes, int64_t source_ns)
{
    return transport->driver->send(transport, data, size_bytes, source_ns);
}

static inline uint32_t transport_pending(const struct transport *transport)
{
    return transport->driver->pending(transport);
}

static inline void transport_stats(const struct transport *transport, struct transport_stats *out)
{
    transport->driver->stats(transport, out);
}

static inline void transport_close(struct transport *transport)
{
    if (transport)
        transport->driver->close(transport);
}

#endif
