// SPDX-License-Identifier: Apache-2.0
// The stand-in's EDID: kept while the device is closed, as receivers do, and obeyed by the camera behind it.
#include <errno.h>
#include <string.h>

#include "internal.h"
#include "reference.h"

#define BLOCK_BYTES 128
#define BLOCKS_MAX 2
#define AWAY_PICTURES 20 // how long the signal is away after a new EDID

static uint8_t kept[BLOCKS_MAX * BLOCK_BYTES];
static uint32_t kept_blocks, writes;

uint32_t standin_v4l2cap_edid_writes(void)
{
    return writes;
}

void edid_shape(uint32_t *width, uint32_t *height)
{
    const uint8_t *timing = kept + 54; // the preferred one: E-EDID 1.4, 3.10.2

    if (kept_blocks == 0)
        return;
    *width = timing[2] | (timing[4] & 0xf0u) << 4;
    *height = timing[5] | (timing[7] & 0xf0u) << 4;
}

static int check(const struct v4l2_edid *body, const char *call)
{
    for (size_t i = 0; i < sizeof body->reserved / sizeof body->reserved[0]; i++)
        if (body->reserved[i])
            return misuse("%s with something reserved", call);
    return body->pad == 0 ? 0 : EINVAL;
}

int edid_get(const struct device *device, struct v4l2_edid *body)
{
    if (!device->plan.dv || device->plan.no_edid)
        return ENOTTY;
    int error = check(body, "G_EDID");
    if (error)
        return error;
    if (body->start_block == 0 && body->blocks == 0) {
        body->blocks = kept_blocks;
        return 0;
    }
    if (kept_blocks == 0)
        return ENODATA;
    if (body->start_block >= kept_blocks)
        return EINVAL;
    if (body->blocks > kept_blocks - body->start_block)
        body->blocks = kept_blocks - body->start_block;
    memcpy(body->edid, kept + body->start_block * BLOCK_BYTES, body->blocks * BLOCK_BYTES);
    return 0;
}

int edid_set(struct device *device, struct v4l2_edid *body)
{
    if (!device->plan.dv || device->plan.no_edid)
        return ENOTTY;
    int error = check(body, "S_EDID");
    if (error || body->start_block != 0)
        return EINVAL;
    if (body->blocks > BLOCKS_MAX) {
        body->blocks = BLOCKS_MAX;
        return E2BIG;
    }
    if (device->plan.busy || device->buffer_count)
        return EBUSY;
    for (uint32_t i = 0; i < body->blocks; i++) {
        uint8_t sum = 0;
        for (uint32_t k = 0; k < BLOCK_BYTES; k++)
            sum = (uint8_t)(sum + body->edid[i * BLOCK_BYTES + k]);
        if (sum)
            return misuse("S_EDID with a wrong checksum in block %u", i);
    }
    memcpy(kept, body->edid, body->blocks * BLOCK_BYTES);
    kept_blocks = body->blocks;
    writes++;
    edid_shape(&device->signal_width, &device->signal_height);
    if (device->plan.hotplug) {
        device->link = FAULT_NOSIGNAL;
        device->link_until = AWAY_PICTURES;
    }
    return 0;
}
