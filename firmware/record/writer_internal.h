// SPDX-License-Identifier: Apache-2.0
// What the files of the writer share: writer.c (the thread and what others see of it), writer_media.c (access
// units into segments), writer_folder.c (the folder: opening, room, errors), writer_gaps.c (what is missing),
// writer_orders.c (what operators want). Nobody else includes this.
#ifndef RECORD_WRITER_INTERNAL_H
#define RECORD_WRITER_INTERNAL_H

#include <pthread.h>

#include "hal/time.h"
#include "record/container.h"
#include "record/disk.h"
#include "record/gap_notes.h"
#include "record/retention.h"
#include "record/segmenter.h"
#include "record/writer.h"

#define WRITER_ORDERS_MAX 16u
#define WRITER_SYNC_NS (400 * CASTOR_NS_PER_MS)

struct writer_order {
    struct message_record_order order;
    uint64_t sequence; // of the newest unit then
    int64_t capture_ns, utc_offset_ns;
    bool has_unit;
};

// From here on a recording is not known to be on the disk.
struct writer_unclosed {
    bool known;
    uint64_t next_sequence;
    int64_t capture_ns;
};

struct writer {
    struct container_host host; // first: containers give it back to us
    struct message_record_start start;
    struct queue *queue;
    int wake_fd;
    pthread_t thread;

    // Guarded by the mutex; everything else is the thread's.
    pthread_mutex_t mutex;
    pthread_cond_t ended_condition;
    struct message_record_config next_config;
    bool has_next_config;
    struct writer_order orders[WRITER_ORDERS_MAX];
    uint32_t order_count;
    struct message_record_state told;
    bool hungry;
    bool stopping;
    int64_t stop_ns;
    bool ended;

    struct gap_notes outages; // has its own mutex

    struct message_record_config config;
    bool configured;
    bool recording; // START was said
    char recording_name[ARCHIVE_NAME_BYTES];
    struct disk disk;
    bool folder_ok;
    int64_t retry_ns, retry_delay_ns;
    const struct container_ops *ops;
    struct container *container;
    struct segmenter segmenter;
    struct archive_segment segment; // the open one
    bool segment_open;
    const struct record_unit *first; // while a segment is begun
    struct record_gap gap;           // frames lost while the folder was not there
    struct writer_unclosed unclosed; // where the segment that is not closed begins
    struct writer_unclosed stopped;  // where recording stopped, until a unit shows for how long
    bool opened;                     // a folder was, by this process
    int64_t utc_offset_ns;           // of the newest unit
    uint8_t headers[512];            // the parameter sets of the last IDR
    size_t headers_bytes;
    int64_t unsynced_ns; // since when something is not on the disk; 0 = nothing
    uint64_t last_sequence;
    int64_t room_ns;   // when free space is looked at next
    int64_t told_ns;   // when the state is told next
    int64_t minute_ns; // when the longest call counts anew
    struct message_record_state state;
};

// writer_media.c
void writer_take_unit(struct writer *w, const struct record_unit *unit);
// Brings to the disk what is not there.
void writer_sync(struct writer *w);
void writer_close_segment(struct writer *w);
void writer_reset_container(struct writer *w);
// Whether the mode wants units, and whether they are kept for good.
bool writer_wants(const struct writer *w);
bool writer_keeps(const struct writer *w);
extern struct container_host writer_host;

// writer_folder.c
void writer_open_folder(struct writer *w, int64_t now_ns);
void writer_close_folder(struct writer *w);
// The disk has said no: the segment is given up, and it is tried again later. disk.text says why.
void writer_fail(struct writer *w, int error);
void writer_make_room(struct writer *w);
int64_t writer_open_ns(const struct writer *w);
// Brings what is to stand in the journal to the disk.
void writer_write_outages(struct writer *w);

// writer_gaps.c
// Nothing can be written now: this unit is missing for it.
void writer_leave_out(struct writer *w, const struct record_unit *unit);
// The folder was opened and put in order: where recording had stopped before.
void writer_find_stop(struct writer *w);
// What is missing since recording stopped, once, when a unit has come to a folder that is open.
void writer_count_lost(struct writer *w, const struct record_unit *unit);
// Brings what is missing into the index: before a unit, if it says so, and since recording stopped.
CASTOR_MUST_USE int writer_note_gaps(struct writer *w, const struct record_gap *before);

// writer_orders.c
void writer_carry_out(struct writer *w, const struct writer_order *order);

#endif
