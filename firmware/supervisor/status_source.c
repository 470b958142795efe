// SPDX-License-Identifier: Apache-2.0
// The source, and the pool that it fills. The keys are described in status.h.
#include "supervisor/status_values.h"

static json_t *source_frames(const struct source *source)
{
    const struct message_capture_stats *now = &source->stats, *before = &source->stats_before;

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "captured",
                     status_count(now->captured + before->captured), "lost_no_slot",
                     status_count(now->lost_no_slot + before->lost_no_slot), "lost_device",
                     status_count(now->lost_device + before->lost_device), "lost_decode_late",
                     status_count(now->lost_decode_late + before->lost_decode_late), "decode_errors",
                     status_count(now->decode_errors + before->decode_errors), "times_corrected",
                     status_count(now->times_corrected + before->times_corrected), "cpu_copies",
                     status_count(now->cpu_copies + before->cpu_copies));
}

json_t *status_source(const struct status_snapshot *s)
{
    static const char *const signals[] = {
        [MESSAGE_SIGNAL_UNKNOWN] = "unknown",
        [MESSAGE_SIGNAL_PRESENT] = "present",
        [MESSAGE_SIGNAL_NONE] = "none",
    };
    const struct config_source *config = &s->config->source;
    const struct castor_format *format = &s->source->format;
    bool known = s->source->pool && format->rate.den > 0;

    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:b, s:o, s:o}", "driver",
        json_text(config->driver), "path", status_text_or_null(config->path), "options",
        status_text_or_null(config->options), "width", known ? json_integer(format->width_px) : json_null(),
        "height", known ? json_integer(format->height_px) : json_null(), "depth",
        known ? json_integer(castor_pixel_bits(format->pixel)) : json_null(), "rate",
        known ? json_sprintf("%u/%u", format->rate.num, format->rate.den) : json_null(), "fps",
        known ? status_real((double)format->rate.num / format->rate.den, 0.001) : json_null(), "signal",
        STATUS_NAME(signals, s->source->stats.signal), "signal_reason",
        status_text_or_null(s->source->stats.reason), "measured_fps",
        status_real(metrics_rate(s->metrics, s->now_ns, METRICS_CAPTURED, 5), 0.01), "cpu_copies_per_frame",
        status_per_frame(s->source->stats.cpu_copies, s->source->stats.captured), "ended", s->source->ended,
        "frames", source_frames(s->source), "worker", status_worker(s, &s->source->worker));
}

json_t *status_pool(const struct status_snapshot *s)
{
    if (!s->source->pool)
        return json_null();
    struct pool_descriptors has = pool_descriptors(s->source->pool);
    const char *dmabuf = !has.dmabuf_count ? "none" : has.pixels >= 0 ? "udmabuf" : "heap";
    return json_pack("{s:o, s:o, s:o, s:s, s:o}", "slots", status_count(pool_slot_count(s->source->pool)),
                     "held", status_count(s->switching ? s->switching->held_count : 0), "bytes",
                     status_count(pool_size_bytes(s->source->pool)), "dmabuf", dmabuf, "dmabuf_reason",
                     status_text_or_null(s->source->no_dmabuf.text));
}
