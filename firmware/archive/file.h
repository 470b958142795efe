// SPDX-License-Identifier: Apache-2.0
// Small files of a recording folder, read whole.
#ifndef ARCHIVE_FILE_H
#define ARCHIVE_FILE_H

#include <stddef.h>

#include "hal/error.h"

// *text is then the caller's to free(); no such file = empty, *text is NULL. Blocks: as the disk does.
// Errors: as castor_error_from_errno(); CASTOR_ERR_INVALID no regular file, or larger than max_bytes.
CASTOR_MUST_USE int archive_file_load(int folder_fd, const char *file, size_t max_bytes, char **text,
                                      size_t *size_bytes);

#endif
