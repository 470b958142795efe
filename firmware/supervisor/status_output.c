// SPDX-License-Identifier: Apache-2.0
// What leaves the box. The keys are described in status.h.
#include "supervisor/status_values.h"

json_t *status_stream(const struct status_snapshot *s)
{
    static const char *const standby[] = {
        [CONFIG_STANDBY_WARM] = "warm",
        [CONFIG_STANDBY_HOT] = "hot",
        [CONFIG_STANDBY_OFF] = "off",
    };

    return json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "codec",
                     s->config->encoder.codec == CONFIG_CODEC_HEVC ? "hevc" : "h264", "gop_frames",
                     status_count(s->config->encoder.gop_frames), "standby",
                     STATUS_NAME(standby, s->config->switching.standby), "bitrate_kbps",
                     status_count(s->config->encoder.bitrate_bps / 1000), "measured_kbps_1s",
                     status_real(metrics_rate(s->metrics, s->now_ns, METRICS_BYTES, 1) * 8 / 1000, 0.1),
                     "measured_kbps_10s",
                     status_real(metrics_rate(s->metrics, s->now_ns, METRICS_BYTES, 10) * 8 / 1000, 0.1),
                     "measured_fps",
                     status_real(metrics_rate(s->metrics, s->now_ns, METRICS_EMITTED, 5), 0.01));
}

static json_t *srt(const struct message_destination_stats *stats)
{
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "latency_ms",
        status_count(stats->latency_ms), "rtt_ms", status_real(stats->rtt_us / 1e3, 0.001), "send_buffer_ms",
        status_count(stats->send_buffer_ms), "bandwidth_kbps", status_count(stats->bandwidth_kbps),
        "sent_bytes", status_count(stats->sent_bytes), "retransmitted_packets",
        status_count(stats->retransmitted_packets), "lost_packets", status_count(stats->lost_packets),
        "too_late_packets", status_count(stats->too_late_packets), "lost_not_connected",
        status_count(stats->lost_not_connected), "lost_waiting_idr", status_count(stats->lost_waiting_idr),
        "lost_buffer_full", status_count(stats->lost_buffer_full), "lost_unacknowledged",
        status_count(stats->lost_unacknowledged));
}

static json_t *destination_per_mille(const struct status_snapshot *s, uint32_t index)
{
    const struct metrics *m = s->metrics;

    return json_pack(
        "{s:o, s:o, s:o}", "minute",
        status_real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_MINUTE, index), 0.001),
        "five_minutes",
        status_real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_FIVE_MINUTES, index), 0.001),
        "since_start",
        status_real(metrics_destination_lost_per_mille(m, s->now_ns, METRICS_SINCE_START, index), 0.001));
}

static json_t *one_destination(const struct status_snapshot *s, uint32_t index)
{
    static const char *const states[] = {
        [MESSAGE_DESTINATION_CONNECTING] = "connecting", [MESSAGE_DESTINATION_LISTENING] = "listening",
        [MESSAGE_DESTINATION_CONNECTED] = "connected",   [MESSAGE_DESTINATION_WAITING] = "waiting",
        [MESSAGE_DESTINATION_STOPPED] = "stopped",
    };
    static const char *const reasons[] = {
        [MESSAGE_REASON_NONE] = "none",       [MESSAGE_REASON_PASSPHRASE] = "passphrase",
        [MESSAGE_REASON_REFUSED] = "refused", [MESSAGE_REASON_UNREACHABLE] = "unreachable",
        [MESSAGE_REASON_NAME] = "name",       [MESSAGE_REASON_VERSION] = "version",
        [MESSAGE_REASON_LOST] = "lost",       [MESSAGE_REASON_LOCAL] = "local",
    };
    const struct config_destination *config = &s->config->destinations[index];
    const struct outlet_destination *destination = &s->outlet->destination[index];
    const struct message_destination_state *state = &destination->state;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", json_text(config->name),
        "url", json_text(config->url), "latency_ms", status_count(config->latency_ms), "state",
        state->status ? json_text(STATUS_NAME(states, state->status)) : json_null(), "reason",
        STATUS_NAME(reasons, state->reason), "text", status_text_or_null(state->text), "connections",
        status_count(state->connections), "receivers", status_count(destination->stats.receivers), "sent",
        status_count(destination->sent - destination->returned), "lost", status_count(destination->lost),
        "lost_per_mille", destination_per_mille(s, index), "gaps", status_destination_gaps(s, index), "srt",
        srt(&destination->stats));
}

json_t *status_destinations(const struct status_snapshot *s)
{
    json_t *list = json_array();

    for (uint32_t i = 0; i < s->config->destination_count; i++)
        json_array_append_new(list, one_destination(s, i));
    return list;
}

json_t *status_egress(const struct status_snapshot *s)
{
    const struct outlet *outlet = s->outlet;

    return json_pack("{s:o, s:o, s:o}", "pending", status_count(outlet->pending_count), "bytes",
                     status_count(outlet->bytes), "worker", status_worker(s, &outlet->worker));
}
