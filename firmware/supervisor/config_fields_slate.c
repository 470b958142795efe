// SPDX-License-Identifier: Apache-2.0
// The keys of "slate".
#include "supervisor/config_fields.h"

static const char *const picture_words[] = {"off", "last", "still", "bars", "black", NULL}; // enum
static const char *const place_words[] = {"top", "middle", "bottom", NULL};                 // enum
static const char *const sound_words[] = {"on", "silence", NULL};                           // enum

static const struct config_field slate_fields[] = {
    {.key = "picture",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_slate, picture),
     .words = picture_words,
     .standard = "last",
     .text =
         "What is sent while the source is lost, in the same frame rate: the last live picture (black where "
         "there was none), the still in file, bars, black; off: nothing, the frames are missing."},
    {.key = "file",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_slate, file),
     LENGTH(1, 511),
     .text = "PNG file of the still; scaled into the picture, with black beside it."},
    {.key = "text",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_slate, text),
     LENGTH(1, 127),
     .standard = "Signal lost %t",
     .text = "Text over it; %t is the time since the loss (00:12). Empty = none."},
    {.key = "place",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_slate, place),
     .words = place_words,
     .standard = "bottom",
     .text = "Where the text stands."},
    {.key = "font",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config_slate, font),
     LENGTH(1, 255),
     .text = "Font of the text: a file, or sans, sans-bold, mono, mono-bold. Empty = sans-bold."},
    {.key = "hold_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_slate, hold_ms),
     RANGE(0, 60000),
     .unit = "ms",
     .standard = "500",
     .text = "A loss shorter than this shows the last live picture without a text, whatever is configured: a "
             "source that starts anew is no news to viewers."},
    {.key = "budget_ms",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config_slate, budget_ms),
     RANGE(5, 1000),
     .zero = true,
     .unit = "ms",
     .standard = "0",
     .text =
         "How long after its time a frame is waited for before the slate takes its place. So that receivers "
         "notice nothing, budget_ms + one frame interval + 35 ms (drawing it and its first picture) must fit "
         "into the smallest SRT latency. 0 = two frame intervals and 20 ms, or what that latency allows."},
    {.key = "sound",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config_slate, sound),
     .words = sound_words,
     .standard = "on",
     .text = "What becomes of the sound while the slate is shown: on (what its source gives), or silence."},
    {0}};
const struct config_group config_slate_group = {"What stands in for a lost source.", slate_fields};
