// SPDX-License-Identifier: Apache-2.0
#include "castorctl/gaps_export.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/process.h"
#include "castorctl/pick.h"
#include "hal/time.h"

#define EXPORT_NS (3600 * CASTOR_NS_PER_S)
#define ANSWER_BYTES (256 << 10)
#define TICKS 90000
#define WRAP (INT64_C(1) << 33)

static int fail(struct client_why *why, int error, const char *format, const char *name, const char *what)
{
    snprintf(why->text, sizeof why->text, format, name, what);
    return error;
}

// Runs it and reads its answer; *out is the caller's.
static int run_export(char *const argv[], json_t **out, struct client_why *why)
{
    static char answer[ANSWER_BYTES];
    struct child_end end;
    int error = child_run(argv, castor_now_ns() + EXPORT_NS, answer, sizeof answer, &end);
    json_t *object = error == CASTOR_OK ? json_loads(answer, JSON_REJECT_DUPLICATES, NULL) : NULL;

    if (error != CASTOR_OK)
        return fail(why, error, "%s %s; nothing was exported", "castor-export", end.text);
    if (!pick_bool(object, "ok")) {
        error = fail(why, CASTOR_ERR_REJECTED, "%s%s", pick_text(object, "error"),
                     object ? "" : "castor-export said nothing that can be understood");
        json_decref(object);
        return error;
    }
    *out = object;
    return CASTOR_OK;
}

static int start_export(const char *folder, const struct journal_gap *gap, const char *part, bool mp4,
                        json_t **out, struct client_why *why)
{
    char program[PATH_MAX], session[20], first[24], last[24], frames[24], offset[24];
    char *argv[] = {program, (char *)"--folder", (char *)folder, (char *)"--session",
                    session, (char *)"--first",  first,          (char *)"--last",
                    last,    (char *)"--frames", frames,         (char *)"--pts-offset",
                    offset,  (char *)"--to",     (char *)part,   mp4 ? (char *)"--mp4" : NULL,
                    NULL};

    int error = process_folder(program, sizeof program - sizeof "/castor-export");
    if (error != CASTOR_OK)
        return fail(why, error, "%s cannot be found%s", "castor-export", "");
    strcat(program, "/castor-export");
    snprintf(session, sizeof session, "%016" PRIx64, gap->session);
    snprintf(first, sizeof first, "%" PRIu64, gap->first_sequence);
    snprintf(last, sizeof last, "%" PRIu64, gap->last_sequence);
    snprintf(frames, sizeof frames, "%" PRIu64, gaps_frames(gap));
    snprintf(offset, sizeof offset, "%" PRId64, gap->pts_offset_ns);
    return run_export(argv, out, why);
}

// Under its name when it is complete, and not over a file that came to be there.
static int put_in_place(const char *part, const char *to, struct client_why *why)
{
    char folder[PATH_MAX];

    if (link(part, to) != 0)
        return fail(why, castor_error_from_errno(errno), "%s cannot be made: %s", to, strerror(errno));
    (void)unlink(part);
    snprintf(folder, sizeof folder, "%s", to);
    int fd = open(dirname(folder), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)fsync(fd); // where it cannot be, the file itself is on the disk
        close(fd);
    }
    return CASTOR_OK;
}

static json_t *place(uint64_t sequence, int64_t pts, int64_t utc_ns)
{
    char utc[GAPS_TIME_BYTES];

    gaps_time(utc_ns, utc);
    return json_pack("{s:I, s:I, s:s}", "frame", (json_int_t)sequence, "pts", (json_int_t)pts, "utc", utc);
}

// Adds where to cut to what castor-export said.
static void describe(json_t *result, const struct journal_gap *gap, const char *to, bool mp4)
{
    int64_t start_pts = pick_integer(result, "start_pts"),
            first_pts = pick_integer(result, "first_missing_pts");
    int64_t first_utc_ns = gap->first_capture_ns + gap->utc_offset_ns;
    int64_t back_ns = ((first_pts - start_pts) & (WRAP - 1)) * (CASTOR_NS_PER_S / 1000) / (TICKS / 1000);

    json_object_set_new(result, "file", json_string(to));
    json_object_set_new(result, "format", json_string(mp4 ? "mp4" : "ts"));
    json_object_set_new(
        result, "begins",
        place((uint64_t)pick_integer(result, "start_sequence"), start_pts, first_utc_ns - back_ns));
    json_object_set_new(result, "first_missing", place(gap->first_sequence, first_pts, first_utc_ns));
    json_object_set_new(result, "ends",
                        place(gap->last_sequence, pick_integer(result, "last_missing_pts"),
                              gap->last_capture_ns + gap->utc_offset_ns));
    json_object_del(result, "start_sequence");
    json_object_del(result, "start_pts");
    json_object_del(result, "first_missing_pts");
    json_object_del(result, "last_missing_pts");
    json_object_del(result, "ok");
}

int gaps_export(const char *folder, const struct journal_gap *gap, const char *to, bool mp4, json_t **out,
                struct client_why *why)
{
    char part[PATH_MAX];
    struct stat info;

    if (lstat(to, &info) == 0)
        return fail(why, CASTOR_ERR_BUSY, "%s exists already; choose another name, nothing was exported%s",
                    to, "");
    if (snprintf(part, sizeof part, "%s.part-%d", to, (int)getpid()) >= (int)sizeof part)
        return fail(why, CASTOR_ERR_INVALID, "the name %s%s is too long", to, "");
    int error = start_export(folder, gap, part, mp4, out, why);
    if (error == CASTOR_OK) {
        describe(*out, gap, to, mp4);
        error = put_in_place(part, to, why);
        if (error != CASTOR_OK)
            json_decref(*out);
    }
    if (error != CASTOR_OK)
        (void)unlink(part);
    return error;
}
