// SPDX-License-Identifier: Apache-2.0
#ifndef SOURCE_PIPE_H
#define SOURCE_PIPE_H

#include "hal/source.h"

extern const struct source_driver source_pipe;

#endif
