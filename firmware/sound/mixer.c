// SPDX-License-Identifier: Apache-2.0
#include "sound/mixer.h"

#include <string.h>

#include "base/sound_grid.h"

#define HALF_POWER 0.70710678f // -3 dB
// Front, centre and surround at -3 dB each sum to this; divided by it they cannot be louder than full scale.
#define DOWNMIX (1.0f / (1.0f + 2 * HALF_POWER))

// From the order L R C LFE Ls Rs. Two channels from six as in ITU-R BS.775, table 2, without the LFE.
static void suit(uint32_t inputs, uint32_t outputs, float factor[][SOUND_CHANNELS_MAX])
{
    if (outputs == 2 && inputs >= 6) {
        factor[0][0] = factor[1][1] = DOWNMIX;
        factor[0][2] = factor[1][2] = factor[0][4] = factor[1][5] = HALF_POWER * DOWNMIX;
    } else if (outputs == 1 && inputs >= 2) {
        factor[0][0] = factor[0][1] = 0.5f;
    } else if (inputs == 1) {
        // One voice is in the middle.
        factor[outputs == 6 ? 2 : 0][0] = 1;
        if (outputs == 2)
            factor[1][0] = 1;
    } else {
        for (uint32_t i = 0; i < outputs && i < inputs; i++)
            factor[i][i] = 1;
    }
}

static struct mixer_setting setting_of(const struct mixer *mixer)
{
    const struct message_sound_mix *mix = &mixer->wanted;
    const float level = (float)mix->level / MESSAGE_SOUND_ONE;
    struct mixer_setting setting = {.delay = mix->delay_ms * (int32_t)(SOUND_GRID_HZ / 1000)};

    if (mix->standard)
        suit(mixer->inputs, mixer->outputs, setting.factor);
    for (uint32_t o = 0; o < mixer->outputs; o++)
        for (uint32_t i = 0; i < SOUND_CHANNELS_MAX; i++) {
            if (!mix->standard)
                setting.factor[o][i] = (float)mix->factor[o][i] / MESSAGE_SOUND_ONE;
            setting.factor[o][i] *= level;
        }
    return setting;
}

void mixer_init(struct mixer *mixer, uint32_t outputs, const struct message_sound_mix *mix)
{
    *mixer = (struct mixer){.outputs = outputs, .wanted = *mix, .fade = MIXER_FADE};
    mixer->now = mixer->next = setting_of(mixer);
}

static void begin_fade(struct mixer *mixer)
{
    mixer->now = mixer->next;
    mixer->next = setting_of(mixer);
    mixer->fade = 0;
    mixer->changed = false;
}

void mixer_set(struct mixer *mixer, const struct message_sound_mix *mix)
{
    mixer->wanted = *mix;
    if (mixer->fade == MIXER_FADE)
        begin_fade(mixer);
    else
        mixer->changed = true; // a fade that is cut short would click
}

void mixer_set_inputs(struct mixer *mixer, uint32_t inputs)
{
    struct message_sound_mix same = mixer->wanted;

    if (mixer->inputs == inputs)
        return;
    mixer->inputs = inputs;
    if (same.standard)
        mixer_set(mixer, &same);
}

static uint64_t before(uint64_t position, int32_t delay)
{
    return delay > 0 && (uint64_t)delay > position ? 0 : position - (uint64_t)(int64_t)delay;
}

uint64_t mixer_needs(const struct mixer *mixer, uint64_t position, uint32_t count)
{
    int32_t least = mixer->next.delay;

    if (mixer->fade < MIXER_FADE && mixer->now.delay < least)
        least = mixer->now.delay;
    // A change that waits may begin within these samples.
    if (mixer->changed && mixer->wanted.delay_ms * (int32_t)(SOUND_GRID_HZ / 1000) < least)
        least = mixer->wanted.delay_ms * (int32_t)(SOUND_GRID_HZ / 1000);
    return before(position + count, least);
}

static void add(const struct mixer_setting *setting, uint32_t outputs, const struct timeline *timeline,
                uint64_t position, float share, float *out)
{
    const float *in = timeline_at(timeline, before(position, setting->delay));

    for (uint32_t o = 0; o < outputs; o++) {
        float sum = 0;
        for (uint32_t i = 0; i < SOUND_CHANNELS_MAX; i++)
            sum += setting->factor[o][i] * in[i];
        out[o] += share * sum;
    }
}

static void clip(struct mixer *mixer, float *out)
{
    for (uint32_t o = 0; o < mixer->outputs; o++) {
        if (out[o] <= 1.0f && out[o] >= -1.0f)
            continue;
        mixer->clipped++;
        out[o] = out[o] > 0 ? 1.0f : out[o] < 0 ? -1.0f : 0.0f; // what is no number is silence
    }
}

void mixer_run(struct mixer *mixer, const struct timeline *timeline, uint64_t position, uint32_t count,
               float *out)
{
    for (uint32_t n = 0; n < count; n++, out += mixer->outputs) {
        memset(out, 0, mixer->outputs * sizeof *out);
        if (mixer->fade < MIXER_FADE) {
            const float share = (float)(mixer->fade + 1) / (MIXER_FADE + 1);
            add(&mixer->now, mixer->outputs, timeline, position + n, 1 - share, out);
            add(&mixer->next, mixer->outputs, timeline, position + n, share, out);
            mixer->fade++;
        } else {
            add(&mixer->next, mixer->outputs, timeline, position + n, 1, out);
            if (mixer->changed)
                begin_fade(mixer);
        }
        clip(mixer, out);
    }
}
