// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) of what is written, while it is written; by OpenSSL's libcrypto, which has the
// processor's instructions for it.
#ifndef RECORD_DIGEST_H
#define RECORD_DIGEST_H

#include <stddef.h>

#include "archive/index.h"
#include "hal/error.h"

CASTOR_MUST_USE int digest_create(void **out);
void digest_destroy(void *digest); // accepts NULL
void digest_begin(void *digest);
void digest_add(void *digest, const void *data, size_t size_bytes);
void digest_end(void *digest, char out[ARCHIVE_SHA256_BYTES]);

#endif
