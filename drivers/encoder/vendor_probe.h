// SPDX-License-Identifier: Apache-2.0
// Asking a vendor's library what a device can do, without waiting for ever.
#ifndef DRIVERS_ENCODER_VENDOR_PROBE_H
#define DRIVERS_ENCODER_VENDOR_PROBE_H

#include "vendor_thread.h"

// Answers on the thread, and may hang there. *out and *why are as for probe() of struct encoder_driver.
typedef int vendor_probe_answer(struct vendor_thread *thread, const char *device, struct encoder_caps *out,
                                struct encoder_text *why);

// What: probe() of struct encoder_driver, for the driver `name`. Blocks: at most VENDOR_ANSWER_NS. Errors:
// those of `answer`; IO when there is none in time.
CASTOR_MUST_USE int vendor_probe(const char *name, vendor_probe_answer *answer, const char *device,
                                 struct encoder_caps *out, struct encoder_text *why);

#endif
