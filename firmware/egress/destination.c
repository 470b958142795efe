// SPDX-License-Identifier: Apache-2.0
#include "egress/destination.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "hal/time.h"

// After the latency a receiver has handed out what it got; this much for clocks and threads.
#define DRAIN_MARGIN_NS (20 * CASTOR_NS_PER_MS)

static void add_stats(struct transport_stats *sum, const struct transport_stats *one)
{
    sum->sent_payloads += one->sent_payloads;
    sum->sent_bytes += one->sent_bytes;
    sum->retransmitted_payloads += one->retransmitted_payloads;
    sum->lost_payloads += one->lost_payloads;
    sum->too_late_payloads += one->too_late_payloads;
}

static void take_fates(struct destination *destination, struct receiver *receiver)
{
    enum ledger_fate fate;
    uint64_t number;

    while (ledger_next(&receiver->ledger, &number, &fate))
        destination->counters.lost_unacknowledged += gap_book_decide(&destination->gaps, number, fate);
}

static void drop_receiver(struct destination *destination, struct receiver *receiver, int64_t now_ns)
{
    struct transport_stats stats;

    if (!receiver->transport)
        return;
    transport_stats(receiver->transport, &stats);
    add_stats(&destination->past, &stats);
    ledger_close(&receiver->ledger, &stats, now_ns);
    take_fates(destination, receiver);
    if (receiver->transport != destination->endpoint)
        transport_close(receiver->transport);
    receiver->transport = NULL;
}

static void close_all(struct destination *destination, int64_t now_ns)
{
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++)
        drop_receiver(destination, &destination->receivers[i], now_ns);
    transport_close(destination->endpoint);
    destination->endpoint = NULL;
}

static void add_receiver(struct destination *destination, struct transport *transport, int64_t now_ns)
{
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        struct receiver *receiver = &destination->receivers[i];

        if (receiver->transport)
            continue;
        *receiver = (struct receiver){.transport = transport};
        gate_init(&receiver->gate, now_ns);
        ledger_init(&receiver->ledger);
        return;
    }
    if (transport != destination->endpoint) // more than the driver promised to admit
        transport_close(transport);
}

static void obey(struct destination *destination, unsigned orders, int64_t now_ns);

static void give_up(struct destination *destination, const struct transport_text *why)
{
    destination->text = *why;
    obey(destination, reconnect_give_up(&destination->reconnect, TRANSPORT_REASON_LOCAL), 0);
    log_error("destination %s: %s", destination->name, why->text);
}

static void open_endpoint(struct destination *destination, int64_t now_ns)
{
    struct transport_text why = {""};
    int error = transport_open(destination->driver, &destination->config, &destination->endpoint, &why);

    if (!error)
        return;
    destination->endpoint = NULL;
    if (error == CASTOR_ERR_INVALID || error == CASTOR_ERR_UNSUPPORTED) { // will never get better
        give_up(destination, &why);
        return;
    }
    destination->text = why;
    obey(destination, reconnect_failed(&destination->reconnect, TRANSPORT_REASON_LOCAL, now_ns), now_ns);
}

static void obey(struct destination *destination, unsigned orders, int64_t now_ns)
{
    if (orders & RECONNECT_CLOSE)
        close_all(destination, now_ns);
    if (orders & RECONNECT_REPORT)
        destination->changed = true;
    if (orders & RECONNECT_OPEN)
        open_endpoint(destination, now_ns);
}

// What the message brings apart from the URL overrides what stands in it.
static int take_secrets(struct transport_config *config, const struct message_destination *message,
                        struct transport_text *why)
{
    size_t passphrase_bytes = strlen(message->passphrase);
    size_t stream_id_bytes = strlen(message->stream_id);

    if (stream_id_bytes > TRANSPORT_STREAM_ID_MAX_BYTES) {
        snprintf(why->text, sizeof why->text, "streamid: longer than %u characters",
                 TRANSPORT_STREAM_ID_MAX_BYTES);
        return CASTOR_ERR_INVALID;
    }
    if (passphrase_bytes > 0)
        memcpy(config->passphrase, message->passphrase, passphrase_bytes + 1);
    if (stream_id_bytes > 0)
        memcpy(config->stream_id, message->stream_id, stream_id_bytes + 1);
    return CASTOR_OK;
}

void destination_start(struct destination *destination, const struct message_destination *message,
                       destination_find find, uint64_t seed, int64_t now_ns)
{
    struct transport_text why = {""};
    int error;

    destination_stop(destination);
    destination->present = true;
    destination->index = message->index;
    snprintf(destination->name, sizeof destination->name, "%s", message->name);
    reconnect_init(&destination->reconnect, seed);
    error = find(message->url, &destination->driver, &why);
    if (!error)
        error = destination->driver->parse(message->url, &destination->config, &why);
    if (!error)
        error = take_secrets(&destination->config, message, &why);
    if (error) {
        give_up(destination, &why);
        return;
    }
    obey(destination, reconnect_start(&destination->reconnect, now_ns), now_ns);
}

// ---- following the connections ----

static void advance_receiver(struct destination *destination, struct receiver *receiver, int64_t now_ns)
{
    struct transport_stats stats;

    if (receiver->transport != destination->endpoint)
        transport_advance(receiver->transport, now_ns);
    if (receiver->transport->state == TRANSPORT_FAILED) {
        log_info("destination %s: %s", destination->name, receiver->transport->text.text);
        destination->text = receiver->transport->text;
        destination->reconnect.reason = receiver->transport->reason;
        drop_receiver(destination, receiver, now_ns);
        destination->changed = true;
        return;
    }
    transport_stats(receiver->transport, &stats);
    ledger_settle(&receiver->ledger, &stats, now_ns);
    take_fates(destination, receiver);
    if (stats.too_late_payloads > receiver->too_late_payloads) {
        // Its picture is broken anyhow; what would follow until the next IDR only burdens the way.
        receiver->too_late_payloads = stats.too_late_payloads;
        gate_break(&receiver->gate, now_ns);
    }
    if (gate_ask_idr(&receiver->gate, now_ns, &destination->asked_idr_ns))
        destination->needs_idr = true;
}

static void accept_receivers(struct destination *destination, int64_t now_ns)
{
    struct transport *transport;

    // One a call: accepting starts threads, and media must not wait for many of them.
    if (transport_accept(destination->endpoint, &transport) != CASTOR_OK)
        return;
    log_info("destination %s: receiver %s joined", destination->name, transport->text.text);
    add_receiver(destination, transport, now_ns);
    destination->reconnect.connections++;
    destination->changed = true;
}

void destination_advance(struct destination *destination, int64_t now_ns)
{
    enum transport_state before;

    if (!destination->present)
        return;
    obey(destination, reconnect_tick(&destination->reconnect, now_ns), now_ns);
    if (!destination->endpoint)
        return;
    before = destination->endpoint->state;
    transport_advance(destination->endpoint, now_ns);
    if (destination->endpoint->state == TRANSPORT_FAILED) {
        destination->text = destination->endpoint->text;
        log_warning("destination %s: %s", destination->name, destination->text.text);
        obey(destination, reconnect_failed(&destination->reconnect, destination->endpoint->reason, now_ns),
             now_ns);
        return;
    }
    if (destination->endpoint->state == TRANSPORT_CONNECTED && before != TRANSPORT_CONNECTED) {
        add_receiver(destination, destination->endpoint, now_ns);
        log_info("destination %s: connected to %s", destination->name, destination->endpoint->text.text);
    }
    obey(destination, reconnect_progress(&destination->reconnect, destination->endpoint->state, now_ns),
         now_ns);
    if (destination->endpoint->state == TRANSPORT_LISTENING)
        accept_receivers(destination, now_ns);
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        if (destination->receivers[i].transport)
            advance_receiver(destination, &destination->receivers[i], now_ns);
    }
}

static bool is_troubled(const struct destination *destination, int64_t now_ns)
{
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++)
        if (destination->receivers[i].transport &&
            ledger_is_troubled(&destination->receivers[i].ledger, now_ns))
            return true;
    return false;
}

bool destination_is_busy(const struct destination *destination, int64_t now_ns)
{
    return destination->present &&
           (destination->reconnect.state == RECONNECT_RESOLVING ||
            destination->reconnect.state == RECONNECT_CONNECTING ||
            destination->reconnect.state == RECONNECT_BACKOFF ||
            destination->reconnect.state == RECONNECT_LISTENING || is_troubled(destination, now_ns));
}

// ---- media ----

void destination_begin_unit(struct destination *destination, uint32_t payloads, int64_t now_ns)
{
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        struct receiver *receiver = &destination->receivers[i];

        if (!receiver->transport)
            continue;
        gate_begin(&receiver->gate, transport_room(receiver->transport, payloads) == CASTOR_OK, now_ns);
        receiver->unit_first = receiver->payloads;
    }
}

void destination_send(struct destination *destination, const struct mux_payload *payload, int64_t now_ns)
{
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        struct receiver *receiver = &destination->receivers[i];

        if (!receiver->transport || !gate_pass(&receiver->gate, (payload->flags & MUX_PAYLOAD_JOIN) != 0))
            continue;
        if (transport_send(receiver->transport, payload->data, payload->size_bytes, payload->source_ns) !=
            CASTOR_OK)
            gate_failed(&receiver->gate, now_ns);
        else
            receiver->payloads++;
    }
}

// The receivers that are connected, by what they got. One that failed just now is not connected; that it is
// gone is noticed at the next advance.
struct outcomes {
    unsigned connected, sent, full;
};
static struct outcomes count_outcomes(const struct destination *destination)
{
    struct outcomes outcomes = {0};

    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        const struct receiver *receiver = &destination->receivers[i];

        if (!receiver->transport || receiver->transport->state != TRANSPORT_CONNECTED)
            continue;
        outcomes.connected++;
        outcomes.sent += gate_end(&receiver->gate) == GATE_SENT;
        outcomes.full += gate_end(&receiver->gate) == GATE_BUFFER_FULL;
    }
    return outcomes;
}

static void enter_sent(struct destination *destination, uint64_t sequence, int64_t capture_ns,
                       unsigned receivers)
{
    uint64_t number = gap_book_send(&destination->gaps, sequence, capture_ns, receivers);

    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        struct receiver *receiver = &destination->receivers[i];

        if (receiver->transport && receiver->transport->state == TRANSPORT_CONNECTED &&
            gate_end(&receiver->gate) == GATE_SENT)
            ledger_add(&receiver->ledger, receiver->unit_first, receiver->payloads, number, capture_ns);
    }
}

bool destination_end_unit(struct destination *destination, uint64_t sequence, int64_t capture_ns,
                          int64_t now_ns)
{
    struct message_destination_stats *counters = &destination->counters;

    if (!destination->present)
        return false;
    const struct outcomes outcomes = count_outcomes(destination);
    counters->lost_buffer_full += outcomes.full; // a listener's: once for each receiver that is too slow
    if (outcomes.sent > 0) {
        counters->sent_access_units++;
        destination->last_sent_ns = now_ns;
        enter_sent(destination, sequence, capture_ns, outcomes.sent);
        return true;
    }
    uint32_t cause = outcomes.connected == 0 ? MESSAGE_GAP_NOT_CONNECTED
                     : outcomes.full > 0     ? MESSAGE_GAP_BUFFER_FULL
                                             : MESSAGE_GAP_WAITING_IDR;
    counters->lost_not_connected += cause == MESSAGE_GAP_NOT_CONNECTED;
    counters->lost_waiting_idr += cause == MESSAGE_GAP_WAITING_IDR;
    gap_book_lose(&destination->gaps, sequence, capture_ns, cause);
    return false;
}

void destination_lose_unit(struct destination *destination, uint64_t sequence, int64_t capture_ns)
{
    if (destination->present)
        gap_book_lose(&destination->gaps, sequence, capture_ns, MESSAGE_GAP_EGRESS);
}

bool destination_is_drained(const struct destination *destination, int64_t now_ns)
{
    struct transport_stats stats;

    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        const struct transport *transport = destination->receivers[i].transport;

        if (!transport || transport->state != TRANSPORT_CONNECTED)
            continue;
        transport_stats(transport, &stats);
        if (transport_pending(transport) > 0 ||
            now_ns - destination->last_sent_ns < stats.latency_ms * CASTOR_NS_PER_MS + DRAIN_MARGIN_NS)
            return false;
    }
    return true;
}

void destination_stop(struct destination *destination)
{
    close_all(destination, castor_now_ns());
    explicit_bzero(destination, sizeof *destination);
}
