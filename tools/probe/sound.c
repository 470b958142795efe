// SPDX-License-Identifier: Apache-2.0
#include "probe/sound.h"

#include "probe/pes.h"

#include <stdlib.h>
#include <string.h>

#define STREAM_ADTS 0x0F
#define STREAM_PRIVATE 0x06
#define WRAP_90K (INT64_C(1) << 33)
#define TOLERANCE_90K 1 // a PTS is rounded to its clock
#define BUFFER_BYTES_STEREO 3584
#define BUFFER_BYTES_MORE 8976

static int64_t wrapped(int64_t d, int64_t wrap)
{
    d %= wrap;
    if (d < -wrap / 2)
        d += wrap;
    else if (d >= wrap / 2)
        d -= wrap;
    return d;
}

// ---- tracks ----

static struct sound_track *find(struct sound_check *s, uint16_t pid)
{
    for (unsigned i = 0; i < s->tracks; i++)
        if (s->track[i].pid == pid)
            return &s->track[i];
    return NULL;
}

bool sound_has_pid(const struct sound_check *s, uint16_t pid)
{
    return find((struct sound_check *)(uintptr_t)s, pid) != NULL;
}

void sound_take_pmt(struct sound_check *s, const struct psi_pmt *pmt)
{
    for (unsigned i = 0; i < pmt->streams; i++) {
        const struct psi_stream *stream = &pmt->stream[i];
        const bool opus = stream->type == STREAM_PRIVATE && stream->is_opus;
        if (stream->type != STREAM_ADTS && !opus)
            continue;
        struct sound_track *t = find(s, stream->pid);
        if (t == NULL && s->tracks < SOUND_TRACKS)
            t = &s->track[s->tracks++];
        if (t == NULL)
            continue;
        t->pid = stream->pid;
        t->kind = opus ? SOUND_OPUS : SOUND_AAC;
        if (opus) {
            t->channels = stream->opus_channels;
            t->rate_hz = 48000;
        }
        memcpy(t->language, stream->language, sizeof t->language);
    }
}

static void restart_track(struct sound_track *t)
{
    t->open = t->broken = t->anchored = false;
    t->buffered_count = 0;
    t->buffered_bytes = 0;
}

void sound_restart(struct sound_check *s)
{
    for (unsigned i = 0; i < s->tracks; i++)
        restart_track(&s->track[i]);
    s->clock_known = false;
}

// ---- access units ----

struct unit {
    size_t bytes; // header included
    unsigned samples;
    unsigned rate_hz;
    unsigned channels;
};

static bool parse_adts(const uint8_t *p, size_t bytes, struct unit *out)
{
    static const unsigned rates[] = {96000, 88200, 64000, 48000, 44100, 32000, 24000,
                                     22050, 16000, 12000, 11025, 8000,  7350};
    if (bytes < 7 || p[0] != 0xFF || (p[1] & 0xF6) != 0xF0)
        return false;
    unsigned rate = p[2] >> 2 & 0xF;
    unsigned channels = (unsigned)(p[2] & 1) << 2 | p[3] >> 6;
    size_t header = p[1] & 1 ? 7 : 9;
    out->bytes = (size_t)(p[3] & 3) << 11 | (size_t)p[4] << 3 | p[5] >> 5;
    out->samples = 1024 * ((p[6] & 3U) + 1);
    if (rate >= sizeof rates / sizeof rates[0] || out->bytes <= header || out->bytes > bytes)
        return false;
    out->rate_hz = rates[rate];
    out->channels = channels == 7 ? 8 : channels;
    return true;
}

// Samples of 48 kHz in an Opus packet (RFC 6716 3.1); 0 for one that cannot be.
static unsigned opus_samples(const uint8_t *p, size_t bytes)
{
    static const unsigned silk[] = {480, 960, 1920, 2880}, celt[] = {120, 240, 480, 960};
    if (bytes < 1)
        return 0;
    unsigned config = p[0] >> 3;
    unsigned frame = config < 12 ? silk[config & 3] : config < 16 ? silk[config & 1] : celt[config & 3];
    unsigned frames = (p[0] & 3) == 0 ? 1 : 2;
    if ((p[0] & 3) == 3) {
        if (bytes < 2)
            return 0;
        frames = p[1] & 0x3F;
    }
    unsigned samples = frame * frames;
    return samples <= 5760 ? samples : 0;
}

static bool parse_opus(const uint8_t *p, size_t bytes, struct unit *out)
{
    if (bytes < 3 || p[0] != 0x7F || (p[1] & 0xE0) != 0xE0)
        return false;
    size_t at = 2, payload = 0;
    do {
        if (at == bytes)
            return false;
        payload += p[at];
    } while (p[at++] == 255);
    at += p[1] & 0x10 ? 2U : 0U; // trimmed at the start
    at += p[1] & 0x08 ? 2U : 0U; // and at the end
    if (p[1] & 0x04) {           // an extension, whose length comes first
        if (at >= bytes)
            return false;
        at += 1U + p[at];
    }
    if (payload == 0 || at > bytes || payload > bytes - at)
        return false;
    out->samples = opus_samples(p + at, payload);
    out->bytes = at + payload;
    out->rate_hz = 48000;
    out->channels = 0; // told by the PMT
    return out->samples > 0;
}

static void take_unit(struct sound_track *t, const struct unit *unit)
{
    if (unit->channels != 0) {
        t->format_changes +=
            t->rate_hz != 0 && (t->rate_hz != unit->rate_hz || t->channels != unit->channels);
        t->rate_hz = unit->rate_hz;
        t->channels = unit->channels;
    }
    t->units++;
    t->samples += unit->samples;
    t->bytes += unit->bytes;
}

// ---- time ----

static void check_step(struct sound_track *t, uint64_t pts_90k)
{
    if (t->anchored) {
        uint64_t ticks = t->rate_hz > 0 ? (t->anchor_samples * 90000 + t->rate_hz / 2) / t->rate_hz : 0;
        int64_t off =
            wrapped((int64_t)pts_90k - (int64_t)((t->anchor_90k + ticks) % (uint64_t)WRAP_90K), WRAP_90K);
        if (llabs(off) <= TOLERANCE_90K)
            return;
        t->holes += off > 0;
        t->overlaps += off < 0;
        if (llabs(off) > t->gap_max_90k)
            t->gap_max_90k = llabs(off);
    }
    t->anchored = true;
    t->anchor_90k = pts_90k;
    t->anchor_samples = 0;
}

static void check_clock(const struct sound_check *s, struct sound_track *t, uint64_t pts_90k)
{
    if (!s->clock_known)
        return;
    int64_t distance = wrapped((int64_t)pts_90k * 300 - (int64_t)s->clock_27m, WRAP_90K * 300);
    t->late += distance < 0;
    if (!t->distance_known || distance < t->pts_minus_pcr_min_27m)
        t->pts_minus_pcr_min_27m = distance;
    if (!t->distance_known || distance > t->pts_minus_pcr_max_27m)
        t->pts_minus_pcr_max_27m = distance;
    t->distance_known = true;
}

static void buffer(struct sound_track *t, uint64_t pts_90k, uint32_t bytes)
{
    if (t->buffered_count == SOUND_BUFFERED)
        return;
    unsigned at = (t->buffered_first + t->buffered_count++) % SOUND_BUFFERED;
    t->buffered[at].pts_90k = pts_90k;
    t->buffered[at].bytes = bytes;
    t->buffered_bytes += bytes;
}

// Between two PCRs the time of a byte is not known: only what is too much at the later one surely is.
static void check_buffer(struct sound_track *t, uint64_t clock_27m)
{
    while (t->buffered_count > 0 &&
           wrapped((int64_t)t->buffered[t->buffered_first].pts_90k * 300 - (int64_t)clock_27m,
                   WRAP_90K * 300) <= 0) {
        t->buffered_bytes -= t->buffered[t->buffered_first].bytes;
        t->buffered_first = (t->buffered_first + 1) % SOUND_BUFFERED;
        t->buffered_count--;
    }
    if (t->buffered_bytes > t->bytes_buffered_max)
        t->bytes_buffered_max = t->buffered_bytes;
    t->overflows += t->buffered_bytes > (t->channels > 2 ? BUFFER_BYTES_MORE : BUFFER_BYTES_STEREO);
}

void sound_take_pcr(struct sound_check *s, uint64_t value_27m)
{
    for (unsigned i = 0; i < s->tracks; i++)
        check_buffer(&s->track[i], value_27m);
    s->clock_known = true;
    s->clock_27m = value_27m;
}

// ---- PES packets ----

static void take_units(struct sound_track *t, const uint8_t *data, size_t bytes)
{
    struct unit unit;
    for (size_t at = 0; at < bytes; at += unit.bytes) {
        bool good = t->kind == SOUND_AAC ? parse_adts(data + at, bytes - at, &unit)
                                         : parse_opus(data + at, bytes - at, &unit);
        if (!good) {
            t->syntax_errors++;
            t->anchored = false; // how long it was is not known
            return;
        }
        take_unit(t, &unit);
        t->anchor_samples += unit.samples;
    }
}

static void end_pes(struct sound_check *s, struct sound_track *t)
{
    struct pes_header header;

    if (!t->open)
        return;
    t->open = false;
    if (t->broken) {
        t->damaged++;
        t->anchored = false;
        return;
    }
    if (pes_parse_header(t->pes, t->pes_bytes, &header) != CASTOR_OK ||
        (header.total_bytes != 0 && header.total_bytes != t->pes_bytes)) {
        t->syntax_errors++;
        t->anchored = false;
        return;
    }
    if (header.has_pts) {
        check_step(t, header.pts_90k);
        check_clock(s, t, header.pts_90k);
        buffer(t, header.pts_90k, (uint32_t)t->pes_bytes);
    } else {
        t->without_pts++;
    }
    take_units(t, t->pes + header.header_bytes, t->pes_bytes - header.header_bytes);
}

void sound_feed(struct sound_check *s, uint16_t pid, const uint8_t *payload, size_t bytes, bool unit_start,
                bool broken)
{
    struct sound_track *t = find(s, pid);

    if (t == NULL)
        return;
    t->broken = t->broken || broken;
    if (unit_start) {
        end_pes(s, t);
        t->open = true;
        t->broken = false;
        t->pes_bytes = 0;
    }
    if (!t->open)
        return;
    if (bytes > sizeof t->pes - t->pes_bytes) {
        t->syntax_errors++;
        t->open = t->anchored = false;
        return;
    }
    memcpy(t->pes + t->pes_bytes, payload, bytes);
    t->pes_bytes += bytes;
    size_t stated = t->pes_bytes >= 6 ? (size_t)(t->pes[4] << 8 | t->pes[5]) : 0;
    if (stated > 0 && t->pes_bytes >= stated + 6)
        end_pes(s, t);
}
