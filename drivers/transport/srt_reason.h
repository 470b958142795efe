// SPDX-License-Identifier: Apache-2.0
#ifndef DRIVERS_TRANSPORT_SRT_REASON_H
#define DRIVERS_TRANSPORT_SRT_REASON_H

#include "hal/transport.h"

// What libsrt's reject code (srt_getrejectreason(): SRT_REJECT_REASON, SRT_REJX_*) means for an operator.
// `peer` is the address for the text.
enum transport_reason srt_reason_of(int reject, const char *peer, struct transport_text *text);

#endif
