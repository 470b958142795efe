// SPDX-License-Identifier: Apache-2.0
// What trials found, as one line of JSON each.
#ifndef ENCODE_TRIAL_JSON_H
#define ENCODE_TRIAL_JSON_H

#include <stdio.h>

#include "encode/trial.h"

// ["x264","fake"]
void trial_json_drivers(FILE *out, const char *(*name)(size_t index));
// A driver that cannot be used at all: {"ok":false,"driver":…,"about":…,"why":…}
void trial_json_absent(FILE *out, const char *driver, const char *why);
// {"ok":true,"driver":…,"devices":[{"name":…,"fault_domain":…,"description":…}]}, or with an error of
// devices() {"ok":false,"driver":…,"why":…}
void trial_json_devices(FILE *out, const struct encoder_driver *driver, int error,
                        const struct encoder_device *list, uint32_t count);
// The members of struct trial_report, times in µs and rates in bit/s; what was not measured is null.
// "libraries" names the shared objects that the process has mapped but for the C library.
void trial_json_report(FILE *out, const struct trial_settings *settings, const struct trial_report *report);
void trial_json_take_over(FILE *out, const struct trial_take_over *report);

#endif
