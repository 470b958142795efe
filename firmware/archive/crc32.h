// SPDX-License-Identifier: Apache-2.0
// CRC-32 of IEEE 802.3 (clause 3.2.9), bits reflected, as zlib and gzip have it.
#ifndef ARCHIVE_CRC32_H
#define ARCHIVE_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t archive_crc32(const void *data, size_t size_bytes);

#endif
