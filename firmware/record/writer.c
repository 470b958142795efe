// SPDX-License-Identifier: Apache-2.0
#include "record/writer.h"

#include <assert.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "record/writer_internal.h"

#define ROOM_INTERVAL_NS CASTOR_NS_PER_S
#define TELL_INTERVAL_NS (500 * CASTOR_NS_PER_MS)
#define WAIT_NS (100 * CASTOR_NS_PER_MS)

// ---- what the other thread sees ----

void writer_configure(struct writer *w, const struct message_record_config *config)
{
    pthread_mutex_lock(&w->mutex);
    w->next_config = *config;
    w->has_next_config = true;
    w->hungry = true; // for units that come before it is in force
    pthread_mutex_unlock(&w->mutex);
    queue_wake(w->queue);
}

int writer_order(struct writer *w, const struct message_record_order *order, const struct record_unit *unit)
{
    int error = CASTOR_ERR_FULL;

    pthread_mutex_lock(&w->mutex);
    if (w->order_count < WRITER_ORDERS_MAX) {
        struct writer_order *next = &w->orders[w->order_count++];
        memset(next, 0, sizeof *next);
        next->order = *order;
        next->has_unit = unit != NULL;
        if (unit) {
            next->sequence = unit->sequence;
            next->capture_ns = unit->capture_ns;
            next->utc_offset_ns = unit->utc_offset_ns;
        }
        error = CASTOR_OK;
    }
    pthread_mutex_unlock(&w->mutex);
    queue_wake(w->queue);
    return error;
}

void writer_note_outage(struct writer *w, const struct message_gap_note *note)
{
    struct journal_gap gap;

    static_assert((int)JOURNAL_CAUSES == (int)MESSAGE_GAP_CAUSES, "the causes are the same");
    memset(&gap, 0, sizeof gap);
    gap.session = w->start.session;
    gap.number = note->number;
    snprintf(gap.destination, sizeof gap.destination, "%s", note->destination);
    gap.first_sequence = note->first;
    gap.last_sequence = note->last;
    gap.first_capture_ns = note->first_ns;
    gap.last_capture_ns = note->last_ns;
    gap.utc_offset_ns = note->utc_offset_ns;
    gap.pts_offset_ns = note->pts_offset_ns;
    for (int cause = 0; cause < JOURNAL_CAUSES; cause++)
        gap.frames[cause] = note->frames[cause];
    gap.possible = note->possible;
    gap.open = note->flags & MESSAGE_GAP_OPEN;
    gap_notes_put(&w->outages, &gap);
    queue_wake(w->queue);
}

bool writer_is_hungry(struct writer *w)
{
    pthread_mutex_lock(&w->mutex);
    bool hungry = w->hungry;
    pthread_mutex_unlock(&w->mutex);
    return hungry;
}

void writer_state(struct writer *w, struct message_record_state *out)
{
    pthread_mutex_lock(&w->mutex);
    *out = w->told;
    pthread_mutex_unlock(&w->mutex);
}

// ---- the thread ----

static void tell(struct writer *w, int64_t now_ns)
{
    const uint64_t one = 1;
    struct message_record_state *state = &w->state;

    w->told_ns = now_ns + TELL_INTERVAL_NS;
    state->status = !w->configured                               ? MESSAGE_RECORD_STARTING
                    : !w->folder_ok && state->error != CASTOR_OK ? MESSAGE_RECORD_FAILING
                    : !w->folder_ok                              ? MESSAGE_RECORD_STARTING
                    : !writer_wants(w)                           ? MESSAGE_RECORD_IDLE
                    : writer_keeps(w)                            ? MESSAGE_RECORD_RECORDING
                                                                 : MESSAGE_RECORD_PREROLLING;
    if (w->segment_open && state->error == CASTOR_OK) {
        state->text[0] = '\0';
        w->retry_delay_ns = 0;
    }
    snprintf(state->file, sizeof state->file, "%s", w->segment_open ? w->segment.file : "");
    state->slowest_ms = (uint32_t)(w->disk.slowest_ns / CASTOR_NS_PER_MS);
    if (now_ns >= w->minute_ns) {
        w->minute_ns = now_ns + 60 * CASTOR_NS_PER_S;
        w->disk.slowest_ns = 0;
    }
    pthread_mutex_lock(&w->mutex);
    w->told = *state;
    w->hungry = writer_wants(w) || !w->configured || w->has_next_config;
    pthread_mutex_unlock(&w->mutex);
    (void)!write(w->wake_fd, &one, sizeof one);
}

static void put_in_force(struct writer *w, const struct message_record_config *config)
{
    const struct message_record_config before = w->config;
    bool fresh = !w->configured;

    w->config = *config;
    w->configured = true;
    w->told_ns = 0;
    if (fresh || before.mode != config->mode) {
        w->recording = config->recording;
        snprintf(w->recording_name, sizeof w->recording_name, "%s", config->name);
        segmenter_ask_cut(&w->segmenter);
    }
    if (fresh || strcmp(before.folder, config->folder) != 0) {
        writer_close_folder(w);
    } else if (before.container != config->container && w->folder_ok) {
        writer_close_segment(w);
    }
    if (w->folder_ok && !writer_wants(w))
        writer_close_segment(w);
}

// Configuration and orders that came meanwhile; false when it is time to end.
static bool read_news(struct writer *w)
{
    struct message_record_config config;
    struct writer_order orders[WRITER_ORDERS_MAX];

    pthread_mutex_lock(&w->mutex);
    bool has_config = w->has_next_config;
    uint32_t count = w->order_count;
    config = w->next_config;
    memcpy(orders, w->orders, sizeof orders[0] * count);
    w->has_next_config = false;
    w->order_count = 0;
    bool stopping = w->stopping;
    int64_t stop_ns = w->stop_ns;
    pthread_mutex_unlock(&w->mutex);
    if (has_config)
        put_in_force(w, &config);
    for (uint32_t i = 0; i < count; i++)
        writer_carry_out(w, &orders[i]);
    return !stopping || (queue_used_bytes(w->queue) > 0 && castor_now_ns() < stop_ns);
}

static void look_after(struct writer *w, int64_t now_ns)
{
    if (w->unsynced_ns != 0 && now_ns - w->unsynced_ns >= WRITER_SYNC_NS)
        writer_sync(w);
    writer_open_folder(w, now_ns);
    writer_write_outages(w);
    if (w->folder_ok && now_ns >= w->room_ns) {
        w->room_ns = now_ns + ROOM_INTERVAL_NS;
        writer_make_room(w);
    }
    if (now_ns >= w->told_ns)
        tell(w, now_ns);
}

static int64_t wait_until(const struct writer *w)
{
    int64_t until_ns = castor_now_ns() + WAIT_NS;

    if (w->unsynced_ns != 0 && w->unsynced_ns + WRITER_SYNC_NS < until_ns)
        until_ns = w->unsynced_ns + WRITER_SYNC_NS;
    return until_ns;
}

static void *run(void *context)
{
    struct writer *w = context;
    struct record_unit unit;

    while (read_news(w)) {
        look_after(w, castor_now_ns());
        // Its configuration came before the first unit, but may still wait to be read.
        if (queue_take(w->queue, wait_until(w), &unit) && w->configured) {
            writer_take_unit(w, &unit);
            queue_drop(w->queue);
        }
    }
    writer_write_outages(w);
    writer_close_folder(w);
    tell(w, castor_now_ns());
    pthread_mutex_lock(&w->mutex);
    w->ended = true;
    pthread_cond_signal(&w->ended_condition);
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

// ---- life ----

static void free_writer(struct writer *w)
{
    disk_finish(&w->disk);
    gap_notes_finish(&w->outages);
    pthread_cond_destroy(&w->ended_condition);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

int writer_create(const struct message_record_start *start, struct queue *queue, int wake_fd,
                  struct writer **out)
{
    pthread_condattr_t attributes;
    struct writer *w = calloc(1, sizeof *w);

    if (!w)
        return CASTOR_ERR_NO_MEMORY;
    w->host = writer_host;
    w->start = *start;
    w->queue = queue;
    w->wake_fd = wake_fd;
    w->state.queue_size_bytes = (uint32_t)queue_size_bytes(queue);
    w->hungry = true; // until its configuration says otherwise
    w->state.status = w->told.status = MESSAGE_RECORD_STARTING;
    segmenter_init(&w->segmenter);
    gap_notes_init(&w->outages);
    pthread_mutex_init(&w->mutex, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&w->ended_condition, &attributes);
    pthread_condattr_destroy(&attributes);
    int error = disk_init(&w->disk);
    if (error == CASTOR_OK && pthread_create(&w->thread, NULL, run, w) != 0)
        error = CASTOR_ERR_NO_MEMORY;
    if (error != CASTOR_OK) {
        free_writer(w);
        return error;
    }
    *out = w;
    return CASTOR_OK;
}

bool writer_stop(struct writer *w, int64_t deadline_ns)
{
    const struct timespec deadline = castor_timespec(deadline_ns);
    int result = 0;

    pthread_mutex_lock(&w->mutex);
    w->stopping = true;
    w->stop_ns = deadline_ns;
    pthread_mutex_unlock(&w->mutex);
    queue_wake(w->queue);
    pthread_mutex_lock(&w->mutex);
    while (!w->ended && result == 0)
        result = pthread_cond_timedwait(&w->ended_condition, &w->mutex, &deadline);
    bool ended = w->ended;
    pthread_mutex_unlock(&w->mutex);
    return ended;
}

void writer_destroy(struct writer *w)
{
    if (!w)
        return;
    pthread_join(w->thread, NULL);
    free_writer(w);
}
