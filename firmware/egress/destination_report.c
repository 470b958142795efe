// SPDX-License-Identifier: Apache-2.0
// What the supervisor is told of one destination: state, counters, and what did not arrive.
#include <stdio.h>

#include "base/log.h"
#include "egress/destination.h"
#include "ipc/channel.h"

static unsigned count_receivers(const struct destination *destination)
{
    unsigned count = 0;

    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++)
        count += destination->receivers[i].transport != NULL;
    return count;
}

static uint32_t status_of(const struct destination *destination, unsigned receivers)
{
    switch (destination->reconnect.state) {
    case RECONNECT_CONNECTED:
        return MESSAGE_DESTINATION_CONNECTED;
    case RECONNECT_LISTENING:
        return receivers > 0 ? MESSAGE_DESTINATION_CONNECTED : MESSAGE_DESTINATION_LISTENING;
    case RECONNECT_BACKOFF:
        return MESSAGE_DESTINATION_WAITING;
    case RECONNECT_STOPPED:
        return MESSAGE_DESTINATION_STOPPED;
    case RECONNECT_IDLE:
    case RECONNECT_RESOLVING:
    case RECONNECT_CONNECTING:
        break;
    }
    return MESSAGE_DESTINATION_CONNECTING;
}

static const uint32_t message_reasons[TRANSPORT_REASONS] = {
    [TRANSPORT_REASON_NONE] = MESSAGE_REASON_NONE,
    [TRANSPORT_REASON_PASSPHRASE] = MESSAGE_REASON_PASSPHRASE,
    [TRANSPORT_REASON_REFUSED] = MESSAGE_REASON_REFUSED,
    [TRANSPORT_REASON_UNREACHABLE] = MESSAGE_REASON_UNREACHABLE,
    [TRANSPORT_REASON_NAME] = MESSAGE_REASON_NAME,
    [TRANSPORT_REASON_VERSION] = MESSAGE_REASON_VERSION,
    [TRANSPORT_REASON_LOST] = MESSAGE_REASON_LOST,
    [TRANSPORT_REASON_LOCAL] = MESSAGE_REASON_LOCAL,
};

void destination_state_message(const struct destination *destination, struct message *out)
{
    struct message_destination_state *state = &out->body.destination_state;
    unsigned receivers = count_receivers(destination);

    message_init(out, MESSAGE_DESTINATION_STATE);
    state->index = destination->index;
    state->status = status_of(destination, receivers);
    state->reason = message_reasons[destination->reconnect.reason];
    state->connections = destination->reconnect.connections;
    if (state->status == MESSAGE_DESTINATION_CONNECTED && destination->endpoint)
        snprintf(state->text, sizeof state->text, "%.200s", destination->endpoint->text.text);
    else if (destination->text.text[0])
        snprintf(state->text, sizeof state->text, "%s", destination->text.text);
    else if (destination->endpoint)
        snprintf(state->text, sizeof state->text, "%.200s", destination->endpoint->text.text);
}

static void add_connection(struct message_destination_stats *stats, const struct transport_stats *one)
{
    stats->too_late_packets += one->too_late_payloads;
    stats->retransmitted_packets += one->retransmitted_payloads;
    stats->lost_packets += one->lost_payloads;
    stats->sent_bytes += one->sent_bytes;
}

void destination_stats_message(const struct destination *destination, struct message *out)
{
    struct message_destination_stats *stats = &out->body.destination_stats;
    struct transport_stats one;

    message_init(out, MESSAGE_DESTINATION_STATS);
    *stats = destination->counters;
    stats->index = destination->index;
    add_connection(stats, &destination->past);
    for (unsigned i = 0; i < TRANSPORT_RECEIVERS_MAX; i++) {
        if (!destination->receivers[i].transport)
            continue;
        transport_stats(destination->receivers[i].transport, &one);
        add_connection(stats, &one);
        // Of several receivers the one with the worst way counts.
        if (one.rtt_us >= stats->rtt_us)
            stats->rtt_us = one.rtt_us;
        if (one.buffer_ms >= stats->send_buffer_ms)
            stats->send_buffer_ms = one.buffer_ms;
        if (stats->bandwidth_kbps == 0 || one.bandwidth_kbps < stats->bandwidth_kbps)
            stats->bandwidth_kbps = one.bandwidth_kbps;
        if (one.latency_ms > stats->latency_ms)
            stats->latency_ms = one.latency_ms;
        stats->receivers++;
    }
}

static void report_state(struct destination *destination, int fd)
{
    struct message message;

    // The counters first: whoever sees a connection gone sees with it what that has lost.
    destination_stats_message(destination, &message);
    if (channel_send(fd, &message, NULL, 0) != CASTOR_OK)
        return;
    destination_state_message(destination, &message);
    // A full channel: it stays changed and is told at the next tick.
    destination->changed = channel_send(fd, &message, NULL, 0) != CASTOR_OK;
}

// What is not taken now is told with the next tick, and has grown until then.
static void report_gaps(struct destination *destination, int fd, int64_t now_ns)
{
    struct message message;

    message_init(&message, MESSAGE_GAP);
    while (gap_book_next(&destination->gaps, now_ns, &message.body.gap)) {
        message.body.gap.destination = destination->index;
        if (channel_send(fd, &message, NULL, 0) != CASTOR_OK)
            return;
        gap_book_told(&destination->gaps, now_ns);
    }
    message_init(&message, MESSAGE_ARRIVED);
    if (!gap_book_next_arrived(&destination->gaps, now_ns, &message.body.arrived))
        return;
    message.body.arrived.destination = destination->index;
    if (channel_send(fd, &message, NULL, 0) == CASTOR_OK)
        gap_book_told_arrived(&destination->gaps);
}

void destination_report(struct destination *destination, int fd, int64_t now_ns)
{
    struct message message;

    if (destination->changed)
        report_state(destination, fd);
    if (destination->needs_idr && !destination->changed) {
        message_init(&message, MESSAGE_NEED_IDR);
        message.body.need_idr.destination = destination->index;
        destination->needs_idr = channel_send(fd, &message, NULL, 0) != CASTOR_OK;
    }
    report_gaps(destination, fd, now_ns);
}

void destination_report_stats(const struct destination *destination, int fd)
{
    struct message message;

    if (!destination->present)
        return;
    destination_stats_message(destination, &message);
    if (channel_send(fd, &message, NULL, 0) != CASTOR_OK)
        log_debug("the supervisor did not take the statistics; the next ones hold the same totals");
}
