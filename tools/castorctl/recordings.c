// SPDX-License-Identifier: Apache-2.0
#include "castorctl/recordings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "archive/catalogue.h"
#include "castorctl/commands.h"
#include "castorctl/pick.h"
#include "hal/time.h"

#define ANSWER_NS (3 * CASTOR_NS_PER_S)
#define LOOK_NS (50 * CASTOR_NS_PER_MS)

// ---- commands ----

// The recorder works beside castord: its answer shows in the status.
static int wait_for_answer(struct client *client, struct client_why *why)
{
    const int64_t until_ns = castor_now_ns() + ANSWER_NS;
    const struct timespec pause = castor_timespec(LOOK_NS);
    long long order = 0;

    for (;;) {
        json_t *status = NULL;
        int error = commands_status(client, &status, why);
        if (error != CASTOR_OK)
            return error;
        if (order == 0)
            order = pick_integer(status, "record.last_order");
        bool answered = pick_integer(status, "record.answered") >= order;
        bool good = pick_bool(status, "record.answer_ok");
        if (answered)
            snprintf(why->text, sizeof why->text, "%s", pick_text(status, "record.answer"));
        json_decref(status);
        if (answered)
            return good ? CASTOR_OK : CASTOR_ERR_REJECTED;
        if (castor_now_ns() > until_ns) {
            snprintf(
                why->text, sizeof why->text,
                "the recorder has not answered yet; its disk is slow, or it is being started. See castorctl "
                "status");
            return CASTOR_ERR_TIMEOUT;
        }
        (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
    }
}

static int order(struct client *client, const char *action, const char *text, long minutes,
                 struct client_why *why)
{
    json_t *reply = NULL;
    json_t *request = json_pack("{s:s, s:s, s:s, s:I}", "command", "record", "action", action, "text", text,
                                "minutes", (json_int_t)minutes);
    int error = client_ask(client, request, &reply, why);

    json_decref(reply);
    return error == CASTOR_OK ? wait_for_answer(client, why) : error;
}

static int save(struct client *client, char **words, struct client_why *why)
{
    long minutes = 0;
    char *end = NULL;

    if (words[0]) {
        minutes = strtol(words[0], &end, 10);
        if (*words[0] == '\0' || *end != '\0' || minutes < 1 || minutes > 1440) {
            snprintf(why->text, sizeof why->text,
                     "\"%.32s\" are no minutes; give 1 to 1440, or nothing for all", words[0]);
            return CASTOR_ERR_INVALID;
        }
    }
    return order(client, "save", words[0] && words[1] ? words[1] : "", minutes, why);
}

// ---- list ----

static void put_time(FILE *out, const struct archive_segment *segment)
{
    char text[32] = "?";
    struct tm tm;
    int64_t utc_ns = segment->first_capture_ns + segment->utc_offset_ns;
    time_t utc_s = (time_t)(utc_ns / CASTOR_NS_PER_S);

    if (utc_ns > 0 && gmtime_r(&utc_s, &tm))
        strftime(text, sizeof text, "%F %T", &tm);
    fprintf(out, "%-19s ", text);
}

static void put_entry(FILE *out, const struct catalogue_entry *entry)
{
    const struct archive_segment *segment = &entry->segment;
    const char *kind = entry->open          ? "open"
                       : segment->preroll   ? "pre-roll"
                       : segment->recovered ? "recovered"
                                            : "kept";

    put_time(out, segment);
    if (entry->open)
        fprintf(out, "%8s %9s %9s ", "-", "-", "-");
    else
        fprintf(out, "%8.1f %9llu %9.1f ",
                (double)(segment->last_capture_ns - segment->first_capture_ns) / (double)CASTOR_NS_PER_S,
                (unsigned long long)segment->frames, (double)segment->bytes / 1e6);
    fprintf(out, "%-9s %-9s %s%s%s\n", kind, entry->guarded ? "protected" : "", segment->file,
            segment->recording[0] ? "  " : "", segment->recording);
}

static void put_note(FILE *out, const struct archive_line *line)
{
    const struct archive_segment at = {.first_capture_ns = line->note.capture_ns,
                                       .utc_offset_ns = line->note.utc_offset_ns};

    put_time(out, &at);
    fprintf(out, "%s at frame %llu", line->kind == ARCHIVE_MARK ? "mark" : "gap",
            (unsigned long long)line->note.first_sequence);
    if (line->kind == ARCHIVE_GAP)
        fprintf(out, " to %llu", (unsigned long long)line->note.last_sequence);
    fputs(": ", out);
    for (const char *c = line->note.text; *c; c++) // whatever it holds, it cannot command the terminal
        fputc((unsigned char)*c < 0x20 || *c == 0x7f ? '?' : *c, out);
    fputc('\n', out);
}

static int read_folder(const char *path, struct catalogue *catalogue, struct client_why *why)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? castor_error_from_errno(errno) : catalogue_load(fd, catalogue);

    if (fd >= 0)
        close(fd);
    if (error != CASTOR_OK)
        snprintf(why->text, sizeof why->text,
                 "%s cannot be read: %s; run castorctl on the box, as castord's user", path,
                 castor_error_text(error));
    return error;
}

static int list(struct client *client, FILE *out, struct client_why *why)
{
    struct catalogue catalogue = {0};
    json_t *status = NULL;
    int error = commands_status(client, &status, why);

    if (error != CASTOR_OK)
        return error;
    if (!pick_known(status, "record.folder")) {
        snprintf(why->text, sizeof why->text,
                 "this box does not record; set record.folder in its configuration");
        error = CASTOR_ERR_NOT_FOUND;
    } else {
        error = read_folder(pick_text(status, "record.folder"), &catalogue, why);
    }
    json_decref(status);
    if (error != CASTOR_OK)
        return error;
    fputs("BEGIN (UTC)          SECONDS    FRAMES        MB STATE               FILE  RECORDING\n", out);
    for (size_t i = 0; i < catalogue.count; i++)
        put_entry(out, &catalogue.entries[i]);
    for (size_t i = 0; i < catalogue.note_count; i++)
        put_note(out, &catalogue.notes[i]);
    catalogue_clear(&catalogue);
    return CASTOR_OK;
}

// ---- the words ----

int recordings_run(struct client *client, char **words, FILE *out, struct client_why *why)
{
    static const struct {
        const char *action;
        int least, most; // words behind it
    } actions[] = {{"start", 0, 1},   {"stop", 0, 0},      {"mark", 1, 1}, {"save", 0, 2},
                   {"protect", 1, 1}, {"unprotect", 1, 1}, {"list", 0, 0}};
    int count = 0;

    while (words[0] && words[count + 1])
        count++;
    for (size_t i = 0; words[0] && i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(words[0], actions[i].action) != 0 || count < actions[i].least || count > actions[i].most)
            continue;
        if (strcmp(words[0], "list") == 0)
            return list(client, out, why);
        return strcmp(words[0], "save") == 0 ? save(client, words + 1, why)
                                             : order(client, words[0], words[1] ? words[1] : "", 0, why);
    }
    snprintf(why->text, sizeof why->text,
             "record takes start [NAME], stop, mark TEXT, save [MINUTES [NAME]], protect NAME, unprotect "
             "NAME or list");
    return CASTOR_ERR_INVALID;
}
