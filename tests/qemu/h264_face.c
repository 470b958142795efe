// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program (LD_PRELOAD), it gives the encoder of the kernel's vicodec the face of an H.264
// encoder, since vicodec has a codec of its own, FWHT, that no box sends. Every call goes to the kernel's
// driver; only two things are changed on the way back: FWHT is named H.264, and the bytes in a coded buffer,
// once the driver hands it over, are decoded by vicodec's decoder and coded again as H.264. A picture that
// was the first of a stream (CAPTURE was started) must be a key frame of FWHT and becomes an IDR.
//
// Every decoded picture is compared with the raw picture that was queued under the same time stamp: another
// one, or a bad one, ends the program. CASTOR_FACE_GATE names a file that gets a byte before each call. When
// the node is closed, a line on stderr tells how many there were.
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "fwht.h"
#include "standin.h"

#define FACES_MAX 8
#define BUFFERS_MAX 32
#define KEPT_MAX 16
#define PSNR_LEAST_DB 30.0 // FWHT at its default quality; another picture has far less
#define BITRATE_BPS 2000000
#define LEVEL V4L2_MPEG_VIDEO_H264_LEVEL_4_0

struct mapped {
    uint8_t *memory;
    size_t size_bytes;
};

// The luma of a raw picture that the driver has.
struct kept {
    struct timeval stamp;
    uint8_t *luma;
};

struct face {
    int fd; // of the encoder's node
    bool used, mplane;
    uint32_t coded_type, raw_type;
    uint32_t raw_stride_bytes, raw_height_px;
    struct mapped coded[BUFFERS_MAX], raw[BUFFERS_MAX];
    struct kept kept[KEPT_MAX]; // a circle
    unsigned kept_next;
    bool first; // the next coded picture is the first of a stream
    struct fwht_decoder *decoder;
    struct standin_codec *codec;
    unsigned pictures, streams, compared;
    double psnr_worst_db;
};

static struct face faces[FACES_MAX]; // one thread drives an encoder

static void die(const char *what)
{
    (void)fprintf(stderr, "h264_face: %s\n", what);
    abort();
}

int standin_misuse(int error, const char *format, ...)
{
    (void)error;
    die(format);
    return 0;
}

static struct face *find_face(int fd)
{
    for (int i = 0; i < FACES_MAX; i++)
        if (faces[i].used && faces[i].fd == fd)
            return &faces[i];
    return NULL;
}

// An encoder is known by what it says of itself: the first call of every client.
static void adopt(int fd, const struct v4l2_capability *capability)
{
    bool mplane = (capability->device_caps & V4L2_CAP_VIDEO_M2M_MPLANE) != 0;
    struct v4l2_fmtdesc coded = {.type = mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE
                                                : V4L2_BUF_TYPE_VIDEO_CAPTURE};

    if (strcmp((const char *)capability->driver, "vicodec") != 0 || find_face(fd) ||
        fwht_ioctl(fd, VIDIOC_ENUM_FMT, &coded) != 0 || coded.pixelformat != V4L2_PIX_FMT_FWHT)
        return;
    for (int i = 0; i < FACES_MAX; i++) {
        if (faces[i].used)
            continue;
        faces[i] = (struct face){.fd = fd, .used = true, .mplane = mplane, .coded_type = coded.type};
        faces[i].raw_type = mplane ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
        return;
    }
    die("too many encoders are open");
}

static void unmap_all(struct mapped list[BUFFERS_MAX])
{
    for (int i = 0; i < BUFFERS_MAX; i++) {
        if (list[i].memory)
            munmap(list[i].memory, list[i].size_bytes);
        list[i] = (struct mapped){0};
    }
}

static void forget(struct face *face)
{
    if (face->pictures > 0)
        (void)fprintf(
            stderr, "h264_face: %u pictures in %u streams, %u compared with the source, worst luma %.1f dB\n",
            face->pictures, face->streams, face->compared, face->psnr_worst_db);
    unmap_all(face->coded);
    unmap_all(face->raw);
    for (int i = 0; i < KEPT_MAX; i++)
        free(face->kept[i].luma);
    fwht_decoder_destroy(face->decoder);
    if (face->codec)
        face->codec->ops->destroy(face->codec);
    face->used = false;
}

// ---- formats ----

static uint32_t swap(uint32_t fourcc, uint32_t from, uint32_t to)
{
    return fourcc == from ? to : fourcc;
}

static void swap_format(const struct face *face, struct v4l2_format *format, uint32_t from, uint32_t to)
{
    if (face->mplane)
        format->fmt.pix_mp.pixelformat = swap(format->fmt.pix_mp.pixelformat, from, to);
    else
        format->fmt.pix.pixelformat = swap(format->fmt.pix.pixelformat, from, to);
}

static int handle_format(struct face *face, unsigned long request, struct v4l2_format *format)
{
    if (format->type != face->coded_type) {
        int error = fwht_ioctl(face->fd, request, format);
        bool mplane = face->mplane;
        face->raw_height_px = mplane ? format->fmt.pix_mp.height : format->fmt.pix.height;
        face->raw_stride_bytes =
            mplane ? format->fmt.pix_mp.plane_fmt[0].bytesperline : format->fmt.pix.bytesperline;
        return error;
    }
    swap_format(face, format, V4L2_PIX_FMT_H264, V4L2_PIX_FMT_FWHT);
    int error = fwht_ioctl(face->fd, request, format);
    swap_format(face, format, V4L2_PIX_FMT_FWHT, V4L2_PIX_FMT_H264);
    return error;
}

static int list_format(const struct face *face, struct v4l2_fmtdesc *entry)
{
    int error = fwht_ioctl(face->fd, VIDIOC_ENUM_FMT, entry);

    if (entry->type == face->coded_type)
        entry->pixelformat = swap(entry->pixelformat, V4L2_PIX_FMT_FWHT, V4L2_PIX_FMT_H264);
    return error;
}

static int list_size(const struct face *face, struct v4l2_frmsizeenum *size)
{
    size->pixel_format = swap(size->pixel_format, V4L2_PIX_FMT_H264, V4L2_PIX_FMT_FWHT);
    int error = fwht_ioctl(face->fd, VIDIOC_ENUM_FRAMESIZES, size);
    size->pixel_format = swap(size->pixel_format, V4L2_PIX_FMT_FWHT, V4L2_PIX_FMT_H264);
    return error;
}

// ---- buffers ----

// The program's buffers, seen from here too. vicodec has one plane in memory, whichever API is spoken.
static void map_again(struct face *face, const struct v4l2_buffer *buffer)
{
    struct mapped *list = buffer->type == face->coded_type ? face->coded : face->raw;
    size_t length = face->mplane ? buffer->m.planes[0].length : buffer->length;
    off_t offset = face->mplane ? buffer->m.planes[0].m.mem_offset : buffer->m.offset;

    if (buffer->memory != V4L2_MEMORY_MMAP)
        return;
    if (buffer->index >= BUFFERS_MAX)
        die("too many buffers");
    if (list[buffer->index].memory)
        return;
    void *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, face->fd, offset);
    if (memory == MAP_FAILED)
        die("a buffer cannot be mapped");
    list[buffer->index] = (struct mapped){memory, length};
}

static void keep_luma(struct face *face, const struct v4l2_buffer *buffer)
{
    const struct mapped *raw = &face->raw[buffer->index];
    size_t size_bytes = (size_t)face->raw_stride_bytes * face->raw_height_px;
    struct kept *kept = &face->kept[face->kept_next++ % KEPT_MAX];

    bool imported = buffer->memory == V4L2_MEMORY_DMABUF;
    if (buffer->memory != V4L2_MEMORY_MMAP && !imported)
        return;
    int fd = face->mplane ? buffer->m.planes[0].m.fd : buffer->m.fd;
    const uint8_t *memory = imported ? mmap(NULL, size_bytes, PROT_READ, MAP_SHARED, fd, 0) : raw->memory;
    if (!kept->luma)
        kept->luma = malloc(size_bytes);
    if (!kept->luma || !memory || memory == MAP_FAILED || (!imported && raw->size_bytes < size_bytes))
        die("a raw picture is queued that cannot be looked at");
    memcpy(kept->luma, memory, size_bytes);
    kept->stamp = buffer->timestamp;
    if (imported)
        munmap((void *)(uintptr_t)memory, size_bytes);
}

static void compare(struct face *face, const struct fwht_header *header, const struct fwht_picture *picture,
                    const struct timeval *stamp)
{
    double squares = 0, pixels = (double)header->width_px * header->height_px;
    const struct kept *kept = NULL;

    for (int i = 0; i < KEPT_MAX; i++)
        if (face->kept[i].luma && memcmp(&face->kept[i].stamp, stamp, sizeof *stamp) == 0)
            kept = &face->kept[i];
    if (!kept)
        die("a coded picture has a time stamp under which none was queued");
    for (uint32_t y = 0; y < header->height_px; y++) {
        const uint8_t *a = kept->luma + (size_t)y * face->raw_stride_bytes;
        const uint8_t *b = picture->plane[0] + (size_t)y * picture->stride_bytes[0];
        unsigned row = 0; // 4096 times 255 squared fits
        for (uint32_t x = 0; x < header->width_px; x++)
            row += (unsigned)((a[x] - b[x]) * (a[x] - b[x]));
        squares += row;
    }
    double psnr_db = squares > 0 ? 10 * log10(255.0 * 255.0 * pixels / squares) : 99;
    if (face->compared++ == 0 || psnr_db < face->psnr_worst_db)
        face->psnr_worst_db = psnr_db;
    if (psnr_db < PSNR_LEAST_DB)
        die("a decoded picture is not the one that was queued");
}

static void prepare(struct face *face, const struct fwht_header *header)
{
    const struct standin_settings settings = {
        .width_px = header->width_px,
        .height_px = header->height_px,
        .rate_num = 30,
        .rate_den = 1,
        .bitrate_bps = BITRATE_BPS,
        .level = LEVEL,
        .profile = V4L2_MPEG_VIDEO_H264_PROFILE_CONSTRAINED_BASELINE,
    };

    if (!face->decoder)
        face->decoder = fwht_decoder_create(face->mplane, header);
    if (!face->codec)
        face->codec = standin_h264_create(&settings);
    if (!face->decoder || !face->codec)
        die("no decoder of FWHT, or no encoder of H.264");
}

// FWHT in, H.264 out, in the same buffer. Returns the new size.
static size_t code_again(struct face *face, const struct v4l2_buffer *buffer, size_t used_bytes)
{
    struct mapped *coded = &face->coded[buffer->index];
    struct fwht_header header;
    struct fwht_picture picture;
    const uint8_t *data = NULL;
    size_t head_bytes = 0;
    bool idr = false;

    if (!coded->memory || !fwht_parse(coded->memory, used_bytes, &header))
        die("a coded buffer does not hold FWHT");
    if (face->first && !header.intra)
        die("the first picture of a stream is no key frame");
    prepare(face, &header);
    if (!fwht_decoder_decode(face->decoder, coded->memory, used_bytes, &picture))
        die("vicodec cannot decode what vicodec coded");
    compare(face, &header, &picture, &buffer->timestamp);
    struct standin_raster raster = {
        {picture.plane[0], picture.plane[1], picture.plane[2]},
        {(int)picture.stride_bytes[0], (int)picture.stride_bytes[1], (int)picture.stride_bytes[2]}};
    if (face->first)
        head_bytes = face->codec->ops->headers(face->codec, coded->memory, coded->size_bytes);
    size_t size_bytes = face->codec->ops->encode(face->codec, &raster, face->first, &data, &idr);
    if (size_bytes == 0 || idr != face->first || head_bytes + size_bytes > coded->size_bytes)
        die("H.264 of this picture is not what was asked for");
    memcpy(coded->memory + head_bytes, data, size_bytes);
    face->streams += face->first;
    face->first = false;
    face->pictures++;
    return head_bytes + size_bytes;
}

static int take(struct face *face, struct v4l2_buffer *buffer)
{
    int error = fwht_ioctl(face->fd, VIDIOC_DQBUF, buffer);
    uint32_t *used = face->mplane ? &buffer->m.planes[0].bytesused : &buffer->bytesused;

    if (error == 0 && buffer->type == face->coded_type && *used > 0 && !(buffer->flags & V4L2_BUF_FLAG_ERROR))
        *used = (uint32_t)code_again(face, buffer, *used);
    return error;
}

static int handle_buffer(struct face *face, unsigned long request, struct v4l2_buffer *buffer)
{
    if (request == VIDIOC_DQBUF)
        return take(face, buffer);
    if (request == VIDIOC_QBUF && buffer->type == face->raw_type)
        keep_luma(face, buffer);
    int error = fwht_ioctl(face->fd, request, buffer);
    if (error == 0 && request == VIDIOC_QUERYBUF)
        map_again(face, buffer);
    return error;
}

static int request_buffers(struct face *face, struct v4l2_requestbuffers *request)
{
    unmap_all(request->type == face->coded_type ? face->coded : face->raw);
    return fwht_ioctl(face->fd, VIDIOC_REQBUFS, request);
}

static int start(struct face *face, const int *type)
{
    int error = fwht_ioctl(face->fd, VIDIOC_STREAMON, (void *)(uintptr_t)type);

    if (error == 0 && (uint32_t)*type == face->coded_type)
        face->first = true;
    return error;
}

// On a frozen file system a write does not return until it is thawed, and no signal ends it: the way to a
// process that is stuck in its driver.
static void pass_gate(void)
{
    const char *path = getenv("CASTOR_FACE_GATE");
    int fd = path ? open(path, O_WRONLY | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    if (write(fd, "", 1) != 1)
        die("the gate takes no byte");
    (void)syscall(SYS_close, fd);
}

static int handle(struct face *face, unsigned long request, void *argument)
{
    pass_gate();
    switch (request) {
    case VIDIOC_ENUM_FMT:
        return list_format(face, argument);
    case VIDIOC_ENUM_FRAMESIZES:
        return list_size(face, argument);
    case VIDIOC_G_FMT:
    case VIDIOC_S_FMT:
    case VIDIOC_TRY_FMT:
        return handle_format(face, request, argument);
    case VIDIOC_REQBUFS:
        return request_buffers(face, argument);
    case VIDIOC_QUERYBUF:
    case VIDIOC_QBUF:
    case VIDIOC_DQBUF:
        return handle_buffer(face, request, argument);
    case VIDIOC_STREAMON:
        return start(face, argument);
    default:
        return fwht_ioctl(face->fd, request, argument);
    }
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list list;

    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    struct face *face = find_face(fd);
    if (!face) {
        int result = (int)syscall(SYS_ioctl, fd, request, argument);
        if (result == 0 && request == VIDIOC_QUERYCAP)
            adopt(fd, argument);
        return result;
    }
    int error = handle(face, request, argument);
    if (error == 0)
        return 0;
    errno = -error;
    return -1;
}

int close(int fd)
{
    struct face *face = fd >= 0 ? find_face(fd) : NULL;

    if (face)
        forget(face);
    return (int)syscall(SYS_close, fd);
}
