// SPDX-License-Identifier: Apache-2.0
// What encoders in software have in common: they code on the caller's thread inside receive(), one frame at a
// time and without delay.
#ifndef DRIVERS_ENCODER_SOFTWARE_H
#define DRIVERS_ENCODER_SOFTWARE_H

#include "hal/encoder.h"

// First member of a driver's session.
struct software_encoder {
    struct encoder base; // first
    uint64_t sequence;   // of the frame that is lent
    int64_t capture_ns;
    int64_t pts;  // of that frame: libraries want it to rise, while an older frame may follow a newer one
    bool pending; // a frame was submitted and not yet coded
    bool flushed;
    bool wants_idr; // what comes next starts anew
};

static inline struct software_encoder *software_from_base(struct encoder *base)
{
    return (struct software_encoder *)base; // base is its first member
}

// Members of struct encoder_driver, or what is common of them; `name` and `library` are the driver's. What is
// coded is left to the driver: software_probe() gives no pixel format.
int software_devices(const char *library, struct encoder_device *list, uint32_t capacity, uint32_t *count);
CASTOR_MUST_USE int software_probe(const char *name, const char *device, struct encoder_caps *out,
                                   struct encoder_text *why);
int software_descriptor(const struct encoder *base);
int software_flush(struct encoder *base, int64_t deadline_ns);

// Checks what struct encoder_config leaves to the driver. Gives the preset (one of `presets`, which ends with
// NULL). Errors: INVALID.
CASTOR_MUST_USE int software_check(const char *name, const struct encoder_config *config,
                                   const char *const presets[], const char **preset,
                                   struct encoder_text *why);

// The number of threads, and the size of the VBV in time: as configured, or the drivers' choice.
uint32_t software_threads(const struct encoder_config *config);
uint32_t software_vbv_ms(const struct encoder_config *config);
// The VBV for a rate; at least 1, since 0 would turn it off and with it every change of rate.
int software_vbv_kbit(uint32_t bitrate_bps, uint32_t vbv_ms);

// Codes one grey picture and throws it away: the pages of the session are touched and its threads have run,
// so that the first frame on air takes no longer than any other; and it is certain that nothing is delayed.
CASTOR_MUST_USE int software_warm_up(struct encoder *base, const struct encoder_driver *driver,
                                     const struct castor_format *format, struct encoder_text *why);

// submit(): notes the frame. *idr: it is to be coded as one. Errors: FULL.
CASTOR_MUST_USE int software_take(struct encoder *base, const struct castor_frame *frame, uint32_t flags,
                                  bool *idr);

// receive(): the frame that was noted is to be coded now. Errors: AGAIN, END there is none.
CASTOR_MUST_USE int software_begin(struct encoder *base);

// receive(): the result for it, of no bytes where nothing came out. One copy is counted: libx264 and libx265
// both begin with copying the picture into a padded one of their own.
struct encoder_output software_output(struct encoder *base, const uint8_t *data, size_t size_bytes, bool idr);

#endif
