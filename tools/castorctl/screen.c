// SPDX-License-Identifier: Apache-2.0
#include "castorctl/screen.h"

#include <stdarg.h>
#include <string.h>

void screen_blank(struct screen *screen, int row)
{
    for (int column = 0; row >= 0 && row < SCREEN_ROWS_MAX && column < SCREEN_COLUMNS_MAX; column++)
        screen->cell[row][column] = (struct screen_cell){' ', SCREEN_PLAIN};
}

void screen_begin(struct screen *screen, int rows, int columns, bool all)
{
    screen->rows = rows < SCREEN_ROWS_MAX ? rows : SCREEN_ROWS_MAX;
    screen->columns = columns < SCREEN_COLUMNS_MAX ? columns : SCREEN_COLUMNS_MAX;
    for (int row = 0; row < SCREEN_ROWS_MAX; row++)
        screen_blank(screen, row);
    if (all)
        memset(screen->shown, 0, sizeof screen->shown);
}

// Takes one character of UTF-8; what is malformed or would command the terminal becomes "?".
static uint32_t take(const char **text)
{
    const unsigned char *at = (const unsigned char *)*text;
    int more = at[0] < 0x80 ? 0 : at[0] >= 0xf0 ? 3 : at[0] >= 0xe0 ? 2 : at[0] >= 0xc0 ? 1 : -1;
    uint32_t c = more == 0 ? at[0] : more > 0 ? at[0] & (0x3fu >> more) : '?';
    int i = 1;

    for (; i <= more && (at[i] & 0xc0) == 0x80; i++)
        c = c << 6 | (at[i] & 0x3fu);
    *text += i;
    return i <= more || c < 0x20 || (c >= 0x7f && c < 0xa0) ? '?' : c;
}

// For terminals that know ASCII only.
static uint32_t plain(uint32_t c)
{
    return c < 0x80 ? c : c == 0x2192 ? '>' : c == 0x2030 ? '%' : c == 0x2502 ? '|' : c == 0x00b7 ? '-' : '?';
}

int screen_put(struct screen *screen, int row, int column, enum screen_style style, const char *format, ...)
{
    char buffer[1024];
    const char *text = buffer;
    va_list args;

    va_start(args, format);
    vsnprintf(buffer, sizeof buffer, format, args);
    va_end(args);
    for (; *text; column++) {
        uint32_t c = take(&text);
        if (row >= 0 && row < screen->rows && column >= 0 && column < screen->columns)
            screen->cell[row][column] = (struct screen_cell){screen->unicode ? c : plain(c), style};
    }
    return column;
}

void screen_paint(struct screen *screen, int row, enum screen_style style)
{
    for (int column = 0; row >= 0 && row < screen->rows && column < screen->columns; column++)
        screen->cell[row][column].style = style;
}

static void put_style(const struct screen *screen, uint32_t style, FILE *out)
{
    static const char *const codes[] = {
        [SCREEN_PLAIN] = "0",   [SCREEN_BOLD] = "0;1",   [SCREEN_DIM] = "0;2",   [SCREEN_TITLE] = "0;7",
        [SCREEN_GOOD] = "0;32", [SCREEN_BAD] = "0;1;31", [SCREEN_WARN] = "0;33", [SCREEN_ON_AIR] = "0;1;32",
    };
    static const char *const colourless[] = {
        [SCREEN_PLAIN] = "0", [SCREEN_BOLD] = "0;1", [SCREEN_DIM] = "0",    [SCREEN_TITLE] = "0;7",
        [SCREEN_GOOD] = "0",  [SCREEN_BAD] = "0;7",  [SCREEN_WARN] = "0;1", [SCREEN_ON_AIR] = "0;1",
    };

    fprintf(out, "\033[%sm", (screen->colour ? codes : colourless)[style]);
}

static void put_character(uint32_t c, FILE *out)
{
    char bytes[5] = {0};

    if (c < 0x80) {
        bytes[0] = (char)c;
    } else if (c < 0x800) {
        bytes[0] = (char)(0xc0 | c >> 6);
        bytes[1] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        bytes[0] = (char)(0xe0 | c >> 12);
        bytes[1] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[2] = (char)(0x80 | (c & 0x3f));
    } else {
        bytes[0] = (char)(0xf0 | c >> 18);
        bytes[1] = (char)(0x80 | (c >> 12 & 0x3f));
        bytes[2] = (char)(0x80 | (c >> 6 & 0x3f));
        bytes[3] = (char)(0x80 | (c & 0x3f));
    }
    fputs(bytes, out);
}

void screen_show(struct screen *screen, FILE *out)
{
    for (int row = 0; row < screen->rows; row++) {
        size_t bytes = (size_t)screen->columns * sizeof screen->cell[0][0];
        if (memcmp(screen->cell[row], screen->shown[row], bytes) == 0)
            continue;
        memcpy(screen->shown[row], screen->cell[row], bytes);
        fprintf(out, "\033[%d;1H", row + 1);
        uint32_t style = UINT32_MAX;
        for (int column = 0; column < screen->columns; column++) {
            const struct screen_cell *cell = &screen->cell[row][column];
            if (cell->style != style)
                put_style(screen, cell->style, out);
            style = cell->style;
            put_character(cell->character, out);
        }
        fputs("\033[0m", out);
    }
    fflush(out);
}
