// SPDX-License-Identifier: Apache-2.0
// The supervisor's state, shared by the files that make it up: supervisor.c (life and loop), orders.c (what
// the switch wants), programme.c (what the feed wants), inbox.c (what the workers say), upkeep.c (what time
// brings), commands.c (what operators want and see). One thread owns all of it.
#ifndef SUPERVISOR_INTERNAL_H
#define SUPERVISOR_INTERNAL_H

#include "supervisor/burn_in.h"
#include "supervisor/control.h"
#include "supervisor/gaps.h"
#include "supervisor/metrics.h"
#include "supervisor/outlet.h"
#include "supervisor/path.h"
#include "supervisor/recorder.h"
#include "supervisor/selection.h"
#include "supervisor/slate.h"
#include "supervisor/sound.h"
#include "supervisor/source.h"
#include "supervisor/staff.h"
#include "supervisor/supervisor.h"
#include "supervisor/switch.h"
#include "base/utc.h"

struct supervisor {
    struct config config;
    char folder[512]; // of the worker programs
    int64_t started_ns;
    bool stopping;
    bool switching_known; // the picture format is known and the switch set up
    struct switch_state switching;
    struct path path[SWITCH_PATHS_MAX];
    uint32_t path_count;
    struct source source;
    struct feed_state feed; // set up with the switch
    bool feeding;           // supervisor_feed() is at work
    int64_t begun_ns;       // when the switch was set up
    int64_t given_ns;       // when a frame was last given to it; 0 = never
    struct slate slate;
    struct outlet outlet;
    struct recorder recorder;
    struct gaps gaps;
    uint64_t session; // a random name of this run: with it, sequences are unique for ever
    struct sound_part sound;
    struct metrics metrics;
    struct utc_offset utc;
    struct burn_in burn_in;
    struct selection *selection; // for automatic paths; main()'s
    struct control *control;
    int signal_fd;
    const char *config_path;        // NULL when there is no file
    int64_t upkeep_ns;              // when upkeep is due next
    int64_t others_ns;              // paths but the first are not started before
    enum switch_cause active_cause; // why the active path is on air
    uint32_t
        fault_wake; // paths (bits) whose orders could not be delivered; told to the switch after the orders
};

// orders.c: carries out everything the switch has ordered, including what failing orders lead to.
void supervisor_carry_out(struct supervisor *s, int64_t now_ns);

// orders.c: everything before this position in the ring of `path` has been read by everybody.
uint64_t supervisor_ring_tail(const struct supervisor *s, const struct path *path, int64_t now_ns);

// programme.c: carries out everything the feed has ordered.
void supervisor_feed(struct supervisor *s, int64_t now_ns);
// Sets the feed up for the pool. CASTOR_ERR_INVALID: the pool is too small.
CASTOR_MUST_USE int supervisor_begin_feed(struct supervisor *s);
// Sound goes silent with the slate, or not, as configured.
void supervisor_hush(struct supervisor *s);
// Where no picture has come since the start for long enough, the box goes on air with the slate.
void supervisor_begin_with_slate(struct supervisor *s, int64_t now_ns);

// inbox.c: reads all there is from one worker's channel.
void supervisor_read_path(struct supervisor *s, struct path *path);
void supervisor_read_source(struct supervisor *s);
void supervisor_read_slate(struct supervisor *s);
void supervisor_read_outlet(struct supervisor *s);
void supervisor_read_sound(struct supervisor *s);
void supervisor_read_recorder(struct supervisor *s);
// The picture format and the pool are known for the first time: switch, encoders and egress are told.
void supervisor_begin(struct supervisor *s, int64_t now_ns);

// upkeep.c: workers that ended are reaped and started again when their pacing says so; workers that hang are
// ended.
void supervisor_reap(struct supervisor *s, int64_t now_ns);
void supervisor_keep_up(struct supervisor *s, int64_t now_ns);
// Does what is due soon while the supervisor is awake anyhow, so that time need not wake it for that.
void supervisor_look_round_early(struct supervisor *s, int64_t now_ns);
int64_t supervisor_deadline_ns(const struct supervisor *s);
// The switch's part of the configuration.
struct switch_config supervisor_switch_config(const struct config *config, const struct source *source);
// The gaps are those of the configured destinations.
void supervisor_name_gaps(struct supervisor *s);
// Tells a started egress what it will get, sound included, and where to send it.
CASTOR_MUST_USE int supervisor_tell_outlet(struct supervisor *s);
// The same of the recorder.
CASTOR_MUST_USE int supervisor_tell_recorder(struct supervisor *s);
// A frame could not be handed to egress, or was lost with it.
void supervisor_lose_emitted(struct supervisor *s, int64_t now_ns);

// commands.c: what operators want and see.
extern const struct control_handlers supervisor_handlers;
// Reads the file the box was started with again (SIGHUP).
void supervisor_reload_file(struct supervisor *s);

#endif
