// SPDX-License-Identifier: Apache-2.0
// A vendor's code on a thread of its own, so that its caller waits as long as it wants to and no longer. A
// thread that does not come back is left behind; what it uses lives until it does.
#ifndef DRIVERS_ENCODER_VENDOR_THREAD_H
#define DRIVERS_ENCODER_VENDOR_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "hal/encoder.h"
#include "hal/time.h"

// How long probe() and open() wait for the vendor's code, and what open() adds to that after a failure, for
// the thread to clean up: together less than the 5 s that hal/encoder.h allows.
#define VENDOR_ANSWER_NS (4500 * CASTOR_NS_PER_MS)
#define VENDOR_FAILED_NS (400 * CASTOR_NS_PER_MS)
// What close() waits.
#define VENDOR_CLOSE_NS (2 * CASTOR_NS_PER_S)

// Part of what caller and thread share. The first four members are set before vendor_thread_start(), all else
// is zero.
struct vendor_thread {
    const char *name; // of the driver, for texts
    void (*run)(void *owner);
    void (*destroy)(void *owner); // by whoever lets go last; frees what this is part of
    void *owner;
    pthread_mutex_t lock;   // also for the owner's members
    pthread_cond_t changed; // on the house clock; caller and thread never both wait for it
    bool is_stopped;        // under the lock: the thread is to end
    pthread_mutex_t pixels; // held while frames are read
    bool is_closed;         // under `pixels`: frames are the caller's again
    pthread_t id;
    bool was_started, has_ended;
    unsigned holders;
    _Atomic(const char *) call; // the vendor's function that is being called, where the driver says so
};

// Starts the thread, which takes no signals: those are the program's. Owner: both the caller and the thread
// hold the owner, each until it lets go; after a failure the caller alone. Errors: NO_MEMORY.
CASTOR_MUST_USE int vendor_thread_start(struct vendor_thread *thread);

// Under the lock: waits for a change; false when `deadline_ns` has passed.
bool vendor_thread_wait(struct vendor_thread *thread, int64_t deadline_ns);

// Tells the thread to end, waits for that until the deadline, and lets go of the owner. Frames are not read
// any more when it returns. False: the thread was left behind. Blocks: until the deadline, or as long as it
// takes to copy one picture.
bool vendor_thread_leave(struct vendor_thread *thread, int64_t deadline_ns);

// Around each reading of a frame's pixels, on the thread. False: they are the caller's again and must not be
// touched, nor is there anything to give back.
bool vendor_thread_borrow_pixels(struct vendor_thread *thread);
void vendor_thread_return_pixels(struct vendor_thread *thread);

// Says that the vendor's code hangs, and in which function if that is known. Returns `error`.
int vendor_thread_hangs(struct vendor_thread *thread, int error, int64_t since_ns, struct encoder_text *why);

// Calls a vendor's function under its name.
#define VENDOR_CALL(thread, function, ...)                                                                   \
    (atomic_store(&(thread)->call, #function), vendor_thread_called((thread), function(__VA_ARGS__)))
int vendor_thread_called(struct vendor_thread *thread, int status);

#endif
