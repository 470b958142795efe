// SPDX-License-Identifier: Apache-2.0
// A vendor's code that hangs, while it works or when its thread ends, keeps nobody; what it may still use
// lives until it comes back, and no longer.
#include <errno.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoder/vendor_probe.h"
#include "encoder/vendor_thread.h"
#include "hal/time.h"

#define SOON_NS (100 * CASTOR_NS_PER_MS)
#define LONG_NS (60 * CASTOR_NS_PER_S)

struct box {
    struct vendor_thread thread;
    bool hangs, hangs_at_end;
    bool is_ready; // under the thread's lock
    bool saw_pixels;
};

static sem_t may_go, was_destroyed;
static pthread_key_t at_end;

static void wait_for(sem_t *semaphore)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LONG_NS / CASTOR_NS_PER_S;
    assert_int_equal(sem_clockwait(semaphore, CLOCK_MONOTONIC, &until), 0);
}

static bool is_signalled(sem_t *semaphore)
{
    return sem_trywait(semaphore) == 0;
}

static void hang_at_end(void *semaphore)
{
    wait_for(semaphore);
}

static int vendors_function(void)
{
    wait_for(&may_go);
    return 7;
}

static void run(void *owner)
{
    struct box *box = owner;

    if (box->hangs_at_end)
        (void)pthread_setspecific(at_end, &may_go);
    if (box->hangs)
        assert_int_equal(VENDOR_CALL(&box->thread, vendors_function), 7);
    box->saw_pixels = vendor_thread_borrow_pixels(&box->thread);
    if (box->saw_pixels)
        vendor_thread_return_pixels(&box->thread);
    pthread_mutex_lock(&box->thread.lock);
    box->is_ready = true;
    pthread_cond_broadcast(&box->thread.changed);
    while (!box->thread.is_stopped)
        (void)vendor_thread_wait(&box->thread, castor_now_ns() + LONG_NS);
    pthread_mutex_unlock(&box->thread.lock);
}

static atomic_bool last_saw_pixels; // of the box that was destroyed last

static void destroy(void *owner)
{
    struct box *box = owner;

    last_saw_pixels = box->saw_pixels;
    free(box);
    sem_post(&was_destroyed);
}

static struct box *start(bool hangs, bool hangs_at_end)
{
    struct box *box = calloc(1, sizeof *box);

    assert_non_null(box);
    box->thread = (struct vendor_thread){.name = "box", .run = run, .destroy = destroy, .owner = box};
    box->hangs = hangs;
    box->hangs_at_end = hangs_at_end;
    assert_int_equal(vendor_thread_start(&box->thread), CASTOR_OK);
    return box;
}

static bool wait_ready(struct box *box, int64_t deadline_ns)
{
    pthread_mutex_lock(&box->thread.lock);
    while (!box->is_ready && vendor_thread_wait(&box->thread, deadline_ns))
        continue;
    bool is_ready = box->is_ready;
    pthread_mutex_unlock(&box->thread.lock);
    return is_ready;
}

static void ends_when_told(void **state)
{
    struct box *box = start(false, false);

    (void)state;
    assert_true(wait_ready(box, castor_now_ns() + LONG_NS));
    assert_true(vendor_thread_leave(&box->thread, castor_now_ns() + LONG_NS));
    assert_true(is_signalled(&was_destroyed));
    assert_true(last_saw_pixels);
}

static void hanging_thread_is_left_behind(void **state)
{
    struct encoder_text why = {""};
    struct box *box = start(true, false);

    (void)state;
    assert_false(wait_ready(box, castor_now_ns() + SOON_NS));
    assert_int_equal(vendor_thread_hangs(&box->thread, CASTOR_ERR_IO, SOON_NS, &why), CASTOR_ERR_IO);
    assert_non_null(strstr(why.text, "hangs in vendors_function for 100 ms"));
    assert_false(vendor_thread_leave(&box->thread, castor_now_ns() + SOON_NS));
    assert_false(is_signalled(&was_destroyed)); // it may still use all of it
    sem_post(&may_go);
    wait_for(&was_destroyed);
    assert_false(last_saw_pixels); // they were the caller's again
}

// A library's own work at the end of a thread counts as well.
static void thread_that_hangs_at_its_end_is_left_behind(void **state)
{
    struct box *box = start(false, true);

    (void)state;
    assert_true(wait_ready(box, castor_now_ns() + LONG_NS));
    assert_true(vendor_thread_leave(&box->thread, castor_now_ns() + SOON_NS));
    wait_for(&was_destroyed);
    sem_post(&may_go);
}

static int answer_yes(struct vendor_thread *thread, const char *device, struct encoder_caps *out,
                      struct encoder_text *why)
{
    (void)thread;
    if (strcmp(device, "yes") != 0)
        return encoder_text_set(why, CASTOR_ERR_BUSY, "no %s", device);
    out->max_in_flight = 5;
    return CASTOR_OK;
}

static void probe_passes_the_answer_on(void **state)
{
    struct encoder_caps caps = {0};
    struct encoder_text why = {""};
    char endless[200];

    (void)state;
    assert_int_equal(vendor_probe("box", answer_yes, "yes", &caps, &why), CASTOR_OK);
    assert_int_equal(caps.max_in_flight, 5);
    caps.max_in_flight = 6;
    assert_int_equal(vendor_probe("box", answer_yes, "other", &caps, &why), CASTOR_ERR_BUSY);
    assert_string_equal(why.text, "no other");
    assert_int_equal(caps.max_in_flight, 6);
    memset(endless, 'x', sizeof endless);
    endless[sizeof endless - 1] = '\0';
    assert_int_equal(vendor_probe("box", answer_yes, endless, &caps, &why), CASTOR_ERR_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ends_when_told),
        cmocka_unit_test(hanging_thread_is_left_behind),
        cmocka_unit_test(thread_that_hangs_at_its_end_is_left_behind),
        cmocka_unit_test(probe_passes_the_answer_on),
    };

    (void)sem_init(&may_go, 0, 0);
    (void)sem_init(&was_destroyed, 0, 0);
    (void)pthread_key_create(&at_end, hang_at_end);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
