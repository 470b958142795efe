// SPDX-License-Identifier: Apache-2.0
// CPU that the mux spends per Mbit, beside a memcpy of the same bytes into payloads of the same size.
// bench_mux [BITRATE_BPS [FPS]]: 60 s of stream, five rounds of each kind in turn; the median round counts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hal/time.h"
#include "mux/mux.h"

#define ROUNDS 5
#define SECONDS 60

// What a sender does at the least: it looks at the payload. Keeps the compiler from leaving the work out.
struct counting_sink {
    struct mux_sink sink;
    uint64_t bytes;
    uint32_t sum;
};

static int count(struct mux_sink *sink, const struct mux_payload *payload)
{
    struct counting_sink *self = (struct counting_sink *)sink; // its first member
    self->bytes += payload->size_bytes;
    self->sum += payload->data[payload->size_bytes - 1];
    return CASTOR_OK;
}

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * CASTOR_NS_PER_S + t.tv_nsec;
}

struct ring {
    uint8_t *data; // some access units one after the other, so that reads come from memory as in a real ring
    size_t unit_bytes;
    uint32_t units;
    uint32_t frames;
    struct castor_rational rate;
};

static int make_ring(struct ring *ring, uint64_t rate_bps, uint32_t fps)
{
    static const uint8_t head[] = {0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x41, 0x9a};
    ring->unit_bytes = (size_t)(rate_bps / 8 / fps);
    ring->units = (uint32_t)(8 * 1024 * 1024 / ring->unit_bytes + 1);
    ring->frames = SECONDS * fps;
    ring->rate = (struct castor_rational){fps, 1};
    ring->data = malloc(ring->unit_bytes * ring->units);
    if (ring->data == NULL || ring->unit_bytes < sizeof head)
        return CASTOR_ERR_INVALID;
    uint32_t seed = 1;
    for (size_t i = 0; i < ring->unit_bytes * ring->units; i++) {
        seed = seed * 1664525u + 1013904223u;
        ring->data[i] = (uint8_t)(seed >> 24);
    }
    for (uint32_t i = 0; i < ring->units; i++)
        memcpy(ring->data + i * ring->unit_bytes, head, sizeof head);
    return CASTOR_OK;
}

static int64_t run_mux(const struct ring *ring, uint64_t constant_bps, uint64_t *bytes)
{
    struct mux_config config;
    struct mux *mux = NULL;
    mux_config_init(&config);
    config.rate_bps = constant_bps;
    if (mux_create(&config, &mux) != CASTOR_OK)
        return -1;
    struct counting_sink sink = {.sink = {.write = count}};
    int64_t begin_ns = cpu_ns();
    for (uint32_t i = 0; i < ring->frames; i++) {
        struct mux_access_unit unit = {.data = ring->data + i % ring->units * ring->unit_bytes,
                                       .size_bytes = ring->unit_bytes,
                                       .capture_ns = castor_frame_time_ns(ring->rate, i),
                                       .sequence = i};
        if (mux_write_access_unit(mux, &unit, &sink.sink) != CASTOR_OK)
            return -1;
    }
    int64_t spent_ns = cpu_ns() - begin_ns;
    mux_destroy(mux);
    *bytes = sink.bytes;
    return spent_ns;
}

static int64_t run_memcpy(const struct ring *ring)
{
    static uint8_t payload[MUX_PAYLOAD_BYTES_MAX];
    struct counting_sink sink = {.sink = {.write = count}};
    int (*volatile write)(struct mux_sink *, const struct mux_payload *) = count;
    int64_t begin_ns = cpu_ns();
    for (uint32_t i = 0; i < ring->frames; i++) {
        const uint8_t *from = ring->data + i % ring->units * ring->unit_bytes;
        for (size_t at = 0; at < ring->unit_bytes; at += sizeof payload) {
            size_t left = ring->unit_bytes - at;
            size_t size = left < sizeof payload ? left : sizeof payload;
            memcpy(payload, from + at, size);
            write(&sink.sink, &(struct mux_payload){.data = payload, .size_bytes = size});
        }
    }
    return cpu_ns() - begin_ns;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int64_t median(int64_t *values)
{
    qsort(values, ROUNDS, sizeof values[0], compare);
    return values[ROUNDS / 2];
}

static void print_hardware(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "model name", 10) == 0) {
            printf("%s", line);
            break;
        }
    }
    if (file != NULL)
        fclose(file);
}

int main(int argc, char **argv)
{
    uint64_t rate_bps = argc > 1 ? strtoull(argv[1], NULL, 10) : 6000000;
    uint32_t fps = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 30;
    int64_t variable[ROUNDS];
    int64_t constant[ROUNDS];
    int64_t copy[ROUNDS];
    uint64_t bytes = 0;
    uint64_t constant_bytes = 0;
    struct ring ring;
    if (fps == 0 || rate_bps == 0 || make_ring(&ring, rate_bps, fps) != CASTOR_OK)
        return 2;
    for (int i = 0; i < ROUNDS; i++) {
        copy[i] = run_memcpy(&ring);
        variable[i] = run_mux(&ring, 0, &bytes);
        constant[i] = run_mux(&ring, rate_bps * 5 / 4, &constant_bytes);
        if (variable[i] < 0 || constant[i] < 0)
            return 1;
    }
    double mbit = (double)ring.frames * (double)ring.unit_bytes * 8 / 1e6;
    int64_t copy_ns = median(copy);
    int64_t variable_ns = median(variable);
    int64_t constant_ns = median(constant);
    print_hardware();
    printf("%.1f Mbit/s of video, %u fps, access units of %zu bytes\n", (double)rate_bps / 1e6, fps,
           ring.unit_bytes);
    printf("memcpy          %8.2f us/Mbit\n", (double)copy_ns / 1e3 / mbit);
    printf("mux             %8.2f us/Mbit  %.2f x memcpy  %.2f us/frame  %.2f %% overhead in bytes\n",
           (double)variable_ns / 1e3 / mbit, (double)variable_ns / (double)copy_ns,
           (double)variable_ns / 1e3 / ring.frames, 100 * ((double)bytes * 8 / 1e6 / mbit - 1));
    printf("mux at constant rate %3.0f %% %5.2f us/Mbit  %.2f x memcpy  %.2f us/frame\n", 125.0,
           (double)constant_ns / 1e3 / mbit, (double)constant_ns / (double)copy_ns,
           (double)constant_ns / 1e3 / ring.frames);
    free(ring.data);
    return 0;
}
