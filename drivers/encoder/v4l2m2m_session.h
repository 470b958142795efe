// SPDX-License-Identifier: Apache-2.0
// One session of a V4L2 encoder: what is in the device, and the moves that change it.
#ifndef DRIVERS_ENCODER_V4L2M2M_SESSION_H
#define DRIVERS_ENCODER_V4L2M2M_SESSION_H

#include "hal/encoder.h"
#include "v4l2m2m_device.h"
#include "v4l2m2m_format.h"
#include "v4l2m2m_queue.h"
#include "v4l2m2m_unit.h"

#define V4L2M2M_IN_FLIGHT_MAX 4

// A frame that was submitted and has no result yet. Its pixels are already copied into an OUTPUT buffer, or
// it is one.
struct v4l2m2m_frame {
    uint64_t sequence;
    uint64_t stamp_us; // its name inside the device, different for every submit
    uint32_t buffer;   // OUTPUT buffer
    bool idr;
    bool queued; // the device has it; otherwise it waits for its turn
    bool copied;
};

struct v4l2m2m_session {
    struct encoder base; // first
    struct v4l2m2m_device device;
    enum encoder_codec codec;
    struct castor_format format;
    struct v4l2m2m_layout layout;
    struct v4l2m2m_queue output;  // raw pictures, into the device
    struct v4l2m2m_queue capture; // access units, out of it
    uint32_t vbv_ms;
    uint32_t gop_frames;
    struct v4l2m2m_frame frames[V4L2M2M_IN_FLIGHT_MAX]; // oldest first
    uint32_t frame_count;
    uint64_t submitted; // since open(): makes the stamps
    uint32_t since_idr; // frames since the last one that was submitted as an IDR
    bool has_force_key;
    bool has_stop;
    bool pipelined;    // the device wants more than one picture before it gives the first
    bool fresh;        // nothing was queued since CAPTURE was started: the next picture is an IDR anyway
    bool proven;       // a picture with a stamp of ours came out since then
    bool new_sequence; // the next submitted frame must be an IDR
    bool idr_missed;   // an IDR was asked for and did not come
    bool flushed;
    bool stop_due; // drain as soon as every frame is in the device
    bool stopped;  // draining, or drained and not yet resumed
    bool drained;
    int lost; // the error after which only close() is allowed, or CASTOR_OK
    struct encoder_text lost_why;
    struct v4l2m2m_sets sets;
    uint8_t *room; // for one access unit, with headroom
    // Where pictures are imported:
    int epoll; // the descriptor, or -1: the device's own
    bool waits_for_pictures;
    bool holds; // `held` waits until the device has let go of its picture
    struct encoder_output held;
};

// Hands waiting frames to the device as far as the order of IDRs allows, stops or resumes it. CASTOR_OK or
// LOST, IO. Never blocks.
CASTOR_MUST_USE int v4l2m2m_session_move(struct v4l2m2m_session *session);

// A new stream: the next picture is an IDR with parameter sets. Only with no frame in the device. CASTOR_OK
// or LOST, IO.
CASTOR_MUST_USE int v4l2m2m_session_restart(struct v4l2m2m_session *session);

// Waits for LAST after a drain of which all results are known; starts CAPTURE anew when it does not come by
// the deadline. CASTOR_OK or LOST, IO.
CASTOR_MUST_USE int v4l2m2m_session_end_drain(struct v4l2m2m_session *session, int64_t deadline_ns);

// Takes one coded buffer. AGAIN: there is none, or it held no result (*progress then tells which). CASTOR_OK:
// *out is the result. LOST, IO.
CASTOR_MUST_USE int v4l2m2m_session_take(struct v4l2m2m_session *session, struct encoder_output *out,
                                         bool *progress);

// Takes back raw buffers that the device has read. CASTOR_OK or LOST, IO.
CASTOR_MUST_USE int v4l2m2m_session_reclaim(struct v4l2m2m_session *session);

// Forgets the oldest frame: DROPPED.
void v4l2m2m_session_drop_oldest(struct v4l2m2m_session *session, struct encoder_output *out);

// Waits until the device has one of `events` (POLLIN, POLLOUT). CASTOR_OK, TIMEOUT or LOST.
CASTOR_MUST_USE int v4l2m2m_session_wait(struct v4l2m2m_session *session, short events, int64_t deadline_ns);

// The result of a call on the device that failed; the session takes no more calls then.
int v4l2m2m_session_fail(struct v4l2m2m_session *session, const char *what, int negative_errno);

// CASTOR_OK, or what made the session fail, said again.
CASTOR_MUST_USE int v4l2m2m_session_check(struct v4l2m2m_session *session);

#endif
