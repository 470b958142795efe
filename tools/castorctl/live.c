// SPDX-License-Identifier: Apache-2.0
#include "castorctl/live.h"

#include <ctype.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "castorctl/commands.h"
#include "castorctl/pick.h"
#include "castorctl/report.h"
#include "castorctl/screen.h"
#include "castorctl/terminal.h"
#include "castorctl/view.h"
#include "hal/time.h"

#define REDRAW_NS (250 * CASTOR_NS_PER_MS)
#define LINE_NS CASTOR_NS_PER_S
#define MESSAGE_NS (6 * CASTOR_NS_PER_S)
// A box that is being started may take a moment; one that has ended is not waited for for ever.
#define PATIENCE_NS (5 * CASTOR_NS_PER_S)

struct live {
    const struct live_options *options;
    struct client client;
    json_t *status; // the newest, or NULL
    json_t *probe;
    int64_t heard_ns; // last status, or the beginning
    struct client_why why;
    char message[640];
    bool message_bad;
    int64_t message_ns;
    int rows, columns;
    struct screen screen;
};

static void say(struct live *live, bool bad, const char *text)
{
    snprintf(live->message, sizeof live->message, "%s", text);
    live->message_bad = bad;
    live->message_ns = castor_now_ns();
}

// ---- news ----

static void refresh(struct live *live)
{
    json_t *fresh = NULL;

    if (live->client.fd < 0 && client_open(live->options->socket, &live->client, &live->why) != CASTOR_OK)
        live->client.fd = -1;
    if (live->client.fd >= 0 && commands_status(&live->client, &fresh, &live->why) != CASTOR_OK)
        client_close(&live->client);
    if (fresh || castor_now_ns() - live->heard_ns > CASTOR_NS_PER_S) {
        json_decref(live->status);
        live->status = fresh;
    }
    if (fresh)
        live->heard_ns = castor_now_ns();
    if (live->options->probe_status) {
        json_t *probe = json_load_file(live->options->probe_status, 0, NULL);
        if (probe) {
            json_decref(live->probe);
            live->probe = probe;
        }
    }
}

// ---- keys ----

static void planned_switch(struct live *live, char letter)
{
    const char path[2] = {(char)toupper((unsigned char)letter), '\0'};
    struct client_why why;
    char text[64];

    snprintf(text, sizeof text, "path %s was asked to go on air", path);
    bool done = commands_switch(&live->client, path, &why) == CASTOR_OK;
    say(live, !done, done ? text : why.text);
}

static void change_bitrate(struct live *live, int direction)
{
    long kbps = (long)pick_integer(live->status, "stream.bitrate_kbps");
    long step = kbps >= 10000 ? 1000 : kbps >= 1000 ? 250 : 50;
    struct client_why why;
    char text[64];

    kbps += direction * step;
    snprintf(text, sizeof text, "video bitrate set to %ld kbit/s", kbps);
    bool done = commands_bitrate(&live->client, kbps, &why) == CASTOR_OK;
    say(live, !done, done ? text : why.text);
}

static void break_active(struct live *live, char key)
{
    const char *active = pick_text(live->status, "on_air.path");
    struct client_why why = {""};
    char text[96];
    int error;

    if (active[0] == '\0') {
        say(live, true, "no path is on air; there is nothing to break");
        return;
    }
    if (key == 'k' || key == 'f')
        error = commands_signal(&live->client, active, key == 'k' ? SIGKILL : SIGSTOP, &why);
    else
        error = commands_fault(&live->client, active,
                               key == 'g'   ? "garbage"
                               : key == 'd' ? "drop"
                                            : "slow",
                               1, 3, &why);
    snprintf(text, sizeof text, "path %s %s", active,
             key == 'g'   ? "will send garbage once"
             : key == 'd' ? "will drop a frame"
                          : "is three times as slow now");
    say(live, error != CASTOR_OK, error != CASTOR_OK || why.text[0] ? why.text : text);
}

// As if the cable were out: the capture process stands still, the slate steps in, and the supervisor replaces
// it.
static void unplug(struct live *live)
{
    struct client_why why = {""};
    int error = commands_signal(&live->client, "capture", SIGSTOP, &why);

    say(live, error != CASTOR_OK,
        error != CASTOR_OK ? why.text : "the source is frozen: the slate stands in until it is replaced");
}

// False when the operator has seen enough.
static bool handle_key(struct live *live, int key)
{
    struct client_why why;

    if (key == 'q' || key == 'Q')
        return false;
    if (key == 0 || !live->status)
        return true;
    if (strchr("abcABCDEFGH", key)) {
        planned_switch(live, (char)key);
    } else if (strchr("kfgds", key)) {
        break_active(live, (char)key);
    } else if (key == 'u') {
        unplug(live);
    } else if (key == '+' || key == '=' || key == '-') {
        change_bitrate(live, key == '-' ? -1 : 1);
    } else if (key == 'i') {
        bool done = commands_idr(&live->client, &why) == CASTOR_OK;
        say(live, !done, done ? "an IDR was asked for" : why.text);
    }
    return true;
}

// ---- the two ways to show ----

static void draw(struct live *live)
{
    struct view view = {.status = live->status, .probe = live->probe, .message = "", .message_bad = false};
    int rows, columns;
    bool fresh = castor_now_ns() - live->message_ns < MESSAGE_NS;

    if (!live->status) {
        view.message = live->why.text;
        view.message_bad = true;
    } else if (live->message[0] && fresh) {
        view.message = live->message;
        view.message_bad = live->message_bad;
    }
    terminal_size(&rows, &columns);
    screen_begin(&live->screen, rows, columns, rows != live->rows || columns != live->columns);
    if (rows != live->rows || columns != live->columns)
        fputs("\033[2J", stdout);
    live->rows = rows;
    live->columns = columns;
    view_draw(&live->screen, &view);
    screen_show(&live->screen, stdout);
}

static bool is_over(const struct live *live, int64_t began_ns)
{
    int64_t now_ns = castor_now_ns();

    return terminal_stopped() || now_ns - live->heard_ns > PATIENCE_NS ||
           (live->options->seconds > 0 && now_ns - began_ns > live->options->seconds * CASTOR_NS_PER_S);
}

static void run_on_terminal(struct live *live)
{
    int64_t began_ns = castor_now_ns(), next_ns = began_ns;
    bool going = true;

    while (going && !is_over(live, began_ns)) {
        int64_t now_ns = castor_now_ns();
        if (now_ns >= next_ns) {
            refresh(live);
            draw(live);
            next_ns = castor_now_ns() + REDRAW_NS;
        }
        int key = terminal_key((int)((next_ns - castor_now_ns()) / CASTOR_NS_PER_MS) + 1);
        going = handle_key(live, key);
        if (key)
            next_ns = castor_now_ns(); // what it did shows at once
    }
}

static void run_as_lines(struct live *live)
{
    int64_t began_ns = castor_now_ns(), next_ns = began_ns;

    terminal_catch_signals();
    while (!is_over(live, began_ns)) {
        if (castor_now_ns() >= next_ns) {
            refresh(live);
            if (live->status)
                report_line(live->status, live->probe, stdout);
            next_ns += LINE_NS;
        }
        (void)terminal_key((int)((next_ns - castor_now_ns()) / CASTOR_NS_PER_MS) + 1);
        if (ferror(stdout)) // whoever read the lines has gone
            return;
    }
}

int live_run(const struct live_options *options)
{
    struct live *live = calloc(1, sizeof *live);

    if (!live) {
        fputs("castorctl: out of memory\n", stderr);
        return 1;
    }
    live->options = options;
    live->client.fd = -1;
    live->heard_ns = castor_now_ns();
    setlocale(LC_CTYPE, "");
    live->screen.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    live->screen.colour = !getenv("NO_COLOR");
    if (terminal_begin()) {
        run_on_terminal(live);
        terminal_end();
    } else {
        run_as_lines(live);
    }
    bool lost = castor_now_ns() - live->heard_ns > PATIENCE_NS;
    if (lost)
        fprintf(stderr, "castorctl: %s\n", live->why.text);
    client_close(&live->client);
    json_decref(live->status);
    json_decref(live->probe);
    free(live);
    return lost ? 1 : 0;
}
