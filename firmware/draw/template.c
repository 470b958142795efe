// SPDX-License-Identifier: Apache-2.0
#include "draw/template.h"

#include <stdio.h>
#include <string.h>

static const char *const field_names[MOMENT_FIELDS] = {
    [MOMENT_TIME] = "time", [MOMENT_DATE] = "date", [MOMENT_TIMECODE] = "timecode", [MOMENT_FRAME] = "frame"};

static struct template_piece *last_text(struct template *out, struct draw_reason *why)
{
    struct template_piece *last = out->count > 0 ? &out->piece[out->count - 1] : NULL;

    if (last && last->text[0] != '\0')
        return last;
    if (out->count == TEMPLATE_PIECES_MAX) {
        (void)draw_reason_set(why, CASTOR_ERR_INVALID, "the text has too many placeholders");
        return NULL;
    }
    last = &out->piece[out->count++];
    last->text[0] = '\0';
    return last;
}

static int add_text(struct template *out, const char *text, size_t size_bytes, struct draw_reason *why)
{
    struct template_piece *piece = size_bytes > 0 ? last_text(out, why) : NULL;
    size_t used;

    if (size_bytes == 0)
        return CASTOR_OK;
    if (!piece)
        return CASTOR_ERR_INVALID;
    used = strlen(piece->text);
    if (used + size_bytes >= sizeof piece->text)
        return draw_reason_set(why, CASTOR_ERR_INVALID, "the text is too long");
    memcpy(piece->text + used, text, size_bytes);
    piece->text[used + size_bytes] = '\0';
    return CASTOR_OK;
}

// `word` is what stands between the braces.
static int add_placeholder(struct template *out, const char *word, size_t size_bytes, const char *name,
                           struct draw_reason *why)
{
    if (size_bytes == 4 && strncmp(word, "name", 4) == 0)
        return add_text(out, name, strlen(name), why);
    for (enum moment_field field = 0; field < MOMENT_FIELDS; field++) {
        if (strlen(field_names[field]) != size_bytes || strncmp(word, field_names[field], size_bytes) != 0)
            continue;
        if (out->count == TEMPLATE_PIECES_MAX)
            return draw_reason_set(why, CASTOR_ERR_INVALID, "the text has too many placeholders");
        out->piece[out->count].text[0] = '\0';
        out->piece[out->count++].field = field;
        return CASTOR_OK;
    }
    return draw_reason_set(
        why, CASTOR_ERR_INVALID,
        "the text has an unknown placeholder {%.*s}; known are {time}, {date}, {timecode}, "
        "{frame}, {name}, and {{ for a brace",
        (int)(size_bytes < 32 ? size_bytes : 32), word);
}

int template_parse(const char *text, const char *name, struct template *out, struct draw_reason *why)
{
    int error = CASTOR_OK;

    out->count = 0;
    while (*text && !error) {
        size_t plain = strcspn(text, "{");
        const char *word = text + plain + 1;
        size_t size_bytes;

        error = add_text(out, text, plain, why);
        if (error || text[plain] == '\0')
            return error;
        if (*word == '{') {
            error = add_text(out, word, 1, why);
            text = word + 1;
            continue;
        }
        size_bytes = strcspn(word, "}");
        if (word[size_bytes] == '\0')
            return draw_reason_set(why, CASTOR_ERR_INVALID, "a { in the text has no }; write {{ for a brace");
        error = add_placeholder(out, word, size_bytes, name, why);
        text = word + size_bytes + 1;
    }
    return error;
}
