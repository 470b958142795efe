// SPDX-License-Identifier: Apache-2.0
// Sessions opened and closed again and again leave nothing behind: descriptors, threads, memory, the vendor's
// sessions and contexts. CASTOR_OPEN_CLOSE says how often.
#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoder/drivers.h"
#include "encoder_rig.h"

#define ROUNDS 200
#define WARM_UP 20

static unsigned entries_of(const char *folder_name)
{
    DIR *folder = opendir(folder_name);
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static unsigned ask_standin(const char *library, const char *name)
{
    unsigned (*count)(void);
    void *handle = dlopen(library, RTLD_LAZY | RTLD_NOLOAD);

    assert_non_null(handle);
    void *address = dlsym(handle, name);
    assert_non_null(address);
    memcpy(&count, &address, sizeof count);
    unsigned live = count();
    dlclose(handle);
    return live;
}

static void open_and_close(unsigned round)
{
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    struct encoder_output output;
    struct rig rig;

    config.format.width_px = 320;
    config.format.height_px = 180;
    rig_open(&rig, &encoder_driver_nvenc, &config);
    if (round % 4 == 1)
        rig_code(&rig, round, 0, &output);
    if (round % 4 == 2) // closed with frames lent
        assert_int_equal(rig_submit(&rig, round, 0), CASTOR_OK);
    rig_close(&rig);
}

static void nothing_is_left(void **state)
{
    const char *wish = getenv("CASTOR_OPEN_CLOSE");
    unsigned rounds = wish ? (unsigned)strtoul(wish, NULL, 10) : ROUNDS;
    unsigned descriptors = 0, threads = 0;
    size_t heap_bytes = 0;

    (void)state;
    for (unsigned i = 0; i < rounds + WARM_UP; i++) {
        if (i == WARM_UP) {
            descriptors = entries_of("/proc/self/fd");
            threads = entries_of("/proc/self/task");
            heap_bytes = mallinfo2().uordblks + mallinfo2().hblkhd;
        }
        open_and_close(i);
    }
    size_t now_bytes = mallinfo2().uordblks + mallinfo2().hblkhd;
    print_message("%u times: %u descriptors before, %u after; heap %zu before, %zu after\n", rounds,
                  descriptors, entries_of("/proc/self/fd"), heap_bytes, now_bytes);
    assert_int_equal(entries_of("/proc/self/fd"), descriptors);
    assert_int_equal(entries_of("/proc/self/task"), threads);
    assert_int_equal(ask_standin("libnvidia-encode.so.1", "castor_standin_live_sessions"), 0);
    assert_int_equal(ask_standin("libcuda.so.1", "castor_standin_live_contexts"), 0);
    assert_int_equal(ask_standin("libcuda.so.1", "castor_standin_live_memory"), 0);
    assert_true(now_bytes < heap_bytes + 65536);
}

// Failed openings leave nothing behind either.
static void failures_leave_nothing(void **state)
{
    static const char *const schedules[] = {"context:oom@2", "preset:fail", "initialize:fail",
                                            "without=register,create_input:oom@2", "create_output:oom@4"};
    struct encoder_config config = rig_default_config(CASTOR_PIXEL_NV12);
    struct encoder *encoder = NULL;
    struct encoder_text why;

    (void)state;
    unsigned descriptors = entries_of("/proc/self/fd");
    for (unsigned i = 0; i < 50; i++) {
        setenv("CASTOR_STANDIN_NVENC", schedules[i % 5], 1);
        assert_int_not_equal(encoder_open(&encoder_driver_nvenc, &config, &encoder, &why), CASTOR_OK);
        setenv("CASTOR_STANDIN_NVENC", "", 1);
        open_and_close(i); // so that the schedule counts from anew
    }
    assert_int_equal(entries_of("/proc/self/fd"), descriptors);
    assert_int_equal(ask_standin("libnvidia-encode.so.1", "castor_standin_live_sessions"), 0);
    assert_int_equal(ask_standin("libcuda.so.1", "castor_standin_live_contexts"), 0);
    assert_int_equal(ask_standin("libcuda.so.1", "castor_standin_live_memory"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_left),
                                       cmocka_unit_test(failures_leave_nothing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
