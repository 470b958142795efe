// SPDX-License-Identifier: Apache-2.0
// A sound card through libasound. Its blocks carry the time stamps of its own driver. Samples that it lost
// (overrun, suspend) are told with an estimate from these; a card that is gone ends the source.
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "alsa_device.h"
#include "alsa_samples.h"
#include "module/module.h"
#include "source/ticker.h"

#define READ_SAMPLES 4096 // at once
#define POLL_MAX 8
#define RETRY_NS (100 * CASTOR_NS_PER_MS) // a card that sleeps is looked at this often
#define SILENT_NS CASTOR_NS_PER_S         // without samples for that long there is no signal
#define STAMP_OLD_NS CASTOR_NS_PER_S      // a stamp that is older than what a card keeps is nonsense
#define STAMP_AHEAD_NS (5 * CASTOR_NS_PER_MS)

struct alsa {
    struct sound sound;
    struct alsa_device device;
    int poll_fd, ticker;
    uint64_t next;  // index of the sample that is read next
    int64_t end_ns; // when the last one that was read had ended; 0: none was
    int64_t alive_ns;
    bool anew, asleep;
    int64_t retry_ns; // asleep: when to look again
    uint8_t *raw;
};

static struct alsa *from_sound(struct sound *sound)
{
    return (struct alsa *)sound;
}

static void alsa_close(struct sound *sound)
{
    struct alsa *alsa = from_sound(sound);

    if (!alsa)
        return;
    if (alsa->poll_fd >= 0)
        close(alsa->poll_fd);
    if (alsa->ticker >= 0)
        close(alsa->ticker);
    if (alsa->device.pcm)
        (void)snd_pcm_close(alsa->device.pcm);
    free(alsa->raw);
    free(alsa);
}

// One descriptor for all that libasound has, and for a look at a card that sleeps.
static int open_poll(struct alsa *alsa)
{
    struct pollfd fds[POLL_MAX];
    struct epoll_event event = {.events = EPOLLIN};
    int count = snd_pcm_poll_descriptors_count(alsa->device.pcm);

    if (count < 1 || count > POLL_MAX ||
        snd_pcm_poll_descriptors(alsa->device.pcm, fds, (unsigned)count) != count ||
        ticker_open(&alsa->ticker))
        return CASTOR_ERR_NO_MEMORY;
    alsa->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (alsa->poll_fd < 0 || epoll_ctl(alsa->poll_fd, EPOLL_CTL_ADD, alsa->ticker, &event) < 0)
        return CASTOR_ERR_NO_MEMORY;
    for (int i = 0; i < count; i++) {
        event.events = (uint32_t)fds[i].events; // poll's bits are epoll's
        if (epoll_ctl(alsa->poll_fd, EPOLL_CTL_ADD, fds[i].fd, &event) < 0)
            return CASTOR_ERR_NO_MEMORY;
    }
    return CASTOR_OK;
}

static int alsa_open(const struct sound_config *config, struct sound **out, struct source_text *why)
{
    struct alsa *alsa = calloc(1, sizeof *alsa);
    const char *name = config->path && config->path[0] ? config->path : "default";
    int error = CASTOR_ERR_NO_MEMORY;

    if (!alsa)
        return source_text_set(why, error, "out of memory for the sound card");
    alsa->poll_fd = alsa->ticker = -1;
    alsa->anew = true;
    error = source_options_parse(config->options, NULL, 0, why);
    if (!error)
        error = alsa_device_open(name, &config->format, &alsa->device, &alsa->sound.note, why);
    if (error)
        goto fail;
    alsa->sound.format = alsa->device.format;
    alsa->raw = malloc((size_t)READ_SAMPLES * SOUND_CHANNELS_MAX * 4);
    error = alsa->raw ? open_poll(alsa) : CASTOR_ERR_NO_MEMORY;
    if (error) {
        source_text_set(why, error, "out of memory or descriptors for the sound card");
        goto fail;
    }
    if (snd_pcm_start(alsa->device.pcm) < 0) {
        error = source_text_set(why, CASTOR_ERR_IO, "sound card \"%.60s\" does not start", name);
        goto fail;
    }
    alsa->alive_ns = castor_now_ns();
    *out = &alsa->sound;
    return CASTOR_OK;
fail:
    alsa_close(&alsa->sound);
    return error;
}

static int gone(struct alsa *alsa, int error)
{
    if (error == -ENODEV || error == -ENOENT || error == -ENOTTY || error == -ENXIO)
        return source_text_set(&alsa->sound.fault, CASTOR_ERR_LOST,
                               "the sound card is gone: plug it in again; it is looked for until then");
    return source_text_set(&alsa->sound.fault, CASTOR_ERR_IO, "the sound card failed: %s",
                           snd_strerror(error));
}

static int start_again(struct alsa *alsa)
{
    int error = snd_pcm_prepare(alsa->device.pcm);

    if (error == 0)
        error = snd_pcm_start(alsa->device.pcm);
    if (error < 0)
        return gone(alsa, error);
    ticker_set(alsa->ticker, SOURCE_NO_DEADLINE);
    alsa->asleep = false;
    alsa->anew = true;
    alsa->sound.counters.restarts++;
    return CASTOR_ERR_AGAIN;
}

static int wake(struct alsa *alsa)
{
    int error = snd_pcm_resume(alsa->device.pcm);

    if (error == -EAGAIN) { // the system is not back yet
        alsa->asleep = true;
        alsa->retry_ns = castor_now_ns() + RETRY_NS;
        ticker_set(alsa->ticker, alsa->retry_ns);
        return CASTOR_ERR_AGAIN;
    }
    if (error == -ENODEV)
        return gone(alsa, error);
    return start_again(alsa); // after a resume as well: what was kept meanwhile has no time
}

// After libasound's `error`: goes on if there is a way.
static int recover(struct alsa *alsa, int error)
{
    if (error == -EAGAIN || error == -EINTR)
        return CASTOR_ERR_AGAIN;
    if (snd_pcm_state(alsa->device.pcm) == SND_PCM_STATE_DISCONNECTED)
        return gone(alsa, -ENODEV);
    if (error == -EPIPE) {
        alsa->sound.counters.overruns++;
        return start_again(alsa);
    }
    return error == -ESTRPIPE ? wake(alsa) : gone(alsa, error);
}

// Some kinds of PCM take their wake-up back only when they are asked what it meant.
static void take_wake_up(snd_pcm_t *pcm)
{
    struct pollfd fds[POLL_MAX];
    unsigned short events;
    int count = snd_pcm_poll_descriptors(pcm, fds, POLL_MAX);

    if (count > 0 && poll(fds, (nfds_t)count, 0) > 0)
        (void)snd_pcm_poll_descriptors_revents(pcm, fds, (unsigned)count, &events);
}

// What the state says, where not every kind of PCM says it by an error.
static int state_error(snd_pcm_t *pcm)
{
    switch (snd_pcm_state(pcm)) {
    case SND_PCM_STATE_DISCONNECTED:
        return -ENODEV;
    case SND_PCM_STATE_SUSPENDED:
        return -ESTRPIPE;
    case SND_PCM_STATE_XRUN:
        return -EPIPE;
    default:
        return 0;
    }
}

// What the card can yield and when its oldest sample was taken.
static snd_pcm_sframes_t look(struct alsa *alsa, int64_t *first_ns)
{
    snd_pcm_t *pcm = alsa->device.pcm;
    snd_pcm_sframes_t ready;
    snd_pcm_uframes_t stamped = 0;
    snd_htimestamp_t stamp = {0};
    int64_t now_ns, stamp_ns;

    ready = state_error(pcm);
    if (ready == 0)
        ready = snd_pcm_avail(pcm);
    if (ready <= 0)
        return ready;
    now_ns = castor_now_ns();
    if (snd_pcm_htimestamp(pcm, &stamped, &stamp) < 0)
        stamp.tv_sec = 0;
    stamp_ns = (int64_t)stamp.tv_sec * CASTOR_NS_PER_S + stamp.tv_nsec;
    if (stamp_ns > now_ns + STAMP_AHEAD_NS || stamp_ns < now_ns - STAMP_OLD_NS) {
        alsa->sound.counters.times_corrected++;
        stamped = (snd_pcm_uframes_t)ready;
        stamp_ns = now_ns;
    }
    *first_ns = stamp_ns - sound_time_ns(alsa->sound.format.rate_hz, stamped);
    return ready;
}

static uint64_t lost_since(const struct alsa *alsa, int64_t first_ns)
{
    return alsa->end_ns > 0 && first_ns > alsa->end_ns
               ? sound_samples_in(alsa->sound.format.rate_hz, first_ns - alsa->end_ns)
               : 0;
}

static int alsa_read(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out)
{
    struct alsa *alsa = from_sound(sound);
    struct sound_block block = {.anew = alsa->anew};
    snd_pcm_sframes_t count;

    take_wake_up(alsa->device.pcm);
    if (alsa->asleep)
        return castor_now_ns() < alsa->retry_ns ? CASTOR_ERR_AGAIN : wake(alsa);
    count = look(alsa, &block.capture_ns);
    if (count == 0)
        return CASTOR_ERR_AGAIN;
    if (count > 0)
        count = snd_pcm_readi(alsa->device.pcm, alsa->raw,
                              room_samples < READ_SAMPLES ? room_samples : READ_SAMPLES);
    if (count <= 0)
        return recover(alsa, count == 0 ? -EAGAIN : (int)count);
    block.lost = alsa->anew ? lost_since(alsa, block.capture_ns) : 0;
    block.index = alsa->next + block.lost;
    block.samples = (uint32_t)count;
    alsa_samples_to_floats(sound->format.sample, alsa->raw, block.samples * (size_t)sound->format.channels,
                           samples);
    sound->counters.lost_samples += block.lost;
    alsa->next = block.index + block.samples;
    alsa->end_ns = block.capture_ns + sound_time_ns(sound->format.rate_hz, block.samples);
    alsa->anew = false;
    alsa->alive_ns = castor_now_ns();
    sound->fault.text[0] = '\0';
    *out = block;
    return CASTOR_OK;
}

static int alsa_descriptor(const struct sound *sound)
{
    return ((const struct alsa *)sound)->poll_fd;
}

static enum source_signal alsa_signal(const struct sound *sound)
{
    struct alsa *alsa = from_sound((struct sound *)(uintptr_t)sound); // the fault is not part of the value

    if (castor_now_ns() - alsa->alive_ns < SILENT_NS)
        return alsa->end_ns > 0 ? SOURCE_SIGNAL_PRESENT : SOURCE_SIGNAL_UNKNOWN;
    source_text_set(&alsa->sound.fault, 0,
                    alsa->asleep ? "the sound card sleeps: it is woken when the system lets it"
                                 : "the sound card gives no samples: it has no clock, or its driver hangs");
    return SOURCE_SIGNAL_NONE;
}

static void alsa_set_origin(struct sound *sound, const struct source_origin *origin)
{
    (void)sound, (void)origin; // a card has no timeline but time
}

static const struct sound_driver sound_alsa = {
    .name = "alsa",
    .description = "a sound card through ALSA",
    .open = alsa_open,
    .read = alsa_read,
    .descriptor = alsa_descriptor,
    .signal = alsa_signal,
    .set_origin = alsa_set_origin,
    .close = alsa_close,
};

DRIVER_MODULE(sound_alsa)
