// SPDX-License-Identifier: Apache-2.0
// The stateful decoder of the kernel's vicodec, one coded picture in, one picture out.
#ifndef TESTS_QEMU_FWHT_H
#define TESTS_QEMU_FWHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// What the header of a coded picture says (struct fwht_cframe_hdr of the kernel's codec-fwht.h).
struct fwht_header {
    uint32_t width_px, height_px; // visible
    bool intra;
};

// False when the bytes do not begin with a header.
bool fwht_parse(const uint8_t *data, size_t size_bytes, struct fwht_header *out);

// A decoded picture, I420.
struct fwht_picture {
    uint8_t *plane[3];
    uint32_t stride_bytes[3];
};

struct fwht_decoder;

// `mplane`: vicodec was loaded for the multi-planar API. NULL with a reason on stderr.
struct fwht_decoder *fwht_decoder_create(bool mplane, const struct fwht_header *header);
void fwht_decoder_destroy(struct fwht_decoder *decoder);

// *out lives until the next call. False with a reason on stderr.
bool fwht_decoder_decode(struct fwht_decoder *decoder, const uint8_t *data, size_t size_bytes,
                         struct fwht_picture *out);

// ioctl(2) past any preloaded library. 0 or a negative errno.
int fwht_ioctl(int fd, unsigned long request, void *argument);

#endif
