// SPDX-License-Identifier: Apache-2.0
#include "castorctl/encoders.h"

#include <string.h>

#include "castorctl/pick.h"

// Whatever a text holds, it cannot command the terminal.
static void put(FILE *out, const char *text, int width)
{
    int used = 0;

    for (; *text; text++, used++)
        fputc((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text, out);
    for (; used < width; used++)
        fputc(' ', out);
}

static void put_paths(FILE *out, json_t *encoder)
{
    char letters[40] = "";
    json_t *letter;
    size_t i;

    json_array_foreach(pick(encoder, "paths"), i, letter) {
        size_t used = strlen(letters);
        if (json_is_string(letter))
            snprintf(letters + used, sizeof letters - used, "%s%.1s", used ? " " : "",
                     json_string_value(letter));
    }
    put(out, letters[0] ? letters : "-", 6);
}

static void put_milliseconds(FILE *out, json_t *encoder, const char *place)
{
    if (pick_known(encoder, place))
        fprintf(out, "%7.1f ", pick_number(encoder, place));
    else
        fputs("      - ", out);
}

static void report_one(json_t *encoder, FILE *out)
{
    put_paths(out, encoder);
    put(out, pick_text(encoder, "driver"), 9);
    put(out, pick_text(encoder, "device")[0] ? pick_text(encoder, "device") : "-", 20);
    fputc(' ', out);
    if (pick_known(encoder, "score"))
        fprintf(out, "%5lld ", pick_integer(encoder, "score"));
    else
        fputs("    - ", out);
    put_milliseconds(out, encoder, "latency_p50_ms");
    put_milliseconds(out, encoder, "latency_max_ms");
    put(out, pick_text(encoder, "reason"), 0);
    fputc('\n', out);
}

void encoders_report(json_t *status, FILE *out)
{
    json_t *encoder;
    size_t i;

    if (!pick_known(status, "encoders")) {
        fputs("this castord tells nothing about the choice of its encoders\n", out);
        return;
    }
    if (!pick_bool(status, "encoders.tried")) {
        fputs(
            "nothing was tried: the configuration names the encoder of every path (driver \"auto\" would let "
            "the box choose); castorctl selftest tries all that there is\n",
            out);
        return;
    }
    fputs("tried with ", out);
    put(out, pick_text(status, "encoders.format"), 0);
    fprintf(out, ", %lld ms together\n", pick_integer(status, "encoders.took_ms"));
    fputs("PATH  DRIVER   DEVICE               SCORE  P50 ms  MAX ms WHY\n", out);
    json_array_foreach(pick(status, "encoders.list"), i, encoder)
        report_one(encoder, out);
}
