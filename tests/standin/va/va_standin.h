// SPDX-License-Identifier: Apache-2.0
// A VA-API driver without a device, loaded by the real libva. It encodes for real, refuses every misuse that
// it can see (one line on stderr; with CASTOR_STANDIN_STRICT=1 it aborts), and fails on schedule.
//
// CASTOR_STANDIN_VA, words separated by commas:
//   pcm             keep the client's headers and code all macroblocks as I_PCM behind its slice header, so
//   that
//                   the decoded picture equals the source only if every bit of the headers is right; without
//                   it, libx264 codes and writes headers of its own
//   cqp, vbr        rate controls offered besides none: only CQP, only VBR; otherwise CBR, VBR and CQP
//   lp              entry point EncSliceLP too, which offers CQP only; lponly: EncSliceLP alone, with all
//   nopacked, seqonly   packed headers offered: none, sequence only; otherwise sequence, slice, raw data
//   noderive, nosyncbuffer   functions that are absent; putyuv: images are I420 only (with noderive)
//   intel           the vendor's name contains "Intel"
//   nohevc          no HEVC profiles
//   gpb             HEVC has no P slices, B slices with one reference twice take their place
//   tools           HEVC tells what it codes with, unlike what clients take where nothing is told
//   hash            HEVC: the hash of each decoded picture as an SEI message
//   noprime, badprime   no surfaces of other memory (DRM PRIME) are offered; or they are, and each is refused
// CASTOR_STANDIN_VA_FAULTS, separated by commas, KIND[:FUNCTION]@FIRST[+COUNT][=MS], counted from 1 since
// vaInitialize(); COUNT 0 is for ever. CASTOR_STANDIN_NOW (../now.h) tells them while it runs.
//   hang, busy, memory, fail   calls of FUNCTION hang, or return HW_BUSY, ALLOCATION_FAILED, ENCODING_ERROR
//   lost            from that picture on every call fails
//   banned          from that picture on its context fails, as the kernel's drivers do it after a hang
//   drop, garbage, bad, overflow   pictures: empty; not H.264; BAD_BITSTREAM; SLICE_OVERFLOW
//   noheaders, plain   pictures: an IDR without parameter sets; coded as P although an IDR is wanted
//   slow, stall     pictures are ready MS later, or never
#ifndef STANDIN_VA_H
#define STANDIN_VA_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <va/va.h>
#include <va/va_backend.h>
#include <va/va_enc_h264.h>
#include <va/va_enc_hevc.h>

#include "../dmabuf/view.h"
#include "va_hevc_headers.h"
#include "va_writer.h"

#define SURFACES_MAX 128
#define BUFFERS_MAX 512
#define IMAGES_MAX 64
#define CONTEXTS_MAX 16
#define CONFIGS_MAX 16
#define PACKED_MAX 8
#define FAULTS_MAX 16
#define CALLS_MAX 64
#define NEVER_NS INT64_MAX

enum object_kind { KIND_CONFIG = 1, KIND_CONTEXT, KIND_SURFACE, KIND_BUFFER, KIND_IMAGE };

struct object {
    uint32_t id; // 0 = free
    uint32_t generation;
};

struct config {
    struct object object; // first, as in all below
    VAProfile profile;
    VAEntrypoint entrypoint;
    uint32_t rate_control, packed;
};

struct surface {
    struct object object;
    unsigned width, height;
    uint32_t fourcc; // NV12 or P010
    uint8_t *plane[2];
    unsigned pitch[2];
    uint8_t *bytes;               // its own memory
    struct standin_dmabuf mapped; // or what was imported, read only
    unsigned maps;                // images of it that are mapped
    unsigned pending;             // pictures in flight that read it
};

struct buffer {
    struct object object;
    uint32_t context;
    VABufferType type;
    size_t size;
    void *bytes;
    bool is_mapped;
    uint32_t surface; // of an image's buffer that is the surface's own memory
    // a coded buffer's picture
    bool is_pending, is_filled;
    int64_t ready_ns;
    uint32_t input;
    size_t coded_size;
    VACodedBufferSegment segments[2];
};

struct image {
    struct object object;
    uint32_t buffer, surface;
    VAImage image;
};

struct packed {
    VAEncPackedHeaderParameterBuffer parameters;
    const uint8_t *bytes;
    size_t size;
};

// What the client said about the picture being described.
struct picture {
    bool is_open, failed;
    uint32_t input;
    bool has_sequence, has_picture, has_slice, awaits_packed_data;
    bool idr; // this and the next two as the picture parameters say
    uint32_t coded, recon;
    VAEncPictureParameterBufferH264 parameters;
    VAEncSliceParameterBufferH264 slice;
    VAEncPictureParameterBufferHEVC hevc;
    VAEncSliceParameterBufferHEVC hevc_slice;
    struct packed packed[PACKED_MAX];
    unsigned packed_count;
};

struct context {
    struct object object;
    uint32_t config;
    int width, height;
    bool is_hevc;
    uint32_t fourcc; // of all surfaces
    struct picture picture;
    bool has_sequence, is_banned;
    VAEncSequenceParameterBufferH264 sequence;
    VAEncSequenceParameterBufferHEVC hevc_sequence;
    uint32_t bits_per_second, vbv_bits, fps_num, fps_den;
    bool rate_changed;
    bool has_last; // the picture before
    uint32_t last_recon, last_frame_num;
    bool last_idr;
    uint16_t last_idr_pic_id;
    int32_t last_poc; // of HEVC
    void *x264;
    struct hevc_sets hevc_sets; // as the client packed them last
    struct va_hevc *hevc;
    int64_t coded; // pictures
};

struct fault {
    char kind[16], function[40];
    uint64_t first, count;
    int delay_ms;
};

struct standin {
    pthread_mutex_t lock;
    bool is_pcm, is_intel, has_derive, has_sync_buffer, puts_yuv, has_lp, has_slice, lp_is_cqp, is_gpb,
        hashes, has_hevc, has_all_tools, has_prime, refuses_prime;
    uint32_t rate_controls, packed;
    struct fault faults[FAULTS_MAX];
    unsigned fault_count;
    struct {
        const char *name;
        uint64_t calls;
    } calls[CALLS_MAX];
    uint64_t pictures;
    bool is_lost;
    bool is_excused; // after a failure nobody can wait for what is in flight
    struct config configs[CONFIGS_MAX];
    struct context contexts[CONTEXTS_MAX];
    struct surface surfaces[SURFACES_MAX];
    struct buffer buffers[BUFFERS_MAX];
    struct image images[IMAGES_MAX];
};

// va_faults.c
struct standin *standin_of(VADriverContextP driver);
void standin_configure(struct standin *standin);
// Says what was wrong and returns `status`; aborts in strict mode.
VAStatus standin_misuse(VAStatus status, const char *format, ...) __attribute__((format(printf, 2, 3)));
// Counts a call and plays its faults; to be called without the lock. SUCCESS: go on.
VAStatus standin_enter(VADriverContextP driver, const char *function);
const struct fault *standin_picture_fault(const struct standin *standin, const char *kind);
int64_t standin_now_ns(void);

// va_objects.c: tables, under the lock
void *standin_find(struct standin *standin, enum object_kind kind, uint32_t id);
void *standin_create(struct standin *standin, enum object_kind kind);
void standin_free(struct object *object);
unsigned standin_alive(struct standin *standin, enum object_kind kind);
void standin_objects_install(struct VADriverVTable *table, const struct standin *standin);
void standin_buffer_destroy(struct buffer *buffer);

// va_surfaces.c
void standin_surfaces_install(struct VADriverVTable *table);
void standin_surface_destroy(struct surface *surface);

// va_queries.c
void standin_queries_install(struct VADriverVTable *table);
bool standin_is_hevc(VAProfile profile);
uint32_t standin_rate_controls(const struct standin *standin, VAEntrypoint entrypoint);

// va_picture.c
void standin_picture_install(struct VADriverVTable *table, const struct standin *standin);
// Makes a coded buffer's picture the client's; waits until the deadline. Lets go of the lock meanwhile.
VAStatus standin_wait_coded(struct standin *standin, struct buffer *buffer, int64_t deadline_ns);
void standin_settle_coded(struct standin *standin, struct buffer *buffer);

// va_check.c and by codec: va_check_h264.c, va_check_hevc.c
VAStatus standin_check_picture(struct standin *standin, struct context *context);
VAStatus standin_check_h264(struct standin *standin, struct context *context);
VAStatus standin_check_hevc(struct standin *standin, struct context *context);
#define STANDIN_WRONG(...) standin_misuse(VA_STATUS_ERROR_INVALID_PARAMETER, "vaEndPicture: " __VA_ARGS__)

// va_pcm.c, va_x264.c, va_hevc.c
VAStatus standin_code_hevc(const struct standin *standin, struct context *context,
                           const struct config *config, const struct surface *surface, bool idr,
                           struct coded *out);
void standin_hevc_close(struct context *context);
VAStatus standin_code_pcm(struct context *context, const struct surface *surface, struct coded *out);
VAStatus standin_code_x264(struct context *context, const struct config *config,
                           const struct surface *surface, bool idr, struct coded *out);
void standin_x264_close(struct context *context);

#define STANDIN_ENTER(driver)                                                                                \
    struct standin *standin = standin_of(driver);                                                            \
    VAStatus entered = standin_enter((driver), &__func__[sizeof "do_" - 1]);                                 \
    if (entered != VA_STATUS_SUCCESS)                                                                        \
    return entered

#endif
