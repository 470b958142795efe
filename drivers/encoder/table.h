// SPDX-License-Identifier: Apache-2.0
// All encoder drivers of this build. Linked into castor-encode and the tests only.
#ifndef DRIVERS_ENCODER_TABLE_H
#define DRIVERS_ENCODER_TABLE_H

#include "hal/encoder.h"

// The name of driver `index`, best known first, NULL beyond the last. Loads nothing.
const char *encoder_driver_name(size_t index);

// The driver of that name. Drivers with libraries that a box may lack are modules, which this loads
// (module/module.h). Owner: static storage. Blocks: for loading. Errors: NOT_FOUND no such driver;
// UNSUPPORTED its module or library is missing; *why says which.
CASTOR_MUST_USE int encoder_driver_find(const char *name, const struct encoder_driver **out,
                                        struct encoder_text *why);

#endif
