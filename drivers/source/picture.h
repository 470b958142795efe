// SPDX-License-Identifier: Apache-2.0
// Pictures of any size into pool slots, by libyuv: what the drivers that convert and scale have in common.
#ifndef SOURCE_PICTURE_H
#define SOURCE_PICTURE_H

#include "hal/source.h"
#include "recolour.h"

// Planes of a picture, of whatever owner; two for NV12 and P010.
struct picture_view {
    uint8_t *plane[3];
    int stride[3];
    int width, height;
};

// Where in a slot a picture goes. All even.
struct picture_area {
    int x, y, width, height;
};

// A picture between two steps. All 0 = no memory yet.
struct picture_scratch {
    struct picture_view view; // I420
    uint8_t *memory;          // three planes of full size: also room for 4:2:2 and 4:4:4
};

// Sees to it that there is room for a picture of that size. Owner: picture_scratch_free(), which accepts one
// without memory. Errors: NO_MEMORY.
CASTOR_MUST_USE int picture_scratch_allocate(struct picture_scratch *scratch, int width, int height);
void picture_scratch_free(struct picture_scratch *scratch);

// The largest centred area with the aspect ratio width : height; all of the picture when it is within two
// pixels.
struct picture_area picture_area_fit(const struct castor_format *format, int64_t width, int64_t height);

// That area of a slot.
struct picture_view picture_area_view(const struct castor_format *format, const struct castor_frame *slot,
                                      const struct picture_area *area);

// Makes black what of a slot lies beside the area.
void picture_area_frame(const struct castor_format *format, const struct castor_frame *slot,
                        const struct picture_area *area);

// Writes an I420 picture as it is or as NV12 or P010, scaled where the sizes differ; NV12 and P010 then need
// `scaled`. The copies
// made are added to *copies. Errors: NO_MEMORY for `scaled`, unless it was allocated before; INTERNAL libyuv
// refuses.
CASTOR_MUST_USE int picture_write_i420(const struct picture_view *in, uint32_t pixel,
                                       struct picture_scratch *scaled, const struct picture_view *out,
                                       uint32_t *copies);

// Changes the colours of an I420 or NV12 picture in place.
void picture_recolour(const struct recolour *recolour, uint32_t pixel, const struct picture_view *view);

#endif
