// SPDX-License-Identifier: Apache-2.0
#include "castorctl/terminal.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before;
static bool taken;
static volatile sig_atomic_t stopped;

static void on_signal(int number)
{
    (void)number;
    stopped = 1;
}

// Only there so that a change of size ends a wait.
static void on_size(int number)
{
    (void)number;
}

void terminal_catch_signals(void)
{
    // Without SA_RESTART: a wait must end.
    struct sigaction stop = {.sa_handler = on_signal}, size = {.sa_handler = on_size};

    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGHUP, &stop, NULL);
    sigaction(SIGWINCH, &size, NULL);
    signal(SIGPIPE, SIG_IGN);
}

bool terminal_begin(void)
{
    struct termios raw;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &before) != 0)
        return false;
    terminal_catch_signals();
    raw = before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0)
        return false;
    taken = true;
    fputs("\033[?1049h\033[?25l\033[2J", stdout); // other page, no cursor, clear
    fflush(stdout);
    return true;
}

void terminal_end(void)
{
    if (!taken)
        return;
    taken = false;
    fputs("\033[0m\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
}

bool terminal_stopped(void)
{
    return stopped != 0;
}

void terminal_size(int *rows, int *columns)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 0 && size.ws_col > 0;

    *rows = known ? size.ws_row : 24;
    *columns = known ? size.ws_col : 80;
}

int terminal_key(int wait_ms)
{
    struct pollfd input = {.fd = taken ? STDIN_FILENO : -1, .events = POLLIN};
    unsigned char key = 0;

    int n = poll(&input, 1, wait_ms);
    if (n <= 0)
        return 0;
    // A terminal that is gone reads as its end.
    ssize_t got = read(STDIN_FILENO, &key, 1);
    if (got <= 0 && (input.revents & (POLLHUP | POLLERR)))
        stopped = 1;
    // Arrow and function keys come as several bytes: they mean nothing here, and their letters must not
    // either.
    while (got == 1 && key == '\033' && read(STDIN_FILENO, &(unsigned char){0}, 1) == 1)
        continue;
    return got == 1 && key != '\033' ? key : 0;
}
