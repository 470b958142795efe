// SPDX-License-Identifier: Apache-2.0
#include "supervisor/path.h"

#include <stdio.h>
#include <string.h>

#include "base/coded.h"
#include "base/log.h"

// A worker that has run well for a while is started again at once, however often somebody kills it. One that
// keeps failing waits up to 10 s; after 12 quick failures it is tried only once a minute.
static const struct restart_config encode_restart = {
    .first_delay_ns = 50 * CASTOR_NS_PER_MS,
    .delay_max_ns = 10 * CASTOR_NS_PER_S,
    .stable_ns = 500 * CASTOR_NS_PER_MS,
    .attempts_max = 12,
    .revive_ns = 60 * CASTOR_NS_PER_S,
};

// Two seconds of stream; one access unit may be as large as one of them.
static uint32_t ring_size(uint32_t bitrate_bps)
{
    uint32_t bytes = 1u << 20;

    while (bytes < bitrate_bps / 8 * 2 && bytes < MESSAGE_RING_MAX_BYTES)
        bytes *= 2;
    return bytes;
}

int path_init(struct path *path, uint32_t index, uint32_t bitrate_bps)
{
    char name[24];

    memset(path, 0, sizeof *path);
    path->index = index;
    path->ring_bytes = ring_size(bitrate_bps);
    snprintf(name, sizeof name, "encode %c", path_letter(index));
    worker_init(&path->worker, "castor-encode", name, MESSAGE_FROM_ENCODE, &encode_restart);
    return ring_create(path->ring_bytes, &path->ring);
}

void path_finish(struct path *path)
{
    worker_close_channel(&path->worker);
    ring_destroy(path->ring);
    path->ring = NULL;
}

int path_start(struct path *path, const char *folder, int64_t now_ns)
{
    path->told = path->outdated = false;
    path->coded_now = path->cpu_copies = 0;
    return worker_start(&path->worker, folder, now_ns);
}

// Encoders whose device reads the pool itself. It is decided here and not by the worker, since a DMA-BUF lets
// whoever holds it write.
static enum pool_role role_of(const char *driver)
{
    static const char *const importers[] = {"v4l2m2m", "vaapi"};

    for (size_t i = 0; i < sizeof importers / sizeof importers[0]; i++)
        if (strcmp(driver, importers[i]) == 0)
            return POOL_ROLE_IMPORTER;
    return POOL_ROLE_READER;
}

int path_tell(struct path *path, const struct config *config, const struct castor_format *format,
              const struct pool *pool)
{
    const struct config_encoder *encoder = &config->encoder.chain[path->index];
    struct message message;
    struct message_encode_start *start = &message.body.encode_start;

    message_init(&message, MESSAGE_ENCODE_START);
    snprintf(start->driver, sizeof start->driver, "%s", encoder->driver);
    snprintf(start->device, sizeof start->device, "%s", encoder->device);
    snprintf(start->preset, sizeof start->preset, "%s", encoder->preset);
    snprintf(start->script, sizeof start->script, "%s", encoder->script);
    start->format = *format;
    start->path = path->index;
    start->bitrate_bps = config->encoder.bitrate_bps;
    start->vbv_ms = config->encoder.vbv_ms;
    start->threads = encoder->threads;
    start->codec = config->encoder.codec == CONFIG_CODEC_HEVC ? MESSAGE_CODEC_HEVC : MESSAGE_CODEC_H264;
    start->gop_frames = 0; // the switch orders every IDR, so that their distance can change on air
    start->slot_count = pool_slot_count(pool);
    start->ring_bytes = path->ring_bytes;
    start->ring_position = path->ring_head;
    start->ring_tail = path->ring_tail; // what the predecessor finished may still be on its way out
    path->codec = start->codec == MESSAGE_CODEC_HEVC ? ENCODER_CODEC_HEVC : ENCODER_CODEC_H264;
    path->told = true;
    int fds[1 + POOL_SHARE_MAX] = {ring_writer_fd(path->ring)};
    unsigned fd_count = 1 + pool_share(pool, role_of(encoder->driver), fds + 1, &start->dmabuf_count);
    return worker_send(&path->worker, &message, fds, fd_count);
}

int path_encode(struct path *path, const struct switch_order *order)
{
    struct message message;

    message_init(&message, MESSAGE_ENCODE);
    message.body.encode = (struct message_encode){
        .sequence = order->sequence,
        .capture_ns = order->capture_ns,
        .ring_tail = path->ring_tail,
        .slot = order->slot,
        .epoch = order->epoch,
        .flags = (order->idr ? MESSAGE_ENCODE_IDR : 0u) | (order->canary ? MESSAGE_ENCODE_CANARY : 0u),
    };
    return worker_send(&path->worker, &message, NULL, 0);
}

int path_judge(struct path *path, const struct message_coded *coded, const struct castor_format *format,
               struct switch_access_unit *out, const char **why)
{
    struct coded_summary summary = {0};
    enum coded_verdict verdict = CODED_EMPTY;

    if (coded->position < path->ring_head || coded->position > path->ring_head + path->ring_bytes) {
        *why = "an access unit where none can be";
        return CASTOR_ERR_INVALID;
    }
    if (coded->position + coded->size_bytes - path->ring_tail > path->ring_bytes) {
        *why = "an access unit over bytes that are still being read";
        return CASTOR_ERR_INVALID;
    }
    if (coded->size_bytes > 0) {
        const uint8_t *data = ring_view(path->ring, coded->position, coded->size_bytes);
        if (!data) {
            *why = "an access unit beyond the end of its ring";
            return CASTOR_ERR_INVALID;
        }
        verdict = coded_check_access_unit(path->codec, data, coded->size_bytes, format, CODED_SCAN_HEADERS,
                                          &summary);
    }
    if (verdict != CODED_OK) {
        snprintf(path->last_failure, sizeof path->last_failure, "frame %llu: %s",
                 (unsigned long long)coded->sequence, coded_verdict_text(verdict));
        log_warning("%s: %s", path->worker.name, path->last_failure);
    }
    path->ring_head = coded->position + coded->size_bytes;
    path->coded++;
    path->coded_now++;
    path->cpu_copies += coded->cpu_copies;
    *out = (struct switch_access_unit){
        .sequence = coded->sequence,
        .epoch = coded->epoch,
        .verdict = verdict == CODED_OK ? SWITCH_VERDICT_GOOD : SWITCH_VERDICT_BAD,
        .idr = summary.idr,
        .position = coded->position,
        .size_bytes = coded->size_bytes,
    };
    return CASTOR_OK;
}
