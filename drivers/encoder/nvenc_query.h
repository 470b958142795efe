// SPDX-License-Identifier: Apache-2.0
// What an NVENC device can do.
#ifndef DRIVERS_ENCODER_NVENC_QUERY_H
#define DRIVERS_ENCODER_NVENC_QUERY_H

#include "nvenc_session.h"

// Asks an open session for codecs, profiles, formats, sizes and abilities, and notes the latter in it. Where
// the codecs differ, *out has what holds for each of them. Errors: as probe() of struct encoder_driver.
CASTOR_MUST_USE int nvenc_query(struct nvenc_session *session, struct encoder_caps *out,
                                struct encoder_text *why);

#endif
