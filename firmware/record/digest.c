// SPDX-License-Identifier: Apache-2.0
#include "record/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <stdio.h>

int digest_create(void **out)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (!context)
        return CASTOR_ERR_NO_MEMORY;
    if (EVP_DigestInit_ex(context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(context);
        return CASTOR_ERR_UNSUPPORTED;
    }
    *out = context;
    return CASTOR_OK;
}

void digest_destroy(void *digest)
{
    EVP_MD_CTX_free(digest);
}

// With an algorithm that was found once, none of these fails.
void digest_begin(void *digest)
{
    int done = EVP_DigestInit_ex(digest, NULL, NULL);

    assert(done == 1);
    (void)done;
}

void digest_add(void *digest, const void *data, size_t size_bytes)
{
    int done = EVP_DigestUpdate(digest, data, size_bytes);

    assert(done == 1);
    (void)done;
}

void digest_end(void *digest, char out[ARCHIVE_SHA256_BYTES])
{
    uint8_t bytes[EVP_MAX_MD_SIZE];
    unsigned size_bytes = 0;
    int done = EVP_DigestFinal_ex(digest, bytes, &size_bytes);

    assert(done == 1 && size_bytes * 2 + 1 == ARCHIVE_SHA256_BYTES);
    (void)done;
    for (unsigned i = 0; i < size_bytes; i++)
        snprintf(out + i * 2, 3, "%02x", bytes[i]);
}
