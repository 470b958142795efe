// SPDX-License-Identifier: Apache-2.0
// Fills the table of figures from what the parts of the probe counted.
#ifndef PROBE_COLLECT_H
#define PROBE_COLLECT_H

#include "probe/analysis.h"
#include "probe/decode.h"
#include "probe/kpi.h"
#include "probe/srt_stats.h"

// `decode` is NULL where nothing is decoded. Everything that was not measured stays unknown.
void collect_kpis(const struct analysis *a, const struct decode_counters *decode, const struct srt_stats *srt,
                  struct kpi_set *kpis);

#endif
