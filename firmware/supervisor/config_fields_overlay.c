// SPDX-License-Identifier: Apache-2.0
// The keys of an item of "overlay".
#include "supervisor/config_fields.h"

// In the order of ipc/message_overlay.h.
static const char *const kinds[] = {"off", "text", "clock", "timecode", "logo", "qr", NULL};
static const char *const anchors[] = {"top_left", "top",         "top_right", "left",         "centre",
                                      "right",    "bottom_left", "bottom",    "bottom_right", NULL};
static const char *const edges[] = {"none", "outline", "shadow", NULL};
static const char *const zones[] = {"utc", "local", NULL};
static const char *const levels[] = {"low", "medium", "quartile", "high", NULL};

#define ITEM(member) AT(struct message_overlay_item, member)

static const struct config_field overlay_fields[] = {
    {.key = "kind",
     .kind = CONFIG_KIND_CHOICE,
     ITEM(kind),
     .words = kinds,
     .standard = "off",
     .required = true,
     .text = "What is drawn: text, clock (text that is {time} unless another is given), timecode (the same "
             "with {timecode}), logo (a PNG file), qr (a QR code), or off."},
    {.key = "anchor",
     .kind = CONFIG_KIND_CHOICE,
     ITEM(anchor),
     .words = anchors,
     .standard = "top_left",
     .text = "The corner, edge or centre of the picture that the item is placed by."},
    {.key = "x",
     .kind = CONFIG_KIND_NUMBER,
     ITEM(x_px),
     RANGE(0, 4096),
     .unit = "pixels",
     .standard = "0",
     .text = "Distance from the anchor, inwards; from the centre to the right."},
    {.key = "y",
     .kind = CONFIG_KIND_NUMBER,
     ITEM(y_px),
     RANGE(0, 4096),
     .unit = "pixels",
     .standard = "0",
     .text = "Distance from the anchor, inwards; from the centre downwards."},
    {.key = "size",
     .kind = CONFIG_KIND_NUMBER,
     ITEM(size_px),
     RANGE(0, 2304),
     .unit = "pixels",
     .standard = "0",
     .text =
         "Height of the font or the logo, or the side of a QR code's module. 0 = an 18th of the picture's "
         "height for a font, the logo as it is, a 180th for a module."},
    {.key = "colour",
     .kind = CONFIG_KIND_TEXT,
     ITEM(colour),
     LENGTH(7, 7),
     .standard = "#ffffff",
     .text = "Colour of a text, \"#rrggbb\"."},
    {.key = "opacity",
     .kind = CONFIG_KIND_NUMBER,
     ITEM(opacity_percent),
     RANGE(0, 100),
     .unit = "percent",
     .standard = "100",
     .text = "How much of the picture the item covers."},
    {.key = "edge",
     .kind = CONFIG_KIND_CHOICE,
     ITEM(edge),
     .words = edges,
     .standard = "outline",
     .text = "What keeps a text legible on any picture."},
    {.key = "font",
     .kind = CONFIG_KIND_TEXT,
     ITEM(font),
     LENGTH(1, 127),
     .text = "A font file by its whole path, or sans, sans-bold, mono, mono-bold. Empty = sans-bold."},
    {.key = "text",
     .kind = CONFIG_KIND_TEXT,
     ITEM(text),
     LENGTH(1, 511),
     .text = "The text, or what a QR code says. {time}, {date}, {timecode} and {frame} stand for those of "
             "each frame (not in a QR code), {name} for the name of the box, {{ for a brace."},
    {.key = "zone",
     .kind = CONFIG_KIND_CHOICE,
     ITEM(zone),
     .words = zones,
     .standard = "utc",
     .text = "Whether times are UTC or of the time zone of the box."},
    {.key = "file",
     .kind = CONFIG_KIND_TEXT,
     ITEM(file),
     LENGTH(1, 255),
     .text = "PNG file of a logo, by its whole path. It is read anew with every change of the item."},
    {.key = "level",
     .kind = CONFIG_KIND_CHOICE,
     ITEM(level),
     .words = levels,
     .standard = "medium",
     .text = "Error correction of a QR code: about 7, 15, 25 or 30 percent of it may be destroyed."},
    {.key = "quiet",
     .kind = CONFIG_KIND_NUMBER,
     ITEM(quiet),
     RANGE(0, 16),
     .unit = "modules",
     .standard = "4",
     .text = "White border of a QR code; readers want 4."},
    {0}};
const struct config_group config_overlay_group = {
    "An item that is drawn over every picture before it is encoded.", overlay_fields};
