// SPDX-License-Identifier: Apache-2.0
#include "ahead.h"

#include <signal.h>

#include "hal/time.h"

#define JOIN_BUDGET_NS (900 * CASTOR_NS_PER_MS)

void ahead_init(struct ahead *ahead)
{
    pthread_condattr_t house_clock;

    *ahead = (struct ahead){0};
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_condattr_init(&house_clock);
    pthread_condattr_setclock(&house_clock, CLOCK_MONOTONIC);
    pthread_cond_init(&ahead->changed, &house_clock);
    pthread_condattr_destroy(&house_clock);
}

static void *thread_main(void *argument)
{
    struct ahead *ahead = argument;

    ahead->work(ahead->argument);
    pthread_mutex_lock(&ahead->lock);
    ahead->ended = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

int ahead_start(struct ahead *ahead, void (*work)(void *argument), void *argument)
{
    sigset_t all, before;
    int result;

    ahead->work = work;
    ahead->argument = argument;
    sigfillset(&all); // signals are the main thread's
    pthread_sigmask(SIG_SETMASK, &all, &before);
    result = pthread_create(&ahead->thread, NULL, thread_main, ahead);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ahead->has_thread = result == 0;
    return result == 0 ? CASTOR_OK : CASTOR_ERR_NO_MEMORY;
}

// False when the thread hangs.
static bool stop_thread(struct ahead *ahead)
{
    const struct timespec until = castor_timespec(castor_now_ns() + JOIN_BUDGET_NS);
    bool ended;
    int result = 0;

    pthread_mutex_lock(&ahead->lock);
    atomic_store(&ahead->stop, true);
    pthread_cond_signal(&ahead->changed);
    while (!ahead->ended && result == 0)
        result = pthread_cond_timedwait(&ahead->changed, &ahead->lock, &until);
    ended = ahead->ended;
    pthread_mutex_unlock(&ahead->lock);
    return ended && pthread_join(ahead->thread, NULL) == 0; // it has nothing left to do
}

bool ahead_finish(struct ahead *ahead)
{
    if (ahead->has_thread && !stop_thread(ahead)) {
        pthread_detach(ahead->thread); // better lost than freed under it
        return false;
    }
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    return true;
}
