// SPDX-License-Identifier: Apache-2.0
#include "hal/source.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANCHOR_AHEAD_MAX_NS (10 * CASTOR_NS_PER_S)

int source_text_set(struct source_text *text, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text->text, sizeof text->text, format, arguments); // cut to size is what we want
    va_end(arguments);
    return error;
}

static int check_size(const struct castor_format *format, struct source_text *why)
{
    if (format->width_px == 0 && format->height_px == 0)
        return CASTOR_OK;
    if (format->width_px < 320 || format->width_px > 3840 || format->width_px % 2 != 0 ||
        format->height_px < 180 || format->height_px > 2160 || format->height_px % 2 != 0)
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "picture size %ux%u: both must be even, 320x180 to 3840x2160, or both 0 for "
                               "the source's own",
                               format->width_px, format->height_px);
    return CASTOR_OK;
}

static int check_config(const struct source_config *config, struct source_text *why)
{
    const struct castor_format *format = &config->format;
    int error = check_size(format, why);

    if (error)
        return error;
    if (format->pixel > CASTOR_PIXEL_P010)
        return source_text_set(why, CASTOR_ERR_INVALID, "pixel format %u is not known", format->pixel);
    if (format->rate.num != 0 && (format->rate.den == 0 || format->rate.num < format->rate.den ||
                                  format->rate.num > (uint64_t)SOURCE_RATE_MAX * format->rate.den))
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "frame rate %u/%u: must be 1 to %d per second, or 0 for the source's own",
                               format->rate.num, format->rate.den, SOURCE_RATE_MAX);
    if (config->anchor_ns < 0 || config->anchor_ns > castor_now_ns() + ANCHOR_AHEAD_MAX_NS)
        return source_text_set(why, CASTOR_ERR_INVALID, "the anchor of the time grid lies in the future");
    if (config->anchor_sequence > INT64_MAX)
        return source_text_set(why, CASTOR_ERR_INVALID, "the anchor's sequence is out of range");
    return CASTOR_OK;
}

int source_probe(const struct source_driver *driver, const struct source_config *config,
                 struct castor_format *out, struct source_text *why)
{
    int error = check_config(config, why);

    return error ? error : driver->probe(config, out, why);
}

int source_open(const struct source_driver *driver, const struct source_config *config, struct source **out,
                struct source_text *why)
{
    struct source *source;
    int error = check_config(config, why);

    if (error)
        return error;
    why->text[0] = '\0';
    error = driver->open(config, &source, why);
    if (error)
        return error;
    source->driver = driver;
    assert(source->queue_depth >= 1 && source->queue_depth <= SOURCE_QUEUE_MAX);
    if (config->anchor_ns != 0) {
        source->published = true;
        source->last_sequence = config->anchor_sequence;
        source->last_capture_ns = config->anchor_ns;
    }
    *out = source;
    return CASTOR_OK;
}

static uint32_t lent_index(const struct source *source, uint32_t slot)
{
    uint32_t i = 0;

    while (i < source->lent_count && source->lent[i] != slot)
        i++;
    return i;
}

int source_queue(struct source *source, const struct castor_frame *frame)
{
    int error;

    assert(lent_index(source, frame->slot) == source->lent_count);
    if (source->lent_count == SOURCE_QUEUE_MAX)
        return CASTOR_ERR_FULL;
    error = source->driver->queue(source, frame);
    if (error)
        return error;
    source->lent[source->lent_count++] = frame->slot;
    return CASTOR_OK;
}

int source_dequeue(struct source *source, struct castor_frame *out)
{
    struct castor_frame frame;
    uint32_t index;
    int error = source->driver->dequeue(source, &frame);

    if (error)
        return error;
    index = lent_index(source, frame.slot);
    if (index == source->lent_count)
        return source_text_set(&source->fault, CASTOR_ERR_INTERNAL,
                               "driver %s gave out slot %u, which was not lent to it", source->driver->name,
                               frame.slot);
    if (source->published &&
        (frame.sequence <= source->last_sequence || frame.capture_ns <= source->last_capture_ns))
        return source_text_set(&source->fault, CASTOR_ERR_INTERNAL, "driver %s gave frames out of order",
                               source->driver->name);
    source->lent[index] = source->lent[--source->lent_count];
    source->published = true;
    source->last_sequence = frame.sequence;
    source->last_capture_ns = frame.capture_ns;
    source->counters.captured++;
    *out = frame;
    return CASTOR_OK;
}

int source_descriptor(const struct source *source)
{
    return source->driver->descriptor(source);
}

int64_t source_next_deadline(const struct source *source)
{
    return source->driver->next_deadline(source);
}

enum source_signal source_signal(const struct source *source)
{
    return source->driver->signal(source);
}

struct source_counters source_counters(const struct source *source)
{
    return source->counters;
}

uint32_t source_lent(const struct source *source)
{
    return source->lent_count;
}

int source_origin(struct source *source, struct source_origin *out)
{
    if (source->origin_count == 0)
        return CASTOR_ERR_AGAIN;
    *out = source->origins[0];
    source->origin_count--;
    memmove(source->origins, source->origins + 1, source->origin_count * sizeof *source->origins);
    return CASTOR_OK;
}

void source_tell_origin(struct source *source, const struct source_origin *origin)
{
    struct source_origin oldest;

    if (source->origin_count == SOURCE_ORIGINS_MAX && source_origin(source, &oldest) != CASTOR_OK)
        return;
    source->origins[source->origin_count++] = *origin;
}

const char *source_note(const struct source *source)
{
    return source->note.text;
}

const char *source_fault(const struct source *source)
{
    return source->fault.text;
}

void source_close(struct source *source)
{
    if (source)
        source->driver->close(source);
}

static const struct source_option *option_find(const struct source_option *known, size_t known_count,
                                               const char *word, size_t key_bytes)
{
    for (size_t i = 0; i < known_count; i++)
        if (strlen(known[i].key) == key_bytes && memcmp(known[i].key, word, key_bytes) == 0)
            return &known[i];
    return NULL;
}

static int option_read_text(const struct source_option *option, const char *value, size_t value_bytes,
                            struct source_text *why)
{
    if (value_bytes == 0 || value_bytes >= option->text_bytes)
        return source_text_set(why, CASTOR_ERR_INVALID, "option %s=%.*s: must have 1 to %zu characters",
                               option->key, (int)(value_bytes > 40 ? 40 : value_bytes), value,
                               option->text_bytes - 1);
    memcpy(option->text, value, value_bytes);
    option->text[value_bytes] = '\0';
    return CASTOR_OK;
}

static int option_read(const struct source_option *option, const char *value, size_t value_bytes,
                       struct source_text *why)
{
    char digits[12] = {0};
    char *end = digits;
    unsigned long number = 0;

    if (option->text)
        return option_read_text(option, value, value_bytes, why);
    if (value_bytes > 0 && value_bytes < sizeof digits && value[0] >= '0' && value[0] <= '9') {
        memcpy(digits, value, value_bytes);
        number = strtoul(digits, &end, 10);
    }
    if (end == digits || *end != '\0' || number < option->low || number > option->high)
        return source_text_set(why, CASTOR_ERR_INVALID, "option %s=%.*s: must be a number from %u to %u",
                               option->key, (int)(value_bytes > 40 ? 40 : value_bytes), value, option->low,
                               option->high);
    *option->value = (uint32_t)number;
    return CASTOR_OK;
}

int source_options_parse(const char *options, const struct source_option *known, size_t known_count,
                         struct source_text *why)
{
    const char *word = options ? options : "";

    while (*word) {
        size_t bytes = strcspn(word, ",");
        size_t key_bytes = strcspn(word, "=,");
        const struct source_option *option = option_find(known, known_count, word, key_bytes);
        int error;

        if (!option || key_bytes == bytes)
            return source_text_set(why, CASTOR_ERR_INVALID,
                                   "source option \"%.*s\" is not one of this driver's key=value options",
                                   (int)(bytes > 60 ? 60 : bytes), word);
        error = option_read(option, word + key_bytes + 1, bytes - key_bytes - 1, why);
        if (error)
            return error;
        word += bytes + (word[bytes] == ',');
    }
    return CASTOR_OK;
}
