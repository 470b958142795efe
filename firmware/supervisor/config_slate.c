// SPDX-License-Identifier: Apache-2.0
#include "supervisor/config_slate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLOTS_LEAST 7u
#define SLOTS_MOST 17u
// How long the slate may take to draw: live frames wait for it where it fills a hole before them, so no
// longer than receivers wait for these; but a busy machine is no reason to replace it.
#define ANSWER_LEAST_MS 100u
#define ANSWER_MOST_MS 200u
// What is later than this no receiver waits for.
#define LATE_MAX_NS (500 * CASTOR_NS_PER_MS)

static bool is_on(const struct config *config)
{
    return config->slate.picture != CONFIG_SLATE_OFF;
}

static uint32_t interval_ms(struct castor_rational rate)
{
    return (uint32_t)((castor_frame_interval_ns(rate) + CASTOR_NS_PER_MS - 1) / CASTOR_NS_PER_MS);
}

static const struct config_destination *least_latency(const struct config *config)
{
    const struct config_destination *least = NULL;

    for (uint32_t i = 0; i < config->destination_count; i++)
        if (!least || config->destinations[i].latency_ms < least->latency_ms)
            least = &config->destinations[i];
    return least;
}

// From the end of the budget until the frame has left the box.
static uint32_t others_ms(struct castor_rational rate)
{
    return interval_ms(rate) + CONFIG_TAKE_OVER_MS + CONFIG_SLATE_DRAW_MS;
}

static uint32_t answer_ms(const struct config *config, struct castor_rational rate)
{
    const struct config_destination *least = least_latency(config);
    uint32_t most_ms = ANSWER_MOST_MS + others_ms(rate);

    if (!least || least->latency_ms >= most_ms)
        return ANSWER_MOST_MS;
    return least->latency_ms < ANSWER_LEAST_MS + others_ms(rate) ? ANSWER_LEAST_MS
                                                                 : least->latency_ms - others_ms(rate);
}

uint32_t config_slate_budget_ms(const struct config *config, struct castor_rational rate)
{
    const struct config_destination *least = least_latency(config);
    uint32_t wanted_ms = 2 * interval_ms(rate) + 20, least_ms = interval_ms(rate);

    if (config->slate.budget_ms)
        return config->slate.budget_ms;
    if (!least || wanted_ms + others_ms(rate) <= least->latency_ms)
        return wanted_ms;
    return least->latency_ms < least_ms + others_ms(rate) ? least_ms : least->latency_ms - others_ms(rate);
}

// As many frames of it wait in the pool as become due at once when the source ends, and as a path that stalls
// leaves behind; and the last one is kept.
uint32_t config_slate_slots(const struct config *config, struct castor_rational rate)
{
    uint32_t waiting_ms = config_slate_budget_ms(config, rate) + config->switching.stall_budget_ms;
    uint32_t slots = waiting_ms / interval_ms(rate) + 5;

    if (!is_on(config))
        return 0;
    return slots < SLOTS_LEAST ? SLOTS_LEAST : slots > SLOTS_MOST ? SLOTS_MOST : slots;
}

uint32_t config_slate_repeats(uint32_t slot_count, uint32_t slate_slots)
{
    uint32_t room = FEED_SLOTS_MAX - slot_count;

    return slate_slots < room ? slate_slots : room;
}

struct feed_config config_slate_feed(const struct config *config, struct castor_rational rate,
                                     uint32_t slot_count, uint32_t slate_slots)
{
    int64_t budget_ns = config_slate_budget_ms(config, rate) * CASTOR_NS_PER_MS;

    return (struct feed_config){
        .enabled = is_on(config),
        .rate = rate,
        .slot_count = slot_count,
        .slate_first_slot = slot_count - slate_slots,
        .repeat_count = config_slate_repeats(slot_count, slate_slots),
        .budget_ns = budget_ns,
        .answer_ns = answer_ms(config, rate) * CASTOR_NS_PER_MS,
        .late_max_ns = budget_ns > LATE_MAX_NS ? budget_ns : LATE_MAX_NS,
        .hold_ns = config->slate.hold_ms * CASTOR_NS_PER_MS,
    };
}

void config_slate_look(const struct config *config, struct message_slate_look *out)
{
    static const uint32_t pictures[] = {
        [CONFIG_SLATE_OFF] = MESSAGE_SLATE_LAST,    [CONFIG_SLATE_LAST] = MESSAGE_SLATE_LAST,
        [CONFIG_SLATE_STILL] = MESSAGE_SLATE_STILL, [CONFIG_SLATE_BARS] = MESSAGE_SLATE_BARS,
        [CONFIG_SLATE_BLACK] = MESSAGE_SLATE_BLACK,
    };
    static const uint32_t places[] = {
        [CONFIG_SLATE_TOP] = MESSAGE_SLATE_TOP,
        [CONFIG_SLATE_MIDDLE] = MESSAGE_SLATE_MIDDLE,
        [CONFIG_SLATE_BOTTOM] = MESSAGE_SLATE_BOTTOM,
    };
    const struct config_slate *slate = &config->slate;

    memset(out, 0, sizeof *out);
    out->picture = pictures[slate->picture];
    out->place = places[slate->place];
    out->hold_ms = slate->hold_ms;
    snprintf(out->file, sizeof out->file, "%s", slate->file);
    snprintf(out->font, sizeof out->font, "%s", slate->font);
    snprintf(out->text, sizeof out->text, "%s", slate->text);
}

// ---- rules ----

static int check_budget(struct config *config, struct config_error *error)
{
    const struct config_destination *least = least_latency(config);
    struct castor_rational rate = config_rules_rate(config);
    uint32_t budget_ms = config_slate_budget_ms(config, rate), needed_ms = budget_ms + others_ms(rate);

    if (!least || needed_ms <= least->latency_ms)
        return CASTOR_OK;
    if (config->slate.budget_ms == 0 || config->switching.allow_late) {
        config_warn(
            config,
            "destination \"%s\" has %u ms of SRT latency, but the slate may take %u ms to step in for a "
            "lost source: the receiver will notice",
            least->name, least->latency_ms, needed_ms);
        return CASTOR_OK;
    }
    return config_refuse(
        error, "/slate/budget_ms",
        "the slate may take %u ms to step in for a lost source (%u of budget, %u for one frame, "
        "drawing and its first picture), but destination \"%s\" has only %u ms of SRT latency, "
        "so its receiver would notice; lower it or give 0, raise that latency to %u, or set "
        "switch.allow_late",
        needed_ms, budget_ms, others_ms(rate), least->name, least->latency_ms, needed_ms);
}

// Whether a file is a picture only the slate finds out; one that cannot be opened is a mistake made now.
static int check_file(const struct config_slate *slate, struct config_error *error)
{
    if (slate->picture == CONFIG_SLATE_STILL && slate->file[0] == '\0')
        return config_refuse(error, "/slate/file", "is missing; the picture \"still\" needs a PNG file");
    if (slate->file[0] != '\0' && access(slate->file, R_OK) != 0)
        return config_refuse(error, "/slate/file", "\"%.200s\" cannot be read: %s", slate->file,
                             strerror(errno));
    if (slate->font[0] == '/' && access(slate->font, R_OK) != 0)
        return config_refuse(error, "/slate/font", "\"%.200s\" cannot be read: %s", slate->font,
                             strerror(errno));
    return CASTOR_OK;
}

int config_slate_check(struct config *config, struct config_error *error)
{
    int result = is_on(config) ? check_file(&config->slate, error) : CASTOR_OK;

    return result == CASTOR_OK && is_on(config) ? check_budget(config, error) : result;
}

unsigned config_slate_diff(const struct config *before, const struct config *after)
{
    const struct config_slate *a = &before->slate, *b = &after->slate;

    // Its slots are set aside when the pool is made.
    if (a->picture == CONFIG_SLATE_OFF && b->picture != CONFIG_SLATE_OFF)
        return CONFIG_CHANGE_RESTART;
    bool same = a->picture == b->picture && a->place == b->place && a->sound == b->sound &&
                a->hold_ms == b->hold_ms && strcmp(a->file, b->file) == 0 && strcmp(a->font, b->font) == 0 &&
                strcmp(a->text, b->text) == 0 &&
                config_slate_budget_ms(before, config_rules_rate(after)) ==
                    config_slate_budget_ms(after, config_rules_rate(after));
    return same ? 0 : CONFIG_CHANGE_SLATE;
}
