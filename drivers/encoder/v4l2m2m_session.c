// SPDX-License-Identifier: Apache-2.0
#include "v4l2m2m_session.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <linux/videodev2.h>

#include "hal/time.h"
#include "v4l2m2m_control.h"
#include "v4l2m2m_import.h"

int v4l2m2m_session_fail(struct v4l2m2m_session *session, const char *what, int negative_errno)
{
    int error = v4l2m2m_error(negative_errno);

    if (error != CASTOR_ERR_LOST)
        error = CASTOR_ERR_IO;
    (void)encoder_text_set(&session->base.fault, error, "v4l2m2m: %s: %s: %s", session->device.path, what,
                           strerror(-negative_errno));
    session->lost_why = session->base.fault;
    return session->lost = error;
}

static int fail_because(struct v4l2m2m_session *session, int error, const char *why)
{
    (void)encoder_text_set(&session->base.fault, error, "v4l2m2m: %s: %s", session->device.path, why);
    session->lost_why = session->base.fault;
    return session->lost = error;
}

int v4l2m2m_session_check(struct v4l2m2m_session *session)
{
    if (session->lost != CASTOR_OK)
        session->base.fault = session->lost_why;
    return session->lost;
}

// Of the events that were asked for only one ever matters.
static int read_event(struct v4l2m2m_session *session)
{
    struct v4l2_event event = {0};

    if (v4l2m2m_ioctl(session->device.fd, VIDIOC_DQEVENT, &event) != 0)
        return CASTOR_ERR_AGAIN;
    if (event.type == V4L2_EVENT_SOURCE_CHANGE)
        return fail_because(session, CASTOR_ERR_LOST, "the device changed its format; open it again");
    return CASTOR_OK;
}

int v4l2m2m_session_wait(struct v4l2m2m_session *session, short events, int64_t deadline_ns)
{
    struct pollfd polled = {.fd = session->device.fd, .events = (short)(events | POLLPRI)};

    for (;;) {
        int64_t left_ns = deadline_ns - castor_now_ns();
        struct timespec left = castor_timespec(left_ns > 0 ? left_ns : 0);
        int ready = ppoll(&polled, 1, &left, NULL);
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready < 0)
            return v4l2m2m_session_fail(session, "poll", -errno);
        if (ready == 0)
            return CASTOR_ERR_TIMEOUT;
        if (polled.revents & POLLPRI) {
            int error = read_event(session);
            if (error == CASTOR_ERR_AGAIN)
                polled.events &= ~POLLPRI; // it tells of events and has none
            else if (error != CASTOR_OK)
                return error;
        }
        if (polled.revents & events)
            return CASTOR_OK;
        if (polled.revents & (POLLERR | POLLHUP | POLLNVAL))
            return fail_because(session, CASTOR_ERR_LOST, "the device reports an error condition (POLLERR)");
    }
}

// ---- CAPTURE ----

int v4l2m2m_session_restart(struct v4l2m2m_session *session)
{
    int error = v4l2m2m_queue_stop(&session->capture);

    if (error == 0)
        error = v4l2m2m_queue_put_all(&session->capture);
    if (error == 0)
        error = v4l2m2m_queue_start(&session->capture);
    if (error != 0)
        return v4l2m2m_session_fail(session, "starting a new stream", error);
    session->fresh = true;
    session->proven = false;
    session->stopped = session->drained = false;
    return CASTOR_OK;
}

static void remove_frames(struct v4l2m2m_session *session, uint32_t count)
{
    session->frame_count -= count;
    memmove(session->frames, session->frames + count, session->frame_count * sizeof session->frames[0]);
}

// Forgets the frames up to and with `index`. The older ones were dropped in silence: hal/encoder.c sees the
// gap. An IDR that was asked for among them and is not `idr` is asked for again.
static void settle(struct v4l2m2m_session *session, uint32_t index, bool idr, struct encoder_output *out)
{
    for (uint32_t i = 0; i <= index; i++) {
        if (session->frames[i].idr)
            session->idr_missed = true;
    }
    if (idr)
        session->idr_missed = false;
    out->packet.sequence = session->frames[index].sequence;
    remove_frames(session, index + 1);
}

void v4l2m2m_session_drop_oldest(struct v4l2m2m_session *session, struct encoder_output *out)
{
    *out = (struct encoder_output){.kind = ENCODER_OUTPUT_DROPPED};
    settle(session, 0, false, out);
}

static uint32_t queued_count(const struct v4l2m2m_session *session)
{
    uint32_t count = 0;

    while (count < session->frame_count && session->frames[count].queued)
        count++;
    return count;
}

// The frame in the device that has this stamp, or UINT32_MAX.
static uint32_t find_frame(const struct v4l2m2m_session *session, uint64_t stamp_us)
{
    uint32_t count = queued_count(session);

    for (uint32_t i = 0; i < count; i++) {
        if (session->frames[i].stamp_us == stamp_us)
            return i;
    }
    return UINT32_MAX;
}

static int drop(struct v4l2m2m_session *session, uint32_t index, const char *why, struct encoder_output *out)
{
    (void)encoder_text_set(&session->base.fault, 0, "v4l2m2m: %s: %s", session->device.path, why);
    *out = (struct encoder_output){.kind = ENCODER_OUTPUT_DROPPED};
    settle(session, index, false, out);
    return CASTOR_OK;
}

static int give_picture(struct v4l2m2m_session *session, const struct v4l2m2m_unit *unit, size_t size_bytes,
                        uint64_t stamp_us, struct encoder_output *out)
{
    uint32_t index = find_frame(session, stamp_us);

    if (index == UINT32_MAX && !session->proven)
        return CASTOR_ERR_AGAIN; // some devices begin with a buffer that belongs to no frame
    if (index == UINT32_MAX)
        return fail_because(session, CASTOR_ERR_IO,
                            "the device gave a picture with a time stamp that no frame in it has");
    *out = (struct encoder_output){.kind = ENCODER_OUTPUT_CODED, .cpu_copies = session->frames[index].copied};
    if (!v4l2m2m_unit_complete(session->codec, unit, &session->sets, session->room, size_bytes,
                               &out->packet.data, &out->packet.size_bytes))
        return fail_because(session, CASTOR_ERR_IO, "the device gave an IDR and never its parameter sets");
    session->proven = true;
    out->packet.flags = unit->idr ? CASTOR_PACKET_IDR : 0;
    settle(session, index, unit->idr, out);
    return CASTOR_OK;
}

// What a coded buffer means; its bytes were copied to `room` where they are usable.
static int judge(struct v4l2m2m_session *session, const struct v4l2m2m_taken *taken,
                 struct encoder_output *out)
{
    uint32_t index = find_frame(session, taken->stamp_us);
    bool failed = taken->flags & V4L2_BUF_FLAG_ERROR;
    struct v4l2m2m_unit unit;

    if (failed && index == UINT32_MAX && queued_count(session) == 1)
        index = 0; // it can be no other
    if (failed)
        return index == UINT32_MAX ? CASTOR_ERR_AGAIN
                                   : drop(session, index, "the device failed to code a frame", out);
    if (taken->size_bytes == 0 && taken->flags & V4L2_BUF_FLAG_LAST)
        return CASTOR_ERR_AGAIN; // its stamp may be any
    if (taken->size_bytes == 0 || taken->size_bytes > ENCODER_ACCESS_UNIT_MAX_BYTES)
        return index == UINT32_MAX
                   ? CASTOR_ERR_AGAIN
                   : drop(session, index, "the device gave an empty or a far too large buffer", out);
    v4l2m2m_unit_scan(session->codec, session->room + V4L2M2M_HEADROOM_BYTES, taken->size_bytes,
                      &session->sets, &unit);
    if (unit.content == V4L2M2M_CONTENT_PICTURE)
        return give_picture(session, &unit, taken->size_bytes, taken->stamp_us, out);
    if (unit.content == V4L2M2M_CONTENT_HEADERS || index == UINT32_MAX)
        return CASTOR_ERR_AGAIN; // parameter sets come in a buffer of their own
    return drop(session, index, "the device gave bytes that are not of its codec", out);
}

static int end_of_stream(struct v4l2m2m_session *session)
{
    if (!session->stopped)
        return fail_because(session, CASTOR_ERR_LOST, "the device ended the stream, which nobody asked for");
    session->drained = true;
    return CASTOR_ERR_AGAIN;
}

int v4l2m2m_session_take(struct v4l2m2m_session *session, struct encoder_output *out, bool *progress)
{
    static const size_t nothing[V4L2M2M_PLANES_MAX];
    struct v4l2m2m_taken taken;

    *progress = false;
    // Whoever polls for coded pictures alone never waits for events here.
    int error = read_event(session);
    if (error != CASTOR_OK && error != CASTOR_ERR_AGAIN)
        return error;
    error = v4l2m2m_queue_take(&session->capture, &taken);
    if (error == -EAGAIN)
        return CASTOR_ERR_AGAIN;
    if (error == -EPIPE)
        return end_of_stream(session);
    if (error == -EBADMSG)
        return fail_because(session, CASTOR_ERR_IO, "the device's answer for a coded buffer cannot be true");
    if (error != 0)
        return v4l2m2m_session_fail(session, "taking a coded buffer", error);
    if (taken.size_bytes <= ENCODER_ACCESS_UNIT_MAX_BYTES)
        memcpy(session->room + V4L2M2M_HEADROOM_BYTES, taken.data, taken.size_bytes);
    error = v4l2m2m_queue_put(&session->capture, taken.index, nothing, 0);
    if (error != 0)
        return v4l2m2m_session_fail(session, "giving a coded buffer back", error);
    *progress = true;
    bool is_last = taken.flags & V4L2_BUF_FLAG_LAST;
    if (is_last && end_of_stream(session) != CASTOR_ERR_AGAIN)
        return session->lost;
    return judge(session, &taken, out);
}

// ---- OUTPUT ----

int v4l2m2m_session_reclaim(struct v4l2m2m_session *session)
{
    struct v4l2m2m_taken taken;
    int error;

    while ((error = v4l2m2m_queue_take(&session->output, &taken)) == 0)
        ;
    if (error == -EBADMSG)
        return fail_because(session, CASTOR_ERR_IO, "the device's answer for a raw buffer cannot be true");
    if (error != -EAGAIN && error != -EPIPE)
        return v4l2m2m_session_fail(session, "taking a raw buffer back", error);
    return CASTOR_OK;
}

// Sees to it that the next frame that goes in becomes an IDR.
static int force_idr(struct v4l2m2m_session *session)
{
    bool is_empty = queued_count(session) == 0;

    if (session->fresh)
        return CASTOR_OK;
    // Where the parameter sets were lost with the first picture, only a new stream brings them again.
    if (session->has_force_key && (session->sets.used_bytes[V4L2M2M_SET_SPS] > 0 || !is_empty)) {
        int error = v4l2m2m_control_force_key(session->device.fd);
        if (error == 0)
            return CASTOR_OK;
        if (v4l2m2m_error(error) == CASTOR_ERR_LOST)
            return v4l2m2m_session_fail(session, "asking for an IDR", error);
        session->has_force_key = false; // it says it can, and cannot
    }
    if (!is_empty)
        return CASTOR_OK; // a device that hoards pictures: the request stays and is made again
    return v4l2m2m_session_restart(session);
}

// AGAIN: the device does not import it; no frame is in the device any more.
static int queue_frame(struct v4l2m2m_session *session, struct v4l2m2m_frame *frame)
{
    int error = frame->idr ? force_idr(session) : CASTOR_OK;

    if (error != CASTOR_OK)
        return error;
    error =
        v4l2m2m_queue_put(&session->output, frame->buffer, session->layout.payload_bytes, frame->stamp_us);
    if (error != 0 && session->output.imports && v4l2m2m_error(error) != CASTOR_ERR_LOST) {
        error = v4l2m2m_import_give_up(session, error);
        return error == CASTOR_OK ? CASTOR_ERR_AGAIN : error;
    }
    if (error != 0)
        return v4l2m2m_session_fail(session, "handing over a frame", error);
    frame->queued = true;
    session->fresh = false;
    return CASTOR_OK;
}

static int encoder_command(struct v4l2m2m_session *session, uint32_t command)
{
    struct v4l2_encoder_cmd order = {.cmd = command};

    return v4l2m2m_ioctl(session->device.fd, VIDIOC_ENCODER_CMD, &order);
}

static int stop(struct v4l2m2m_session *session)
{
    int error = encoder_command(session, V4L2_ENC_CMD_STOP);

    session->stop_due = false;
    if (error == 0)
        session->stopped = true;
    else if (v4l2m2m_error(error) == CASTOR_ERR_LOST)
        return v4l2m2m_session_fail(session, "draining", error);
    else
        session->has_stop = false; // what it has comes out by itself or not at all
    return CASTOR_OK;
}

static int resume(struct v4l2m2m_session *session)
{
    int error = v4l2m2m_queue_put_all(&session->capture);

    if (error != 0)
        return v4l2m2m_session_fail(session, "giving coded buffers back", error);
    error = encoder_command(session, V4L2_ENC_CMD_START);
    if (error != 0 && v4l2m2m_error(error) == CASTOR_ERR_LOST)
        return v4l2m2m_session_fail(session, "resuming", error);
    if (error != 0)
        return v4l2m2m_session_restart(session);
    session->stopped = session->drained = false;
    return CASTOR_OK;
}

int v4l2m2m_session_end_drain(struct v4l2m2m_session *session, int64_t deadline_ns)
{
    struct encoder_output unused;
    bool progress;

    while (!session->drained) {
        int error = v4l2m2m_session_take(session, &unused, &progress);
        if (error == CASTOR_ERR_AGAIN && !progress && !session->drained)
            error = v4l2m2m_session_wait(session, POLLIN, deadline_ns);
        if (error == CASTOR_ERR_TIMEOUT)
            return v4l2m2m_session_restart(session); // nothing of ours is in it
        if (error != CASTOR_OK && error != CASTOR_ERR_AGAIN)
            return error;
    }
    return CASTOR_OK;
}

// Controls hold for whatever the device begins next, so a frame that is to be an IDR goes in alone: after the
// earlier ones have come out, and with nothing behind it until it has been seen to be one. A device that
// hoards pictures would wait for ever; there the request is made as well as it goes.
static bool must_wait(const struct v4l2m2m_session *session, uint32_t index)
{
    if (index == 0)
        return false;
    if (session->pipelined && session->has_force_key)
        return false;
    return session->frames[index].idr || session->frames[index - 1].idr;
}

int v4l2m2m_session_move(struct v4l2m2m_session *session)
{
    uint32_t first = queued_count(session);

    if (session->stopped) {
        if (!session->drained || first > 0 || session->frame_count == 0)
            return CASTOR_OK;
        int error = resume(session);
        if (error != CASTOR_OK)
            return error;
    }
    if (session->idr_missed && first < session->frame_count) {
        session->frames[first].idr = true;
        session->idr_missed = false;
    }
    for (uint32_t i = first; i < session->frame_count && !must_wait(session, i); i++) {
        int error = queue_frame(session, &session->frames[i]);
        if (error == CASTOR_ERR_AGAIN) // copied, all of them
            return v4l2m2m_session_move(session);
        if (error != CASTOR_OK)
            return error;
    }
    if (session->stop_due && queued_count(session) == session->frame_count)
        return stop(session);
    return CASTOR_OK;
}
