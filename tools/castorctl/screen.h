// SPDX-License-Identifier: Apache-2.0
// A page of text in memory that is written to a terminal: only rows that have changed, in one piece, so that
// nothing flickers. What is put beyond the edges is cut off; control characters become "?", so that no text
// from elsewhere can command the terminal.
#ifndef CASTORCTL_SCREEN_H
#define CASTORCTL_SCREEN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCREEN_ROWS_MAX 100
#define SCREEN_COLUMNS_MAX 200

enum screen_style {
    SCREEN_PLAIN,
    SCREEN_BOLD,
    SCREEN_DIM,
    SCREEN_TITLE,  // the bar at the top
    SCREEN_GOOD,   // green
    SCREEN_BAD,    // red
    SCREEN_WARN,   // yellow
    SCREEN_ON_AIR, // what is on air
};

struct screen_cell {
    uint32_t character; // Unicode
    uint32_t style;     // enum screen_style
};

struct screen {
    int rows, columns;
    bool colour;
    bool unicode;
    struct screen_cell cell[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];
    struct screen_cell shown[SCREEN_ROWS_MAX][SCREEN_COLUMNS_MAX];
};

// Blank, and of this size (cut to the maximum). `all` = everything is written at the next show.
void screen_begin(struct screen *screen, int rows, int columns, bool all);
// Writes text at a place; returns the column behind it. Negative rows and rows beyond the last are ignored.
int screen_put(struct screen *screen, int row, int column, enum screen_style style, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
// Gives a whole row a style.
void screen_paint(struct screen *screen, int row, enum screen_style style);
// Takes everything off a row.
void screen_blank(struct screen *screen, int row);
// Writes what has changed to `out`.
void screen_show(struct screen *screen, FILE *out);

#endif
