// SPDX-License-Identifier: Apache-2.0
#include "v4l2_edid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_BYTES 128u
#define BLOCKS_MAX 256u // of VIDIOC_S_EDID
#define EXTENSIONS_AT 126
#define MAKE_ONE "; v4l2-ctl --get-edid file=NAME,format=raw makes such a file"

struct edid {
    uint32_t blocks;
    uint8_t bytes[BLOCKS_MAX * BLOCK_BYTES];
};

static int read_failed(const char *path, int number, struct source_text *why)
{
    return source_text_set(why, castor_error_from_errno(number), "cannot read the EDID \"%.100s\": %s", path,
                           strerror(number));
}

// What is beyond the largest EDID is left; its blocks then differ from what the file says of itself.
static int read_file(const char *path, struct edid *edid, size_t *size_bytes, struct source_text *why)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    int number = 0;
    size_t used = 0;

    if (fd < 0)
        return read_failed(path, errno, why);
    while (used < sizeof edid->bytes) {
        ssize_t got = read(fd, edid->bytes + used, sizeof edid->bytes - used);
        if (got < 0 && errno == EINTR)
            continue;
        number = got < 0 ? errno : 0;
        if (got <= 0)
            break;
        used += (size_t)got;
    }
    close(fd);
    *size_bytes = used;
    return number ? read_failed(path, number, why) : CASTOR_OK;
}

static bool sum_is_right(const uint8_t *block)
{
    uint8_t sum = 0;

    for (uint32_t i = 0; i < BLOCK_BYTES; i++)
        sum = (uint8_t)(sum + block[i]);
    return sum == 0;
}

// E-EDID 1.4, 3.1: the header, the number of extension blocks, and a checksum in each.
static int check(const char *path, const struct edid *edid, size_t size_bytes, struct source_text *why)
{
    static const uint8_t header[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};

    if (size_bytes < sizeof header || memcmp(edid->bytes, header, sizeof header) != 0)
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "\"%.100s\" does not begin as an EDID does (00 FF FF FF FF FF FF 00)" MAKE_ONE,
                               path);
    if (size_bytes % BLOCK_BYTES != 0)
        return source_text_set(
            why, CASTOR_ERR_INVALID,
            "the EDID \"%.100s\" has %zu bytes, which are no whole blocks of %u: it was cut", path,
            size_bytes, BLOCK_BYTES);
    // More blocks than named are right where an HDMI Forum block overrides the number (HDMI 2.1, HF-EEODB).
    if (edid->bytes[EXTENSIONS_AT] + 1u > edid->blocks)
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "the EDID \"%.100s\" says that it has %u blocks, and %u are there: it was cut",
                               path, edid->bytes[EXTENSIONS_AT] + 1u, edid->blocks);
    for (uint32_t i = 0; i < edid->blocks; i++)
        if (!sum_is_right(edid->bytes + (size_t)i * BLOCK_BYTES))
            return source_text_set(why, CASTOR_ERR_INVALID,
                                   "block %u of the EDID \"%.100s\" has a wrong checksum" MAKE_ONE, i, path);
    return CASTOR_OK;
}

// Of a video node the field pad names the input.
static uint32_t input_of(const struct v4l2_device *device)
{
    int input = 0;

    return v4l2_device_call(device, VIDIOC_G_INPUT, &input) == 0 ? (uint32_t)input : 0;
}

static bool has_already(const struct v4l2_device *device, uint32_t input, const struct edid *wanted)
{
    struct edid *present = calloc(1, sizeof *present);
    struct v4l2_edid body = {.pad = input};
    bool same = false;

    // Without blocks it says how many there are.
    if (present && v4l2_device_call(device, VIDIOC_G_EDID, &body) == 0 && body.blocks == wanted->blocks) {
        body = (struct v4l2_edid){.pad = input, .blocks = wanted->blocks, .edid = present->bytes};
        same = v4l2_device_call(device, VIDIOC_G_EDID, &body) == 0 && body.blocks == wanted->blocks &&
               memcmp(present->bytes, wanted->bytes, (size_t)wanted->blocks * BLOCK_BYTES) == 0;
    }
    free(present);
    return same;
}

static int give(const struct v4l2_device *device, uint32_t input, struct edid *edid, struct source_text *why)
{
    struct v4l2_edid body = {.pad = input, .blocks = edid->blocks, .edid = edid->bytes};
    int number = v4l2_device_call(device, VIDIOC_S_EDID, &body);

    switch (number) {
    case 0:
        return CASTOR_OK;
    case ENOTTY:
    case EINVAL:
        return source_text_set(why, CASTOR_ERR_UNSUPPORTED,
                               "%s takes no EDID at this input: leave the option edid away", device->name);
    case E2BIG: // it wrote down how many it takes
        return source_text_set(why, CASTOR_ERR_INVALID,
                               "%s takes an EDID of at most %u blocks, and this has %u: give a shorter one",
                               device->name, body.blocks, edid->blocks);
    case EBUSY:
        return source_text_set(why, CASTOR_ERR_BUSY,
                               "the EDID of %s cannot be changed: another program captures from it",
                               device->name);
    case ENODEV:
        return source_text_set(why, CASTOR_ERR_NOT_FOUND, "%s was unplugged; plug it in again", device->name);
    default:
        return source_text_set(why, castor_error_from_errno(number), "%s does not take the EDID: %s",
                               device->name, strerror(number));
    }
}

int v4l2_edid_set(const struct v4l2_device *device, const char *path, struct source_text *why)
{
    struct edid *edid = calloc(1, sizeof *edid);
    size_t size_bytes = 0;

    if (!edid)
        return source_text_set(why, CASTOR_ERR_NO_MEMORY, "out of memory for the EDID");
    int error = read_file(path, edid, &size_bytes, why);
    edid->blocks = (uint32_t)(size_bytes / BLOCK_BYTES);
    if (!error)
        error = check(path, edid, size_bytes, why);
    uint32_t input = error ? 0 : input_of(device);
    if (!error && !has_already(device, input, edid))
        error = give(device, input, edid, why);
    free(edid);
    return error;
}
