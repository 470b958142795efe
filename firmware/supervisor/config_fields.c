// SPDX-License-Identifier: Apache-2.0
// The table of all keys of the configuration: its root, and the groups that have few.
#include "supervisor/config_fields.h"

static const char *const level_words[] = {"error", "warning", "info", "debug", NULL}; // enum log_level
static const char *const realtime_words[] = {"off", "auto", NULL};

static const struct config_field pool_fields[] = {
    {.key = "slots",
     .kind = CONFIG_KIND_NUMBER,
     AT(struct config, pool_slots),
     .min = 8,
     .max = 64,
     .step = 1,
     .scale = 1,
     .zero = true,
     .unit = "frames",
     .standard = "0",
     .text = "Raw frames that the pool holds. 0 = as many as the budgets need."},
    {.key = "dmabuf",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, pool_dmabuf),
     LENGTH(3, 63),
     .standard = CONFIG_DMABUF_AUTO,
     .text =
         "Whether capture devices and encoders reach the pool's memory themselves, so that no frame is "
         "copied: \"auto\" where the kernel has /dev/udmabuf and castord may open it, \"off\", or a heap "
         "such as /dev/dma_heap/linux,cma, whose memory the board's devices can use. Whoever is given such "
         "memory could write into it: capture, and the encoders v4l2m2m and vaapi; from a heap, all of "
         "them."},
    {0}};
static const struct config_group pool_group = {"The pool of raw frames.", pool_fields};

static const struct config_field control_fields[] = {
    {.key = "socket",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, control_socket),
     LENGTH(2, 103),
     .text = "Absolute path of the local socket. Empty = $CASTOR_SOCKET, /run/castor/castor.sock for root, "
             "$XDG_RUNTIME_DIR/castor.sock."},
    {.key = "allow_faults",
     .kind = CONFIG_KIND_BOOL,
     AT(struct config, allow_faults),
     .text = "Allow castorctl to make faults happen on purpose."},
    {0}};
static const struct config_group control_group = {"Local control.", control_fields};

#define GROUP(name, where, what)                                                                             \
    {                                                                                                        \
        .key = (name), .kind = CONFIG_KIND_OBJECT, .offset = (where), .group = &(what)                       \
    }
static const struct config_field root_fields[] = {
    {.key = "$schema",
     .kind = CONFIG_KIND_TEXT,
     LENGTH(1, 1023),
     .text = "Where this schema is, for editors; ignored."},
    {.key = "name",
     .kind = CONFIG_KIND_TEXT,
     AT(struct config, name),
     LENGTH(1, 63),
     .standard = "castor",
     .text = "Name of the box in its status."},
    {.key = "log_level",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config, log_level),
     .words = level_words,
     .standard = "info",
     .text = "How much is logged."},
    {.key = "realtime",
     .kind = CONFIG_KIND_CHOICE,
     AT(struct config, realtime),
     .words = realtime_words,
     .standard = "auto",
     .text = "auto: take real-time scheduling where the system permits it."},
    GROUP("source", offsetof(struct config, source), config_source_group),
    GROUP("sound", offsetof(struct config, sound), config_sound_group),
    GROUP("encoder", offsetof(struct config, encoder), config_encoder_group),
    GROUP("switch", offsetof(struct config, switching), config_switch_group),
    GROUP("slate", offsetof(struct config, slate), config_slate_group),
    GROUP("pool", 0, pool_group),
    GROUP("mux", offsetof(struct config, mux), config_mux_group),
    GROUP("record", offsetof(struct config, record), config_record_group),
    {.key = "destinations",
     .kind = CONFIG_KIND_ARRAY,
     .offset = offsetof(struct config, destinations),
     .size = sizeof(struct config_destination),
     .max = CONFIG_DESTINATIONS_MAX,
     .group = &config_destination_group,
     .stride = sizeof(struct config_destination),
     .count_offset = offsetof(struct config, destination_count),
     .standard = "[]",
     .text = "Who gets the stream."},
    {.key = "overlay",
     .kind = CONFIG_KIND_ARRAY,
     .offset = offsetof(struct config, overlay),
     .size = sizeof(struct message_overlay_item),
     .max = MESSAGE_OVERLAY_ITEMS_MAX,
     .group = &config_overlay_group,
     .stride = sizeof(struct message_overlay_item),
     .count_offset = offsetof(struct config, overlay_count),
     .standard = "[]",
     .text = "What is drawn over every picture before it is encoded, the later items over the earlier."},
    GROUP("control", 0, control_group),
    {0}};
const struct config_group config_root = {
    "Configuration of a Castor encoder box. Every key may be left out; its default then holds.", root_fields};
