// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_import.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "v4l2m2m_format.h"

// NULL, or why the device cannot read such a slot as it lies.
static const char *objection(const struct v4l2m2m_layout *layout, const struct castor_format *format,
                             const struct castor_frame *slot)
{
    bool pairs = format->pixel != CASTOR_PIXEL_I420;
    off_t bytes = lseek(slot->dmabuf_fd, 0, SEEK_END);

    if (layout->buffer_planes != 1)
        return "it wants each plane in a memory of its own";
    if (layout->semi_planar != pairs)
        return "it wants another pixel format";
    for (uint32_t i = 0; i < CASTOR_PLANES_MAX && slot->plane[i]; i++) {
        if (layout->stride_bytes[i] != slot->stride_bytes[i])
            return "it wants rows of another length";
        if (layout->offset_bytes[i] != (size_t)(slot->plane[i] - slot->plane[0]))
            return "it wants more rows than the picture has";
    }
    return bytes >= 0 && (size_t)bytes >= layout->buffer_bytes[0] ? NULL : "it wants larger buffers";
}

static void note_copies(struct v4l2m2m_session *session, const char *why)
{
    (void)encoder_text_set(&session->base.note, 0, "v4l2m2m: %.60s: frames are copied, not imported: %s",
                           session->device.path, why);
}

// Lets the device take the slot and takes it back. 0 or a negative errno.
static int try_slot(struct v4l2m2m_session *session, const struct castor_frame *slot)
{
    struct v4l2m2m_queue *output = &session->output;

    v4l2m2m_queue_place(output, 0, slot);
    int error = v4l2m2m_queue_put(output, 0, session->layout.payload_bytes, 0);
    if (error == 0)
        error = v4l2m2m_queue_stop(output);
    return error;
}

static int make_descriptor(struct v4l2m2m_session *session, struct encoder_text *why)
{
    struct epoll_event event = {.events = EPOLLIN};

    session->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (session->epoll < 0 || epoll_ctl(session->epoll, EPOLL_CTL_ADD, session->device.fd, &event) != 0)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "v4l2m2m: no descriptor to wait with: %s",
                                strerror(errno));
    return CASTOR_OK;
}

int v4l2m2m_import_begin(struct v4l2m2m_session *session, const struct castor_frame *slot, uint32_t count,
                         struct encoder_text *why)
{
    const char *reason = slot ? objection(&session->layout, &session->format, slot) : NULL;

    if (!slot)
        return CASTOR_OK;
    if (reason) {
        note_copies(session, reason);
        return CASTOR_OK;
    }
    int error = v4l2m2m_queue_import(&session->output, count);
    if (error == 0)
        error = try_slot(session, slot);
    if (error == 0)
        return make_descriptor(session, why);
    v4l2m2m_queue_finish(&session->output);
    if (error == -EIO || error == -ENODEV)
        return encoder_text_set(why, v4l2m2m_error(error), "v4l2m2m: importing a frame: %s",
                                strerror(-error));
    note_copies(session, strerror(-error));
    return CASTOR_OK;
}

int v4l2m2m_import_give_up(struct v4l2m2m_session *session, int negative_errno)
{
    struct v4l2m2m_queue *output = &session->output;
    struct castor_frame pictures[V4L2M2M_IN_FLIGHT_MAX];
    struct encoder_text why;

    for (uint32_t i = 0; i < session->frame_count; i++)
        pictures[i] = output->buffers[session->frames[i].buffer].slot;
    note_copies(session, strerror(-negative_errno));
    int error = v4l2m2m_queue_stop(output);
    if (error != 0)
        return v4l2m2m_session_fail(session, "stopping", error);
    v4l2m2m_queue_finish(output);
    if (v4l2m2m_queue_init(output, session->base.max_in_flight + 1, session->layout.buffer_bytes, &why) !=
            CASTOR_OK ||
        output->count < session->frame_count)
        return v4l2m2m_session_fail(session, "going on with buffers of the device", -ENOMEM);
    for (uint32_t i = 0; i < session->frame_count; i++) {
        struct v4l2m2m_buffer *buffer = &output->buffers[i];
        v4l2m2m_format_copy(&session->layout, &session->format, &pictures[i], buffer);
        buffer->filled = true;
        session->frames[i].buffer = i;
        session->frames[i].queued = false;
        session->frames[i].copied = true;
    }
    if (session->frame_count > 0)
        session->frames[0].idr = true;
    error = v4l2m2m_queue_start(output);
    return error != 0 ? v4l2m2m_session_fail(session, "starting again", error)
                      : v4l2m2m_session_restart(session);
}

bool v4l2m2m_import_owes(const struct v4l2m2m_session *session)
{
    for (uint32_t i = 0; session->output.imports && i < session->output.count; i++) {
        uint32_t k = 0;
        while (k < session->frame_count && session->frames[k].buffer != i)
            k++;
        if (session->output.buffers[i].queued && k == session->frame_count)
            return true;
    }
    return false;
}

void v4l2m2m_import_watch(struct v4l2m2m_session *session, bool for_pictures)
{
    struct epoll_event event = {.events = for_pictures ? EPOLLOUT : EPOLLIN};

    if (session->epoll >= 0 && session->waits_for_pictures != for_pictures &&
        epoll_ctl(session->epoll, EPOLL_CTL_MOD, session->device.fd, &event) == 0)
        session->waits_for_pictures = for_pictures;
}
