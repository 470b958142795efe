// SPDX-License-Identifier: Apache-2.0
#include "vendor_thread.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>

#define JOIN_STEP_NS (20 * CASTOR_NS_PER_MS)

static_assert(VENDOR_ANSWER_NS + VENDOR_FAILED_NS < 5 * CASTOR_NS_PER_S, "what hal/encoder.h allows open()");

static void let_go(struct vendor_thread *thread)
{
    pthread_mutex_lock(&thread->lock);
    bool is_last = --thread->holders == 0;
    pthread_mutex_unlock(&thread->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&thread->changed);
    pthread_mutex_destroy(&thread->lock);
    pthread_mutex_destroy(&thread->pixels);
    thread->destroy(thread->owner);
}

static void *thread_main(void *argument)
{
    struct vendor_thread *thread = argument;

    thread->run(thread->owner);
    pthread_mutex_lock(&thread->lock);
    thread->has_ended = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    let_go(thread);
    return NULL;
}

int vendor_thread_start(struct vendor_thread *thread)
{
    pthread_condattr_t house_clock;
    sigset_t all, before;

    pthread_mutex_init(&thread->lock, NULL);
    pthread_mutex_init(&thread->pixels, NULL);
    pthread_condattr_init(&house_clock);
    pthread_condattr_setclock(&house_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&thread->changed, &house_clock);
    pthread_condattr_destroy(&house_clock);
    thread->holders = 2;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&thread->id, NULL, thread_main, thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    thread->was_started = result == 0;
    if (result == 0)
        return CASTOR_OK;
    thread->holders = 1;
    thread->has_ended = true;
    return CASTOR_ERR_NO_MEMORY;
}

bool vendor_thread_wait(struct vendor_thread *thread, int64_t deadline_ns)
{
    struct timespec until = castor_timespec(deadline_ns);

    if (castor_now_ns() >= deadline_ns)
        return false;
    (void)pthread_cond_timedwait(&thread->changed, &thread->lock, &until); // the caller looks what changed
    return true;
}

// A vendor's library may have left something to do for the end of the thread, which may hang as well. Joining
// on the house clock is unknown to ThreadSanitizer; on the other clock, which may be set, it goes in small
// steps.
static bool join(struct vendor_thread *thread, int64_t deadline_ns)
{
    int result;

    do {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        struct timespec until =
            castor_timespec((int64_t)now.tv_sec * CASTOR_NS_PER_S + now.tv_nsec + JOIN_STEP_NS);
        result = pthread_timedjoin_np(thread->id, NULL, &until);
    } while (result == ETIMEDOUT && castor_now_ns() < deadline_ns);
    return result == 0;
}

bool vendor_thread_leave(struct vendor_thread *thread, int64_t deadline_ns)
{
    pthread_mutex_lock(&thread->lock);
    thread->is_stopped = true;
    pthread_cond_broadcast(&thread->changed);
    pthread_mutex_unlock(&thread->lock);
    pthread_mutex_lock(&thread->pixels);
    thread->is_closed = true;
    pthread_mutex_unlock(&thread->pixels);
    pthread_mutex_lock(&thread->lock);
    while (!thread->has_ended && vendor_thread_wait(thread, deadline_ns))
        continue;
    bool has_ended = thread->has_ended;
    pthread_mutex_unlock(&thread->lock);
    if (thread->was_started && !(has_ended && join(thread, deadline_ns)))
        (void)pthread_detach(thread->id);
    let_go(thread);
    return has_ended;
}

bool vendor_thread_borrow_pixels(struct vendor_thread *thread)
{
    pthread_mutex_lock(&thread->pixels);
    if (!thread->is_closed)
        return true;
    pthread_mutex_unlock(&thread->pixels);
    return false;
}

void vendor_thread_return_pixels(struct vendor_thread *thread)
{
    pthread_mutex_unlock(&thread->pixels);
}

int vendor_thread_hangs(struct vendor_thread *thread, int error, int64_t since_ns, struct encoder_text *why)
{
    const char *call = atomic_load(&thread->call);

    return encoder_text_set(why, error, "%s: the device's driver hangs%s%s for %d ms; restart the box",
                            thread->name, call ? " in " : "", call ? call : "",
                            (int)(since_ns / CASTOR_NS_PER_MS));
}

int vendor_thread_called(struct vendor_thread *thread, int status)
{
    atomic_store(&thread->call, NULL);
    return status;
}
