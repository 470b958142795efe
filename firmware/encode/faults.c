// SPDX-License-Identifier: Apache-2.0
#include "encode/faults.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "hal/time.h"
#include "ipc/channel.h"

#define GARBAGE_BYTES 4096u
#define SLOW_MAX_NS (10 * CASTOR_NS_PER_S)

static void send_bad_message(int channel)
{
    struct message message;

    message_init(&message, MESSAGE_CODED);
    message.body.coded.size_bytes = UINT32_MAX;
    if (channel_send(channel, &message, NULL, 0) != CASTOR_OK)
        log_warning("fault: the bad message could not be sent");
}

void faults_set(struct faults *faults, const struct message_fault *fault, int channel)
{
    log_warning("deliberate fault of kind %u", fault->kind);
    switch ((enum message_fault_kind)fault->kind) {
    case MESSAGE_FAULT_DROP:
        faults->drop = fault->count;
        break;
    case MESSAGE_FAULT_SWALLOW:
        faults->swallow = fault->count;
        break;
    case MESSAGE_FAULT_GARBAGE:
        faults->garbage = fault->count;
        break;
    case MESSAGE_FAULT_SILENCE:
        faults->silent = true;
        break;
    case MESSAGE_FAULT_SLOW:
        faults->slow_factor = fault->factor;
        break;
    case MESSAGE_FAULT_CRASH:
        faults->crash = true;
        break;
    case MESSAGE_FAULT_HANG:
        for (;;)
            (void)pause(); // what is asked for: a process that does nothing any more
    case MESSAGE_FAULT_BAD_MESSAGE:
        send_bad_message(channel);
        break;
    }
}

enum fault_action faults_before_frame(struct faults *faults)
{
    if (faults->crash)
        (void)raise(SIGSEGV);
    if (faults->drop > 0) {
        faults->drop--;
        return FAULT_DROP;
    }
    if (faults->swallow > 0) {
        faults->swallow--;
        return FAULT_SWALLOW;
    }
    return FAULT_NONE;
}

void faults_slow_down(const struct faults *faults, int64_t started_ns)
{
    if (faults->slow_factor < 2)
        return;
    int64_t took_ns = castor_now_ns() - started_ns;
    int64_t longer_ns = took_ns < SLOW_MAX_NS / faults->slow_factor
                            ? took_ns * (int64_t)(faults->slow_factor - 1)
                            : SLOW_MAX_NS;
    int64_t end_ns = castor_now_ns() + longer_ns;
    const struct timespec end = castor_timespec(end_ns);
    // The passing of time itself is the fault; there is no event to wait for.
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) != 0)
        continue;
}

const uint8_t *faults_replace(struct faults *faults, const uint8_t *data, uint32_t *size_bytes)
{
    static uint8_t garbage[GARBAGE_BYTES];
    uint32_t state = 0x9E3779B9u ^ faults->garbage;

    if (faults->garbage == 0)
        return data;
    faults->garbage--;
    if (*size_bytes > sizeof garbage)
        *size_bytes = sizeof garbage;
    for (uint32_t i = 0; i < *size_bytes; i++) {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        garbage[i] = (uint8_t)state;
    }
    return garbage;
}
