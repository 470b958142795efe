// SPDX-License-Identifier: Apache-2.0
// libsrt as a whole: started once, silenced, its clock compared with the house's.
#ifndef DRIVERS_TRANSPORT_SRT_LIBRARY_H
#define DRIVERS_TRANSPORT_SRT_LIBRARY_H

#include "hal/transport.h"

// Starts libsrt at the first call; it runs until the process ends. *clock_offset_us is libsrt's clock minus
// CLOCK_MONOTONIC. Returns CASTOR_ERR_UNSUPPORTED when the library is too old or runs on a clock that can be
// set, so that source times would jump. Blocks: at most 10 ms at the first call.
CASTOR_MUST_USE int srt_library_start(int64_t *clock_offset_us, struct transport_text *why);

#endif
