// SPDX-License-Identifier: Apache-2.0
#include "pair.h"

#include <stdlib.h>
#include <string.h>

#define HALF_SECOND_NS 500000000
// So long after a flash another may be nearer to its click.
#define DECIDED_AFTER_NS (2 * HALF_SECOND_NS)
// A flash is known one picture after it was there, a click 150 ms later.
#define KNOWN_AFTER_NS 300000000

void pair_init(struct pair *pair)
{
    memset(pair, 0, sizeof *pair);
    pair->flash.from_ns = pair->flash.until_ns = PAIR_NO_TIME;
    pair->click.from_ns = pair->click.until_ns = PAIR_NO_TIME;
}

static void drop_first(struct pair_list *list)
{
    list->count--;
    memmove(list->at_ns, list->at_ns + 1, list->count * sizeof list->at_ns[0]);
}

void pair_add(struct pair_list *list, int64_t at_ns)
{
    if (list->count == PAIR_WAITING)
        drop_first(list);
    list->at_ns[list->count++] = at_ns;
}

void pair_advance(struct pair_list *list, int64_t until_ns)
{
    if (list->from_ns == PAIR_NO_TIME)
        list->from_ns = until_ns;
    list->until_ns = until_ns;
}

static int64_t take(struct pair_list *list)
{
    int64_t at_ns = list->at_ns[0];

    drop_first(list);
    return at_ns;
}

// Whether something near this time would have been seen.
static bool covers(const struct pair_list *list, int64_t at_ns)
{
    return list->from_ns != PAIR_NO_TIME && list->from_ns <= at_ns - HALF_SECOND_NS &&
           list->until_ns >= at_ns + HALF_SECOND_NS + KNOWN_AFTER_NS;
}

// Whether the first of one list is the nearest to the first of the other, and that to it.
static bool belong(const struct pair_list *a, const struct pair_list *b)
{
    if (!a->count || !b->count)
        return false;
    int64_t apart_ns = llabs(a->at_ns[0] - b->at_ns[0]);
    return apart_ns < HALF_SECOND_NS && !(a->count > 1 && llabs(a->at_ns[1] - b->at_ns[0]) < apart_ns) &&
           !(b->count > 1 && llabs(b->at_ns[1] - a->at_ns[0]) < apart_ns);
}

static bool decide(struct pair *pair, bool ended, struct pair_second *out)
{
    struct pair_list *flash = &pair->flash, *click = &pair->click;
    int64_t first_ns = INT64_MAX;

    if (flash->count)
        first_ns = flash->at_ns[0];
    if (click->count && click->at_ns[0] < first_ns)
        first_ns = click->at_ns[0];
    if (first_ns == INT64_MAX)
        return false;
    if (!ended && (flash->until_ns == PAIR_NO_TIME || click->until_ns == PAIR_NO_TIME ||
                   flash->until_ns < first_ns + DECIDED_AFTER_NS + KNOWN_AFTER_NS ||
                   click->until_ns < first_ns + DECIDED_AFTER_NS + KNOWN_AFTER_NS))
        return false;
    *out = (struct pair_second){PAIR_NO_TIME, PAIR_NO_TIME};
    if (belong(flash, click)) {
        out->flash_ns = take(flash);
        out->click_ns = take(click);
    } else if (flash->count && flash->at_ns[0] == first_ns) {
        out->flash_ns = take(flash);
    } else {
        out->click_ns = take(click);
    }
    return true;
}

bool pair_next(struct pair *pair, bool ended, struct pair_second *out)
{
    while (decide(pair, ended, out)) {
        if (out->flash_ns != PAIR_NO_TIME
                ? out->click_ns != PAIR_NO_TIME || covers(&pair->click, out->flash_ns)
                : covers(&pair->flash, out->click_ns))
            return true;
    }
    return false;
}
