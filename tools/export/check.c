// SPDX-License-Identifier: Apache-2.0
#include "export/check.h"

#include <errno.h>
#include <libavutil/mem.h>
#include <libavutil/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES (64 << 10)
#define SHA256_BYTES 32

static int add_all(int fd, struct AVSHA *sha, uint64_t *size_bytes)
{
    uint8_t block[BLOCK_BYTES];

    for (*size_bytes = 0;;) {
        ssize_t n = pread(fd, block, sizeof block, (off_t)*size_bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return castor_error_from_errno(errno);
        if (n == 0)
            return CASTOR_OK;
        av_sha_update(sha, block, (size_t)n);
        *size_bytes += (uint64_t)n;
    }
}

int check_segment(const struct archive_segment *segment, int fd, struct export_text *why)
{
    struct AVSHA *sha = av_sha_alloc();
    uint8_t digest[SHA256_BYTES];
    char text[ARCHIVE_SHA256_BYTES] = "";
    uint64_t size_bytes;

    if (!sha)
        return CASTOR_ERR_NO_MEMORY;
    int error = av_sha_init(sha, 256) < 0 ? CASTOR_ERR_INTERNAL : add_all(fd, sha, &size_bytes);
    if (error == CASTOR_OK)
        av_sha_final(sha, digest);
    av_free(sha);
    if (error != CASTOR_OK) {
        snprintf(why->text, sizeof why->text, "segment %s cannot be read: %s; its disk may be failing",
                 segment->file, castor_error_text(error));
        return error;
    }
    for (size_t i = 0; i < SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    if (size_bytes == segment->bytes && strcmp(text, segment->sha256) == 0)
        return CASTOR_OK;
    snprintf(why->text, sizeof why->text,
             "segment %s is damaged: its checksum is not the one that was noted when it was closed. Nothing "
             "was exported",
             segment->file);
    return CASTOR_ERR_INVALID;
}
