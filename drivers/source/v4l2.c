// SPDX-License-Identifier: Apache-2.0
// A V4L2 capture device: camera, HDMI or SDI receiver, frame grabber. Where the slots are DMA-BUFs and hold
// what the device delivers as it delivers it, the device writes into them; otherwise its pictures are
// converted straight from its buffers into the lent slots. Capture time is the driver's stamp; the sequence
// follows the driver's counter. Options: input=N chooses one of several plugs; edid=FILE is what the
// plug tells the camera about itself.
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "module/module.h"
#include "ticker.h"
#include "v4l2_source.h"

#define QUEUE_DEPTH 4
#define LOOK_INTERVAL_NS (500 * CASTOR_NS_PER_MS)
// A device that says that all is well and delivers nothing is opened anew.
#define QUIET_MAX_NS (2 * CASTOR_NS_PER_S)
#define QUIET_MAX_AT_START_NS (5 * CASTOR_NS_PER_S) // cameras set their exposure first
#define FAILURES_MAX 4                              // one after the other

static struct v4l2_source *from_source(struct source *source)
{
    return (struct v4l2_source *)source;
}

static uint32_t clamp_even(uint32_t value, uint32_t low, uint32_t high)
{
    value &= ~1u;
    return value < low ? low : value > high ? high : value;
}

// The format delivered: what is wanted, the device's own where nothing is.
static void resolve(const struct source_config *config, const struct v4l2_layout *layout,
                    struct castor_format *format)
{
    *format = config->format;
    if (format->pixel == CASTOR_PIXEL_NONE)
        format->pixel = v4l2_layout_pixel(layout->kind);
    if (format->pixel == CASTOR_PIXEL_NONE)
        format->pixel = CASTOR_PIXEL_I420;
    if (format->width_px == 0) {
        format->width_px = clamp_even(layout->width_px, 320, 3840);
        format->height_px = clamp_even(layout->height_px, 180, 2160);
    }
    if (format->rate.num == 0)
        format->rate = layout->rate.num ? layout->rate : (struct castor_rational){30, 1};
}

static bool link_is_bad(enum v4l2_link link)
{
    return link == V4L2_LINK_NO_CABLE || link == V4L2_LINK_NO_SIGNAL || link == V4L2_LINK_NO_SYNC ||
           link == V4L2_LINK_NO_FORMAT;
}

static struct v4l2_source *v4l2_create(void)
{
    struct v4l2_source *self = calloc(1, sizeof *self);

    if (!self)
        return NULL;
    self->device.fd = -1;
    self->descriptor = -1;
    self->ticker = -1;
    return self;
}

static void v4l2_close(struct source *source)
{
    struct v4l2_source *self = from_source(source);

    if (!self)
        return;
    v4l2_buffers_stop(&self->buffers);
    v4l2_picture_destroy(self->picture);
    if (self->descriptor >= 0)
        close(self->descriptor);
    if (self->ticker >= 0)
        close(self->ticker);
    v4l2_device_close(&self->device);
    free(self);
}

// Opens the device and agrees on a format. A box that knows its format starts without a signal and waits for
// it.
static int prepare(struct v4l2_source *self, const struct source_config *config, struct source_text *why)
{
    uint32_t input = V4L2_DEVICE_INPUT_AS_IS;
    char edid[256] = "";
    const struct source_option known[] = {{.key = "input", .high = 31, .value = &input},
                                          {.key = "edid", .text = edid, .text_bytes = sizeof edid}};
    struct source_text text;
    int error = source_options_parse(config->options, known, 2, why);

    if (!error)
        error = v4l2_device_open(config->path ? config->path : "", input, edid, &self->device, why);
    if (error)
        return error;
    self->link = v4l2_device_link(&self->device, true, &text);
    if (self->link == V4L2_LINK_GONE)
        return source_text_set(why, CASTOR_ERR_NOT_FOUND, "%s", text.text);
    if (link_is_bad(self->link) && self->device.has_timings &&
        (config->format.width_px == 0 || config->format.rate.num == 0))
        return source_text_set(why, CASTOR_ERR_IO, "%s", text.text);
    error = v4l2_layout_negotiate(&self->device, &config->format, &self->layout, why);
    if (error)
        return error;
    resolve(config, &self->layout, &self->source.format);
    if (link_is_bad(self->link))
        self->source.fault = text;
    return v4l2_picture_create(&self->layout, &self->source.format, &self->picture, why);
}

static int v4l2_probe(const struct source_config *config, struct castor_format *out, struct source_text *why)
{
    struct v4l2_source *self = v4l2_create();
    int error;

    if (!self)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the capture device");
    error = prepare(self, config, why);
    if (!error)
        *out = self->source.format;
    v4l2_close(&self->source);
    return error;
}

static bool watch(const struct v4l2_source *self, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events, .data = {.fd = fd}};

    return epoll_ctl(self->descriptor, EPOLL_CTL_ADD, fd, &event) == 0;
}

static int make_descriptor(struct v4l2_source *self, struct source_text *why)
{
    self->descriptor = epoll_create1(EPOLL_CLOEXEC);
    if (self->descriptor < 0 || ticker_open(&self->ticker) != CASTOR_OK ||
        !watch(self, self->device.fd, EPOLLIN | EPOLLPRI) || !watch(self, self->ticker, EPOLLIN))
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of descriptors for the capture device");
    return CASTOR_OK;
}

static int v4l2_open(const struct source_config *config, struct source **out, struct source_text *why)
{
    struct v4l2_source *self = v4l2_create();
    const struct castor_format *format;
    bool by_time;
    int error;

    if (!self)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the capture device");
    error = prepare(self, config, why);
    if (!error)
        error = v4l2_buffers_start(&self->device, &self->layout, &self->buffers, why);
    if (!error)
        error = make_descriptor(self, why); // after the start: a device that is idle polls as failed
    if (error) {
        v4l2_close(&self->source);
        return error;
    }
    format = &self->source.format;
    by_time = self->layout.rate.num != 0 && !v4l2_rate_alike(self->layout.rate, format->rate);
    v4l2_naming_init(&self->naming, format->rate, by_time, config);
    self->source.queue_depth = QUEUE_DEPTH;
    self->opened_ns = self->starving_since_ns = castor_now_ns();
    self->look_ns = self->opened_ns + LOOK_INTERVAL_NS;
    ticker_set(self->ticker, self->look_ns);
    *out = &self->source;
    return CASTOR_OK;
}

static int v4l2_queue(struct source *source, const struct castor_frame *frame)
{
    struct v4l2_source *self = from_source(source);
    int64_t now_ns;
    int error;

    if (slots_is_full(&self->empty))
        return CASTOR_ERR_FULL;
    error = v4l2_source_lend(self, frame);
    if (error)
        return error;
    if (self->starving_since_ns == 0)
        return CASTOR_OK;
    now_ns = castor_now_ns();
    if (now_ns - self->starving_since_ns > castor_frame_interval_ns(source->format.rate)) {
        self->slot_ns = now_ns;
        self->starved = true;
    }
    self->starving_since_ns = 0;
    return CASTOR_OK;
}

// What time without pictures means.
static int judge_quiet(struct v4l2_source *self, int64_t now_ns)
{
    int64_t since_ns = self->picture_ns ? self->picture_ns : self->opened_ns;
    int64_t budget_ns = self->picture_ns ? QUIET_MAX_NS : QUIET_MAX_AT_START_NS;

    if (self->fault_ns > since_ns)
        since_ns = self->fault_ns;
    if (now_ns - since_ns < budget_ns)
        return CASTOR_ERR_AGAIN;
    return source_text_set(&self->source.fault, CASTOR_ERR_LOST,
                           "capture device %s has delivered no picture for %lld ms although it reports no "
                           "fault; it is opened anew",
                           self->device.name, (long long)((now_ns - since_ns) / CASTOR_NS_PER_MS));
}

// Looks at the link when it is time to, or at once.
static int look(struct v4l2_source *self, bool at_once)
{
    int64_t now_ns = castor_now_ns();
    bool quiet = self->picture_ns == 0 || now_ns - self->picture_ns >= LOOK_INTERVAL_NS;
    struct source_text text;

    if (!at_once && now_ns < self->look_ns)
        return CASTOR_ERR_AGAIN;
    self->look_ns = now_ns + LOOK_INTERVAL_NS;
    ticker_set(self->ticker, self->look_ns);
    self->link = v4l2_device_link(&self->device, quiet || at_once, &text);
    self->source.fault = text;
    if (self->link == V4L2_LINK_GONE || self->link == V4L2_LINK_CHANGED)
        return CASTOR_ERR_LOST;
    if (link_is_bad(self->link)) {
        self->fault_ns = now_ns;
        return CASTOR_ERR_AGAIN;
    }
    return quiet ? judge_quiet(self, now_ns) : CASTOR_ERR_AGAIN;
}

static int check_events(struct v4l2_source *self)
{
    bool gone;
    bool changed = v4l2_device_changed(&self->device, &gone);

    if (gone)
        return v4l2_source_lost(self, ENODEV);
    if (!changed)
        return CASTOR_OK;
    if (!self->device.has_timings)
        return source_text_set(&self->source.fault, CASTOR_ERR_LOST,
                               "the picture at %s changed its format; capture starts again with it",
                               self->device.name);
    return look(self, true) == CASTOR_ERR_LOST ? CASTOR_ERR_LOST : CASTOR_OK;
}

static void finish_frame(struct v4l2_source *self, const struct v4l2_taken *taken,
                         const struct castor_frame *named, uint64_t skipped, int64_t now_ns,
                         struct castor_frame *out)
{
    struct source_counters *counters = &self->source.counters;

    *(self->starved ? &counters->lost_no_slot : &counters->lost_device) += skipped;
    self->starved = false;
    self->slot_ns = 0;
    self->untrue = 0;
    *out =
        self->buffers.imports ? v4l2_buffers_return(&self->buffers, taken->index) : slots_pop(&self->empty);
    out->by_device = self->buffers.imports;
    out->sequence = named->sequence;
    out->capture_ns = named->capture_ns;
    self->starving_since_ns = v4l2_source_lent(self) ? 0 : now_ns;
}

// Brings a picture into its slot, unless it is there already.
static int bring(struct v4l2_source *self, const struct v4l2_taken *taken)
{
    if (!self->buffers.imports)
        return v4l2_picture_write(self->picture, taken->memory, taken->bytes, slots_peek(&self->empty),
                                  &self->source.counters.cpu_copies);
    if (taken->bytes[0] >= self->layout.needed_bytes[0])
        return CASTOR_OK;
    self->untrue++;
    return CASTOR_ERR_INVALID;
}

// Makes a frame of a picture. CASTOR_ERR_AGAIN: it is none. What is passed over here shows as a gap before
// the next frame, and is counted then.
static int use_picture(struct v4l2_source *self, const struct v4l2_taken *taken, struct castor_frame *out)
{
    int64_t now_ns = castor_now_ns(), time_ns;
    struct v4l2_naming naming;
    struct castor_frame named;
    uint64_t skipped;
    int error;

    if (taken->broken) {
        self->untrue += taken->untrue;
        self->source.counters.decode_errors++;
        return CASTOR_ERR_AGAIN;
    }
    self->picture_ns = now_ns;
    time_ns = v4l2_naming_time(&self->naming, taken->sequence, taken->stamp_ns, now_ns);
    self->source.counters.times_corrected = self->naming.times_corrected;
    if (self->slot_ns && time_ns + castor_frame_interval_ns(self->naming.rate) < self->slot_ns)
        return CASTOR_ERR_AGAIN; // it waited in the device while no slot was lent
    naming = self->naming;
    if (!v4l2_naming_take(&naming, taken->sequence, time_ns, &named, &skipped))
        return CASTOR_ERR_AGAIN;
    error = bring(self, taken);
    if (error == CASTOR_ERR_INVALID) {
        self->source.counters.decode_errors++;
        return CASTOR_ERR_AGAIN;
    }
    if (error)
        return source_text_set(&self->source.fault, CASTOR_ERR_IO,
                               "a picture of %s could not be converted: %s", self->device.name,
                               castor_error_text(error));
    self->naming = naming;
    finish_frame(self, taken, &named, skipped, now_ns, out);
    return CASTOR_OK;
}

static int copy_after_all(struct v4l2_source *self)
{
    int error = v4l2_source_copy(self, "of what it fills it names sizes that cannot be");

    return error ? error : CASTOR_ERR_AGAIN;
}

// The next frame of what the device has ready.
static int take_pictures(struct v4l2_source *self, struct castor_frame *out)
{
    int error = CASTOR_ERR_AGAIN;

    for (uint32_t i = 0; i < self->buffers.count && v4l2_source_lent(self) && error == CASTOR_ERR_AGAIN;
         i++) {
        struct v4l2_taken taken;
        int number = v4l2_buffers_take(&self->buffers, &taken);

        if (number == EAGAIN)
            break;
        if (number == EIO && ++self->failures < FAILURES_MAX) { // "temporary problems like signal loss"
            self->source.counters.decode_errors++;
            break;
        }
        if (number)
            return v4l2_source_lost(self, number);
        self->failures = 0;
        error = use_picture(self, &taken, out);
        if (self->buffers.imports && error == CASTOR_OK) {
            (void)!v4l2_source_hand_over(
                self); // the slot went with the frame; what fails here the next call finds
            break;
        }
        if (self->buffers.imports && self->untrue >= FAILURES_MAX)
            return copy_after_all(self);
        number = v4l2_buffers_give(&self->buffers, taken.index);
        if (number && error) // a frame that is done is given out first; the next call finds the device lost
            return v4l2_source_lost(self, number);
    }
    return error;
}

static int v4l2_dequeue(struct source *source, struct castor_frame *out)
{
    struct v4l2_source *self = from_source(source);
    int error = check_events(self);

    if (error)
        return error;
    error = take_pictures(self, out);
    return error == CASTOR_ERR_AGAIN ? look(self, false) : error;
}

static int v4l2_descriptor(const struct source *source)
{
    const struct v4l2_source *self = (const struct v4l2_source *)source;

    return v4l2_source_lent(self) ? self->descriptor : -1;
}

static int64_t v4l2_next_deadline(const struct source *source)
{
    const struct v4l2_source *self = (const struct v4l2_source *)source;

    if (!self->naming.published || link_is_bad(self->link))
        return SOURCE_NO_DEADLINE;
    return self->naming.capture_ns + castor_frame_interval_ns(source->format.rate);
}

static enum source_signal v4l2_signal(const struct source *source)
{
    const struct v4l2_source *self = (const struct v4l2_source *)source;

    if (link_is_bad(self->link) || self->link == V4L2_LINK_GONE)
        return SOURCE_SIGNAL_NONE;
    return self->link == V4L2_LINK_UNKNOWN && self->picture_ns == 0 ? SOURCE_SIGNAL_UNKNOWN
                                                                    : SOURCE_SIGNAL_PRESENT;
}

static const struct source_driver source_v4l2 = {
    .name = "v4l2",
    .description = "a V4L2 capture device: camera, HDMI or SDI receiver",
    .probe = v4l2_probe,
    .open = v4l2_open,
    .queue = v4l2_queue,
    .dequeue = v4l2_dequeue,
    .descriptor = v4l2_descriptor,
    .next_deadline = v4l2_next_deadline,
    .signal = v4l2_signal,
    .close = v4l2_close,
};

DRIVER_MODULE(source_v4l2)
