// SPDX-License-Identifier: Apache-2.0
#include "supervisor/source.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "supervisor/config_slate.h"

// A capture process beats once a second even without a signal (CAPTURE_STATS); opening a device may take
// longer.
#define SILENCE_NS (2500 * CASTOR_NS_PER_MS)
#define OPENING_NS (15 * CASTOR_NS_PER_S)
// A source that had frames and then has none and no heart-beat either hangs.
#define FRAME_SILENCE_NS (500 * CASTOR_NS_PER_MS)
#define BEAT_NS (1200 * CASTOR_NS_PER_MS)

// A lost source is the one thing nothing can replace: it is never given up.
static const struct restart_config capture_restart = {
    .first_delay_ns = 50 * CASTOR_NS_PER_MS,
    .delay_max_ns = 2 * CASTOR_NS_PER_S,
    .stable_ns = CASTOR_NS_PER_S,
    .attempts_max = 0,
    .revive_ns = 0,
};

void source_init(struct source *source, bool keep_stdin)
{
    memset(source, 0, sizeof *source);
    worker_init(&source->worker, "castor-capture", "capture", MESSAGE_FROM_CAPTURE, &capture_restart);
    source->worker.keep_stdin = keep_stdin;
}

void source_finish(struct source *source)
{
    worker_close_channel(&source->worker);
    pool_destroy(source->pool);
    source->pool = NULL;
}

static void keep_totals(struct source *source)
{
    struct message_capture_stats *sum = &source->stats_before;
    const struct message_capture_stats *last = &source->stats;

    sum->captured += last->captured;
    sum->lost_no_slot += last->lost_no_slot;
    sum->lost_device += last->lost_device;
    sum->lost_decode_late += last->lost_decode_late;
    sum->decode_errors += last->decode_errors;
    sum->times_corrected += last->times_corrected;
    sum->cpu_copies += last->cpu_copies;
    memset(&source->stats, 0, sizeof source->stats);
}

int source_start(struct source *source, const char *folder, const struct config *config, int64_t now_ns)
{
    struct message message;
    struct message_capture_start *start = &message.body.capture_start;

    keep_totals(source);
    int error = worker_start(&source->worker, folder, now_ns);
    if (error != CASTOR_OK)
        return error;
    message_init(&message, MESSAGE_CAPTURE_START);
    snprintf(start->driver, sizeof start->driver, "%s", config->source.driver);
    snprintf(start->path, sizeof start->path, "%s", config->source.path);
    snprintf(start->options, sizeof start->options, "%s", config->source.options);
    start->format = source->pool ? source->format : config->source.format;
    start->anchor_sequence = source->anchor_sequence;
    start->anchor_ns = source->anchor_ns;
    source->heard_ns = now_ns;
    source->frame_ns = 0;
    source->told = true;
    return worker_send(&source->worker, &message, NULL, 0);
}

uint32_t source_slot_count(const struct config *config, const struct castor_format *format)
{
    if (config->pool_slots)
        return config->pool_slots;
    int64_t interval_ns = castor_frame_interval_ns(format->rate);
    // With no path at all the pool bridges the restart of one: a quarter of a second and the stall budget.
    int64_t bridge_ns = config->switching.stall_budget_ms * CASTOR_NS_PER_MS + 250 * CASTOR_NS_PER_MS;
    uint32_t slots = (uint32_t)(bridge_ns / interval_ns) + SOURCE_SLOTS_FREE_MIN + 4;
    return slots < MESSAGE_SLOTS_MAX ? slots : MESSAGE_SLOTS_MAX;
}

static bool same_format(const struct castor_format *a, const struct castor_format *b)
{
    return a->width_px == b->width_px && a->height_px == b->height_px && a->pixel == b->pixel &&
           (uint64_t)a->rate.num * b->rate.den == (uint64_t)b->rate.num * a->rate.den;
}

static int send_pool(struct source *source, const struct feed_state *feed)
{
    struct message message;
    struct message_capture_pool *body = &message.body.capture_pool;
    int fds[1 + POOL_SHARE_MAX] = {pool_descriptors(source->pool).control};

    message_init(&message, MESSAGE_CAPTURE_POOL);
    unsigned fd_count = 1 + pool_share(source->pool, POOL_ROLE_CAPTURE, fds + 1, &body->dmabuf_count);
    body->format = source->format;
    body->slot_count = pool_slot_count(source->pool);
    body->end_slot = body->slot_count - source->slate_slots;
    for (uint32_t i = 0; i < MESSAGE_SLOTS_MAX; i++)
        body->slot_sequence[i] = feed ? feed->slot_sequence[i] : MESSAGE_SLOT_FREE;
    return worker_send(&source->worker, &message, fds, fd_count);
}

// With DMA-BUFs as configured; without them frames are copied, and all else is the same.
int source_make_pool(struct source *source, const struct config *config, const struct castor_format *format)
{
    bool wanted = strcmp(config->pool_dmabuf, CONFIG_DMABUF_OFF) != 0;
    const char *heap = strcmp(config->pool_dmabuf, CONFIG_DMABUF_AUTO) == 0 ? "" : config->pool_dmabuf;
    uint32_t slate_slots = config_slate_slots(config, format->rate);
    uint32_t capture_slots = source_slot_count(config, format) + (slate_slots > 0 ? 1 : 0);
    uint32_t most = MESSAGE_SLOTS_MAX - slate_slots;
    uint32_t slot_count = (capture_slots < most ? capture_slots : most) + slate_slots;
    int error = wanted ? pool_create_for_devices(format, slot_count, heap, &source->pool, &source->no_dmabuf)
                       : pool_create(format, slot_count, &source->pool);

    if (error != CASTOR_OK)
        return error;
    source->format = *format;
    source->slate_slots = slate_slots;
    log_info("source: %ux%u at %.3f fps, pool of %u slots (%.1f MB)%s", format->width_px, format->height_px,
             (double)format->rate.num / format->rate.den, slot_count,
             (double)pool_size_bytes(source->pool) / 1e6,
             pool_descriptors(source->pool).dmabuf_count ? ", which are DMA-BUFs" : "");
    if (source->no_dmabuf.text[0] != '\0' && heap[0] != '\0')
        log_warning("the pool is not of DMA-BUFs: %s", source->no_dmabuf.text);
    return CASTOR_OK;
}

int source_ready(struct source *source, const struct message_capture_ready *ready,
                 const struct config *config, const struct feed_state *feed, const char **why)
{
    if (source->pool && !same_format(&source->format, &ready->format)) {
        *why = "the source came back with another picture size or frame rate; reload the configuration to "
               "accept it";
        return CASTOR_ERR_INVALID;
    }
    if (!source->pool) {
        int error = source_make_pool(source, config, &ready->format);
        if (error != CASTOR_OK) {
            *why = "no memory for the frame pool; lower the picture size or pool.slots";
            return error;
        }
    }
    int error = send_pool(source, feed);
    *why = "it does not read its orders";
    return error;
}

bool source_is_silent(const struct source *source, int64_t now_ns)
{
    if (source->worker.pid == 0 || source->worker.killed)
        return false;
    int64_t silence_ns = now_ns - source->heard_ns;
    if (!source->worker.ready)
        return silence_ns > OPENING_NS;
    if (source->frame_ns != 0 && now_ns - source->frame_ns > FRAME_SILENCE_NS && silence_ns > BEAT_NS)
        return true;
    return silence_ns > SILENCE_NS;
}
