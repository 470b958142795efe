// SPDX-License-Identifier: Apache-2.0
// Raw pictures that the device reads where they lie: slots of the pool are its OUTPUT buffers, imported as
// DMA-BUFs (V4L2_MEMORY_DMABUF). A picture is then lent to the device itself, so its result is held back
// until the device has let go of it.
#ifndef DRIVERS_ENCODER_V4L2M2M_IMPORT_H
#define DRIVERS_ENCODER_V4L2M2M_IMPORT_H

#include "v4l2m2m_session.h"

// What: tries to import `slot` (NULL = there is nothing to import) and makes `count` OUTPUT buffers for slots
// like it. The queue does not stream yet. Where the slot does not fit what was negotiated, or the device
// refuses it, session->output.imports stays false and the note tells why. Errors: IO, NO_MEMORY no descriptor
// to wait with.
CASTOR_MUST_USE int v4l2m2m_import_begin(struct v4l2m2m_session *session, const struct castor_frame *slot,
                                         uint32_t count, struct encoder_text *why);

// What: after a refusal in the middle (`negative_errno`), goes on with buffers of the device, into which the
// frames that it had are copied; it begins a new stream. Errors: LOST, IO; the session is at its end then.
CASTOR_MUST_USE int v4l2m2m_import_give_up(struct v4l2m2m_session *session, int negative_errno);

// Whether the device still holds a picture that no frame in flight stands for.
bool v4l2m2m_import_owes(const struct v4l2m2m_session *session);

// Whether the descriptor is to tell that the device lets go of pictures, or that it has coded ones.
void v4l2m2m_import_watch(struct v4l2m2m_session *session, bool for_pictures);

#endif
