// SPDX-License-Identifier: Apache-2.0
#include "vendor_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct question {
    struct vendor_thread thread; // its lock guards the answer
    vendor_probe_answer *answer;
    char device[sizeof((struct encoder_device){0}).name];
    bool is_answered;
    int error;
    struct encoder_caps caps;
    struct encoder_text why;
};

static void run(void *owner)
{
    struct question *question = owner;
    struct encoder_caps caps = {0};
    struct encoder_text why = {""};
    int error = question->answer(&question->thread, question->device, &caps, &why);

    pthread_mutex_lock(&question->thread.lock);
    question->error = error;
    question->caps = caps;
    question->why = why;
    question->is_answered = true;
    pthread_cond_broadcast(&question->thread.changed);
    pthread_mutex_unlock(&question->thread.lock);
}

// Under the lock.
static int read_answer(struct question *question, struct encoder_caps *out, struct encoder_text *why)
{
    if (!question->is_answered)
        return vendor_thread_hangs(&question->thread, CASTOR_ERR_IO, VENDOR_ANSWER_NS, why);
    if (question->error == CASTOR_OK)
        *out = question->caps;
    else
        *why = question->why;
    return question->error;
}

int vendor_probe(const char *name, vendor_probe_answer *answer, const char *device, struct encoder_caps *out,
                 struct encoder_text *why)
{
    int64_t deadline_ns = castor_now_ns() + VENDOR_ANSWER_NS;
    struct question *question = NULL;

    if (strlen(device) >= sizeof question->device)
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND, "%s: there is no device \"%.60s...\"", name,
                                device);
    question = calloc(1, sizeof *question);
    if (!question)
        return encoder_text_set(why, CASTOR_ERR_NO_MEMORY, "%s: out of memory", name);
    question->thread = (struct vendor_thread){.name = name, .run = run, .destroy = free, .owner = question};
    question->answer = answer;
    (void)snprintf(question->device, sizeof question->device, "%s", device);
    int error = vendor_thread_start(&question->thread);
    if (error != CASTOR_OK) {
        (void)encoder_text_set(why, error, "%s: cannot start a thread", name);
    } else {
        pthread_mutex_lock(&question->thread.lock);
        while (!question->is_answered && vendor_thread_wait(&question->thread, deadline_ns))
            continue;
        error = read_answer(question, out, why);
        pthread_mutex_unlock(&question->thread.lock);
    }
    (void)vendor_thread_leave(&question->thread, deadline_ns);
    return error;
}
