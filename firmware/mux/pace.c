// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include "hal/time.h"

#define PACKET_BITS (UINT64_C(8) * TS_SIZE)
// The clock value belongs to the byte with the last bit of program_clock_reference_base (13818-1 2.4.3.5).
#define PCR_BITS (UINT64_C(8) * 10)

uint64_t mux_ticks_27m(int64_t ns)
{
    uint64_t t = (uint64_t)ns;
    return t / 1000 * 27 + (t % 1000 * 27 + 500) / 1000;
}

uint64_t mux_ticks_90k(int64_t ns)
{
    uint64_t t = (uint64_t)ns;
    return t / 100000 * 9 + (t % 100000 * 9 + 50000) / 100000;
}

void mux_pace_start(struct mux *mux, int64_t time_ns)
{
    mux->pace.anchor_ns = time_ns;
    mux->pace.bits = 0;
}

void mux_pace_advance(struct mux *mux)
{
    if (mux->config.rate_bps == 0)
        return;
    mux->pace.bits += PACKET_BITS;
    if (mux->pace.bits >= mux->config.rate_bps) {
        mux->pace.bits -= mux->config.rate_bps;
        mux->pace.anchor_ns += CASTOR_NS_PER_S;
    }
}

// Time of the next packet. What does not fit before the deadline leaves at the deadline.
static int64_t pace_now(struct mux *mux)
{
    struct mux_pace *pace = &mux->pace;
    int64_t now = pace->anchor_ns + (int64_t)(pace->bits * CASTOR_NS_PER_S / mux->config.rate_bps);
    if (now <= pace->deadline_ns)
        return now;
    mux->overflow = true;
    mux_pace_start(mux, pace->deadline_ns);
    return pace->deadline_ns;
}

static int64_t packet_time(struct mux *mux, int64_t time_ns)
{
    return mux->config.rate_bps != 0 ? pace_now(mux) : time_ns;
}

// The value of a PCR in the next packet. To be asked before the packet is added.
static uint64_t packet_pcr(const struct mux *mux, int64_t time_ns)
{
    const uint64_t rate = mux->config.rate_bps;
    if (rate == 0)
        return mux_ticks_27m(time_ns);
    return mux_ticks_27m(mux->pace.anchor_ns) +
           ((mux->pace.bits + PCR_BITS) * UINT64_C(27000000) + rate / 2) / rate;
}

static void write_pcr(struct mux *mux, int64_t time_ns, uint32_t flags)
{
    mux_packet_pcr(mux, time_ns, flags, packet_pcr(mux, time_ns));
    mux->last_pcr_ns = time_ns;
}

// With a constant rate: would the packet after this one be too late for the next PCR?
static bool pcr_due(const struct mux *mux, int64_t time_ns)
{
    const uint64_t rate = mux->config.rate_bps;
    if (rate == 0)
        return false;
    int64_t packet_ns = (int64_t)(PACKET_BITS * CASTOR_NS_PER_S / rate) + 2;
    return time_ns + packet_ns > mux->last_pcr_ns + mux->config.pcr_interval_ns;
}

static void write_table(struct mux *mux, int64_t time_ns, struct mux_table *table)
{
    for (uint32_t i = 0; i < table->count; i++) {
        int64_t now = packet_time(mux, time_ns);
        if (mux->started && pcr_due(mux, now)) {
            write_pcr(mux, now, 0);
            now = packet_time(mux, time_ns);
        }
        mux_packet_table(mux, now, table, i);
    }
}

// Points at which tables can be written are at most one PCR interval apart, so looking ahead by that much
// keeps the repetition rate whatever the frame rate is.
static bool repetition_due(const struct mux *mux, int64_t time_ns, int64_t last_ns, int64_t interval_ns)
{
    return !mux->started || time_ns + mux->config.pcr_interval_ns - last_ns > interval_ns;
}

void mux_write_tables(struct mux *mux, int64_t time_ns, bool force)
{
    time_ns = packet_time(mux, time_ns);
    if (force || repetition_due(mux, time_ns, mux->last_psi_ns, mux->config.psi_interval_ns)) {
        mux->last_psi_ns = time_ns;
        write_table(mux, time_ns, &mux->pat);
        write_table(mux, time_ns, &mux->pmt);
    }
    if (repetition_due(mux, time_ns, mux->last_sdt_ns, mux->config.sdt_interval_ns)) {
        mux->last_sdt_ns = time_ns;
        write_table(mux, time_ns, &mux->sdt);
    }
}

// What goes along and is due at `until_ns`. At a constant rate it follows at the present packet.
static void write_companions(struct mux *mux, int64_t until_ns)
{
    struct mux_pes pes;

    while (mux->companion && mux->companion->next(mux->companion, until_ns, &pes))
        mux->statistics.refused_pes += !mux_write_other(mux, &pes);
}

static void bridge_with_nulls(struct mux *mux, int64_t until_ns)
{
    for (int64_t now = pace_now(mux); now < until_ns; now = pace_now(mux)) {
        mux_write_tables(mux, now, false);
        write_companions(mux, now);
        now = pace_now(mux);
        if (now >= until_ns)
            break;
        if (pcr_due(mux, now))
            write_pcr(mux, now, 0);
        else
            mux_packet_null(mux, now);
    }
}

// Each PCR is a payload of its own: it leaves (by source time) at the time that it states.
static void bridge_with_pcrs(struct mux *mux, int64_t until_ns)
{
    const int64_t from_ns = mux->last_pcr_ns;
    const int64_t span_ns = until_ns - from_ns;
    const int64_t parts = (span_ns + mux->config.pcr_interval_ns - 1) / mux->config.pcr_interval_ns;
    for (int64_t i = 1; i < parts; i++) {
        int64_t now = from_ns + span_ns * i / parts;
        mux_write_tables(mux, now, false);
        write_pcr(mux, now, 0);
        mux_payload_flush(mux);
    }
}

// Each of what goes along leaves at its source time, with PCR packets between where these are due.
static void bridge_with_companions(struct mux *mux, int64_t until_ns)
{
    struct mux_pes pes;

    while (mux->companion && mux->companion->next(mux->companion, until_ns, &pes)) {
        bridge_with_pcrs(mux, pes.source_ns);
        mux->statistics.refused_pes += !mux_write_other(mux, &pes);
        mux_payload_flush(mux);
    }
    bridge_with_pcrs(mux, until_ns);
}

// The time base itself goes on, but PCRs that far apart break the 100 ms of 13818-1 2.7.2, so the first one
// after the hole is marked. 2.7.2 also wants two PCRs between discontinuities: this one and the access unit's
// own.
static void mark_hole(struct mux *mux, int64_t until_ns)
{
    int64_t time_ns = until_ns - mux->config.pcr_interval_ns;
    if (mux->config.rate_bps != 0) {
        if (pace_now(mux) >= time_ns)
            return; // what was left over from before reaches up to here: no hole on the wire
        mux_payload_flush(mux);
        mux_pace_start(mux, time_ns);
    }
    if (mux->companion)
        mux->companion->skip(mux->companion, until_ns);
    mux->statistics.holes++;
    write_pcr(mux, time_ns, MUX_PACKET_DISCONTINUITY);
    mux_payload_flush(mux);
}

void mux_bridge(struct mux *mux, int64_t until_ns, int64_t gap_ns)
{
    if (gap_ns > mux->config.hole_ns)
        mark_hole(mux, until_ns);
    if (mux->config.rate_bps != 0)
        bridge_with_nulls(mux, until_ns);
    else
        bridge_with_companions(mux, until_ns);
}

void mux_write_bytes(struct mux *mux, uint32_t stream, int64_t time_ns, uint32_t flags,
                     struct mux_bytes *bytes)
{
    const bool constant_rate = mux->config.rate_bps != 0;
    flags |= MUX_PACKET_START | (stream == 0 ? MUX_PACKET_PCR : 0u);
    while (bytes->left_bytes > 0) {
        int64_t now = time_ns;
        if (constant_rate && mux->started) {
            mux_write_tables(mux, pace_now(mux), false);
            if (stream == 0)
                write_companions(mux, pace_now(mux));
            now = pace_now(mux);
            if (stream == 0 && pcr_due(mux, now)) {
                flags |= MUX_PACKET_PCR;
            } else if (pcr_due(mux, now)) {
                write_pcr(mux, now, 0);
                now = pace_now(mux);
            }
        } else if (constant_rate) {
            now = pace_now(mux);
        }
        mux_packet_pes(mux, stream, now, flags, packet_pcr(mux, now), bytes);
        if ((flags & MUX_PACKET_PCR) != 0)
            mux->last_pcr_ns = now;
        mux->started = mux->started || stream == 0;
        flags = 0;
    }
}
