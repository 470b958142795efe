// SPDX-License-Identifier: Apache-2.0
#include "draw/overlay.h"

#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/utc.h"
#include "draw/layer.h"

#define ITEMS MESSAGE_OVERLAY_ITEMS_MAX
// What was replaced is given back this soon.
#define COLLECT_NS CASTOR_NS_PER_S
#define DESTROY_NS CASTOR_NS_PER_S
// Frames do not wait for this thread, so it takes the processor after everybody else.
#define PREPARE_NICE 10

// What changes hands does so without locks: a thread that is held up while it has one would hold up frames.
// Each node is the first member of what is handed over.
struct node {
    struct node *next;
};
typedef _Atomic(struct node *) node_stack;

struct order {
    struct node node;
    uint64_t serial;
    struct message_overlay message;
};

struct prepared {
    struct node node;
    uint64_t serial;
    struct layer *layer;
};

struct report {
    struct node node;
    struct message_overlay_state state;
};

struct overlay {
    struct castor_format format;
    // The frames' thread alone.
    struct prepared *shown[ITEMS];
    uint64_t least_serial[ITEMS]; // what was ordered earlier is not shown any more
    uint64_t serial;              // of the last order
    struct report *reports;       // taken, not given out yet
    struct utc_offset utc;
    struct moment moment;
    // The preparing thread alone.
    struct order *next_order[ITEMS];
    bool has[ITEMS]; // something is shown or ready
    // Handed over.
    node_stack orders;  // to the preparing thread
    node_stack retired; // to it: what is not shown any more
    node_stack news;    // from it: reports
    _Atomic(struct prepared *) ready[ITEMS];
    atomic_uint_fast64_t handled; // orders
    atomic_bool stop;
    sem_t work, done, ended;
    pthread_t thread;
};

static void push(node_stack *stack, struct node *node)
{
    node->next = atomic_load(stack);
    while (!atomic_compare_exchange_weak(stack, &node->next, node))
        continue;
}

// All of them, the oldest first.
static struct node *take_all(node_stack *stack)
{
    struct node *from = atomic_exchange(stack, NULL);
    struct node *list = NULL;

    while (from) {
        struct node *next = from->next;

        from->next = list;
        list = from;
        from = next;
    }
    return list;
}

static void destroy_prepared(struct prepared *prepared)
{
    if (!prepared)
        return;
    layer_destroy(prepared->layer);
    free(prepared);
}

// ---- the preparing thread ----

static void collect(struct overlay *overlay)
{
    struct node *list = take_all(&overlay->retired);

    while (list) {
        struct node *next = list->next;

        destroy_prepared((struct prepared *)list);
        list = next;
    }
}

static void tell(struct overlay *overlay, const struct message_overlay *order, uint32_t status,
                 const char *reason)
{
    struct report *report = calloc(1, sizeof *report);

    if (!report)
        return; // the status document goes on saying that it is being prepared
    report->state.index = order->index;
    report->state.revision = order->revision;
    report->state.status = status;
    memccpy(report->state.reason, reason, '\0', sizeof report->state.reason - 1);
    push(&overlay->news, &report->node);
}

static void prepare(struct overlay *overlay, const struct order *order)
{
    const uint32_t index = order->message.index;
    struct draw_reason why = {""};
    struct prepared *prepared = calloc(1, sizeof *prepared);
    int error = prepared ? layer_create(&order->message, &overlay->format, &prepared->layer, &why)
                         : draw_reason_set(&why, CASTOR_ERR_NO_MEMORY, "no memory for the item");

    if (error) {
        free(prepared);
        tell(overlay, &order->message,
             overlay->has[index] ? MESSAGE_OVERLAY_IS_KEPT : MESSAGE_OVERLAY_HAS_FAILED, why.text);
        return;
    }
    prepared->serial = order->serial;
    destroy_prepared(atomic_exchange(&overlay->ready[index], prepared));
    overlay->has[index] = prepared->layer != NULL;
    tell(overlay, &order->message, overlay->has[index] ? MESSAGE_OVERLAY_IS_PREPARED : MESSAGE_OVERLAY_IS_OFF,
         "");
}

static void finish_order(struct overlay *overlay, struct order *order)
{
    free(order);
    atomic_fetch_add(&overlay->handled, 1);
    (void)sem_post(&overlay->done);
}

// Of several orders for one place the last counts.
static void sort_orders(struct overlay *overlay)
{
    struct node *list = take_all(&overlay->orders);

    while (list) {
        struct order *order = (struct order *)list;
        struct order **place = &overlay->next_order[order->message.index];

        list = list->next;
        if (*place && (*place)->message.item.kind == MESSAGE_OVERLAY_OFF)
            overlay->has[order->message.index] = false;
        if (*place)
            finish_order(overlay, *place);
        *place = order;
    }
}

static void wait_for_work(struct overlay *overlay, bool uncollected)
{
    struct timespec until = castor_timespec(castor_now_ns() + COLLECT_NS);

    if (uncollected)
        (void)sem_clockwait(&overlay->work, CLOCK_MONOTONIC, &until);
    else
        (void)sem_wait(&overlay->work);
}

static void *run_prepare(void *argument)
{
    struct overlay *overlay = argument;
    bool uncollected = false;

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), PREPARE_NICE);
    while (!atomic_load(&overlay->stop)) {
        wait_for_work(overlay, uncollected);
        collect(overlay);
        sort_orders(overlay);
        uncollected = false;
        for (uint32_t i = 0; i < ITEMS && !atomic_load(&overlay->stop); i++) {
            struct order *order = overlay->next_order[i];

            if (!order)
                continue;
            overlay->next_order[i] = NULL;
            prepare(overlay, order);
            finish_order(overlay, order);
            uncollected = true;
        }
    }
    (void)sem_post(&overlay->ended);
    return NULL;
}

// ---- the frames' thread ----

static int start_thread(struct overlay *overlay)
{
    sigset_t all, before;
    int error;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&overlay->thread, NULL, run_prepare, overlay);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error ? CASTOR_ERR_NO_MEMORY : CASTOR_OK;
}

int overlay_create(const struct castor_format *format, struct overlay **out)
{
    struct overlay *overlay = calloc(1, sizeof *overlay);

    if (!overlay)
        return CASTOR_ERR_NO_MEMORY;
    overlay->format = *format;
    moment_init(&overlay->moment);
    (void)sem_init(&overlay->work, 0, 0);
    (void)sem_init(&overlay->done, 0, 0);
    (void)sem_init(&overlay->ended, 0, 0);
    if (start_thread(overlay) != CASTOR_OK) {
        free(overlay);
        return CASTOR_ERR_NO_MEMORY;
    }
    *out = overlay;
    return CASTOR_OK;
}

static void retire(struct overlay *overlay, struct prepared *prepared)
{
    if (prepared)
        push(&overlay->retired, &prepared->node);
}

int overlay_set(struct overlay *overlay, const struct message_overlay *message)
{
    struct order *order = malloc(sizeof *order);

    if (!order)
        return CASTOR_ERR_NO_MEMORY;
    order->serial = ++overlay->serial;
    order->message = *message;
    if (message->item.kind == MESSAGE_OVERLAY_OFF) { // at once, whatever is being prepared
        retire(overlay, overlay->shown[message->index]);
        overlay->shown[message->index] = NULL;
        overlay->least_serial[message->index] = order->serial;
    }
    push(&overlay->orders, &order->node);
    (void)sem_post(&overlay->work);
    return CASTOR_OK;
}

bool overlay_wait(struct overlay *overlay, int64_t until_ns)
{
    struct timespec until = castor_timespec(until_ns > 0 ? until_ns : 0);

    while (atomic_load(&overlay->handled) < overlay->serial)
        if (sem_clockwait(&overlay->done, CLOCK_MONOTONIC, &until) != 0)
            return atomic_load(&overlay->handled) >= overlay->serial;
    return true;
}

static void take_prepared(struct overlay *overlay, uint32_t index)
{
    struct prepared *prepared = atomic_load_explicit(&overlay->ready[index], memory_order_relaxed);

    if (prepared)
        prepared = atomic_exchange(&overlay->ready[index], NULL);
    if (!prepared)
        return;
    if (prepared->serial < overlay->least_serial[index]) {
        retire(overlay, prepared);
        return;
    }
    retire(overlay, overlay->shown[index]);
    overlay->shown[index] = prepared;
}

bool overlay_prepare(struct overlay *overlay)
{
    bool draws = false;

    for (uint32_t i = 0; i < ITEMS; i++) {
        take_prepared(overlay, i);
        draws = draws || (overlay->shown[i] && overlay->shown[i]->layer);
    }
    return draws;
}

void overlay_draw(struct overlay *overlay, const struct castor_frame *frame)
{
    utc_read(&overlay->utc);
    moment_set(&overlay->moment, overlay->format.rate, frame->sequence,
               frame->capture_ns + overlay->utc.offset_ns);
    for (uint32_t i = 0; i < ITEMS; i++)
        if (overlay->shown[i] && overlay->shown[i]->layer)
            layer_draw(overlay->shown[i]->layer, &overlay->format, frame, &overlay->moment);
}

bool overlay_report(struct overlay *overlay, struct message_overlay_state *out)
{
    struct report *report = overlay->reports;

    if (!report && atomic_load_explicit(&overlay->news, memory_order_relaxed))
        report = (struct report *)take_all(&overlay->news);
    if (!report)
        return false;
    *out = report->state;
    overlay->reports = (struct report *)report->node.next;
    free(report);
    return true;
}

static void free_all(struct node *list)
{
    while (list) {
        struct node *next = list->next;

        free(list);
        list = next;
    }
}

void overlay_destroy(struct overlay *overlay)
{
    struct timespec until = castor_timespec(castor_now_ns() + DESTROY_NS);

    if (!overlay)
        return;
    atomic_store(&overlay->stop, true);
    (void)sem_post(&overlay->work);
    if (sem_clockwait(&overlay->ended, CLOCK_MONOTONIC, &until) != 0) {
        (void)pthread_detach(overlay->thread);
        return;
    }
    (void)pthread_join(overlay->thread, NULL);
    collect(overlay);
    free_all(take_all(&overlay->orders));
    free_all(take_all(&overlay->news));
    free_all((struct node *)overlay->reports);
    for (uint32_t i = 0; i < ITEMS; i++) {
        destroy_prepared(overlay->shown[i]);
        destroy_prepared(atomic_load(&overlay->ready[i]));
        free(overlay->next_order[i]);
    }
    (void)sem_destroy(&overlay->work);
    (void)sem_destroy(&overlay->done);
    (void)sem_destroy(&overlay->ended);
    free(overlay);
}
