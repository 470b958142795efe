// SPDX-License-Identifier: Apache-2.0
#include "v4l2_source.h"

#include <errno.h>
#include <string.h>

int v4l2_source_lost(struct v4l2_source *self, int number)
{
    const char *name = self->device.name;

    if (number == ENODEV || number == ENXIO)
        return source_text_set(&self->source.fault, CASTOR_ERR_LOST,
                               "capture device %s: the device was unplugged; plug it in again", name);
    return source_text_set(&self->source.fault, CASTOR_ERR_LOST,
                           "capture device %s failed: %s; it is opened anew", name, strerror(number));
}

uint32_t v4l2_source_lent(const struct v4l2_source *self)
{
    return self->empty.count + self->buffers.lent;
}

int v4l2_source_copy(struct v4l2_source *self, const char *why)
{
    struct source *source = &self->source;

    for (uint32_t i = 0; i < self->buffers.count; i++)
        if (self->buffers.mapping[i].lent)
            slots_push(&self->empty, &self->buffers.mapping[i].slot);
    (void)source_text_set(&source->note, 0,
                          "%s: its pictures are copied into the pool, which it cannot write itself: %s",
                          self->device.name, why);
    v4l2_buffers_stop(&self->buffers);
    return v4l2_buffers_start(&self->device, &self->layout, &self->buffers, &source->fault) ? CASTOR_ERR_LOST
                                                                                            : CASTOR_OK;
}

// Once, with the first slot.
static int judge_slots(struct v4l2_source *self, const struct castor_frame *slot)
{
    struct source_text why = {""};
    int number;

    self->judged = true;
    if (slot->dmabuf_fd < 0)
        return CASTOR_OK;
    if (!v4l2_picture_is_plain(self->picture)) {
        (void)source_text_set(&self->source.note, 0, "%s: its pictures are converted, or changed in size",
                              self->device.name);
        return CASTOR_OK;
    }
    if (!v4l2_buffers_fit(&self->layout, slot, &why)) {
        (void)source_text_set(&self->source.note, 0, "%s: its pictures are copied into the pool: %.120s",
                              self->device.name, why.text);
        return CASTOR_OK;
    }
    v4l2_buffers_stop(&self->buffers);
    number = v4l2_buffers_import(&self->device, &self->buffers);
    return number ? v4l2_source_copy(self, strerror(number)) : CASTOR_OK;
}

int v4l2_source_hand_over(struct v4l2_source *self)
{
    while (self->buffers.imports && self->empty.count) {
        int number = v4l2_buffers_lend(&self->buffers, slots_peek(&self->empty));
        if (number == ENOSPC)
            return CASTOR_OK;
        if (number == ENODEV)
            return v4l2_source_lost(self, number);
        if (number)
            return v4l2_source_copy(self, strerror(number));
        (void)slots_pop(&self->empty);
    }
    return CASTOR_OK;
}

int v4l2_source_lend(struct v4l2_source *self, const struct castor_frame *slot)
{
    int error = self->judged ? CASTOR_OK : judge_slots(self, slot);

    if (error)
        return error;
    slots_push(&self->empty, slot);
    return v4l2_source_hand_over(self);
}
