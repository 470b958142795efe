// SPDX-License-Identifier: Apache-2.0
// Which sequence and capture time a device's picture gets. Devices count and stamp their pictures themselves,
// and some do it badly. Pure: reads no clock, does no I/O.
#ifndef SOURCE_V4L2_NAMING_H
#define SOURCE_V4L2_NAMING_H

#include <stdbool.h>
#include <stdint.h>

#include "hal/source.h"

struct v4l2_naming {
    struct castor_rational rate; // of the stream
    bool by_time;                // the device runs at another rate: its counter says nothing about ours
    uint64_t origin_sequence;    // with by_time, the grid that pictures are put on
    int64_t origin_ns;
    uint64_t sequence;        // of the frame before, or of the anchor
    int64_t capture_ns;       // its time; 0 = there is none
    bool published;           // the frame before came from this device
    uint32_t device_sequence; // what the device called it
    bool guessed;             // the time last asked for is not the device's: its counter knows better
    uint64_t times_corrected; // stamps that repeated, went back, or lay in the future or the far past
};

// Starts from the config's anchor.
void v4l2_naming_init(struct v4l2_naming *naming, struct castor_rational rate, bool by_time,
                      const struct source_config *config);

// The time to take for a picture with the stamp `stamp_ns` (0 = the device gives none: the time of taking it
// counts), taken at now_ns. Rises strictly. Notes and counts the correction; the frame before stays.
int64_t v4l2_naming_time(struct v4l2_naming *naming, uint32_t device_sequence, int64_t stamp_ns,
                         int64_t now_ns);

// Names a picture of that time: sets sequence and capture_ns. *skipped: how many sequences between the frame
// before and this one will never come; 0 for the first. False: a device faster than the stream gave one too
// many; nothing is changed.
bool v4l2_naming_take(struct v4l2_naming *naming, uint32_t device_sequence, int64_t capture_ns,
                      struct castor_frame *frame, uint64_t *skipped);

#endif
