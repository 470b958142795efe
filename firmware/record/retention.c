// SPDX-License-Identifier: Apache-2.0
#include "record/retention.h"

static int64_t length_ns(const struct catalogue_entry *entry, int64_t open_ns)
{
    return entry->open ? open_ns : entry->segment.last_capture_ns - entry->segment.first_capture_ns;
}

static bool may_go(const struct catalogue_entry *entry)
{
    return !entry->open && !entry->guarded;
}

uint64_t retention_bytes(const struct catalogue *catalogue)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < catalogue->count; i++)
        bytes += catalogue->entries[i].open ? 0 : catalogue->entries[i].segment.bytes;
    return bytes;
}

// Where the window of pre-roll begins: entries before are older than it.
static size_t window_begin(const struct catalogue *catalogue, int64_t open_ns, int64_t span_ns)
{
    int64_t newer_ns = 0;
    size_t at = catalogue->count;

    while (at > 0 && newer_ns < span_ns) {
        at--;
        if (catalogue->entries[at].segment.preroll)
            newer_ns += length_ns(&catalogue->entries[at], open_ns);
    }
    return at;
}

static size_t oldest(const struct catalogue *catalogue, size_t end, bool preroll_only)
{
    for (size_t i = 0; i < end; i++)
        if (may_go(&catalogue->entries[i]) && (!preroll_only || catalogue->entries[i].segment.preroll))
            return i;
    return RETENTION_NONE;
}

size_t retention_pick(const struct catalogue *catalogue, const struct retention_config *config,
                      const struct retention_now *now)
{
    size_t expired = oldest(catalogue, window_begin(catalogue, now->open_ns, config->preroll_ns), true);

    if (expired != RETENTION_NONE)
        return expired;
    if (now->free_bytes >= config->free_bytes &&
        (config->keep_bytes == 0 || retention_bytes(catalogue) + now->open_bytes <= config->keep_bytes))
        return RETENTION_NONE;
    return oldest(catalogue, catalogue->count, false);
}

bool retention_is_starved(const struct catalogue *catalogue, const struct retention_config *config,
                          const struct retention_now *now)
{
    return now->free_bytes < config->free_bytes &&
           oldest(catalogue, catalogue->count, false) == RETENTION_NONE;
}

void retention_visit_preroll(const struct catalogue *catalogue, int64_t open_ns, int64_t span_ns,
                             void (*visit)(struct catalogue_entry *entry, void *context), void *context)
{
    size_t begin = span_ns > 0 ? window_begin(catalogue, open_ns, span_ns) : 0;

    for (size_t i = catalogue->count; i-- > begin;)
        if (catalogue->entries[i].segment.preroll)
            visit(&catalogue->entries[i], context);
}
