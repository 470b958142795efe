// SPDX-License-Identifier: Apache-2.0
#ifndef DRIVERS_TRANSPORT_SRT_H
#define DRIVERS_TRANSPORT_SRT_H

#include "hal/transport.h"

// SRT in live mode with libsrt, as caller or listener.
extern const struct transport_driver transport_srt;

#endif
