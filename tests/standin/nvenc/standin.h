// SPDX-License-Identifier: Apache-2.0
// What both halves of the stand-in share: complaints and faults on schedule.
//
// CASTOR_STANDIN_STRICT=1: the first misuse ends the process (abort), so that a test cannot overlook it.
// CASTOR_STANDIN_NVENC: faults, separated by commas. CASTOR_STANDIN_NOW (../now.h) adds them while it runs.
//
//   CALL:KIND[@N[:K]]  in the Nth call of that name (default 1), counted for each session
//   garbage@N          the Nth picture comes out as bytes that are no NAL unit
//   drop@N             it comes out empty
//   slow@N:MS          it takes so many milliseconds
//   stamp@N            it comes out with the time stamp of another
//   not_idr@N[:K]      a forced IDR is forgotten, in K pictures from the Nth on (default 1)
//   limit=K            so many sessions at the same time in this process
//   version=MAJOR.MINOR  of the encoder interface
//   without=WHAT         capabilities that the device lacks: vbv bitrate h264 hevc 10bit register
//
// CALL: cuinit context context_destroy host_register host_unregister alloc free copy2d instance open guids
//       profiles formats caps preset initialize create_input create_output lock_input unlock_input register
//       unregister map unmap encode eos lock unlock reconfigure destroy_input destroy_output destroy
// KIND: hang   never returns
//       busy   ENCODER_BUSY or LOCK_BUSY, in K calls from the Nth on (default 3)
//       lost   DEVICE_NOT_EXIST, and so all later calls
//       fail   GENERIC
//       oom    OUT_OF_MEMORY
//       key    INCOMPATIBLE_CLIENT_KEY
//       more   NEED_MORE_INPUT (encode only)
//       ignore SUCCESS, but nothing is done (reconfigure only)
#ifndef STANDIN_NVENC_STANDIN_H
#define STANDIN_NVENC_STANDIN_H

#include <stdbool.h>
#include <stdint.h>

#define STANDIN_EXPORT __attribute__((visibility("default")))

enum standin_call {
    CALL_CUINIT,
    CALL_CONTEXT,
    CALL_CONTEXT_DESTROY,
    CALL_HOST_REGISTER,
    CALL_HOST_UNREGISTER,
    CALL_ALLOC,
    CALL_FREE,
    CALL_COPY2D,
    CALL_INSTANCE,
    CALL_OPEN,
    CALL_GUIDS,
    CALL_PROFILES,
    CALL_FORMATS,
    CALL_CAPS,
    CALL_PRESET,
    CALL_INITIALIZE,
    CALL_CREATE_INPUT,
    CALL_CREATE_OUTPUT,
    CALL_LOCK_INPUT,
    CALL_UNLOCK_INPUT,
    CALL_REGISTER,
    CALL_UNREGISTER,
    CALL_MAP,
    CALL_UNMAP,
    CALL_ENCODE,
    CALL_EOS,
    CALL_LOCK,
    CALL_UNLOCK,
    CALL_RECONFIGURE,
    CALL_DESTROY_INPUT,
    CALL_DESTROY_OUTPUT,
    CALL_DESTROY,
    CALL_OTHER, // not to be named in a schedule
    CALLS,
};

enum standin_kind {
    KIND_NONE,
    KIND_HANG,
    KIND_BUSY,
    KIND_LOST,
    KIND_FAIL,
    KIND_OOM,
    KIND_KEY,
    KIND_MORE,
    KIND_IGNORE,
    KIND_GARBAGE, // of pictures, from here on
    KIND_DROP,
    KIND_SLOW,
    KIND_STAMP,
    KIND_NOT_IDR,
};

struct standin_fault {
    enum standin_call call;
    enum standin_kind kind;
    uint64_t at;
    uint64_t argument;
};

#define STANDIN_FAULTS_MAX 32

struct standin_faults {
    struct standin_fault list[STANDIN_FAULTS_MAX];
    uint32_t count;
    uint64_t calls[CALLS];
    uint32_t session_limit; // 0 = none
    uint32_t version_major, version_minor;
    bool without_vbv, without_bitrate, without_h264, without_hevc, without_10bit, without_register;
};

// Reads the schedule; a bad one ends the process with a message.
void standin_faults_read(struct standin_faults *out);

// Takes what was told to happen now, if anything was, in place of the schedule; `pictures` were encoded.
void standin_faults_renew(struct standin_faults *faults, bool opens, uint64_t pictures);

// Counts a call and tells what shall happen in it. Does not return where it shall hang.
enum standin_kind standin_faults_enter(struct standin_faults *faults, enum standin_call call);

// Whether that shall happen to the Nth picture; *argument as given.
bool standin_faults_picture(const struct standin_faults *faults, enum standin_kind kind, uint64_t number,
                            uint64_t *argument);

// Complains on stderr, and ends the process in strict mode.
void standin_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
