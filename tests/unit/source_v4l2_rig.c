// SPDX-License-Identifier: Apache-2.0
#include "source_v4l2_rig.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "source_number_reader.h"

const struct castor_format rig_format = {320, 180, CASTOR_PIXEL_I420, {100, 1}};

const char *rig_options;

int rig_try(struct rig *rig, const char *made, const char *faults, const struct castor_format *wanted,
            struct source_text *why)
{
    struct source_config config = {.path = "/dev/video-castor0", .options = rig_options, .format = *wanted};
    const struct source_driver *driver;
    struct castor_frame_layout layout;
    int error;

    memset(rig, 0, sizeof *rig);
    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    setenv("CASTOR_STANDIN_V4L2CAP", made, 1);
    setenv("CASTOR_STANDIN_V4L2CAP_FAULTS", faults, 1);
    assert_int_equal(source_driver_find("v4l2", &driver, why), 0);
    error = source_open(driver, &config, &rig->source, why);
    if (error)
        return error;
    assert_int_equal(castor_frame_layout_compute(&rig->source->format, 64, &layout), 0);
    rig->memory = malloc(layout.size_bytes * RIG_SLOTS);
    assert_non_null(rig->memory);
    memset(rig->memory, 77, layout.size_bytes * RIG_SLOTS);
    for (uint32_t i = 0; i < RIG_SLOTS; i++) {
        rig->slot[i].slot = i;
        rig->slot[i].dmabuf_fd = -1;
        castor_frame_map(&layout, rig->memory + layout.size_bytes * i, &rig->slot[i]);
    }
    return CASTOR_OK;
}

void rig_open(struct rig *rig, const char *made, const char *faults, const struct castor_format *wanted)
{
    struct source_text why = {""};

    if (rig_try(rig, made, faults, wanted, &why) != CASTOR_OK)
        fail_msg("\"%s\", \"%s\": %s", made, faults, why.text);
}

void rig_close(struct rig *rig)
{
    source_close(rig->source);
    free(rig->memory);
}

void rig_lend(struct rig *rig)
{
    for (uint32_t i = 0; i < RIG_SLOTS && source_lent(rig->source) < rig->source->queue_depth; i++) {
        if (rig->lent[i])
            continue;
        assert_int_equal(source_queue(rig->source, &rig->slot[i]), 0);
        rig->lent[i] = true;
    }
}

int rig_next(struct rig *rig, struct castor_frame *out)
{
    int error;

    rig_lend(rig);
    while ((error = source_dequeue(rig->source, out)) == CASTOR_ERR_AGAIN) {
        struct pollfd poll_fd = {.fd = source_descriptor(rig->source), .events = POLLIN};
        assert_int_equal(poll(&poll_fd, 1, RIG_BUDGET_MS), 1);
    }
    if (!error)
        rig->lent[out->slot] = false;
    return error;
}

struct castor_frame rig_frame(struct rig *rig)
{
    struct castor_frame frame = {0};
    int error = rig_next(rig, &frame);

    if (error)
        fail_msg("%s: %s", castor_error_text(error), source_fault(rig->source));
    return frame;
}

uint64_t rig_number(const struct rig *rig, const struct castor_frame *frame)
{
    uint64_t number = 0;

    assert_true(number_read(frame->plane[0], frame->stride_bytes[0], rig->source->format.width_px, &number));
    return number;
}
