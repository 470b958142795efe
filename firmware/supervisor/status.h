// SPDX-License-Identifier: Apache-2.0
// The status document: one JSON object that tells everything there is to know about a running box. It holds
// no secret: no passphrase, no stream id. Keys are only ever added; schema_version goes up when one changes
// its meaning. Times of day are UTC, "2026-03-01T12:00:00.123Z"; null stands for what is not known (yet).
//
//   schema_version  number of this description: 1
//   name, version, time, uptime_s
//   faults_allowed  deliberate faults are permitted (control.allow_faults)
//   warnings        texts: what the configuration does that is unwise
//
//   source          the programme source
//     driver, path, options             as configured
//     width, height, rate, fps          picture format, rate as "30000/1001"; null until the source is open
//     signal                            "present", "none", "unknown"
//     signal_reason                     why there is none, a sentence; null
//     measured_fps                      frames captured a second, over the last 5 s
//     cpu_copies_per_frame              how often the processor copies or converts a raw picture between the
//                                       device and the pool, mean of the present process; null before frames
//     ended                             a source on standard input is over
//     frames                            captured, lost_no_slot, lost_device, lost_decode_late, decode_errors,
//                                       times_corrected, cpu_copies: as capture counts them, over all its
//                                       restarts
//     worker                            see below
//   slate           what stands in for a lost source; null before the picture format is known
//     picture, budget_ms (in force)
//     up, shown                         frames are drawn now; the loss has lasted hold_ms, so that what is
//                                       configured is shown
//     since                             time of day since when there is no live picture; null = there is one
//     frames, times                     frames drawn that went out, losses; since start
//     repeated                          of these frames: no slate could draw, and the last picture was shown
//                                       once more
//     refused                           live frames that came after their place was taken
//     undrawn                           frames that were ordered, neither drawn in time nor repeated; lost
//     last                              the present or last loss: time, cause ("skipped", "silent", "start",
//                                       "no_signal", "ended"), duration_ms, frames (null while it lasts);
//                                       null
//     note                              what cannot be shown, why, and what is shown instead; null
//     worker
//   sound           the sound of the programme; null when there is none
//     driver, path, options             where it comes from; "auto" is resolved
//     source                            "none", "opening", "running", "waiting" (not there; tried again)
//     signal, reason                    as of the picture; why it is not there, or null
//     rate_hz, channels                 of the source; null while it is not there
//     origin_ns                         the capture time of media time zero of the picture's source, or null
//     drift_ppm                         how much faster than the house's the source's clock runs
//     silence_s, late_s                 for which the source gave nothing in time; that came too late
//     lost_samples, openings            of the source, over all restarts
//     units, repeated, unsent           access units handed to egress; made again by a replaced worker;
//                                       that egress had no room for
//     skipped_units                     not made, as the worker was not let run
//     tracks[]                          name, language (null), codec, layout, bitrate_kbps, map (null),
//                                       gain_db, mute, delay_ms: as set
//       peak_dbfs, true_peak_dbtp       highest of the last second, as sent; null = silence
//       momentary_lufs, short_term_lufs, integrated_lufs   EBU R128; the last since the worker started
//       clipped                         samples beyond full scale, since the worker started
//       sent                            units, silences (in place of missing ones), skipped (in a hole of
//                                       the picture), late, refused: since egress started
//     worker
//   stream          what leaves the box
//     codec, gop_frames, standby ("warm", "hot", "off")
//     bitrate_kbps                      video, as set
//     measured_kbps_1s, measured_kbps_10s   transport stream, last complete second and last 10
//     measured_fps                      access units emitted a second, over the last 5 s
//   on_air          path (letter or null), cause (why it is this one), since_s
//   paths[]         the chain, in order of preference
//     path, driver, device, preset      letter and configuration
//     description                       what the driver says it is
//     state                             "down", "startable", "starting", "standby", "active", "dying"
//     orders                            frames it has been asked for and not answered
//     coded, dropped                    access units and reported drops since start
//     cpu_copies_per_frame              the same between the pool and the encoder
//     failures                          object: how often it was taken out of service, by cause
//     last_cause, last_failure          of the last time; null
//     outdated                          runs with a configuration that has been replaced
//     worker
//   encoders        what was tried at start for the paths with driver "auto"
//     tried           false: the chain is written out, nothing was tried; the rest is then null or empty
//     format          that the trials were made with, "1280x720 at 30/1"; took_ms all together
//     list[]          in the order of trial
//       driver, device, description, fault_domain
//       trial         "passed", "failed", "not_tried"
//       eligible, score (null when not eligible), paths (letters it was given), reason (a sentence)
//       open_ms, latency_p50_ms, latency_p99_ms (null: too few frames for it), latency_max_ms (of
//                     one frame), idr_on_request, bitrate_changes: measured, or null
//   pool            slots, held (frames in use), bytes; null until the source is open
//     dmabuf, dmabuf_reason             whether its slots are DMA-BUFs: "none", "udmabuf", "heap"; why none
//                                       although they are wanted, or null
//   egress          pending (access units handed over and not confirmed), bytes (sent since start), worker
//   destinations[]  name, url, latency_ms (configured)
//     state                             "connecting", "listening", "connected", "waiting", "stopped";
//                                       null = not told
//     reason                            of the last failure: "none", "passphrase", "refused", "unreachable",
//                                       "name", "version", "lost", "local"
//     text                              the same in a sentence
//     connections, receivers            since egress started; now
//     sent, lost                        access units since it was first connected
//     lost_per_mille                    minute, five_minutes, since_start
//     gaps                              runs of access units that did not arrive: count and frames in all of
//                                       them since start; open: the one that lasts, as below, or null
//     srt                               latency_ms (negotiated), rtt_ms, send_buffer_ms, bandwidth_kbps,
//                                       sent_bytes, retransmitted_packets, lost_packets, too_late_packets,
//                                       and the access units lost_not_connected, lost_waiting_idr,
//                                       lost_buffer_full, lost_unacknowledged (sent, never arrived); since
//                                       egress started
//   record          the recording; null when none is configured
//     folder, container ("ts", "mp4"), mode ("continuous", "command", "preroll")    as configured
//     state                             "starting" (looks through the folder), "idle", "recording",
//     "preroll",
//                                       "failing"; null = the recorder is not running
//     text                              why it fails or failed last, a sentence; null
//     recording, name                   START was said and STOP was not; the name that it was given, or null
//     file                              that is being written, or null
//     frames, left_out, gaps            written; that should have been recorded and are not, and in how many
//                                       runs: since the recorder started
//     synced                            sequence up to which all is on the disk
//     bytes, closed, removed, recovered written; segments closed, removed for room, found open at the start
//     kept_segments, kept_bytes, free_bytes   in the folder, and on its file system
//     queue_bytes, queue_size_bytes     waiting for the disk, and what may wait
//     slowest_ms                        longest that the disk took for one call, of the last minute
//     last_order, answered, answer, answer_ok   serial of the last command, of the last that was carried out,
//                                       and what came of that
//     relayed, not_relayed              access units handed to the recorder; while it could not take them
//     relay_slowest_us                  the longest that handing one over held up the supervisor
//     worker
//   overlay[]       what is drawn over the picture: the keys of the configuration, and
//     index                             for castorctl overlay
//     state                             "off", "preparing", "shown" (every further frame has it), "failed",
//                                       "kept" (it failed; what stood there before goes on)
//     reason                            why it failed, a sentence; null
//   frames          captured, slate (drawn in place of live ones), encoded, emitted, sent (to at least one
//                   destination): since start
//   losses          frames that are missing in the stream that leaves the box, each under one cause
//     frames                            capture (never captured), no_path (no encoder in time), egress (down
//                                       or died with it, after a destination had been connected once), all
//     per_mille                         minute, five_minutes, since_start: object of the same causes;
//                                       lost / (delivered + lost)
//   latency         capture (capture time to arrival here), encoder (inside it), encode (capture time to the
//                   order to send), egress (that order to SRT), origin (capture time to SRT); each minute
//                   and since_start with p50_ms, p99_ms, max_ms
//   switches        count (since start), last[] (newest first, at most 64)
//     time, from, to (letters or null), cause, frame (sequence of the first of the new path), epoch, replayed
//     (frames encoded again), duration_ms (fault noticed to first access unit handed over; null = not
//     complete)
//   worker          pid (0 = no process), state ("running", "idle", "waiting", "given_up"), ready, restarts,
//                   ended (when the last process that ended did, or null), failure (what is wrong with the
//                   process, or how the last one ended, or null)
//
// The answer to the command "gaps": session (of this run of castord, 16 hexadecimal digits) and list[], the
// newest 32 of each destination, in their order
//   number, destination
//   from, to, duration_s                capture times of the first and the last access unit
//   frames, possible                    how many; how many of them may have arrived after all
//   causes                              frames by cause: not_connected, waiting_idr, buffer_full,
//                                       unacknowledged (sent; no answer), doubtful (acknowledged, but perhaps
//                                       too late, or by a receiver that ended before it was due), egress (our
//                                       sender was not there)
//   open                                it may still grow
//   first_sequence, last_sequence, first_capture_ns, last_capture_ns; utc_offset_ns, pts_offset_ns: what is
//                                       added to capture time for UTC and for PTS
#ifndef SUPERVISOR_STATUS_H
#define SUPERVISOR_STATUS_H

#include "supervisor/burn_in.h"
#include "supervisor/config.h"
#include "supervisor/gaps.h"
#include "supervisor/metrics.h"
#include "supervisor/outlet.h"
#include "supervisor/sound.h"
#include "supervisor/path.h"
#include "supervisor/recorder.h"
#include "supervisor/selection.h"
#include "supervisor/slate.h"
#include "supervisor/source.h"
#include "supervisor/switch.h"
#include "base/utc.h"

#define STATUS_SCHEMA_VERSION 1

// Everything is the supervisor's and only read.
struct status_snapshot {
    int64_t now_ns;
    int64_t started_ns;
    const struct config *config;
    const struct switch_state *switching; // NULL before the picture format is known
    const struct path *paths;
    uint32_t path_count;
    const struct source *source;
    const struct feed_state *feed; // the same
    const struct slate *slate;
    const struct outlet *outlet;
    const struct recorder *recorder;
    const struct sound_part *sound; // NULL = there is none
    const struct metrics *metrics;
    const struct utc_offset *utc;
    const struct selection *selection; // NULL = there was none
    const struct gaps *gaps;           // NULL = there are none
    uint64_t session;
    enum switch_cause active_cause;
    const struct burn_in *burn_in;
};

// malloc'ed; the caller frees. NULL when out of memory.
char *status_json(const struct status_snapshot *snapshot);
char *status_gaps_json(const struct status_snapshot *snapshot);

#endif
