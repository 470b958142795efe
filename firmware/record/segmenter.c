// SPDX-License-Identifier: Apache-2.0
#include "record/segmenter.h"

#include <string.h>

void segmenter_init(struct segmenter *segmenter)
{
    memset(segmenter, 0, sizeof *segmenter);
}

void segmenter_ask_cut(struct segmenter *segmenter)
{
    segmenter->cut_asked = true;
}

void segmenter_close(struct segmenter *segmenter)
{
    segmenter->open = false;
}

static bool is_full(const struct segmenter *segmenter, const struct segmenter_config *config,
                    const struct segmenter_unit *unit)
{
    return unit->capture_ns - segmenter->first_capture_ns >= config->segment_ns ||
           (config->segment_bytes > 0 && segmenter->bytes >= config->segment_bytes);
}

enum segmenter_verdict segmenter_unit(struct segmenter *segmenter, const struct segmenter_config *config,
                                      const struct segmenter_unit *unit)
{
    bool open = segmenter->open;
    bool cut = segmenter->cut_asked || unit->gap_before || unit->other_headers;

    if (unit->wanted && unit->idr && (!open || cut || is_full(segmenter, config, unit))) {
        segmenter->open = true;
        segmenter->cut_asked = false;
        segmenter->first_capture_ns = unit->capture_ns;
        segmenter->bytes = unit->size_bytes;
        return SEGMENTER_BEGIN;
    }
    if (open && (!unit->wanted || unit->gap_before)) {
        segmenter->open = false;
        return SEGMENTER_END;
    }
    if (!open)
        return SEGMENTER_SKIP;
    segmenter->bytes += unit->size_bytes;
    return SEGMENTER_APPEND;
}
