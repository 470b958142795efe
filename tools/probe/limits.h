// SPDX-License-Identifier: Apache-2.0
// Limits from the command line, judged against the figures.
#ifndef PROBE_LIMITS_H
#define PROBE_LIMITS_H

#include "hal/error.h"
#include "probe/kpi.h"

#include <stdbool.h>

#define LIMITS_MAX (2 * KPI_COUNT)

struct limit {
    enum kpi_id kpi;
    bool is_max;
    double bound;
    bool if_known; // not broken by a figure that was not measured; so --strict fits every stream
};

struct limit_list {
    struct limit limits[LIMITS_MAX];
    unsigned count;
};

// Sets a limit by its option name without the dashes, "max-lost" or "min-frames"; a later one replaces an
// earlier. Errors: NOT_FOUND for a name that is none.
int CASTOR_MUST_USE limits_set(struct limit_list *list, const char *name, double bound);

// No fault of the stream at all, except where a limit was set already.
void limits_set_strict(struct limit_list *list);

// Whether the limit is broken. A figure is compared as it is printed; one that was not measured breaks its
// limit.
bool limit_is_broken(const struct limit *limit, const struct kpi_set *kpis);

// All broken ones, in the order they were set; returns how many.
unsigned limits_find_broken(const struct limit_list *list, const struct kpi_set *kpis,
                            const struct limit *broken[LIMITS_MAX]);

#endif
