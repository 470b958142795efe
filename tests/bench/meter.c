// SPDX-License-Identifier: Apache-2.0
// Loaded into a program (LD_PRELOAD) it tells how much CPU libx264 uses there, so that the rest of the
// program can be measured without the noise of the encoder: the caller's time inside x264_encoder_encode(),
// and which threads libx264 has started. Every program that is compared runs with it. The results are in a
// file named after the process in the folder CASTOR_BENCH_METER; bench.py reads it while the program runs.
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <x264.h>

#define THREADS_MAX 60
#define NAME_OF(symbol) STRING(symbol) // of what the header's macro makes of it
#define STRING(text) #text

// Read by bench.py as "<QQII60i".
struct meter {
    _Atomic uint64_t frames;
    _Atomic uint64_t caller_ns;
    uint32_t reserved;
    _Atomic uint32_t thread_count;
    _Atomic int32_t threads[THREADS_MAX];
};

static struct meter *meter;
static _Thread_local bool in_library;

// POSIX wants a pointer to an object to hold a function's address here; ISO C has no cast for it.
static void find(const char *name, void *function)
{
    void *address = dlsym(RTLD_NEXT, name);

    if (!address) { // libx264 came with a plugin, so it is not among the program's own libraries
        void *library = dlopen("libx264.so." NAME_OF(X264_BUILD), RTLD_LAZY);
        address = library ? dlsym(library, name) : NULL;
    }
    if (!address) {
        fprintf(stderr, "meter: %s is not there\n", name);
        abort();
    }
    memcpy(function, &address, sizeof address);
}

static void open_meter(void)
{
    const char *folder = getenv("CASTOR_BENCH_METER");
    char path[512];

    if (meter || !folder)
        return;
    snprintf(path, sizeof path, "%s/%d", folder, (int)getpid());
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, sizeof *meter) != 0)
        return;
    void *memory = mmap(NULL, sizeof *meter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (memory != MAP_FAILED)
        meter = memory;
}

struct start {
    void *(*function)(void *);
    void *argument;
};

static void *run_library_thread(void *argument)
{
    struct start start = *(struct start *)argument;

    free(argument);
    if (meter) {
        uint32_t i = atomic_fetch_add(&meter->thread_count, 1);
        if (i < THREADS_MAX)
            meter->threads[i] = (int32_t)syscall(SYS_gettid);
    }
    return start.function(start.argument);
}

int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes,
                   void *(*function)(void *), void *restrict argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    struct start *start = NULL;

    if (!real)
        find("pthread_create", &real);
    if (in_library)
        start = malloc(sizeof *start);
    if (!start)
        return real(thread, attributes, function, argument);
    *start = (struct start){function, argument};
    return real(thread, attributes, run_library_thread, start);
}

x264_t *x264_encoder_open(x264_param_t *param)
{
    static x264_t *(*real)(x264_param_t *);

    if (!real)
        find(NAME_OF(x264_encoder_open), &real);
    open_meter();
    in_library = true;
    x264_t *encoder = real(param);
    in_library = false;
    return encoder;
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

int x264_encoder_encode(x264_t *encoder, x264_nal_t **nals, int *count, x264_picture_t *in,
                        x264_picture_t *out)
{
    static int (*real)(x264_t *, x264_nal_t **, int *, x264_picture_t *, x264_picture_t *);

    if (!real)
        find(NAME_OF(x264_encoder_encode), &real);
    uint64_t begin_ns = thread_cpu_ns();
    in_library = true;
    int size = real(encoder, nals, count, in, out);
    in_library = false;
    if (meter) {
        meter->caller_ns += thread_cpu_ns() - begin_ns;
        meter->frames++;
    }
    return size;
}
