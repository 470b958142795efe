// SPDX-License-Identifier: Apache-2.0
#include "hal/select.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "hal/time.h"

// A step in the board's preference is worth more than everything measured together, except that a device is
// too slow.
#define SCORE_RANKED 300
#define SCORE_RANK_STEP 250
#define SCORE_HARDWARE 100 // leaves the processor to others, and does not slow down with it
#define SCORE_BITRATE 60   // otherwise each change of rate restarts the encoder
#define SCORE_VBV 20
#define SCORE_DMABUF 10
#define SCORE_LATENCY 40 // less 1 for each millisecond of the slowest frame of the trial
#define SCORE_TOO_SLOW (-10000)

#define RUNNING 2 // paths that run at the same time: the first ones

struct pick {
    const struct select_candidate *candidates;
    uint32_t count;
    const struct select_wish *wish;
    struct select_result *out;
};

__attribute__((format(printf, 2, 3))) static void say(struct select_verdict *verdict, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(verdict->reason, sizeof verdict->reason, format, arguments); // cut to size is fine
    va_end(arguments);
}

__attribute__((format(printf, 2, 3))) static void say_more(struct select_verdict *verdict, const char *format,
                                                           ...)
{
    size_t used = strlen(verdict->reason);
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(verdict->reason + used, sizeof verdict->reason - used, format, arguments);
    va_end(arguments);
}

uint32_t select_sharing(const struct select_candidate *a, const struct select_candidate *b)
{
    bool driver = strcmp(a->driver, b->driver) == 0;
    bool domain =
        a->device.fault_domain[0] != '\0' && strcmp(a->device.fault_domain, b->device.fault_domain) == 0;

    if (driver && strcmp(a->device.name, b->device.name) == 0)
        return 3;
    return (driver ? 1u : 0u) + (domain ? 2u : 0u);
}

// ---- one candidate ----

bool select_is_software(const struct select_candidate *c)
{
    return strcmp(c->device.fault_domain, "cpu") == 0;
}

// Longer for a frame than there is time between two.
static bool is_too_slow(const struct select_candidate *c, const struct castor_format *format)
{
    return format->rate.num != 0 &&
           c->latency_p50_us * CASTOR_NS_PER_US > castor_frame_interval_ns(format->rate);
}

static bool caps_fit(const struct select_candidate *c, const struct select_wish *wish,
                     struct select_verdict *verdict)
{
    struct encoder_text why;

    if (encoder_caps_check(&c->caps, wish->codec, &wish->format, &why) != CASTOR_OK)
        say(verdict, "rejected: %s", why.text);
    else if (!(c->caps.flags & ENCODER_CAP_FORCE_IDR))
        say(verdict, "rejected: makes no IDR on request, so it could not take over");
    else
        return true;
    return false;
}

static bool is_eligible(const struct select_candidate *c, const struct select_wish *wish,
                        struct select_verdict *verdict)
{
    if (c->by_request && c->rank == SELECT_UNRANKED)
        say(verdict, "rejected: for tests; taken only when encoder.prefer names it");
    else if (c->trial == SELECT_FAILED)
        say(verdict, "rejected: %s", c->why.text[0] ? c->why.text : "its trial failed");
    else if (c->caps_known && !caps_fit(c, wish, verdict))
        return false;
    else if (c->idr_on_request == SELECT_NO)
        say(verdict, "rejected: a frame that was to be an IDR was none, so it could not take over");
    else if (c->bitrate_changes == SELECT_NO && c->caps_known && (c->caps.flags & ENCODER_CAP_SET_BITRATE))
        say(verdict, "rejected: says that it can change its bitrate, but does not");
    else
        return true;
    return false;
}

static int32_t score_of(const struct select_candidate *c, const struct castor_format *format)
{
    int32_t score = 0;
    uint32_t latency_ms = c->latency_max_us / 1000;

    if (c->rank != SELECT_UNRANKED)
        score += SCORE_RANKED +
                 SCORE_RANK_STEP * (c->rank < SELECT_RANKS_MAX ? (int32_t)(SELECT_RANKS_MAX - c->rank) : 0);
    score += select_is_software(c) ? 0 : SCORE_HARDWARE;
    score += c->bitrate_changes == SELECT_YES ? SCORE_BITRATE : 0;
    score += c->caps.flags & ENCODER_CAP_VBV ? SCORE_VBV : 0;
    score += c->caps.flags & ENCODER_CAP_DMABUF ? SCORE_DMABUF : 0;
    if (c->latency_max_us > 0 && latency_ms < SCORE_LATENCY)
        score += SCORE_LATENCY - (int32_t)latency_ms;
    return is_too_slow(c, format) ? score + SCORE_TOO_SLOW : score;
}

static void judge(struct pick *p, uint32_t i)
{
    struct select_verdict *verdict = &p->out->verdict[i];

    *verdict = (struct select_verdict){0};
    verdict->eligible = is_eligible(&p->candidates[i], p->wish, verdict);
    if (verdict->eligible)
        verdict->score = score_of(&p->candidates[i], &p->wish->format);
}

// ---- the places ----

// How bad a choice is: compared member by member, in this order; less is better.
struct cost {
    uint32_t doubts; // candidates that were not tried, or cannot keep up
    uint32_t sharing;
    int32_t first, second; // minus the scores
};

static bool is_better(const struct cost *a, const struct cost *b)
{
    if (a->doubts != b->doubts)
        return a->doubts < b->doubts;
    if (a->sharing != b->sharing)
        return a->sharing < b->sharing;
    if (a->first != b->first)
        return a->first < b->first;
    return a->second < b->second;
}

static uint32_t doubts(const struct pick *p, uint32_t i)
{
    const struct select_candidate *c = &p->candidates[i];

    return c->trial == SELECT_NOT_TRIED || is_too_slow(c, &p->wish->format) ? 1 : 0;
}

// What candidate `i` has in common with the places that are filled: the most with any of them, then the
// total. The first two run at the same time, so for one of them only the other counts.
static uint32_t sharing_with_places(const struct pick *p, uint32_t i, uint32_t place)
{
    uint32_t most = 0, total = 0;

    for (uint32_t k = 0; k < p->wish->place_count; k++) {
        uint32_t sharing = 0;
        if (place < RUNNING && k >= RUNNING)
            break;
        if (p->out->place[k] != SELECT_NONE)
            sharing = select_sharing(&p->candidates[i], &p->candidates[p->out->place[k]]);
        else if (p->wish->held[k] && strcmp(p->wish->held_driver[k], p->candidates[i].driver) == 0)
            sharing = 1;
        total += sharing;
        most = sharing > most ? sharing : most;
    }
    return most * 4 * SELECT_PLACES_MAX + total;
}

static uint32_t best_single(const struct pick *p, uint32_t place)
{
    struct cost best_cost = {0};
    uint32_t best = SELECT_NONE;

    for (uint32_t i = 0; i < p->count; i++) {
        if (!p->out->verdict[i].eligible)
            continue;
        struct cost cost = {doubts(p, i), sharing_with_places(p, i, place), -p->out->verdict[i].score, 0};
        if (best == SELECT_NONE || is_better(&cost, &best_cost)) {
            best = i;
            best_cost = cost;
        }
    }
    return best;
}

// Fills the first two places together: the best for A alone may be the one that leaves no good B.
static void choose_pair(struct pick *p)
{
    struct cost best_cost = {0};
    bool found = false;

    for (uint32_t i = 0; i < p->count; i++) {
        for (uint32_t k = 0; k < p->count && p->out->verdict[i].eligible; k++) {
            const struct select_candidate *a = &p->candidates[i], *b = &p->candidates[k];
            if (!p->out->verdict[k].eligible)
                continue;
            struct cost cost = {doubts(p, i) + doubts(p, k), select_sharing(a, b), -p->out->verdict[i].score,
                                -p->out->verdict[k].score};
            if (found && !is_better(&cost, &best_cost))
                continue;
            found = true;
            best_cost = cost;
            p->out->place[0] = i;
            p->out->place[1] = k;
        }
    }
}

static bool is_open(const struct pick *p, uint32_t place)
{
    return p->wish->fixed[place] == SELECT_NONE && !p->wish->held[place];
}

static void fill_places(struct pick *p)
{
    uint32_t count = p->wish->place_count;

    for (uint32_t k = 0; k < SELECT_PLACES_MAX; k++)
        p->out->place[k] = k < count ? p->wish->fixed[k] : SELECT_NONE;
    if (count >= RUNNING && is_open(p, 0) && is_open(p, 1))
        choose_pair(p);
    for (uint32_t k = 0; k < count; k++)
        if (p->out->place[k] == SELECT_NONE && is_open(p, k))
            p->out->place[k] = best_single(p, k);
    for (uint32_t k = 0; k < count; k++)
        if (p->out->place[k] != SELECT_NONE)
            p->out->verdict[p->out->place[k]].places |= 1u << k;
}

// ---- words ----

static const char *const sharing_words[] = {"nothing", "the driver", "the fault domain", "driver and device"};

static void explain_spare(const struct pick *p, uint32_t i, struct select_verdict *verdict)
{
    uint32_t a = p->out->place[0];
    uint32_t b = p->wish->place_count > 1 ? p->out->place[1] : SELECT_NONE;

    if (a == SELECT_NONE || verdict->score <= p->out->verdict[a].score) {
        say(verdict, "spare: works, the chain has better ones:");
        return;
    }
    uint32_t with_a = select_sharing(&p->candidates[i], &p->candidates[a]);
    uint32_t with_b = b == SELECT_NONE ? 0 : select_sharing(&p->candidates[i], &p->candidates[b]);
    say(verdict, "spare: works, but a pair with it would share %s, others share less:",
        sharing_words[with_a > with_b ? with_a : with_b]);
}

static void explain_sharing(const struct pick *p, uint32_t place, struct select_verdict *verdict)
{
    const struct select_candidate *self = &p->candidates[p->out->place[place]];
    uint32_t most = 0, with = 0;

    for (uint32_t k = 0; k < place; k++) {
        uint32_t sharing =
            p->out->place[k] == SELECT_NONE ? 0 : select_sharing(self, &p->candidates[p->out->place[k]]);
        if (sharing > most) {
            most = sharing;
            with = k;
        }
    }
    if (place == 0)
        return;
    if (most == 0)
        say_more(verdict, ", shares neither device nor driver with a path before it");
    else if (is_open(p, place))
        say_more(verdict, ", shares %s with path %c for want of another", sharing_words[most],
                 (char)('A' + with));
    else
        say_more(verdict, ", shares %s with path %c", sharing_words[most], (char)('A' + with));
}

static void explain_merits(const struct select_candidate *c, const struct select_wish *wish,
                           struct select_verdict *verdict)
{
    if (c->rank != SELECT_UNRANKED)
        say_more(verdict, ", preference %u", c->rank + 1);
    say_more(verdict, ", %s", select_is_software(c) ? "software" : "hardware");
    if (c->trial == SELECT_NOT_TRIED)
        say_more(verdict, ", not tried");
    if (c->latency_max_us > 0)
        say_more(verdict, ", a frame takes %.1f ms (slowest %.1f)", c->latency_p50_us / 1e3,
                 c->latency_max_us / 1e3);
    if (is_too_slow(c, &wish->format))
        say_more(verdict, ", too slow for this frame rate in its trial");
    if (c->bitrate_changes == SELECT_UNKNOWN || c->bitrate_changes == SELECT_NO)
        say_more(verdict, ", a new bitrate needs a restart");
}

static void explain(const struct pick *p, uint32_t i)
{
    struct select_verdict *verdict = &p->out->verdict[i];
    const struct select_candidate *c = &p->candidates[i];
    bool first = true;

    if (!verdict->eligible && verdict->places == 0)
        return;
    if (!verdict->eligible) {
        char rejected[sizeof verdict->reason];
        (void)snprintf(rejected, sizeof rejected, "%s", verdict->reason);
        say(verdict, "given by the configuration, although %.220s", rejected);
        return;
    }
    if (verdict->places)
        say(verdict, "path ");
    else
        explain_spare(p, i, verdict);
    for (uint32_t k = 0; k < p->wish->place_count; k++) {
        if (!(verdict->places & 1u << k))
            continue;
        say_more(verdict, "%s%c", first ? "" : " and ", (char)('A' + k));
        first = false;
    }
    if (verdict->places)
        say_more(verdict, ":");
    say_more(verdict, " score %d", verdict->score);
    explain_merits(c, p->wish, verdict);
    for (uint32_t k = p->wish->place_count; k-- > 0;) {
        if (verdict->places & 1u << k) {
            explain_sharing(p, k, verdict);
            break;
        }
    }
}

void select_chain(const struct select_candidate *candidates, uint32_t count, const struct select_wish *wish,
                  struct select_result *out)
{
    struct pick pick = {candidates, count, wish, out};

    assert(count <= SELECT_CANDIDATES_MAX);
    assert(wish->place_count >= 1 && wish->place_count <= SELECT_PLACES_MAX);
    for (uint32_t i = 0; i < count; i++)
        judge(&pick, i);
    fill_places(&pick);
    for (uint32_t i = 0; i < count; i++)
        explain(&pick, i);
}
