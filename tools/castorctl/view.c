// SPDX-License-Identifier: Apache-2.0
#include "castorctl/view.h"

#include <stdio.h>
#include <string.h>

#include "castorctl/pick.h"
#include "castorctl/view_head.h"
#include "castorctl/words.h"

// ---- paths ----

static enum screen_style path_style(const char *state)
{
    if (strcmp(state, "active") == 0)
        return SCREEN_ON_AIR;
    if (strcmp(state, "standby") == 0)
        return SCREEN_GOOD;
    return strcmp(state, "starting") == 0    ? SCREEN_WARN
           : strcmp(state, "startable") == 0 ? SCREEN_DIM
                                             : SCREEN_BAD;
}

static int draw_paths(struct screen *screen, int row, json_t *status)
{
    json_t *path;
    size_t i;

    screen_put(screen, row++, 1, SCREEN_BOLD,
               "PATH  STATE     ENCODER          STARTS     FRAMES  LAST FAILURE");
    json_array_foreach(pick(status, "paths"), i, path) {
        const char *state = pick_text(path, "state");
        char encoder[80];
        bool running = pick_integer(path, "worker.pid") > 0;
        snprintf(encoder, sizeof encoder, "%s %s %s", pick_text(path, "driver"), pick_text(path, "preset"),
                 pick_text(path, "device"));
        screen_put(screen, row, 2, path_style(state), "%s    %-8s", pick_text(path, "path"),
                   words_path_state(state));
        screen_put(screen, row, 17, SCREEN_PLAIN, "%-16.16s %6lld %10lld", encoder,
                   pick_integer(path, "worker.restarts") + (running || pick_known(path, "last_failure")),
                   pick_integer(path, "coded"));
        screen_put(screen, row, 53, SCREEN_DIM, "%s",
                   words_failure(pick_text(path, "last_cause"), pick_text(path, "last_failure")));
        row++;
    }
    return row;
}

// ---- losses and latencies, side by side ----

static void draw_loss(struct screen *screen, int row, json_t *status, const char *cause, const char *label)
{
    static const char *const windows[] = {"minute", "five_minutes", "since_start"};
    char place[64];
    int column = 17;

    screen_put(screen, row, 2, SCREEN_PLAIN, "%s", label);
    for (int i = 0; i < 3; i++) {
        snprintf(place, sizeof place, "losses.per_mille.%s.%s", windows[i], cause);
        double value = pick_number(status, place);
        screen_put(screen, row, column + i * 7, value > 0 ? SCREEN_BAD : SCREEN_PLAIN, "%6.2f", value);
    }
    snprintf(place, sizeof place, "losses.frames.%s", cause);
    screen_put(screen, row, column + 21, SCREEN_PLAIN, "%6lld", pick_integer(status, place));
}

static void draw_latency(struct screen *screen, int row, json_t *status, const char *stage, const char *label)
{
    static const char *const values[] = {"p50_ms", "p99_ms", "max_ms"};
    char place[64];

    screen_put(screen, row, 48, SCREEN_PLAIN, "%s", label);
    for (int i = 0; i < 3; i++) {
        snprintf(place, sizeof place, "latency.%s.minute.%s", stage, values[i]);
        screen_put(screen, row, 59 + i * 7, SCREEN_PLAIN, "%6.1f", pick_number(status, place));
    }
}

static int draw_counters(struct screen *screen, int row, json_t *status)
{
    screen_put(screen, row, 1, SCREEN_BOLD, "LOST PER 1000     1 min  5 min    all frames");
    screen_put(screen, row, 47, SCREEN_BOLD, "LATENCY ms     p50    p99    max");
    draw_loss(screen, row + 1, status, "capture", "not captured");
    draw_loss(screen, row + 2, status, "no_path", "no encoder");
    draw_loss(screen, row + 3, status, "egress", "egress");
    draw_loss(screen, row + 4, status, "all", "in all");
    draw_latency(screen, row + 1, status, "encoder", "encoder");
    draw_latency(screen, row + 2, status, "encode", "to coded");
    draw_latency(screen, row + 3, status, "egress", "egress");
    draw_latency(screen, row + 4, status, "origin", "whole box");
    screen_put(screen, row + 5, 2, SCREEN_DIM, "captured %lld, sent %lld, pool %lld/%lld",
               pick_integer(status, "frames.captured"), pick_integer(status, "frames.sent"),
               pick_integer(status, "pool.held"), pick_integer(status, "pool.slots"));
    screen_put(screen, row + 5, 48, SCREEN_DIM, "capture to SRT, last minute");
    return row + 6;
}

// ---- destinations ----

static enum screen_style destination_style(const char *state)
{
    if (strcmp(state, "connected") == 0)
        return SCREEN_GOOD;
    return strcmp(state, "listening") == 0 || strcmp(state, "connecting") == 0 ? SCREEN_WARN : SCREEN_BAD;
}

static int draw_destination(struct screen *screen, int row, json_t *d)
{
    const char *state = pick_known(d, "state") ? pick_text(d, "state") : "starting";
    double lost = pick_number(d, "lost_per_mille.five_minutes");

    screen_put(screen, row, 2, SCREEN_PLAIN, "%-12.12s", pick_text(d, "name"));
    screen_put(screen, row, 15, destination_style(state), "%-10s", state);
    if (strcmp(state, "connected") != 0) {
        screen_put(screen, row, 26, SCREEN_PLAIN, "%s",
                   pick_known(d, "text") ? pick_text(d, "text") : pick_text(d, "url"));
        return row + 1;
    }
    screen_put(screen, row, 25, lost > 0 ? SCREEN_BAD : SCREEN_PLAIN, "%7.2f", lost);
    screen_put(screen, row, 33, SCREEN_PLAIN, "%6.1f %6lld %6lld %8lld %8lld %4lld",
               pick_number(d, "srt.rtt_ms"), pick_integer(d, "srt.latency_ms"),
               pick_integer(d, "srt.send_buffer_ms"), pick_integer(d, "srt.retransmitted_packets"),
               pick_integer(d, "srt.too_late_packets"), pick_integer(d, "receivers"));
    return row + 1;
}

static int draw_destinations(struct screen *screen, int row, json_t *status)
{
    json_t *destination;
    size_t i;

    screen_put(screen, row++, 1, SCREEN_BOLD,
               "SRT           STATE      LOST/1000    RTT  DELAY BUFFER   RESENT TOO LATE  RCV");
    if (json_array_size(pick(status, "destinations")) == 0)
        screen_put(screen, row++, 2, SCREEN_WARN, "no destination: the stream goes nowhere");
    if (pick(status, "egress.worker") && !pick_bool(status, "egress.worker.ready"))
        screen_put(screen, row++, 2, SCREEN_BAD, "egress is not running: %s",
                   pick_text(status, "egress.worker.failure"));
    json_array_foreach(pick(status, "destinations"), i, destination)
        row = draw_destination(screen, row, destination);
    return row;
}

// ---- switches ----

static void draw_switch(struct screen *screen, int row, json_t *s)
{
    const char *from = pick_known(s, "from") ? pick_text(s, "from") : "-";
    const char *to = pick_known(s, "to") ? pick_text(s, "to") : "-";
    char duration[24] = "not over";

    if (pick_known(s, "duration_ms"))
        snprintf(duration, sizeof duration, "%.1f ms", pick_number(s, "duration_ms"));
    int column = screen_put(screen, row, 2, SCREEN_PLAIN, "%.8s  %s → %s  ",
                            words_clock(pick_text(s, "time")), from, to);
    screen_put(screen, row, column, SCREEN_PLAIN, "%-31.31s", words_cause(pick_text(s, "cause")));
    screen_put(screen, row, 50, SCREEN_PLAIN, "%9s %3lld replayed  #%lld", duration,
               pick_integer(s, "replayed"), pick_integer(s, "frame"));
}

static void draw_switches(struct screen *screen, int row, int end, json_t *status)
{
    json_t *one;
    size_t i;

    if (row >= end)
        return;
    screen_put(screen, row++, 1, SCREEN_BOLD, "CHANGES OF PATH  %lld",
               pick_integer(status, "switches.count"));
    json_array_foreach(pick(status, "switches.last"), i, one)
        if (row < end)
            draw_switch(screen, row++, one);
}

// ---- receiver, bottom ----

static void draw_fault(struct screen *screen, int row, int *column, json_t *probe, const char *place,
                       const char *label)
{
    long long value = pick_integer(probe, place);

    *column =
        screen_put(screen, row, *column, value > 0 ? SCREEN_BAD : SCREEN_PLAIN, "%s %lld  ", label, value);
}

static void draw_probe(struct screen *screen, int row, json_t *probe)
{
    int column = 10;

    screen_put(screen, row, 1, SCREEN_BOLD, "RECEIVER");
    column =
        screen_put(screen, row, column, SCREEN_PLAIN, "%.2f fps  %.2f Mbit/s  ",
                   pick_number(probe, "recent.frame_rate"), pick_number(probe, "recent.bitrate_bps") / 1e6);
    if (pick_known(probe, "arrival.latency_p50_ms"))
        screen_put(screen, row, column, SCREEN_PLAIN, "capture to arrival %.0f ms, p99 %.0f, max %.0f",
                   pick_number(probe, "arrival.latency_p50_ms"), pick_number(probe, "arrival.latency_p99_ms"),
                   pick_number(probe, "arrival.latency_max_ms"));
    column = screen_put(screen, row + 1, 10, SCREEN_PLAIN,
                        "frames %lld: ", pick_integer(probe, "frames.received"));
    draw_fault(screen, row + 1, &column, probe, "frames.lost", "lost");
    draw_fault(screen, row + 1, &column, probe, "frames.repeated", "repeated");
    draw_fault(screen, row + 1, &column, probe, "frames.late", "late");
    draw_fault(screen, row + 1, &column, probe, "ts.cc_errors", "CC errors");
    draw_fault(screen, row + 1, &column, probe, "pts.seams", "PTS seams");
}

// Up to two rows, the last one at `row`; broken at a blank.
static void draw_message(struct screen *screen, int row, enum screen_style style, const char *message)
{
    int width = screen->columns > 22 ? screen->columns - 2 : 20;
    int length = (int)strlen(message);

    if (length > width) {
        int first = width;
        for (; first > 1 && message[first] != ' '; first--)
            continue;
        screen_blank(screen, row - 1);
        screen_put(screen, row - 1, 1, style, "%.*s", first, message);
        message += first;
        message += *message == ' ';
    }
    screen_put(screen, row, 1, style, "%s", message);
}

static void draw_bottom(struct screen *screen, const struct view *view)
{
    int row = screen->rows - 1;

    draw_message(screen, row - 1, view->message_bad ? SCREEN_BAD : SCREEN_GOOD, view->message);
    if (view->status && !pick_bool(view->status, "faults_allowed"))
        screen_put(screen, row, 1, SCREEN_TITLE,
                   "a b c path   i IDR   + - bitrate   q quit   (deliberate faults are not allowed)");
    else
        screen_put(screen, row, 1, SCREEN_TITLE,
                   "a b path  k kill f freeze g garbage d drop s slow u unplug i IDR +- rate q quit");
    screen_paint(screen, row, SCREEN_TITLE);
}

void view_draw(struct screen *screen, const struct view *view)
{
    json_t *status = view->status;
    // With rows to spare, the sections stand apart.
    int air = screen->rows >= 30 ? 1 : 0;
    int end = screen->rows - 2 - (view->probe ? 2 : 0);

    if (status) {
        int row = view_head(screen, air, status);
        row = draw_paths(screen, row + air, status);
        row = draw_counters(screen, row + air, status);
        row = draw_destinations(screen, row + air, status);
        draw_switches(screen, row + air, end, status);
    } else {
        screen_put(screen, 0, 1, SCREEN_TITLE, "castor");
        screen_paint(screen, 0, SCREEN_TITLE);
    }
    if (view->probe)
        draw_probe(screen, end, view->probe);
    draw_bottom(screen, view);
}
