// SPDX-License-Identifier: Apache-2.0
#ifndef SOURCE_PATTERN_H
#define SOURCE_PATTERN_H

#include "hal/source.h"

extern const struct source_driver source_pattern;

#endif
