// SPDX-License-Identifier: Apache-2.0
// Plays clicks into one end of the kernel's sound loop (snd-aloop), whose clock may run at another speed than
// the house clock: each click leaves at a given time of the house clock, however far the card's clock is off
// by then.
#include <alsa/asoundlib.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RATE_HZ 48000
#define CHANNELS 2
#define PERIOD_SAMPLES 480
#define BUFFER_SAMPLES 24000 // an emulated machine may stand still for long
#define NO_PITCH 100000      // the control's value for a clock that is not off
#define WINDOWS 10           // of a second
#define SECOND_NS 1000000000

#define TAU 6.283185307179586
#define CLICK_HZ 2000
#define CLICK_NS 10000000
#define CLICK_PEAK 0.5

struct player {
    snd_pcm_t *card;
    bool
        wide; // samples have 32 bits, not 16: both ends of the loop have the same, and the other may be first
    double samples_per_ns; // of the card's clock
    int64_t start_ns;
    uint64_t written;
    // The card tells its position in steps of a jiffy: right after a step it is true, else it is behind. So
    // the furthest that it has been ahead of the line from start_ns on, second by second, tells its phase.
    double furthest[WINDOWS];
    uint64_t window;
    int64_t click_ns, every_ns; // one click, and how far they are apart
};

static volatile sig_atomic_t ended;

static void end(int number)
{
    (void)number;
    ended = 1;
}

static int64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

// Both ends of the loop have the speed that the capturing end's control says.
static int set_speed(const char *card, long shift)
{
    snd_ctl_t *control;
    snd_ctl_elem_value_t *value;
    int error = snd_ctl_open(&control, card, 0);

    if (error)
        return error;
    snd_ctl_elem_value_alloca(&value);
    snd_ctl_elem_value_set_interface(value, SND_CTL_ELEM_IFACE_PCM);
    snd_ctl_elem_value_set_name(value, "PCM Rate Shift 100000");
    snd_ctl_elem_value_set_device(value, 1);
    snd_ctl_elem_value_set_integer(value, 0, shift);
    error = snd_ctl_elem_write(control, value);
    snd_ctl_close(control);
    return error < 0 ? error : 0;
}

static int open_card(struct player *player, const char *name)
{
    snd_pcm_sw_params_t *software;
    snd_pcm_hw_params_t *hardware;
    snd_pcm_t *card;
    int error = snd_pcm_open(&player->card, name, SND_PCM_STREAM_PLAYBACK, 0);

    if (error)
        return error;
    card = player->card;
    snd_pcm_hw_params_alloca(&hardware);
    snd_pcm_sw_params_alloca(&software);
    error = snd_pcm_hw_params_any(card, hardware);
    if (error < 0)
        return error;
    player->wide = snd_pcm_hw_params_test_format(card, hardware, SND_PCM_FORMAT_S32_LE) == 0;
    if ((error = snd_pcm_hw_params_set_access(card, hardware, SND_PCM_ACCESS_RW_INTERLEAVED)) < 0 ||
        (error = snd_pcm_hw_params_set_format(
             card, hardware, player->wide ? SND_PCM_FORMAT_S32_LE : SND_PCM_FORMAT_S16_LE)) < 0 ||
        (error = snd_pcm_hw_params_set_channels(card, hardware, CHANNELS)) < 0 ||
        (error = snd_pcm_hw_params_set_rate(card, hardware, RATE_HZ, 0)) < 0 ||
        (error = snd_pcm_hw_params_set_period_size(card, hardware, PERIOD_SAMPLES, 0)) < 0 ||
        (error = snd_pcm_hw_params_set_buffer_size(card, hardware, BUFFER_SAMPLES)) < 0 ||
        (error = snd_pcm_hw_params(card, hardware)) < 0 ||
        (error = snd_pcm_sw_params_current(card, software)) < 0 ||
        (error = snd_pcm_sw_params_set_tstamp_mode(card, software, SND_PCM_TSTAMP_ENABLE)) < 0 ||
        (error = snd_pcm_sw_params_set_tstamp_type(card, software, SND_PCM_TSTAMP_TYPE_MONOTONIC)) < 0)
        return error;
    return snd_pcm_sw_params(card, software);
}

static double phase(const struct player *player)
{
    double furthest = -INFINITY;

    for (int i = 0; i < WINDOWS; i++)
        furthest = fmax(furthest, player->furthest[i]);
    return isfinite(furthest) ? furthest : 0;
}

static double click(int64_t since_ns)
{
    int64_t left_ns = CLICK_NS - since_ns;

    if (since_ns < 0 || left_ns <= 0)
        return 0;
    return CLICK_PEAK * cos(TAU * CLICK_HZ * (double)since_ns / 1e9) * fmin(1, (double)left_ns / 2e6);
}

static void fill(const struct player *player, void *samples)
{
    for (uint64_t i = 0; i < PERIOD_SAMPLES; i++) {
        double at = ((double)(player->written + i) - phase(player)) / player->samples_per_ns;
        int64_t since_ns = (player->start_ns + llrint(at) - player->click_ns) % player->every_ns;
        double value = click(since_ns < 0 ? since_ns + player->every_ns : since_ns);
        for (uint64_t at_sample = i * CHANNELS; at_sample < (i + 1) * CHANNELS; at_sample++)
            if (player->wide)
                ((int32_t *)samples)[at_sample] = (int32_t)lrint(INT32_MAX * value);
            else
                ((int16_t *)samples)[at_sample] = (int16_t)lrint(INT16_MAX * value);
    }
}

// Where the card is now: keeps how far it is ahead of the line.
static int look(struct player *player)
{
    snd_pcm_status_t *status;
    snd_htimestamp_t at;
    uint64_t window;
    double ahead;
    int64_t at_ns;
    int error;

    snd_pcm_status_alloca(&status);
    error = snd_pcm_status(player->card, status);
    if (error < 0)
        return error;
    snd_pcm_status_get_htstamp(status, &at);
    at_ns = at.tv_sec * INT64_C(1000000000) + at.tv_nsec;
    ahead = (double)player->written - (double)(BUFFER_SAMPLES - snd_pcm_status_get_avail(status)) -
            (double)(at_ns - player->start_ns) * player->samples_per_ns;
    window = (uint64_t)(at_ns - player->start_ns) / SECOND_NS;
    for (; player->window < window; player->window++)
        player->furthest[(player->window + 1) % WINDOWS] = -INFINITY;
    player->furthest[window % WINDOWS] = fmax(player->furthest[window % WINDOWS], ahead);
    return 0;
}

static int start(struct player *player)
{
    static const int32_t silence[BUFFER_SAMPLES * CHANNELS];
    int error = snd_pcm_prepare(player->card);

    if (error < 0)
        return error;
    for (int i = 0; i < WINDOWS; i++)
        player->furthest[i] = -INFINITY;
    player->window = 0;
    player->written = BUFFER_SAMPLES;
    error = (int)snd_pcm_writei(player->card, silence, BUFFER_SAMPLES);
    player->start_ns = now_ns();
    return error < 0 ? error : 0;
}

static int play(struct player *player)
{
    int32_t samples[PERIOD_SAMPLES * CHANNELS];
    snd_pcm_sframes_t room = snd_pcm_avail(player->card);
    int error = 0;

    while (room >= PERIOD_SAMPLES && !error) {
        error = look(player);
        fill(player, samples);
        room = error ? error : snd_pcm_writei(player->card, samples, PERIOD_SAMPLES);
        if (room < 0)
            return (int)room;
        player->written += PERIOD_SAMPLES;
        room = snd_pcm_avail(player->card);
    }
    if (room < 0)
        return (int)room;
    nanosleep(&(struct timespec){0, 1000000}, NULL); // often enough to see the steps of the card's position
    return look(player);
}

static int run(struct player *player)
{
    int64_t told_ns = 0;
    int error = start(player);

    while (!ended && !error) {
        error = play(player);
        if (error == -EPIPE) {
            puts("click_player: it came too late; the card starts anew");
            error = start(player);
        }
        if (now_ns() > told_ns + 60 * INT64_C(1000000000)) {
            told_ns = now_ns();
            printf("click_player: %" PRIu64 " samples, phase %.1f samples\n", player->written, phase(player));
            fflush(stdout);
        }
    }
    return error;
}

int main(int argc, char **argv)
{
    struct player player = {.every_ns = SECOND_NS};
    long shift = NO_PITCH;
    char pcm[64];
    int error;

    if (argc < 3) {
        fputs("click_player CARD SHIFT [CLICK_NS [EVERY_NS]]\n"
              "Plays into CARD (hw:Loopback), end 0, until SIGTERM. SHIFT: its clock's speed, 100000 = the "
              "house clock's,\n"
              "100020 = 200 ppm slower. A click at CLICK_NS of the house clock and every EVERY_NS before and "
              "after it.\n",
              stderr);
        return 2;
    }
    shift = strtol(argv[2], NULL, 10);
    if (argc > 3)
        player.click_ns = strtoll(argv[3], NULL, 10);
    if (argc > 4)
        player.every_ns = strtoll(argv[4], NULL, 10);
    if (shift < 80000 || shift > 120000 || player.every_ns < SECOND_NS / 10) {
        fputs("click_player: SHIFT is 80000 to 120000, EVERY_NS a tenth of a second or more\n", stderr);
        return 2;
    }
    (void)sched_setscheduler(0, SCHED_RR, &(struct sched_param){.sched_priority = 20}); // as far as it may
    signal(SIGTERM, end);
    signal(SIGINT, end);
    player.samples_per_ns = RATE_HZ / 1e9 * NO_PITCH / (double)shift;
    snprintf(pcm, sizeof pcm, "%s,0,0", argv[1]);
    error = set_speed(argv[1], shift);
    if (!error)
        error = open_card(&player, pcm);
    if (!error)
        error = run(&player);
    if (player.card)
        snd_pcm_close(player.card);
    if (error)
        fprintf(stderr, "click_player: %s: %s\n", pcm, snd_strerror(error));
    return error ? 1 : 0;
}
