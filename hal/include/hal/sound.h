// SPDX-License-Identifier: Apache-2.0
// Sound sources. struct sound_driver is what a driver implements; the sound_*() functions below it are what a
// program calls: they check arguments, call the driver, and check its answers. Texts, options, signal states
// and the media origin are those of hal/source.h.
//
// A sample has one value for each channel. The samples of a source are numbered from its opening on, those
// that were lost included: the number says when, in the source's own clock, a sample was taken. Each block of
// samples comes with the time of its first one on the house clock, as well as the source knows it: a sound
// card's clock runs at another speed and its times jitter. To bring both together is the reader's work, not
// the driver's. A source that makes its sound itself (tone, clip) has exact times.
//
// Threads: all calls on one source come from one thread. Nothing is allocated per block.
#ifndef HAL_SOUND_H
#define HAL_SOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hal/error.h"
#include "hal/source.h"

#define SOUND_CHANNELS_MAX 8
#define SOUND_RATE_MIN_HZ 8000
#define SOUND_RATE_MAX_HZ 192000
// A source holds what is not read for this long at least, and for one second at most; what is older is lost.
#define SOUND_KEPT_NS (150 * CASTOR_NS_PER_MS)

// How a device hands out samples. Readers always get floats.
enum sound_sample {
    SOUND_SAMPLE_ANY = 0, // wanted: the best there is
    SOUND_SAMPLE_S16 = 1,
    SOUND_SAMPLE_S24 = 2,   // in the lower three bytes of four
    SOUND_SAMPLE_S24_3 = 3, // in three bytes
    SOUND_SAMPLE_S32 = 4,
    SOUND_SAMPLE_FLOAT = 5,
};

struct sound_format {
    uint32_t rate_hz;  // by the source's own clock
    uint32_t channels; // 1..SOUND_CHANNELS_MAX
    uint32_t sample;   // enum sound_sample
};

// What to open. Strings are read during open() only and may be NULL for "".
struct sound_config {
    const char *path;           // a card's name, a file
    const char *options;        // "key=value,key=value", the driver's own keys; unknown keys are refused
    struct sound_format format; // wanted; a member that is 0 = the source's own
    // The picture that the sound goes with: its rate, and what its source told last. rate.num 0: there is
    // none; origin.capture_ns 0: nothing was told yet.
    struct castor_rational video_rate;
    struct source_origin origin;
};

struct sound_block {
    uint64_t index;     // of the first sample: samples before it since open(), lost ones included
    int64_t capture_ns; // when the first sample was taken
    uint64_t lost;      // samples that are missing right before it
    // The source was started or placed anew before this block: `lost` is an estimate from the times, and what
    // was known of the source's clock may not hold any more. The first block has it too.
    bool anew;
    uint32_t samples; // 1 or more
};

// Totals since open().
struct sound_counters {
    uint64_t samples;         // given out by read()
    uint64_t lost_samples;    // by estimate where the device does not say
    uint64_t overruns;        // times that samples were lost because nobody read them
    uint64_t restarts;        // times that the device was started again: overruns, suspends
    uint64_t decode_errors;   // packets that were broken; silence stands in their place
    uint64_t times_corrected; // blocks whose stamp from the device made no sense
};

struct sound_driver;

// The part of a source that is common to all drivers: each embeds it as the first member of its own struct.
// `format`, `exact` and `counters` but for `samples` are the driver's; the rest is hal/sound.c's.
struct sound {
    const struct sound_driver *driver;
    struct sound_format format; // actual, set by open(), never changes; no member is 0
    bool exact; // the times of blocks are exact: the source's clock is the house clock; set by open()
    struct sound_counters counters;
    struct source_text fault; // driver: why the last call failed, or why there is no signal
    struct source_text note;  // driver: what operators should know of how it works
    uint64_t next_index;
};

// A driver: one const table. Every member is present.
struct sound_driver {
    const char *name; // "alsa"; unique, at most 15 characters, static storage
    const char *description;

    // What: opens the source; (*out)->format is what it delivers. The config has passed sound_open()'s range
    // checks. Owner: *out is the caller's until close(). Blocks: at most 5 s. Errors: NOT_FOUND, DENIED,
    // BUSY somebody else has the card: try again later; INVALID (not a sound file, unknown option),
    // UNSUPPORTED (a rate, a number of channels), NO_MEMORY, IO; *why names what, why and what to do. A
    // failed open leaves nothing behind.
    int (*open)(const struct sound_config *config, struct sound **out, struct source_text *why);

    // What: the next samples, at most `room_samples`, into `samples`: 32-bit floats, channels interleaved in
    // the source's order, full scale -1..1. Floats hold the 24 bits that converters have, and everything
    // after (resampling, gain) needs more headroom than integers give. No sample comes before it was taken.
    // Owner: `samples` is the caller's, room_samples * channels floats. Never blocks. Errors: AGAIN nothing
    // there yet; LOST the device or file is gone; IO it failed for good. After LOST and IO only close() is
    // allowed.
    int (*read)(struct sound *sound, float *samples, uint32_t room_samples, struct sound_block *out);

    // What: the descriptor that polls readable when read() would yield samples or its state changed. Readable
    // does not promise any. Owner: the driver. Never blocks or fails.
    int (*descriptor)(const struct sound *sound);

    // What: whether sound arrives; while it is NONE, sound->fault says why, as far as that is known. Silence
    // is sound. Never blocks or fails.
    enum source_signal (*signal)(const struct sound *sound);

    // What: the picture's source told another origin, which may lie ahead or in the past. Never blocks or
    // fails.
    void (*set_origin)(struct sound *sound, const struct source_origin *origin);

    // What: ends capture, whatever its state. Accepts NULL. Blocks: at most 1 s.
    void (*close)(struct sound *sound);
};

// ---- what programs call ----

// The driver of that name; as source_driver_find(), modules are castor-sound-NAME.so.
CASTOR_MUST_USE int sound_driver_find(const char *name, const struct sound_driver **out,
                                      struct source_text *why);

// The name of driver `index`, NULL beyond the last. Loads nothing.
const char *sound_driver_name(size_t index);

// As the driver's open(), after checking the config's ranges (CASTOR_ERR_INVALID with *why).
CASTOR_MUST_USE int sound_open(const struct sound_driver *driver, const struct sound_config *config,
                               struct sound **out, struct source_text *why);

// As the driver's read(), with its answer checked: a block that does not follow the one before is
// CASTOR_ERR_INTERNAL, after which only sound_close() is allowed. room_samples is at least 1.
CASTOR_MUST_USE int sound_read(struct sound *sound, float *samples, uint32_t room_samples,
                               struct sound_block *out);

int sound_descriptor(const struct sound *sound);
enum source_signal sound_signal(const struct sound *sound);
void sound_set_origin(struct sound *sound, const struct source_origin *origin);
struct sound_counters sound_counters(const struct sound *sound);

// Why the last call failed, or there is no signal, in words; "" when the driver had nothing to say. Never
// NULL.
const char *sound_fault(const struct sound *sound);

// What operators should know of how the source works now. "" = nothing. Never NULL.
const char *sound_note(const struct sound *sound);

// Closes; accepts NULL.
void sound_close(struct sound *sound);

// ---- for drivers and readers ----

// The time that `samples` take at `rate_hz`, exact to the nanosecond below for any number.
static inline int64_t sound_time_ns(uint32_t rate_hz, uint64_t samples)
{
    return (int64_t)((castor_uint128)samples * CASTOR_NS_PER_S / rate_hz);
}

// The number of samples at `rate_hz` that is nearest to a length of time, which is not negative.
static inline uint64_t sound_samples_in(uint32_t rate_hz, int64_t time_ns)
{
    return (uint64_t)(((castor_uint128)time_ns * rate_hz + CASTOR_NS_PER_S / 2) / CASTOR_NS_PER_S);
}

#endif
