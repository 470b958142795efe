// SPDX-License-Identifier: Apache-2.0
#include "v4l2_jpeg.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <turbojpeg.h>

struct v4l2_jpeg {
    tjhandle handle;
};

int v4l2_jpeg_create(struct v4l2_jpeg **out)
{
    struct v4l2_jpeg *jpeg = calloc(1, sizeof *jpeg);

    if (!jpeg)
        return CASTOR_ERR_NO_MEMORY;
    jpeg->handle = tjInitDecompress();
    if (!jpeg->handle) {
        free(jpeg);
        return CASTOR_ERR_NO_MEMORY;
    }
    *out = jpeg;
    return CASTOR_OK;
}

void v4l2_jpeg_destroy(struct v4l2_jpeg *jpeg)
{
    if (!jpeg)
        return;
    (void)tjDestroy(jpeg->handle);
    free(jpeg);
}

// Whether the end of image (FF D9) is there. It cannot stand within the coded data, and the decoder paints a
// picture that was cut off grey instead of refusing it.
static bool has_end(const uint8_t *data, size_t bytes)
{
    while (bytes >= 2) {
        const uint8_t *found = memrchr(data + 1, 0xD9, bytes - 1);
        if (!found)
            return false;
        if (found[-1] == 0xFF)
            return true;
        bytes = (size_t)(found - data);
    }
    return false;
}

int v4l2_jpeg_look(struct v4l2_jpeg *jpeg, const uint8_t *data, size_t bytes, uint32_t width, uint32_t height,
                   enum v4l2_jpeg_shape *out)
{
    int found_width, found_height, subsampling, colours;

    if (!has_end(data, bytes) ||
        tjDecompressHeader3(jpeg->handle, data, (unsigned long)bytes, &found_width, &found_height,
                            &subsampling, &colours) != 0 ||
        found_width != (int)width || found_height != (int)height)
        return CASTOR_ERR_INVALID;
    switch (subsampling) {
    case TJSAMP_420:
        *out = V4L2_JPEG_420;
        return CASTOR_OK;
    case TJSAMP_422:
        *out = V4L2_JPEG_422;
        return CASTOR_OK;
    case TJSAMP_444:
        *out = V4L2_JPEG_444;
        return CASTOR_OK;
    case TJSAMP_GRAY:
        *out = V4L2_JPEG_GREY;
        return CASTOR_OK;
    default:
        return CASTOR_ERR_UNSUPPORTED;
    }
}

int v4l2_jpeg_decode(struct v4l2_jpeg *jpeg, const uint8_t *data, size_t bytes, uint8_t *const plane[3],
                     const int stride[3])
{
    uint8_t *planes[3] = {plane[0], plane[1], plane[2]};
    int strides[3] = {stride[0], stride[1], stride[2]};

    if (tjDecompressToYUVPlanes(jpeg->handle, data, (unsigned long)bytes, planes, 0, strides, 0, 0) == 0)
        return CASTOR_OK;
    // A warning means that the picture is there, for example after stray bytes, which some cameras put in.
    return tjGetErrorCode(jpeg->handle) == TJERR_WARNING ? CASTOR_OK : CASTOR_ERR_INVALID;
}
