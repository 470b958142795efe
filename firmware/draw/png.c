// SPDX-License-Identifier: Apache-2.0
#include "draw/png.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <png.h>

int png_decode(const char *name, const void *bytes, size_t size_bytes, struct bitmap **out,
               struct draw_reason *why)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    struct bitmap *bitmap = NULL;
    int error = CASTOR_OK;

    if (!png_image_begin_read_from_memory(&png, bytes, size_bytes))
        return draw_reason_set(why, CASTOR_ERR_INVALID, "%s is no PNG that can be read: %s", name,
                               png.message);
    // Before the pixels: a small file can claim any size.
    if (png.width > BITMAP_WIDTH_MAX_PX || png.height > BITMAP_HEIGHT_MAX_PX)
        error = draw_reason_set(why, CASTOR_ERR_INVALID,
                                "%s has %u x %u pixels, at most %d x %d are possible: "
                                "scale it down",
                                name, png.width, png.height, BITMAP_WIDTH_MAX_PX, BITMAP_HEIGHT_MAX_PX);
    else
        error = bitmap_create(png.width, png.height, &bitmap, why);
    if (!error) {
        png.format = PNG_FORMAT_RGBA;
        if (!png_image_finish_read(&png, NULL, bitmap->rgba, 0, NULL))
            error = draw_reason_set(why, CASTOR_ERR_INVALID, "%s is a broken PNG: %s", name, png.message);
    }
    png_image_free(&png);
    if (error) {
        bitmap_destroy(bitmap);
        return error;
    }
    *out = bitmap;
    return CASTOR_OK;
}

// The whole file. A pipe or a device would have no end, or never begin; so only regular files.
static int read_file(const char *path, int fd, uint8_t **out, size_t *size_bytes, struct draw_reason *why)
{
    struct stat status;
    uint8_t *bytes;
    size_t got = 0;
    ssize_t n = 1;

    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        return draw_reason_set(why, CASTOR_ERR_INVALID, "%s is not a file", path);
    if (status.st_size > PNG_FILE_MAX_BYTES)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "%s has %lld bytes, at most %u are read", path,
                               (long long)status.st_size, PNG_FILE_MAX_BYTES);
    bytes = malloc((size_t)status.st_size + 1);
    if (!bytes)
        return draw_reason_set(why, CASTOR_ERR_NO_MEMORY, "no memory for the %lld bytes of %s",
                               (long long)status.st_size, path);
    while (got < (size_t)status.st_size && n > 0) {
        n = read(fd, bytes + got, (size_t)status.st_size - got);
        got += n > 0 ? (size_t)n : 0;
    }
    if (n < 0) {
        int error = errno;

        free(bytes);
        return draw_reason_set(why, CASTOR_ERR_IO, "%s cannot be read: %s", path, strerror(error));
    }
    *out = bytes;
    *size_bytes = got;
    return CASTOR_OK;
}

int png_load(const char *path, struct bitmap **out, struct draw_reason *why)
{
    uint8_t *bytes = NULL;
    size_t size_bytes = 0;
    int error;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

    if (fd < 0) {
        error = errno;
        return draw_reason_set(why, castor_error_from_errno(error), "%s cannot be opened: %s", path,
                               strerror(error));
    }
    error = read_file(path, fd, &bytes, &size_bytes, why);
    if (!error)
        error = png_decode(path, bytes, size_bytes, out, why);
    free(bytes);
    close(fd);
    return error;
}
