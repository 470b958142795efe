// SPDX-License-Identifier: Apache-2.0
// The keys of "record".
#include "supervisor/config_fields.h"

static const char *const containers[] = {"ts", "mp4", NULL};                   // enum config_container
static const char *const modes[] = {"continuous", "command", "preroll", NULL}; // enum config_record_mode

#define MEGABYTES(low) .min = (low), .max = 100000000, .step = 1, .scale = 1, .unit = "MB"

static const struct config_field record_fields[] = {
    {.key = "folder",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_record, folder),
     LENGTH(2, 511),
     .text = "Absolute path of the folder that recordings go to; it has to be there and belong to castord's "
             "user. "
             "Empty = nothing is recorded."},
    {.key = "container",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_record, container),
     .words = containers,
     .standard = "ts",
     .text = "ts (MPEG transport stream, as it goes on air) or mp4 (fragmented MP4)."},
    {.key = "mode",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_record, mode),
     .words = modes,
     .standard = "continuous",
     .text = "continuous (from the start on), command (from castorctl record start to stop), preroll "
             "(always, but "
             "only the last preroll_minutes are kept, unless they are saved or recording was started)."},
    {.key = "segment_seconds",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_record, segment_seconds),
     RANGE(1, 86400),
     .unit = "s",
     .standard = "60",
     .text = "A new file begins with the first IDR after this time."},
    {.key = "segment_mb",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_record, segment_mb),
     MEGABYTES(1),
     .zero = true,
     .standard = "0",
     .text = "A new file begins with the first IDR after this size. 0 = any size."},
    {.key = "keep_mb",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_record, keep_mb),
     MEGABYTES(1),
     .zero = true,
     .standard = "0",
     .text = "What all files together may hold; the oldest that is not protected goes first. 0 = as free_mb "
             "allows."},
    {.key = "free_mb",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_record, free_mb),
     MEGABYTES(1),
     .zero = true,
     .standard = "1000",
     .text = "What stays free on the file system; the oldest file that is not protected goes first."},
    {.key = "preroll_minutes",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_record, preroll_minutes),
     RANGE(1, 1440),
     .unit = "minutes",
     .standard = "10",
     .text = "How much is kept at all times in mode preroll."},
    {0}};
const struct config_group config_record_group = {"The recording of the stream on local storage.",
                                                 record_fields};
