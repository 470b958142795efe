// SPDX-License-Identifier: Apache-2.0
#include "fwht.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/videodev2.h>

#define NODES_MAX 16
#define DECODE_MS 5000 // an emulated machine

// As the kernel writes it: everything big endian.
struct header_bytes {
    uint32_t magic1, magic2, version, width, height, flags, colorspace, xfer_func, ycbcr_enc, quantization,
        size;
};

struct fwht_decoder {
    int fd;
    bool mplane;
    uint32_t coded_type, raw_type;
    uint8_t *coded, *raw; // the one buffer of each queue
    size_t coded_bytes, raw_bytes;
    uint32_t width_px, height_px, stride_bytes;
    bool running; // the size is known and pictures come out
};

int fwht_ioctl(int fd, unsigned long request, void *argument)
{
    long result;

    do {
        result = syscall(SYS_ioctl, fd, request, argument);
    } while (result < 0 && errno == EINTR);
    return result < 0 ? -errno : 0;
}

static bool complain(const char *what, int error)
{
    (void)fprintf(stderr, "fwht: %s: %s\n", what, strerror(-error));
    return false;
}

bool fwht_parse(const uint8_t *data, size_t size_bytes, struct fwht_header *out)
{
    struct header_bytes bytes;

    if (size_bytes < sizeof bytes)
        return false;
    memcpy(&bytes, data, sizeof bytes);
    if (bytes.magic1 != 0x4f4f4f4f || bytes.magic2 != 0xffffffff)
        return false;
    *out = (struct fwht_header){ntohl(bytes.width), ntohl(bytes.height),
                                (ntohl(bytes.flags) & V4L2_FWHT_FL_I_FRAME) != 0};
    return true;
}

static bool is_decoder(int fd, uint32_t coded_type)
{
    struct v4l2_capability capability = {0};
    struct v4l2_fmtdesc format = {.type = coded_type};

    return fwht_ioctl(fd, VIDIOC_QUERYCAP, &capability) == 0 &&
           strcmp((const char *)capability.driver, "vicodec") == 0 &&
           fwht_ioctl(fd, VIDIOC_ENUM_FMT, &format) == 0 && format.pixelformat == V4L2_PIX_FMT_FWHT;
}

static int open_decoder(uint32_t coded_type)
{
    for (int i = 0; i < NODES_MAX; i++) {
        char path[32];
        (void)snprintf(path, sizeof path, "/dev/video%d", i);
        int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd >= 0 && is_decoder(fd, coded_type))
            return fd;
        if (fd >= 0)
            (void)close(fd);
    }
    return -1;
}

static int set_format(struct fwht_decoder *decoder, uint32_t type, uint32_t fourcc, uint32_t width_px,
                      uint32_t height_px)
{
    struct v4l2_format format = {.type = type};

    if (decoder->mplane) {
        format.fmt.pix_mp.width = width_px;
        format.fmt.pix_mp.height = height_px;
        format.fmt.pix_mp.pixelformat = fourcc;
        format.fmt.pix_mp.num_planes = 1;
    } else {
        format.fmt.pix = (struct v4l2_pix_format){.width = width_px, .height = height_px};
        format.fmt.pix.pixelformat = fourcc;
    }
    int error = fwht_ioctl(decoder->fd, VIDIOC_S_FMT, &format);
    if (error != 0)
        return error;
    const struct v4l2_pix_format *pix = &format.fmt.pix;
    const struct v4l2_pix_format_mplane *mp = &format.fmt.pix_mp;
    decoder->width_px = decoder->mplane ? mp->width : pix->width;
    decoder->height_px = decoder->mplane ? mp->height : pix->height;
    decoder->stride_bytes = decoder->mplane ? mp->plane_fmt[0].bytesperline : pix->bytesperline;
    return 0;
}

static struct v4l2_buffer describe(const struct fwht_decoder *decoder, uint32_t type,
                                   struct v4l2_plane *plane)
{
    struct v4l2_buffer buffer = {.type = type, .memory = V4L2_MEMORY_MMAP};

    *plane = (struct v4l2_plane){0};
    if (decoder->mplane) {
        buffer.m.planes = plane;
        buffer.length = 1;
    }
    return buffer;
}

static int make_buffer(struct fwht_decoder *decoder, uint32_t type, uint8_t **memory, size_t *size_bytes)
{
    struct v4l2_requestbuffers request = {.count = 1, .type = type, .memory = V4L2_MEMORY_MMAP};
    struct v4l2_plane plane;
    struct v4l2_buffer buffer = describe(decoder, type, &plane);
    int error = fwht_ioctl(decoder->fd, VIDIOC_REQBUFS, &request);

    if (error == 0)
        error = fwht_ioctl(decoder->fd, VIDIOC_QUERYBUF, &buffer);
    if (error != 0)
        return error;
    size_t length = decoder->mplane ? plane.length : buffer.length;
    off_t offset = decoder->mplane ? plane.m.mem_offset : buffer.m.offset;
    void *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, decoder->fd, offset);
    if (mapped == MAP_FAILED)
        return -errno;
    *memory = mapped;
    *size_bytes = length;
    return 0;
}

static int queue(const struct fwht_decoder *decoder, uint32_t type, size_t used_bytes)
{
    struct v4l2_plane plane;
    struct v4l2_buffer buffer = describe(decoder, type, &plane);

    buffer.field = V4L2_FIELD_NONE;
    plane.bytesused = buffer.bytesused = (uint32_t)used_bytes;
    return fwht_ioctl(decoder->fd, VIDIOC_QBUF, &buffer);
}

static int dequeue(const struct fwht_decoder *decoder, uint32_t type, uint32_t *flags)
{
    struct v4l2_plane plane;
    struct v4l2_buffer buffer = describe(decoder, type, &plane);
    int error = fwht_ioctl(decoder->fd, VIDIOC_DQBUF, &buffer);

    *flags = buffer.flags;
    return error;
}

struct fwht_decoder *fwht_decoder_create(bool mplane, const struct fwht_header *header)
{
    struct v4l2_event_subscription event = {.type = V4L2_EVENT_SOURCE_CHANGE};
    struct fwht_decoder *decoder = calloc(1, sizeof *decoder);

    if (!decoder)
        return NULL;
    decoder->mplane = mplane;
    decoder->coded_type = mplane ? V4L2_BUF_TYPE_VIDEO_OUTPUT_MPLANE : V4L2_BUF_TYPE_VIDEO_OUTPUT;
    decoder->raw_type = mplane ? V4L2_BUF_TYPE_VIDEO_CAPTURE_MPLANE : V4L2_BUF_TYPE_VIDEO_CAPTURE;
    decoder->fd = open_decoder(decoder->coded_type);
    int error = decoder->fd < 0 ? -ENODEV : fwht_ioctl(decoder->fd, VIDIOC_SUBSCRIBE_EVENT, &event);
    if (error == 0)
        error =
            set_format(decoder, decoder->coded_type, V4L2_PIX_FMT_FWHT, header->width_px, header->height_px);
    if (error == 0)
        error = make_buffer(decoder, decoder->coded_type, &decoder->coded, &decoder->coded_bytes);
    if (error == 0)
        error = fwht_ioctl(decoder->fd, VIDIOC_STREAMON, &decoder->coded_type);
    if (error == 0)
        return decoder;
    (void)complain("the decoder of vicodec does not start", error);
    fwht_decoder_destroy(decoder);
    return NULL;
}

void fwht_decoder_destroy(struct fwht_decoder *decoder)
{
    if (!decoder)
        return;
    if (decoder->coded)
        munmap(decoder->coded, decoder->coded_bytes);
    if (decoder->raw)
        munmap(decoder->raw, decoder->raw_bytes);
    if (decoder->fd >= 0)
        (void)close(decoder->fd);
    free(decoder);
}

static int wait_for(const struct fwht_decoder *decoder, short events)
{
    struct pollfd polled = {.fd = decoder->fd, .events = events};

    return poll(&polled, 1, DECODE_MS) == 1 && polled.revents & events ? 0 : -ETIMEDOUT;
}

// The first coded picture tells the size (V4L2_EVENT_SOURCE_CHANGE); only then the other queue can be made.
static int begin(struct fwht_decoder *decoder, const struct fwht_header *header)
{
    struct v4l2_event event = {0};
    int error = wait_for(decoder, POLLPRI);

    if (error == 0)
        error = fwht_ioctl(decoder->fd, VIDIOC_DQEVENT, &event);
    if (error == 0)
        error =
            set_format(decoder, decoder->raw_type, V4L2_PIX_FMT_YUV420, header->width_px, header->height_px);
    if (error == 0)
        error = make_buffer(decoder, decoder->raw_type, &decoder->raw, &decoder->raw_bytes);
    if (error == 0)
        error = fwht_ioctl(decoder->fd, VIDIOC_STREAMON, &decoder->raw_type);
    decoder->running = error == 0;
    return error;
}

bool fwht_decoder_decode(struct fwht_decoder *decoder, const uint8_t *data, size_t size_bytes,
                         struct fwht_picture *out)
{
    struct fwht_header header;
    uint32_t flags = 0, unused;
    int error = 0;

    if (!fwht_parse(data, size_bytes, &header) || size_bytes > decoder->coded_bytes)
        return complain("these are no bytes of one picture", -EINVAL);
    memcpy(decoder->coded, data, size_bytes);
    error = queue(decoder, decoder->coded_type, size_bytes);
    if (error == 0 && !decoder->running)
        error = begin(decoder, &header);
    if (error == 0)
        error = queue(decoder, decoder->raw_type, 0);
    if (error == 0)
        error = wait_for(decoder, POLLIN);
    if (error == 0)
        error = dequeue(decoder, decoder->raw_type, &flags);
    if (error == 0)
        error = dequeue(decoder, decoder->coded_type, &unused);
    if (error == 0 && flags & V4L2_BUF_FLAG_ERROR)
        error = -EBADMSG;
    if (error != 0)
        return complain("the decoder of vicodec", error);
    size_t luma_bytes = (size_t)decoder->stride_bytes * decoder->height_px;
    *out =
        (struct fwht_picture){{decoder->raw, decoder->raw + luma_bytes, decoder->raw + luma_bytes * 5 / 4},
                              {decoder->stride_bytes, decoder->stride_bytes / 2, decoder->stride_bytes / 2}};
    return true;
}
