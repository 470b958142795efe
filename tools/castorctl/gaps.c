// SPDX-License-Identifier: Apache-2.0
#include "castorctl/gaps.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "castorctl/commands.h"
#include "castorctl/gaps_export.h"
#include "castorctl/pick.h"
#include "hal/time.h"

struct view {
    struct gaps_list list;
    struct catalogue catalogue;
    char folder[512]; // "" = there is no recording
};

// ---- what there is ----

static int ask_box(struct view *view, const struct gaps_options *options, struct client_why *why)
{
    struct client client = {.fd = -1};
    json_t *gaps = NULL, *config = NULL;
    int error = client_open(options->socket, &client, why);

    if (error == CASTOR_OK)
        error = commands_gaps(&client, &gaps, why);
    if (error == CASTOR_OK)
        error = commands_config(&client, &config, why);
    if (error == CASTOR_OK && view->folder[0] == '\0')
        snprintf(view->folder, sizeof view->folder, "%s", pick_text(config, "record.folder"));
    client_close(&client);
    if (error == CASTOR_OK) {
        error = gaps_list_add(&view->list, gaps);
        if (error != CASTOR_OK)
            snprintf(why->text, sizeof why->text, "castord tells gaps that cannot be (%s)",
                     castor_error_text(error));
    }
    json_decref(gaps);
    json_decref(config);
    return error;
}

static int read_folder(struct view *view, struct client_why *why)
{
    struct journal old;
    int fd = open(view->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? CASTOR_ERR_NOT_FOUND : catalogue_load(fd, &view->catalogue);

    if (error == CASTOR_OK)
        error = journal_load(fd, &old);
    if (fd >= 0)
        close(fd);
    if (error != CASTOR_OK) {
        snprintf(why->text, sizeof why->text, "the recording folder %.200s cannot be read: %s", view->folder,
                 fd < 0 ? "there is no such folder, or no permission" : castor_error_text(error));
        return error;
    }
    // What the box itself told is newer.
    for (size_t i = 0; i < view->list.gaps.count && error == CASTOR_OK; i++)
        error = journal_apply(&old, &view->list.gaps.gaps[i]);
    journal_clear(&view->list.gaps);
    view->list.gaps = old;
    gaps_list_sort(&view->list);
    return error;
}

// The box, its recording, or both.
static int take_view(struct view *view, const struct gaps_options *options, struct client_why *why)
{
    if (options->folder)
        snprintf(view->folder, sizeof view->folder, "%s", options->folder);
    int error = ask_box(view, options, why);
    if (error == CASTOR_ERR_NOT_FOUND && options->folder)
        error = CASTOR_OK; // a recording can be read without its box
    return error == CASTOR_OK && view->folder[0] != '\0' ? read_folder(view, why) : error;
}

static enum gaps_recorded recorded(const struct view *view, const struct journal_gap *gap)
{
    return view->folder[0] != '\0' ? gaps_recorded(&view->catalogue, gap) : GAPS_RECORDED_UNKNOWN;
}

// ---- the list ----

static void print_cause(const struct journal_gap *gap)
{
    static const char *const words[JOURNAL_CAUSES] = {
        "not connected", "waited for an IDR", "no room to send", "no answer", "doubtful", "sender down",
    };
    int most = 0;

    for (int cause = 1; cause < JOURNAL_CAUSES; cause++)
        if (gap->frames[cause] > gap->frames[most])
            most = cause;
    printf("%s", words[most]);
}

static void print_gap(const struct view *view, const struct journal_gap *gap)
{
    char name[GAPS_NAME_BYTES], from[GAPS_TIME_BYTES], to[GAPS_TIME_BYTES];

    gaps_name(&view->list, gap, name);
    gaps_time(gap->first_capture_ns + gap->utc_offset_ns, from);
    gaps_time(gap->last_capture_ns + gap->utc_offset_ns, to);
    printf("%-12s %-12s %s %s %9.3f %7llu %7llu %-8s ", name, gap->destination, from, to,
           (double)(gap->last_capture_ns - gap->first_capture_ns) / 1e9, (unsigned long long)gaps_frames(gap),
           (unsigned long long)gap->possible, gaps_recorded_name(recorded(view, gap)));
    print_cause(gap);
    puts(gap->open && gap->session == view->list.session ? ", still open" : "");
}

static bool is_wanted(const struct journal_gap *gap, const struct gaps_options *options, int64_t since_ns)
{
    return (!options->destination || strcmp(gap->destination, options->destination) == 0) &&
           gap->last_capture_ns + gap->utc_offset_ns >= since_ns;
}

static int list(const struct view *view, const struct gaps_options *options, struct client_why *why)
{
    int64_t since_ns = INT64_MIN;
    struct timespec now;
    json_t *array = json_array();

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (options->since && gaps_since(options->since, (int64_t)now.tv_sec * CASTOR_NS_PER_S, &since_ns)) {
        snprintf(why->text, sizeof why->text,
                 "--since %.64s is no time; give 90s, 10m, 2h, 3d or 2026-03-01T12:00:00Z", options->since);
        json_decref(array);
        return CASTOR_ERR_INVALID;
    }
    if (!options->json)
        printf("%-12s %-12s %-24s %-24s %9s %7s %7s %-8s %s\n", "gap", "destination", "from (UTC)", "to",
               "seconds", "frames", "perhaps", "recorded", "most of it");
    for (size_t i = 0; i < view->list.gaps.count; i++) {
        const struct journal_gap *gap = &view->list.gaps.gaps[i];
        if (!is_wanted(gap, options, since_ns))
            continue;
        if (options->json)
            json_array_append_new(array, gaps_json(&view->list, gap, recorded(view, gap)));
        else
            print_gap(view, gap);
    }
    if (options->json) {
        json_dumpf(array, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(12));
        putchar('\n');
    }
    json_decref(array);
    return CASTOR_OK;
}

// ---- export ----

static void print_place(const char *what, json_t *result, const char *key)
{
    json_t *at = pick(result, key);

    printf("  %-44s frame %lld, PTS %lld, %s\n", what, pick_integer(at, "frame"), pick_integer(at, "pts"),
           pick_text(at, "utc"));
}

static void print_export(json_t *result)
{
    printf("%s: %lld frames, of them %lld that are missing, %.1f MB\n", pick_text(result, "file"),
           pick_integer(result, "frames"), pick_integer(result, "missing_frames"),
           (double)pick_integer(result, "bytes") / 1e6);
    print_place("keep what the edge has before this frame:", result, "begins");
    print_place("then this file, which begins with it; missing from:", result, "first_missing");
    print_place("go on with what the edge has after this frame:", result, "ends");
}

static int export_one(const struct view *view, const char *name, const struct gaps_options *options,
                      struct client_why *why)
{
    const struct journal_gap *gap = gaps_find(&view->list, name);
    bool mp4 = options->format && strcmp(options->format, "mp4") == 0;
    json_t *result = NULL;

    if (!gap) {
        snprintf(why->text, sizeof why->text, "there is no gap %.40s; castorctl gaps lists them", name);
        return CASTOR_ERR_NOT_FOUND;
    }
    if (view->folder[0] == '\0') {
        snprintf(why->text, sizeof why->text,
                 "this box does not record (record.folder); where there is a recording of it, name that with "
                 "--folder");
        return CASTOR_ERR_UNSUPPORTED;
    }
    if (gap->open && gap->session == view->list.session) {
        snprintf(why->text, sizeof why->text, "gap %.40s still lasts; export it when it has ended", name);
        return CASTOR_ERR_BUSY;
    }
    int error = gaps_export(view->folder, gap, options->to, mp4, &result, why);
    if (error != CASTOR_OK)
        return error;
    if (options->json) {
        json_dumpf(result, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        print_export(result);
    }
    json_decref(result);
    return CASTOR_OK;
}

static const char *wrong_words(char **words, int count, const struct gaps_options *options)
{
    bool exports = count > 0 && strcmp(words[0], "export") == 0;

    if (count > 0 && !exports)
        return "gaps takes no more words, or: export NUMBER --to FILE";
    if (exports && (count != 2 || !options->to))
        return "gaps export takes the number of a gap and --to FILE";
    if (options->format && strcmp(options->format, "ts") != 0 && strcmp(options->format, "mp4") != 0)
        return "--format takes ts or mp4";
    return NULL;
}

int gaps_run(char **words, int count, const struct gaps_options *options)
{
    static struct view view; // 0
    struct client_why why = {""};
    const char *wrong = wrong_words(words, count, options);

    if (wrong) {
        fprintf(stderr, "castorctl: %s; see castorctl --help\n", wrong);
        return 2;
    }
    int error = take_view(&view, options, &why);
    if (error == CASTOR_OK)
        error = count > 0 ? export_one(&view, words[1], options, &why) : list(&view, options, &why);
    if (error != CASTOR_OK)
        fprintf(stderr, "castorctl: %s\n", why.text[0] ? why.text : castor_error_text(error));
    journal_clear(&view.list.gaps);
    catalogue_clear(&view.catalogue);
    return error == CASTOR_OK ? 0 : 1;
}
