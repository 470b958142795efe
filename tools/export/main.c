// SPDX-License-Identifier: Apache-2.0
// castor-export: cuts a gap out of a recording into one file. castorctl starts it; it is a program of its own
// because it takes files apart that a disk may have spoiled: it opens them, gives up what rights it has, and
// only then looks into them. It says what came of it as one JSON object on standard output.
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <jansson.h>
#include <libavutil/log.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "export/check.h"
#include "export/copy.h"

#define NOBODY 65534

struct options {
    const char *folder, *to;
    bool mp4;
    struct export_request request;
};

struct job {
    struct catalogue catalogue;
    struct export_plan plan;
    int fds[PLAN_SEGMENTS_MAX];
    int after_fd; // -1 = none
    int out_fd;
};

static bool parse_number(const char *text, int base, uint64_t *out)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, base);
    *out = value;
    return errno == 0 && end != text && *end == '\0';
}

static bool parse_options(int argc, char **argv, struct options *options)
{
    static const struct option longs[] = {{"folder", required_argument, NULL, 'd'},
                                          {"session", required_argument, NULL, 's'},
                                          {"first", required_argument, NULL, 'f'},
                                          {"last", required_argument, NULL, 'l'},
                                          {"frames", required_argument, NULL, 'n'},
                                          {"to", required_argument, NULL, 't'},
                                          {"pts-offset", required_argument, NULL, 'p'},
                                          {"mp4", no_argument, NULL, 'm'},
                                          {0}};
    struct export_request *request = &options->request;
    uint64_t offset_ns = 0;
    bool good = true;
    int c;

    while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
        if (c == 'd')
            options->folder = optarg;
        else if (c == 't')
            options->to = optarg;
        else if (c == 'm')
            options->mp4 = true;
        else if (c == '?')
            return false;
        else
            good = good && parse_number(optarg, c == 's' ? 16 : 10,
                                        c == 's'   ? &request->session
                                        : c == 'f' ? &request->first_sequence
                                        : c == 'l' ? &request->last_sequence
                                        : c == 'n' ? &request->frames
                                                   : &offset_ns);
    }
    request->pts_offset_ns = (int64_t)offset_ns;
    return good && options->folder && options->to && request->last_sequence >= request->first_sequence &&
           request->frames > 0 && request->frames - 1 <= request->last_sequence - request->first_sequence &&
           optind == argc;
}

static int say(struct export_text *why, int error, const char *what, const char *name)
{
    snprintf(why->text, sizeof why->text, "%s %s: %s", name, what, castor_error_text(error));
    return error;
}

static int open_segment(int folder_fd, const struct catalogue_entry *entry,
                        char file[ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX])
{
    snprintf(file, ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX, "%s%s", entry->segment.file,
             entry->open ? ARCHIVE_PART_SUFFIX : "");
    return openat(folder_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
}

static int open_segments(int folder_fd, struct job *job, struct export_text *why)
{
    char file[ARCHIVE_FILE_BYTES + sizeof ARCHIVE_PART_SUFFIX];

    for (uint32_t i = 0; i < job->plan.count; i++) {
        job->fds[i] = open_segment(folder_fd, job->plan.segments[i], file);
        if (job->fds[i] < 0 && errno == ENOENT) {
            snprintf(why->text, sizeof why->text,
                     "segment %s stands in the index and is not in the folder; somebody or a bad disk has "
                     "removed it, and with it a part of the gap",
                     file);
            return CASTOR_ERR_NOT_FOUND;
        }
        if (job->fds[i] < 0)
            return say(why, castor_error_from_errno(errno), "cannot be opened", file);
    }
    job->after_fd = job->plan.after ? open_segment(folder_fd, job->plan.after, file) : -1;
    return CASTOR_OK;
}

static int open_all(const struct options *options, struct job *job, struct export_text *why)
{
    int folder_fd = open(options->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (folder_fd < 0)
        return say(why, castor_error_from_errno(errno), "cannot be opened", options->folder);
    int error = catalogue_load(folder_fd, &job->catalogue);
    if (error != CASTOR_OK)
        (void)say(why, error, "cannot be read", ARCHIVE_INDEX_FILE);
    if (error == CASTOR_OK)
        error = plan_make(&job->catalogue, &options->request, &job->plan, why);
    if (error == CASTOR_OK)
        error = open_segments(folder_fd, job, why);
    close(folder_fd);
    if (error != CASTOR_OK)
        return error;
    job->out_fd = open(options->to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    return job->out_fd < 0 ? say(why, castor_error_from_errno(errno), "cannot be made", options->to)
                           : CASTOR_OK;
}

// From here on hostile bytes can do nothing but spoil the file that is being written.
static int give_up_rights(struct export_text *why)
{
    bool good = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;

    if (geteuid() == 0)
        good = good && setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
               setresuid(NOBODY, NOBODY, NOBODY) == 0;
    int error = sandbox_enter(SANDBOX_NO_NETWORK);
    if (good && (error == CASTOR_OK || error == CASTOR_ERR_UNSUPPORTED))
        return CASTOR_OK;
    snprintf(why->text, sizeof why->text, "the rights to take files apart safely cannot be given up");
    return CASTOR_ERR_DENIED;
}

static int work(const struct options *options, struct job *job, struct copy_result *result,
                struct export_text *why)
{
    int error = open_all(options, job, why);

    if (error == CASTOR_OK)
        error = give_up_rights(why);
    for (uint32_t i = 0; i < job->plan.count && error == CASTOR_OK; i++)
        if (!job->plan.segments[i]->open)
            error = check_segment(&job->plan.segments[i]->segment, job->fds[i], why);
    if (error == CASTOR_OK)
        error = copy_gap(&job->plan, job->fds, job->after_fd, &options->request, job->out_fd, options->mp4,
                         result, why);
    return error;
}

static json_t *describe(const struct job *job, const struct copy_result *result)
{
    json_t *segments = json_array();

    for (uint32_t i = 0; i < job->plan.count; i++)
        json_array_append_new(segments, json_pack("{s:s, s:b}", "file", job->plan.segments[i]->segment.file,
                                                  "checked", !job->plan.segments[i]->open));
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ok", 1, "start_sequence",
                     (json_int_t)result->start_sequence, "start_pts", (json_int_t)result->start_pts,
                     "first_missing_pts", (json_int_t)result->first_pts, "last_missing_pts",
                     (json_int_t)result->last_pts, "frames", (json_int_t)result->frames, "missing_frames",
                     (json_int_t)result->missing, "bytes", (json_int_t)result->size_bytes, "segments",
                     segments);
}

int main(int argc, char **argv)
{
    static struct job job; // too large for the stack
    struct options options = {0};
    struct copy_result result = {0};
    struct export_text why = {""};

    if (!parse_options(argc, argv, &options)) {
        fputs("castor-export is started by castorctl gaps export\n", stderr);
        return 2;
    }
    av_log_set_level(AV_LOG_QUIET);
    int error = work(&options, &job, &result, &why);
    json_t *said = error == CASTOR_OK ? describe(&job, &result)
                                      : json_pack("{s:b, s:s}", "ok", 0, "error",
                                                  why.text[0] ? why.text : castor_error_text(error));
    json_dumpf(said, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(said);
    catalogue_clear(&job.catalogue);
    return 0;
}
