// SPDX-License-Identifier: Apache-2.0
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "hal/time.h"
#include "standin.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT struct standin_alsa standin_alsa;

struct card {
    snd_pcm_ioplug_t io; // must stay the first member
    int64_t start_ns;
    uint64_t stood, taken; // samples: position when it stalled; given to libasound
};

static struct card *from_io(snd_pcm_ioplug_t *io)
{
    return io->private_data;
}

static uint64_t captured(const struct card *card)
{
    double elapsed_s = (double)(castor_now_ns() - card->start_ns) * 1e-9;
    uint64_t count = (uint64_t)(elapsed_s * card->io.rate * (1 + standin_alsa.ppm * 1e-6));

    return standin_alsa.granule ? count - count % standin_alsa.granule : count;
}

// What a whole box is given: in the configuration of libasound, since the card is in a process of its own
// there.
static void read_configuration(snd_config_t *conf)
{
    snd_config_iterator_t at, next;

    snd_config_for_each(at, next, conf)
    {
        snd_config_t *entry = snd_config_iterator_entry(at);
        const char *key = "", *text;
        long value = 0;
        if (snd_config_get_id(entry, &key) < 0)
            continue;
        if (strcmp(key, "gone_while") == 0 && snd_config_get_string(entry, &text) >= 0)
            (void)snprintf(standin_alsa.gone_while, sizeof standin_alsa.gone_while, "%s", text);
        if (strcmp(key, "hang_once") == 0 && snd_config_get_string(entry, &text) >= 0)
            (void)snprintf(standin_alsa.hang_once, sizeof standin_alsa.hang_once, "%s", text);
        if (snd_config_get_integer(entry, &value) < 0)
            continue;
        if (strcmp(key, "ppm") == 0)
            standin_alsa.ppm = (double)value;
        if (strcmp(key, "busy_opens") == 0 && standin_alsa.opens == 0)
            standin_alsa.busy_opens = (unsigned)value;
    }
}

static bool is_gone(void)
{
    return standin_alsa.gone || (standin_alsa.gone_while[0] && access(standin_alsa.gone_while, F_OK) == 0);
}

static int card_start(snd_pcm_ioplug_t *io)
{
    struct card *card = from_io(io);
    int64_t period_ns = (int64_t)io->period_size * CASTOR_NS_PER_S / io->rate;
    struct itimerspec spec = {castor_timespec(period_ns), castor_timespec(period_ns)};

    card->start_ns = castor_now_ns();
    card->taken = 0;
    standin_alsa.starts++;
    return timerfd_settime(io->poll_fd, 0, &spec, NULL);
}

static int card_stop(snd_pcm_ioplug_t *io)
{
    return timerfd_settime(io->poll_fd, 0, &(struct itimerspec){0}, NULL);
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io)
{
    struct card *card = from_io(io);

    if (standin_alsa.hang_once[0] && unlink(standin_alsa.hang_once) == 0)
        for (;;)
            (void)pause();
    if (!standin_alsa.stalled && !is_gone())
        card->stood = captured(card);
    if (card->stood - card->taken > io->buffer_size)
        return -EPIPE;
    return (snd_pcm_sframes_t)(card->stood % io->buffer_size);
}

static void put(uint8_t *out, int32_t value, snd_pcm_format_t format)
{
    const float real = (float)value / 2147483648.0f;
    const int32_t lower = value >> 8;

    switch (format) {
    case SND_PCM_FORMAT_S16_LE:
        memcpy(out, (uint8_t *)&value + 2, 2);
        break;
    case SND_PCM_FORMAT_S24_3LE:
        memcpy(out, (uint8_t *)&value + 1, 3);
        break;
    case SND_PCM_FORMAT_S24_LE:
        memcpy(out, &lower, 4);
        break;
    case SND_PCM_FORMAT_FLOAT_LE:
        memcpy(out, &real, 4);
        break;
    default:
        memcpy(out, &value, 4);
    }
}

static snd_pcm_sframes_t card_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
                                       snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
    struct card *card = from_io(io);

    for (snd_pcm_uframes_t i = 0; i < size; i++, card->taken++)
        for (unsigned c = 0; c < io->channels; c++)
            put((uint8_t *)areas[c].addr + (areas[c].first + (offset + i) * areas[c].step) / 8,
                standin_alsa_value(card->taken, c), io->format);
    return (snd_pcm_sframes_t)size;
}

static int card_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned count, unsigned short *events)
{
    uint64_t ticks;

    (void)count;
    *events = 0;
    if (read(fds->fd, &ticks, sizeof ticks) == sizeof ticks)
        *events = POLLIN;
    if (is_gone())
        (void)snd_pcm_ioplug_set_state(io, SND_PCM_STATE_DISCONNECTED);
    else if (standin_alsa.asleep)
        (void)snd_pcm_ioplug_set_state(io, SND_PCM_STATE_SUSPENDED);
    return 0;
}

static int card_resume(snd_pcm_ioplug_t *io)
{
    (void)io;
    standin_alsa.asleep = false;
    return 0;
}

static int card_prepare(snd_pcm_ioplug_t *io)
{
    (void)io;
    return is_gone() ? -ENODEV : 0;
}

static int card_close(snd_pcm_ioplug_t *io)
{
    close(io->poll_fd);
    free(from_io(io));
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = card_start,
    .stop = card_stop,
    .pointer = card_pointer,
    .transfer = card_transfer,
    .close = card_close,
    .prepare = card_prepare,
    .resume = card_resume,
    .poll_revents = card_revents,
};

static unsigned or_else(unsigned value, unsigned otherwise)
{
    return value ? value : otherwise;
}

static int limit(snd_pcm_ioplug_t *io)
{
    static const unsigned accesses[] = {SND_PCM_ACCESS_RW_INTERLEAVED};
    static const unsigned all[] = {SND_PCM_FORMAT_S16_LE, SND_PCM_FORMAT_S24_LE, SND_PCM_FORMAT_S24_3LE,
                                   SND_PCM_FORMAT_S32_LE, SND_PCM_FORMAT_FLOAT_LE};
    const struct standin_alsa *has = &standin_alsa;

    if (snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, accesses) < 0 ||
        snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, or_else(has->format_count, 5),
                                      has->formats ? has->formats : all) < 0 ||
        snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, or_else(has->rate_low_hz, 44100),
                                        or_else(has->rate_high_hz, 96000)) < 0 ||
        snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, or_else(has->channels_low, 1),
                                        or_else(has->channels_high, 8)) < 0 ||
        snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 64, 1 << 20) < 0 ||
        snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 256, 1 << 22) < 0)
        return -EINVAL;
    return 0;
}

EXPORT SND_PCM_PLUGIN_DEFINE_FUNC(standin);
EXPORT SND_PCM_PLUGIN_DEFINE_FUNC(standin)
{
    struct card *card;
    int error;

    (void)root;
    read_configuration(conf);
    standin_alsa.opens++;
    if (is_gone())
        return -ENODEV;
    if (standin_alsa.busy_opens > 0) {
        standin_alsa.busy_opens--;
        return -EBUSY;
    }
    card = calloc(1, sizeof *card);
    if (!card)
        return -ENOMEM;
    card->io = (snd_pcm_ioplug_t){.version = SND_PCM_IOPLUG_VERSION,
                                  .name = "a stand-in card",
                                  .flags = SND_PCM_IOPLUG_FLAG_MONOTONIC,
                                  .callback = &callbacks,
                                  .private_data = card,
                                  .poll_events = POLLIN};
    card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    error = card->io.poll_fd < 0 ? -errno : snd_pcm_ioplug_create(&card->io, name, stream, mode);
    if (error < 0)
        goto fail;
    error = limit(&card->io);
    if (error < 0) {
        snd_pcm_ioplug_delete(&card->io); // calls close()
        return error;
    }
    *pcmp = card->io.pcm;
    return 0;
fail:
    if (card->io.poll_fd >= 0)
        close(card->io.poll_fd);
    free(card);
    return error;
}
EXPORT SND_PCM_PLUGIN_SYMBOL(standin);

EXPORT int standin_alsa_install(const char *path)
{
    FILE *file = fopen(path, "w");

    if (!file)
        return -1;
    (void)fprintf(file, "pcm_type.standin { lib \"%s\" }\npcm.castor0 { type standin }\n",
                  STANDIN_ALSA_LIBRARY);
    return fclose(file) == 0 && setenv("ALSA_CONFIG_PATH", path, 1) == 0 ? 0 : -1;
}
