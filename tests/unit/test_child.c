// SPDX-License-Identifier: Apache-2.0
// Programs that print, fail, crash, hang and talk too much.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/child.h"
#include "hal/time.h"

static char output[256];
static struct child_end end;

static int run_script(const char *script, int64_t limit_ns)
{
    char *const argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)script,
                          NULL};

    return child_run(argv, castor_now_ns() + limit_ns, output, sizeof output, &end);
}

static void test_output_and_steps(void **state)
{
    (void)state;
    assert_int_equal(
        run_script("echo @first; echo one; echo @second; echo two; exit 0", 20 * CASTOR_NS_PER_S), CASTOR_OK);
    assert_string_equal(output, "one\ntwo\n");
    assert_string_equal(end.step, "second");
}

static void test_status(void **state)
{
    (void)state;
    assert_int_equal(run_script("echo @open; exit 7", 20 * CASTOR_NS_PER_S), CASTOR_ERR_IO);
    assert_string_equal(end.text, "ended with status 7 in open");
    assert_string_equal(output, "");
}

static void test_crash(void **state)
{
    (void)state;
    assert_int_equal(run_script("echo @encode; kill -SEGV $$", 20 * CASTOR_NS_PER_S), CASTOR_ERR_LOST);
    assert_non_null(strstr(end.text, "crashed with signal 11"));
    assert_non_null(strstr(end.text, " in encode"));
}

// It is gone, or dead and nobody has reaped it.
static bool has_ended(pid_t pid)
{
    char path[64], line[256] = "";

    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (!file)
        return true;
    bool dead = !fgets(line, sizeof line, file) || strstr(line, ") Z");
    fclose(file);
    return dead;
}

// It is killed with what it started, which would keep the pipe open.
static void test_hang(void **state)
{
    pid_t sleeper = 0;

    (void)state;
    int64_t started_ns = castor_now_ns();
    assert_int_equal(run_script("echo @probe; sleep 1000 & echo $!; wait", CASTOR_NS_PER_S),
                     CASTOR_ERR_TIMEOUT);
    assert_true(end.timed_out);
    assert_non_null(strstr(end.text, "hung in probe"));
    assert_true(castor_now_ns() - started_ns >= CASTOR_NS_PER_S);
    assert_int_equal(sscanf(output, "%d", &sleeper), 1);
    bool gone = false;
    for (int i = 0; i < 500 && !gone; i++) {
        gone = has_ended(sleeper);
        if (!gone)
            usleep(10000);
    }
    assert_true(gone);
}

static void test_too_much(void **state)
{
    (void)state;
    assert_int_equal(
        run_script("i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done", 20 * CASTOR_NS_PER_S),
        CASTOR_ERR_FULL);
    assert_int_equal(strlen(output), sizeof output - 1);
}

static void test_not_there(void **state)
{
    char *const argv[] = {(char *)(uintptr_t) "/nowhere/at/all", NULL};

    (void)state;
    assert_int_equal(child_run(argv, castor_now_ns() + CASTOR_NS_PER_S, output, sizeof output, &end),
                     CASTOR_ERR_NOT_FOUND);
    assert_non_null(strstr(end.text, "/nowhere/at/all"));
}

static void test_leaves_no_descriptor(void **state)
{
    int before = dup(0);

    (void)state;
    close(before);
    for (int i = 0; i < 20; i++)
        assert_int_equal(run_script("echo x", 20 * CASTOR_NS_PER_S), CASTOR_OK);
    int after = dup(0);
    close(after);
    assert_int_equal(after, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_output_and_steps),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_crash),
        cmocka_unit_test(test_hang),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_not_there),
        cmocka_unit_test(test_leaves_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
