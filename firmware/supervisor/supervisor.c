// SPDX-License-Identifier: Apache-2.0
#include "supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/log.h"
#include "supervisor/internal.h"

// Workers get this long for a clean end; what hangs is killed.
#define STOP_NS (500 * CASTOR_NS_PER_MS)
#define POLL_MAX ((SWITCH_PATHS_MAX + STAFF_COUNT) * 2 + 1 + CONTROL_POLL_MAX)
// Under load a tick waits for pending messages, but no longer than this.
#define TICK_OVERDUE_NS (20 * CASTOR_NS_PER_MS)
// So long after the last frame they have stopped coming.
#define FRAMES_PAUSE_NS (100 * CASTOR_NS_PER_MS)

static int open_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0)
        return -1;
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int supervisor_create(const struct config *config, const char *config_path, const char *folder,
                      struct selection *selection, struct supervisor **out)
{
    const char *why = "";
    struct supervisor *s = calloc(1, sizeof *s);

    if (!s)
        return CASTOR_ERR_NO_MEMORY;
    s->config = *config;
    s->config_path = config_path;
    s->selection = selection;
    s->started_ns = castor_now_ns();
    s->signal_fd = -1;
    snprintf(s->folder, sizeof s->folder, "%s", folder);
    s->path_count = config->encoder.chain_count;
    source_init(&s->source, strcmp(config->source.path, "-") == 0);
    slate_init(&s->slate);
    outlet_init(&s->outlet);
    recorder_init(&s->recorder, config);
    gaps_init(&s->gaps);
    supervisor_name_gaps(s);
    metrics_init(&s->metrics, s->started_ns);
    utc_read(&s->utc);
    s->gaps.utc_offset_ns = s->utc.offset_ns;
    if (getrandom(&s->session, sizeof s->session, GRND_NONBLOCK) != sizeof s->session)
        s->session = (uint64_t)(s->started_ns + s->utc.offset_ns);
    int error = CASTOR_OK;
    for (uint32_t i = 0; i < s->path_count && error == CASTOR_OK; i++)
        error = path_init(&s->path[i], i, config->encoder.bitrate_bps);
    if (error == CASTOR_OK)
        error = sound_part_init(&s->sound, config, s->started_ns);
    if (error != CASTOR_OK)
        log_error("no memory for the coded rings: %s", castor_error_text(error));
    if (error == CASTOR_OK) {
        error = control_create(config->control_socket, &supervisor_handlers, s, &s->control, &why);
        if (error != CASTOR_OK)
            log_error("the control socket cannot be opened: %s", why);
    }
    if (error == CASTOR_OK) {
        s->signal_fd = open_signals();
        error = s->signal_fd < 0 ? castor_error_from_errno(errno) : CASTOR_OK;
    }
    if (error != CASTOR_OK) {
        supervisor_destroy(s);
        return error;
    }
    *out = s;
    return CASTOR_OK;
}

void supervisor_destroy(struct supervisor *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->path_count; i++)
        path_finish(&s->path[i]);
    source_finish(&s->source);
    slate_finish(&s->slate);
    outlet_finish(&s->outlet);
    sound_part_finish(&s->sound);
    recorder_finish(&s->recorder);
    control_destroy(s->control);
    if (s->signal_fd >= 0)
        close(s->signal_fd);
    explicit_bzero(&s->config, sizeof s->config);
    free(s);
}

// What moves a frame should not wait behind whatever else the box does: the supervisor runs in real time,
// capture and egress, which take little, come next, then the encoders. Without the permission all works the
// same, only with more jitter on a busy machine.
static void take_priority(struct supervisor *s)
{
    const struct sched_param param = {.sched_priority = 10};

    if (!s->config.realtime)
        return;
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &param) != 0)
        log_debug("no real-time priority: %s", strerror(errno));
    s->source.worker.nice = s->slate.worker.nice = s->outlet.worker.nice = s->sound.worker.nice = -15;
    for (uint32_t i = 0; i < s->path_count; i++)
        s->path[i].worker.nice = -10;
}

static void start_workers(struct supervisor *s)
{
    int64_t now_ns = castor_now_ns();

    // The source first, whose opening everything else waits for. Of the paths, the others follow when the
    // first is on air.
    for (unsigned i = 0; i < STAFF_COUNT; i++) {
        staff_start(s, i, now_ns);
        if (i == STAFF_SOURCE && path_start(&s->path[0], s->folder, now_ns) != CASTOR_OK)
            log_error("castor-encode cannot be started from %s", s->folder);
    }
}

static void handle_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;

    while (read(s->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP)
            supervisor_reload_file(s);
        else
            s->stopping = true;
    }
}

// Descriptors in fixed places, so that what poll(2) found needs no search: two for each path and each of the
// staff, signals, control.
#define AT_STAFF(member) ((SWITCH_PATHS_MAX + (member)) * 2)
enum { AT_SIGNALS = AT_STAFF(STAFF_COUNT), AT_CONTROL };

// The end of a process shows at its channel first; only then is there something to wait for at its pidfd.
static void watch(struct pollfd *fds, const struct worker *worker)
{
    bool ending = worker->killed || worker->channel_fd < 0;

    fds[0] = (struct pollfd){.fd = worker->channel_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = ending ? worker->pidfd : -1, .events = POLLIN};
}

static bool frames_flow(const struct supervisor *s)
{
    return s->given_ns != 0 && castor_now_ns() - s->given_ns < FRAMES_PAUSE_NS;
}

static unsigned list_descriptors(struct supervisor *s, struct pollfd *fds)
{
    for (uint32_t i = 0; i < SWITCH_PATHS_MAX; i++) {
        if (i < s->path_count) {
            watch(&fds[i * 2], &s->path[i].worker);
        } else {
            fds[i * 2] = (struct pollfd){.fd = -1};
            fds[i * 2 + 1] = (struct pollfd){.fd = -1};
        }
    }
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        watch(&fds[AT_STAFF(i)], staff_worker(s, i));
    // What egress says can wait for the next frame, with which it is read: a wake-up less for each frame. Its
    // end still shows.
    if (frames_flow(s))
        fds[AT_STAFF(STAFF_OUTLET)].events = fds[AT_STAFF(STAFF_RECORDER)].events = 0;
    fds[AT_SIGNALS] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    return AT_CONTROL + control_poll_fds(s->control, &fds[AT_CONTROL]);
}

static void handle_workers(struct supervisor *s, const struct pollfd *fds)
{
    // Egress first: its confirmations free the rings. Then the encoders, whose access units are due; capture
    // and the others last.
    if (fds[AT_STAFF(STAFF_OUTLET)].revents || fds[AT_STAFF(STAFF_SOURCE)].revents)
        supervisor_read_outlet(s);
    for (uint32_t i = 0; i < s->path_count; i++)
        if (fds[i * 2].revents)
            supervisor_read_path(s, &s->path[i]);
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        if (i != STAFF_OUTLET && fds[AT_STAFF(i)].revents)
            supervisor_staff[i].read(s);
    bool ended = false;
    for (unsigned i = 0; i < SWITCH_PATHS_MAX + STAFF_COUNT; i++)
        ended = ended || fds[i * 2 + 1].revents;
    if (ended)
        supervisor_reap(s, castor_now_ns());
}

static void loop_once(struct supervisor *s)
{
    struct pollfd fds[POLL_MAX];
    unsigned count = list_descriptors(s, fds);
    int64_t wait_ns = supervisor_deadline_ns(s) - castor_now_ns();

    if (wait_ns < 0)
        wait_ns = 0;
    const struct timespec timeout = {.tv_sec = wait_ns / CASTOR_NS_PER_S,
                                     .tv_nsec = wait_ns % CASTOR_NS_PER_S};
    int ready = ppoll(fds, count, &timeout, NULL);
    if (ready > 0) {
        handle_workers(s, fds);
        if (fds[AT_SIGNALS].revents)
            handle_signals(s);
        control_handle(s->control, &fds[AT_CONTROL], count - AT_CONTROL);
        supervisor_carry_out(s, castor_now_ns());
    }
    // Only when nothing is waiting to be read is a path that has not answered really late.
    int64_t now_ns = castor_now_ns();
    if (ready <= 0 || now_ns - supervisor_deadline_ns(s) > TICK_OVERDUE_NS)
        supervisor_keep_up(s, now_ns);
    else
        supervisor_look_round_early(s, now_ns);
}

static void stop_workers(struct supervisor *s)
{
    struct worker *workers[SWITCH_PATHS_MAX + STAFF_COUNT];
    unsigned count = 0;

    // How far an outage has come is written down once more.
    recorder_relay_gaps(&s->recorder, &s->gaps, castor_now_ns() + GAPS_GROWTH_NS);
    // The source first and egress last, so that what is on its way still goes out.
    workers[count++] = &s->source.worker;
    for (uint32_t i = 0; i < s->path_count; i++)
        workers[count++] = &s->path[i].worker;
    for (unsigned i = 0; i < STAFF_COUNT; i++)
        if (i != STAFF_SOURCE)
            workers[count++] = staff_worker(s, i);
    worker_stop_all(workers, count, castor_now_ns() + STOP_NS);
}

int supervisor_run(struct supervisor *s)
{
    take_priority(s);
    start_workers(s);
    while (!s->stopping)
        loop_once(s);
    stop_workers(s);
    log_info("stopped");
    return CASTOR_OK;
}
