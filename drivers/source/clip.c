// SPDX-License-Identifier: Apache-2.0
// A media file as a live source: decoded ahead by a thread into the lent slots, paced in real time, looped
// without a seam. As P010 a file of 10 bit keeps them, any other is lifted to them. Options: number=1 draws
// the frame number block over the picture; threads=N decoder threads.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ahead.h"
#include "clip_file.h"
#include "clip_picture.h"
#include "grid.h"
#include "module/module.h"
#include "number.h"
#include "slots.h"
#include "ticker.h"

#define CLIP_QUEUE_DEPTH 6
// A grid that starts with the first picture starts this much later, so that the second is ready in time.
#define CLIP_HEAD_START_NS (50 * CASTOR_NS_PER_MS)
// As many pictures are passed over to stay in step with the sound.
#define CLIP_CATCH_UP_NS (250 * CASTOR_NS_PER_MS)

struct clip_time {
    AVFrame *picture;
    int64_t time_ns;
    int64_t pass_ns; // when its pass through the file began
};

struct clip {
    struct source source;
    struct clip_file *file;
    struct clip_picture *drawer;
    struct clip_time current, next; // the thread's; open() fills both
    bool every_picture_once;        // the wanted rate is the clip's own
    uint64_t wanted;                // the thread's: the picture for the next frame, by its number
    uint64_t at;            // the thread's: the number of `current`, where every picture is shown once
    int64_t origin_pass_ns; // the thread's: the pass whose origin was told last; -1: none
    uint32_t number, threads;
    int ticker;
    struct ahead ahead; // decodes; its lock guards everything below
    struct grid grid;
    struct slots empty, ready;
    struct source_counters counters;
    struct source_origin origins[SOURCE_ORIGINS_MAX]; // to be told by the next call
    uint32_t origin_count;
    int failure;
    struct source_text failure_text;
};

static struct clip *from_source(struct source *source)
{
    return (struct clip *)source;
}

static int64_t distance_ns(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

static int read_next(struct clip *clip, struct clip_time *out, struct source_text *why)
{
    int error = clip_file_next(clip->file, out->picture, &out->time_ns, why);

    out->pass_ns = clip_file_pass_ns(clip->file);
    return error;
}

static int advance(struct clip *clip, struct source_text *why)
{
    struct clip_time passed = clip->current;

    clip->current = clip->next;
    clip->next = passed;
    av_frame_unref(clip->next.picture);
    return read_next(clip, &clip->next, why);
}

// Makes `current` the picture for the next frame drawn.
static int choose_picture(struct clip *clip, struct source_text *why)
{
    int64_t wanted_ns = castor_frame_time_ns(clip->source.format.rate, clip->wanted);

    while (clip->every_picture_once ? clip->at < clip->wanted
                                    : distance_ns(clip->next.time_ns, wanted_ns) <=
                                          distance_ns(clip->current.time_ns, wanted_ns)) {
        int error = advance(clip, why);
        if (error)
            return error;
        clip->at++;
    }
    return CASTOR_OK;
}

// Goes on to the picture after this one, past those of the ticks that were skipped, so that picture and sound
// stay in step; where there are too many to decode at once, the file goes on with the next picture instead,
// and its origin moves. Tells the origin where it is new. Called with the lock held.
static void keep_step(struct clip *clip, const struct castor_frame *frame, uint64_t skipped)
{
    const struct castor_rational rate = clip->source.format.rate;
    const bool in_step = castor_frame_time_ns(rate, skipped) <= CLIP_CATCH_UP_NS;
    const int64_t media_ns =
        clip->every_picture_once ? clip->current.time_ns : castor_frame_time_ns(rate, clip->wanted);
    struct source_origin origin = {frame->sequence, frame->capture_ns, media_ns - clip->current.pass_ns};

    if (in_step)
        origin.media_ns += castor_frame_time_ns(rate, skipped);
    clip->wanted += in_step ? skipped + 1 : 1;
    if (in_step && clip->current.pass_ns == clip->origin_pass_ns)
        return;
    clip->origin_pass_ns = clip->current.pass_ns;
    if (clip->origin_count == SOURCE_ORIGINS_MAX) // nobody asks: the last one counts
        clip->origin_count--;
    clip->origins[clip->origin_count++] = origin;
}

static void publish(struct clip *clip, struct castor_frame *frame, int64_t slot_ns, uint32_t copies)
{
    uint64_t before_slot, after_slot;
    int64_t now_ns = castor_now_ns();

    pthread_mutex_lock(&clip->ahead.lock);
    if (!clip->grid.anchored)
        now_ns += CLIP_HEAD_START_NS;
    grid_take(&clip->grid, now_ns, slot_ns, frame, &before_slot, &after_slot);
    clip->counters.lost_no_slot += before_slot;
    clip->counters.lost_decode_late += after_slot;
    clip->counters.cpu_copies += copies;
    clip->counters.decode_errors = clip_file_errors(clip->file);
    keep_step(clip, frame, before_slot + after_slot);
    if (clip->number)
        number_draw(&clip->source.format, frame, frame->sequence);
    slots_push(&clip->ready, frame);
    if (clip->ready.count == 1)
        ticker_set(clip->ticker, frame->capture_ns);
    pthread_mutex_unlock(&clip->ahead.lock);
}

static void fail(struct clip *clip, int error, const struct source_text *why)
{
    pthread_mutex_lock(&clip->ahead.lock);
    clip->failure = error;
    clip->failure_text = *why;
    if (clip->ready.count == 0)
        ticker_set(clip->ticker, 0);
    pthread_mutex_unlock(&clip->ahead.lock);
}

// Waits for a slot; false when the source closes. *slot_ns: when it came, 0 when it was there already.
static bool take_slot(struct clip *clip, struct castor_frame *out, int64_t *slot_ns)
{
    bool taken;

    *slot_ns = 0;
    pthread_mutex_lock(&clip->ahead.lock);
    while (clip->empty.count == 0 && !atomic_load(&clip->ahead.stop)) {
        pthread_cond_wait(&clip->ahead.changed,
                          &clip->ahead.lock); // close() signals it: the wait ends with the source
        *slot_ns = castor_now_ns();
    }
    taken = !atomic_load(&clip->ahead.stop);
    if (taken)
        *out = slots_pop(&clip->empty);
    pthread_mutex_unlock(&clip->ahead.lock);
    return taken;
}

static void draw_ahead(void *argument)
{
    struct clip *clip = argument;
    struct source_text why = {""};
    struct castor_frame frame;
    int64_t slot_ns;

    while (take_slot(clip, &frame, &slot_ns)) {
        uint32_t copies = 0;
        int error = choose_picture(clip, &why);
        if (!error)
            error = clip_picture_draw(clip->drawer, clip->current.picture, &frame, &copies, &why);
        if (error) {
            fail(clip, error, &why);
            return;
        }
        publish(clip, &frame, slot_ns, copies);
    }
}

static uint32_t clamp_even(uint32_t value, uint32_t low, uint32_t high)
{
    value &= ~1u;
    return value < low ? low : value > high ? high : value;
}

static bool same_rate(struct castor_rational a, struct castor_rational b)
{
    uint64_t left = (uint64_t)a.num * b.den, right = (uint64_t)b.num * a.den;

    return distance_ns((int64_t)left, (int64_t)right) <= (int64_t)(right / 10000);
}

// The format delivered: what is wanted, the clip's own where nothing is.
static void resolve_format(struct clip *clip, const struct source_config *config)
{
    struct clip_shape shape = clip_file_shape(clip->file);
    struct castor_format *format = &clip->source.format;

    *format = config->format;
    if (format->pixel == CASTOR_PIXEL_NONE)
        format->pixel = CASTOR_PIXEL_I420;
    if (format->width_px == 0) {
        format->width_px = clamp_even(shape.width_px, 320, 3840);
        format->height_px = clamp_even(shape.height_px, 180, 2160);
    }
    if (format->rate.num == 0)
        format->rate = shape.rate;
    clip->every_picture_once = shape.constant_rate && same_rate(format->rate, shape.rate);
}

static int open_file(struct clip *clip, const struct source_config *config, struct source_text *why)
{
    const struct source_option known[] = {{.key = "number", .high = 1, .value = &clip->number},
                                          {.key = "threads", .low = 1, .high = 16, .value = &clip->threads}};
    int error = source_options_parse(config->options, known, 2, why);

    if (!error)
        error = clip_file_open(config->path ? config->path : "", clip->threads, &clip->ahead.stop,
                               &clip->file, why);
    if (error)
        return error;
    clip->current.picture = av_frame_alloc();
    clip->next.picture = av_frame_alloc();
    if (!clip->current.picture || !clip->next.picture)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip's pictures");
    error = read_next(clip, &clip->current, why);
    if (error)
        return error == CASTOR_ERR_LOST ? CASTOR_ERR_INVALID : error;
    error = read_next(clip, &clip->next, why);
    if (error)
        return error == CASTOR_ERR_LOST ? CASTOR_ERR_INVALID : error;
    resolve_format(clip, config);
    return CASTOR_OK;
}

static struct clip *clip_create(void)
{
    struct clip *clip = calloc(1, sizeof *clip);

    if (!clip)
        return NULL;
    clip->ticker = -1;
    clip->origin_pass_ns = -1;
    clip->source.queue_depth = CLIP_QUEUE_DEPTH;
    ahead_init(&clip->ahead);
    return clip;
}

static void clip_close(struct source *source)
{
    struct clip *clip = from_source(source);

    if (!clip || !ahead_finish(&clip->ahead)) // a decoder that hangs keeps everything
        return;
    clip_picture_destroy(clip->drawer);
    av_frame_free(&clip->current.picture);
    av_frame_free(&clip->next.picture);
    clip_file_close(clip->file);
    if (clip->ticker >= 0)
        close(clip->ticker);
    free(clip);
}

static int clip_open(const struct source_config *config, struct source **out, struct source_text *why)
{
    struct clip *clip = clip_create();
    int error;

    if (!clip)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip");
    error = open_file(clip, config, why);
    if (error)
        goto fail;
    grid_init(&clip->grid, clip->source.format.rate, config);
    error = clip_picture_create(&clip->source.format, &clip->drawer);
    if (!error)
        error = ticker_open(&clip->ticker);
    if (!error)
        error = ahead_start(&clip->ahead, draw_ahead, clip);
    if (error) {
        source_text_set(why, error, "out of memory, descriptors or threads for the clip");
        goto fail;
    }
    *out = &clip->source;
    return CASTOR_OK;
fail:
    clip_close(&clip->source);
    return error;
}

static int clip_probe(const struct source_config *config, struct castor_format *out, struct source_text *why)
{
    struct clip *clip = clip_create();
    int error;

    if (!clip)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the clip");
    error = open_file(clip, config, why);
    if (!error)
        *out = clip->source.format;
    clip_close(&clip->source);
    return error;
}

// What the thread has to say goes to the source. Called with the lock held.
static void hand_over(struct clip *clip)
{
    for (uint32_t i = 0; i < clip->origin_count; i++)
        source_tell_origin(&clip->source, &clip->origins[i]);
    clip->origin_count = 0;
    clip->source.counters.lost_no_slot = clip->counters.lost_no_slot;
    clip->source.counters.lost_decode_late = clip->counters.lost_decode_late;
    clip->source.counters.decode_errors = clip->counters.decode_errors;
    clip->source.counters.cpu_copies = clip->counters.cpu_copies;
}

static int clip_queue(struct source *source, const struct castor_frame *frame)
{
    struct clip *clip = from_source(source);
    int error = CASTOR_ERR_FULL;

    pthread_mutex_lock(&clip->ahead.lock);
    if (!slots_is_full(&clip->empty)) {
        slots_push(&clip->empty, frame);
        pthread_cond_signal(&clip->ahead.changed);
        error = CASTOR_OK;
    }
    hand_over(clip);
    pthread_mutex_unlock(&clip->ahead.lock);
    return error;
}

static int clip_dequeue(struct source *source, struct castor_frame *out)
{
    struct clip *clip = from_source(source);
    const struct castor_frame *head;
    int error = CASTOR_ERR_AGAIN;

    pthread_mutex_lock(&clip->ahead.lock);
    head = slots_peek(&clip->ready);
    if (head && head->capture_ns <= castor_now_ns()) {
        *out = slots_pop(&clip->ready);
        head = slots_peek(&clip->ready);
        ticker_set(clip->ticker, head ? head->capture_ns : clip->failure ? 0 : SOURCE_NO_DEADLINE);
        error = CASTOR_OK;
    } else if (!head && clip->failure) {
        error = clip->failure;
        source->fault = clip->failure_text;
    }
    hand_over(clip);
    pthread_mutex_unlock(&clip->ahead.lock);
    return error;
}

static int clip_descriptor(const struct source *source)
{
    return ((const struct clip *)source)->ticker;
}

static int64_t clip_next_deadline(const struct source *source)
{
    struct clip *clip = from_source((struct source *)(uintptr_t)source); // the lock is not part of the value
    const struct castor_frame *head;
    int64_t time_ns;

    pthread_mutex_lock(&clip->ahead.lock);
    head = slots_peek(&clip->ready);
    time_ns = head ? head->capture_ns : grid_next_ns(&clip->grid);
    pthread_mutex_unlock(&clip->ahead.lock);
    return time_ns;
}

static enum source_signal clip_signal(const struct source *source)
{
    (void)source;
    return SOURCE_SIGNAL_PRESENT;
}

static const struct source_driver source_clip = {
    .name = "clip",
    .description = "a media file, looped in real time",
    .probe = clip_probe,
    .open = clip_open,
    .queue = clip_queue,
    .dequeue = clip_dequeue,
    .descriptor = clip_descriptor,
    .next_deadline = clip_next_deadline,
    .signal = clip_signal,
    .close = clip_close,
};

DRIVER_MODULE(source_clip)
