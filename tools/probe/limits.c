// SPDX-License-Identifier: Apache-2.0
#include "probe/limits.h"

#include <math.h>
#include <string.h>

static struct limit *find(struct limit_list *list, enum kpi_id kpi, bool is_max)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (list->limits[i].kpi == kpi && list->limits[i].is_max == is_max)
            return &list->limits[i];
    }
    return NULL;
}

int limits_set(struct limit_list *list, const char *name, double bound)
{
    bool is_max = strncmp(name, "max-", 4) == 0;
    if (!is_max && strncmp(name, "min-", 4) != 0)
        return CASTOR_ERR_NOT_FOUND;
    enum kpi_id kpi = kpi_find_limit(name + 4);
    if (kpi == KPI_COUNT)
        return CASTOR_ERR_NOT_FOUND;
    struct limit *limit = find(list, kpi, is_max);
    if (limit == NULL)
        limit = &list->limits[list->count++];
    *limit = (struct limit){.kpi = kpi, .is_max = is_max, .bound = bound};
    return CASTOR_OK;
}

void limits_set_strict(struct limit_list *list)
{
    for (enum kpi_id kpi = 0; kpi < KPI_COUNT; kpi++) {
        if (kpi_table[kpi].fault && find(list, kpi, true) == NULL)
            list->limits[list->count++] = (struct limit){.kpi = kpi, .is_max = true, .if_known = true};
    }
}

bool limit_is_broken(const struct limit *limit, const struct kpi_set *kpis)
{
    const struct kpi_value *value = &kpis->values[limit->kpi];
    if (!value->known)
        return !limit->if_known;
    double scale = pow(10, kpi_table[limit->kpi].decimals);
    double shown = round(value->value * scale) / scale;
    return limit->is_max ? shown > limit->bound : shown < limit->bound;
}

unsigned limits_find_broken(const struct limit_list *list, const struct kpi_set *kpis,
                            const struct limit *broken[LIMITS_MAX])
{
    unsigned count = 0;
    for (unsigned i = 0; i < list->count; i++) {
        if (limit_is_broken(&list->limits[i], kpis))
            broken[count++] = &list->limits[i];
    }
    return count;
}
