// SPDX-License-Identifier: Apache-2.0
#include "castorctl/view_head.h"

#include <stdio.h>
#include <string.h>

#include "castorctl/pick.h"
#include "castorctl/view.h"
#include "castorctl/words.h"

static bool is(json_t *document, const char *place, const char *text)
{
    return strcmp(pick_text(document, place), text) == 0;
}

void view_why(json_t *status, char *out, size_t size)
{
    const char *cause = pick_text(status, "on_air.cause");
    const char *from = pick_text(status, "switches.last.0.from");
    bool failure = strcmp(cause, "none") != 0 && strcmp(cause, "start") != 0 &&
                   strcmp(cause, "planned") != 0 && strcmp(cause, "go_back") != 0;

    if (failure && from[0] != '\0')
        snprintf(out, size, "path %s failed: %s", from, words_cause(cause));
    else
        snprintf(out, size, "%s", words_cause(cause));
}

static void draw_title(struct screen *screen, json_t *status)
{
    char uptime[32];

    words_duration(pick_number(status, "uptime_s"), uptime, sizeof uptime);
    screen_put(screen, 0, 1, SCREEN_TITLE, "castor %s  %s", pick_text(status, "version"),
               pick_text(status, "name"));
    screen_put(screen, 0, screen->columns - 44, SCREEN_TITLE, "up %s", uptime);
    screen_put(screen, 0, screen->columns - 25, SCREEN_TITLE, "%.10s %.8s UTC", pick_text(status, "time"),
               words_clock(pick_text(status, "time")));
    screen_paint(screen, 0, SCREEN_TITLE);
}

static void draw_source(struct screen *screen, int row, json_t *status)
{
    int column = 9;
    bool running = pick_bool(status, "source.worker.ready");

    screen_put(screen, row, 1, SCREEN_BOLD, "SOURCE");
    column = screen_put(screen, row, column, SCREEN_PLAIN, "%s  ", pick_text(status, "source.driver"));
    if (pick_known(status, "source.width"))
        column = screen_put(screen, row, column, SCREEN_PLAIN, "%lldx%lld  %.2f fps  ",
                            pick_integer(status, "source.width"), pick_integer(status, "source.height"),
                            pick_number(status, "source.fps"));
    if (pick_bool(status, "slate.up"))
        column = screen_put(screen, row, column, SCREEN_BAD, "SLATE (%s)  ",
                            pick_text(status, "slate.last.cause"));
    if (!running) {
        const char *failure = pick_text(status, "source.worker.failure");
        screen_put(screen, row, column, SCREEN_BAD, "%s%s%s",
                   pick_bool(status, "source.ended") ? "ended" : "not running", failure[0] ? ": " : "",
                   failure);
        return;
    }
    double fps = pick_number(status, "source.fps"), measured = pick_number(status, "source.measured_fps");
    bool slow = fps > 0 && measured < fps * 0.99 - 0.2;
    column = screen_put(screen, row, column, slow ? SCREEN_WARN : SCREEN_PLAIN, "measured %.2f  ", measured);
    if (is(status, "source.signal", "none"))
        screen_put(screen, row, column, SCREEN_BAD, "NO SIGNAL");
    else if (is(status, "source.signal", "present"))
        screen_put(screen, row, column, SCREEN_GOOD, "signal");
}

static void draw_stream(struct screen *screen, int row, json_t *status)
{
    screen_put(screen, row, 1, SCREEN_BOLD, "STREAM");
    int column = screen_put(screen, row, 9, SCREEN_PLAIN, "%s  ", pick_text(status, "stream.codec"));
    column = screen_put(screen, row, column, SCREEN_BOLD, "%.2f Mbit/s",
                        pick_number(status, "stream.measured_kbps_1s") / 1000);
    screen_put(screen, row, column, SCREEN_PLAIN, "  (10 s %.2f, video set to %.2f)  %.2f fps  GOP %lld",
               pick_number(status, "stream.measured_kbps_10s") / 1000,
               pick_number(status, "stream.bitrate_kbps") / 1000, pick_number(status, "stream.measured_fps"),
               pick_integer(status, "stream.gop_frames"));
}

static void draw_on_air(struct screen *screen, int row, json_t *status)
{
    char since[32], why[128];

    screen_put(screen, row, 1, SCREEN_BOLD, "ON AIR");
    view_why(status, why, sizeof why);
    if (!pick_known(status, "on_air.path")) {
        bool any = pick_integer(status, "frames.emitted") > 0;
        screen_put(screen, row, 9, SCREEN_BAD, "%s",
                   any ? "NO PATH: frames wait for an encoder" : "nothing yet");
        return;
    }
    words_duration(pick_number(status, "on_air.since_s"), since, sizeof since);
    int column = screen_put(screen, row, 9, SCREEN_ON_AIR, "%s", pick_text(status, "on_air.path"));
    screen_put(screen, row, column, SCREEN_PLAIN, "  for %s, because: %s", since, why);
}

static int draw_track(struct screen *screen, int row, int column, json_t *track)
{
    // What is above -1 dBTP is clipped somewhere on its way (EBU R128, maximum true peak level).
    bool hot = pick_known(track, "true_peak_dbtp") && pick_number(track, "true_peak_dbtp") > -1;

    column = screen_put(screen, row, column, SCREEN_PLAIN, "  %s ", pick_text(track, "name"));
    if (pick_bool(track, "mute"))
        return screen_put(screen, row, column, SCREEN_WARN, "MUTE");
    if (!pick_known(track, "momentary_lufs"))
        return screen_put(screen, row, column, SCREEN_WARN, "silent");
    column = screen_put(screen, row, column, SCREEN_PLAIN, "%.1f LUFS", pick_number(track, "momentary_lufs"));
    return screen_put(screen, row, column, hot ? SCREEN_BAD : SCREEN_DIM, " %.1f dBTP",
                      pick_number(track, "true_peak_dbtp"));
}

static int draw_sound(struct screen *screen, int row, json_t *status)
{
    json_t *track;
    size_t i;

    if (!pick_known(status, "sound.driver"))
        return row;
    screen_put(screen, row, 1, SCREEN_BOLD, "SOUND");
    int column = screen_put(screen, row, 9, SCREEN_PLAIN, "%s", pick_text(status, "sound.driver"));
    if (!pick_bool(status, "sound.worker.ready")) {
        screen_put(screen, row, column, SCREEN_BAD, "  not running, silence is sent: %s",
                   pick_text(status, "sound.worker.failure"));
    } else if (!is(status, "sound.source", "running")) {
        screen_put(screen, row, column, SCREEN_WARN, "  %s: %s", pick_text(status, "sound.source"),
                   pick_text(status, "sound.reason"));
    } else {
        json_array_foreach(pick(status, "sound.tracks"), i, track)
            column = draw_track(screen, row, column, track);
    }
    return row + 1;
}

static int draw_record(struct screen *screen, int row, json_t *status)
{
    if (!pick_known(status, "record.folder"))
        return row;
    screen_put(screen, row, 1, SCREEN_BOLD, "RECORD");
    if (!pick_bool(status, "record.worker.ready")) {
        screen_put(screen, row, 9, SCREEN_BAD, "not running: %s", pick_text(status, "record.worker.failure"));
        return row + 1;
    }
    bool failing = is(status, "record.state", "failing");
    long long left_out = pick_integer(status, "record.left_out");
    int column = screen_put(screen, row, 9, failing ? SCREEN_BAD : SCREEN_GOOD, "%s",
                            pick_text(status, "record.state"));
    if (failing) {
        screen_put(screen, row, column, SCREEN_PLAIN, "  %s", pick_text(status, "record.text"));
        return row + 1;
    }
    column = screen_put(screen, row, column, SCREEN_PLAIN, "  %s  %lld kept, %.1f GB free",
                        pick_text(status, "record.file"), pick_integer(status, "record.kept_segments"),
                        pick_number(status, "record.free_bytes") / 1e9);
    if (left_out > 0)
        screen_put(screen, row, column, SCREEN_WARN, "  %lld frames left out", left_out);
    return row + 1;
}

int view_head(struct screen *screen, int air, json_t *status)
{
    int row = 1 + air;

    draw_title(screen, status);
    draw_source(screen, row++, status);
    row = draw_sound(screen, row, status);
    draw_stream(screen, row++, status);
    row = draw_record(screen, row, status);
    draw_on_air(screen, row++, status);
    return row;
}
