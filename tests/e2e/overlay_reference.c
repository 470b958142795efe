// SPDX-License-Identifier: Apache-2.0
// overlay_reference WIDTH HEIGHT SEQUENCE ITEM... - draws items, each a JSON object as in the configuration,
// onto a raw I420 picture from standard input as if it were that frame, and writes it to standard output.
#include <stdio.h>
#include <stdlib.h>

#include "draw/overlay.h"
#include "supervisor/config_overlay.h"

static int draw(const struct castor_format *format, const struct castor_frame *frame, char **items)
{
    static struct config config;
    struct message_overlay order = {0};
    struct message_overlay_state state;
    struct config_error error;
    struct overlay *overlay;

    if (overlay_create(format, &overlay) != CASTOR_OK)
        return 1;
    for (; *items; items++, order.index++) {
        if (config_overlay_change(&config, order.index, *items, &order.item, &error) != CASTOR_OK) {
            fprintf(stderr, "overlay_reference: %s: %s\n", error.path, error.text);
            return 1;
        }
        if (overlay_set(overlay, &order) != CASTOR_OK)
            return 1;
    }
    if (!overlay_wait(overlay, castor_now_ns() + 10 * CASTOR_NS_PER_S))
        return 1;
    while (overlay_report(overlay, &state))
        if (state.status != MESSAGE_OVERLAY_IS_PREPARED) {
            fprintf(stderr, "overlay_reference: item %u: %s\n", state.index, state.reason);
            return 1;
        }
    if (overlay_prepare(overlay))
        overlay_draw(overlay, frame);
    overlay_destroy(overlay);
    return 0;
}

int main(int argc, char **argv)
{
    struct castor_format format = {.pixel = CASTOR_PIXEL_I420, .rate = {30, 1}};
    struct castor_frame_layout layout;
    struct castor_frame frame = {.capture_ns = 1};
    uint8_t *memory;
    int failed;

    if (argc < 4)
        return 2;
    format.width_px = (uint32_t)strtoul(argv[1], NULL, 10);
    format.height_px = (uint32_t)strtoul(argv[2], NULL, 10);
    frame.sequence = strtoull(argv[3], NULL, 10);
    if (castor_frame_layout_compute(&format, 1, &layout) != CASTOR_OK)
        return 2;
    memory = malloc(layout.size_bytes);
    if (!memory || fread(memory, 1, layout.size_bytes, stdin) != layout.size_bytes)
        return 2;
    castor_frame_map(&layout, memory, &frame);
    failed = draw(&format, &frame, argv + 4);
    if (!failed && fwrite(memory, 1, layout.size_bytes, stdout) != layout.size_bytes)
        failed = 1;
    free(memory);
    return failed;
}
