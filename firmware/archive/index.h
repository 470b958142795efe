// SPDX-License-Identifier: Apache-2.0
// The index of a recording folder: "index.jsonl", one line for each thing that happened, in the order in
// which it did; lines are only ever added (and left out when the recorder starts and writes it anew). A line
// is a JSON object that ends with "crc", the CRC-32 (IEEE 802.3) of all bytes before `,"crc"`, so that a line
// that a power cut tore or a disk spoiled is known as such and skipped. Every line has "type":
//
//   open         a segment was begun: file, session, recording, preroll, codec, first_sequence,
//                first_capture_ns, utc_offset_ns
//   segment      it is closed, complete, and on the disk: what "open" has, and recovered, last_sequence,
//                last_capture_ns, frames, missing, bytes, sha256. A file without such a line is not closed.
//   removed      file: it is gone (retention, or it was found missing)
//   saved        file: pre-roll that is kept from now on; recording: its name
//   protected, unprotected   file: retention never takes it
//   mark         session, sequence, capture_ns, utc_offset_ns, text: an operator's remark
//   gap          session, first_sequence, last_sequence, capture_ns, utc_offset_ns, text: frames that went on
//                air and are in no segment, and why
//
// Frames are named by session (a random number of one run of castord, 16 hexadecimal digits) and sequence;
// capture_ns is CLOCK_MONOTONIC of that boot, and capture_ns + utc_offset_ns is UTC in nanoseconds.
//
// Pure functions but for memory; any bytes may be given to the readers. Source: RFC 8259.
#ifndef ARCHIVE_INDEX_H
#define ARCHIVE_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "archive/name.h"

#define ARCHIVE_INDEX_FILE "index.jsonl"
#define ARCHIVE_LINE_BYTES_MAX 1024 // with its newline
#define ARCHIVE_TEXT_BYTES 161      // of marks and gaps, UTF-8, with the NUL
#define ARCHIVE_SHA256_BYTES 65     // hexadecimal, with the NUL

enum archive_codec { ARCHIVE_H264 = 0, ARCHIVE_HEVC = 1, ARCHIVE_CODECS = 2 };

struct archive_segment {
    char file[ARCHIVE_FILE_BYTES];      // its final name, never a path
    char recording[ARCHIVE_NAME_BYTES]; // "" = without a name
    bool preroll;                       // kept for a while only, unless it is saved
    bool recovered;                     // closed by recovery: what was synced before power or recorder failed
    uint32_t codec;                     // enum archive_codec
    uint64_t session;
    uint64_t first_sequence, last_sequence;
    int64_t first_capture_ns, last_capture_ns; // of a recovered segment the latter is exact to 1 us
    int64_t utc_offset_ns;                     // at its first frame
    uint64_t frames;                           // in the file
    uint64_t missing;                          // numbers between first and last that are not in the file
    uint64_t bytes;
    char sha256[ARCHIVE_SHA256_BYTES]; // of the whole file
};

enum archive_kind {
    ARCHIVE_OPEN = 0,
    ARCHIVE_SEGMENT,
    ARCHIVE_REMOVED,
    ARCHIVE_SAVED,
    ARCHIVE_PROTECTED,
    ARCHIVE_UNPROTECTED,
    ARCHIVE_MARK,
    ARCHIVE_GAP,
    ARCHIVE_KINDS,
};

// MARK has the same number in both sequences.
struct archive_note {
    uint64_t session;
    uint64_t first_sequence, last_sequence;
    int64_t capture_ns; // of the first
    int64_t utc_offset_ns;
    char text[ARCHIVE_TEXT_BYTES];
};

struct archive_line {
    enum archive_kind kind;
    struct archive_segment segment; // OPEN and SEGMENT; REMOVED to UNPROTECTED: `file`; SAVED: `recording`
    struct archive_note note;       // MARK, GAP
};

// Writes one line with its newline, NUL-terminated; *length is without the NUL. CASTOR_ERR_INVALID: a name or
// text that no line can have; CASTOR_ERR_NO_MEMORY.
CASTOR_MUST_USE int archive_line_write(const struct archive_line *line, char out[ARCHIVE_LINE_BYTES_MAX],
                                       size_t *length);

// Reads one line, without its newline. CASTOR_ERR_INVALID: torn, spoiled, or not one of ours.
CASTOR_MUST_USE int archive_line_read(const char *text, size_t size_bytes, struct archive_line *out);

#endif
