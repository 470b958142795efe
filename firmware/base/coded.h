// SPDX-License-Identifier: Apache-2.0
// A look at a coded access unit, whatever its codec: what is in it, is it what was agreed on.
//
// Pure functions: no allocation, no clock, no I/O. Every read is bounded, so the bytes may come from a broken
// or hostile encoder. `codec` is ENCODER_CODEC_H264 or ENCODER_CODEC_HEVC.
#ifndef BASE_CODED_H
#define BASE_CODED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/encoder.h"

enum coded_scan {
    CODED_SCAN_HEADERS =
        0, // stop at the first slice: a few dozen bytes are read of an access unit of any size
    CODED_SCAN_ALL = 1 << 0, // read on to the end, counting slices and pictures
};

// What an access unit holds. After CODED_SCAN_HEADERS `slices` and `pictures` are at most 1.
struct coded_summary {
    bool has_start_code;
    bool aud_first;      // the first NAL unit is an access unit delimiter
    bool idr;            // a slice of an IDR picture
    bool non_idr;        // a slice of another picture
    bool random_access;  // a slice of a picture at which a decoder may join: IDR; of H.265 CRA and BLA, too
    bool parameter_sets; // all that the codec has (SPS and PPS; VPS, too) came before the first slice
    uint32_t slices;
    uint32_t pictures; // first slices of a picture
    // Offset of the start code (leading zero_byte included) of the first slice, or of its prefix NAL unit;
    // the size of the access unit when it has no slice.
    size_t first_slice_bytes;
    const uint8_t *sps_data; // the last SPS before the first slice, NAL unit header first; NULL when none
    size_t sps_size_bytes;
};

// Looks through one access unit. Accepts any bytes, NULL only with size 0.
void coded_summarize(enum encoder_codec codec, const uint8_t *data, size_t size_bytes, uint32_t scan,
                     struct coded_summary *out);

// The traits (enum nal_trait) of the NAL unit whose header is at `nal`. `size_bytes` is at least 1.
uint32_t coded_classify(enum encoder_codec codec, const uint8_t *nal, size_t size_bytes);

enum coded_verdict {
    CODED_OK = 0,
    CODED_EMPTY,                  // no bytes at all
    CODED_NO_START_CODE,          // bytes, but no Annex B NAL unit
    CODED_NO_SLICE,               // no picture in it
    CODED_NO_FIRST_SLICE,         // the picture's first slice is missing
    CODED_NO_AUD,                 // does not begin with an access unit delimiter
    CODED_TWO_PICTURES,           // more than one picture (seen only with CODED_SCAN_ALL)
    CODED_WITHOUT_PARAMETER_SETS, // a random access point without all of them before it: nobody can join
    CODED_BAD_PARAMETER_SET,      // the SPS does not parse
    CODED_WRONG_PICTURE_SIZE,     // the SPS says another size than agreed on
    CODED_WRONG_BIT_DEPTH,        // the SPS says another bit depth than the pixel format agreed on
};

// Judges one access unit of an encoder. `expected` may be NULL: then any size and bit depth will do; its
// width and height count, and its pixel format unless that is CASTOR_PIXEL_NONE. `out` receives the summary
// and may be NULL. The first finding in the order of the enum is returned.
enum coded_verdict coded_check_access_unit(enum encoder_codec codec, const uint8_t *data, size_t size_bytes,
                                           const struct castor_format *expected, uint32_t scan,
                                           struct coded_summary *out);

// The verdict in plain words, for counters and logs. Never NULL, static storage.
const char *coded_verdict_text(enum coded_verdict verdict);

#endif
