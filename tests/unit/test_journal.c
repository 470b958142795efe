// SPDX-License-Identifier: Apache-2.0
// The journal of gaps: what is written is read, the last word about a gap counts, and what a power cut or a
// bad disk leaves is skipped.
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "archive/journal.h"

static struct journal journal;
static char text[8192];
static size_t used;

static int begin(void **state)
{
    (void)state;
    memset(&journal, 0, sizeof journal);
    used = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    journal_clear(&journal);
    return 0;
}

static struct journal_gap gap(uint64_t session, uint64_t number, uint64_t last)
{
    struct journal_gap out;

    memset(&out, 0, sizeof out);
    out.session = session;
    out.number = number;
    snprintf(out.destination, sizeof out.destination, "edge \"1\"");
    out.first_sequence = 100 * number;
    out.last_sequence = last;
    out.first_capture_ns = 5000;
    out.last_capture_ns = 6000;
    out.utc_offset_ns = INT64_C(1700000000000000000);
    out.pts_offset_ns = 100000000;
    out.frames[JOURNAL_NOT_CONNECTED] = last - out.first_sequence;
    out.frames[JOURNAL_DOUBTFUL] = 1;
    out.possible = 1;
    out.open = true;
    return out;
}

static void append(const struct journal_gap *one)
{
    char line[ARCHIVE_LINE_BYTES_MAX];
    size_t length;

    assert_int_equal(journal_line_write(one, line, &length), CASTOR_OK);
    memcpy(text + used, line, length);
    used += length;
}

static void test_a_line_is_read_as_it_was_written(void **state)
{
    struct journal_gap one = gap(UINT64_C(0xfedcba9876543210), 3, 350), again;

    (void)state;
    append(&one);
    assert_int_equal(journal_line_read(text, used - 1, &again), CASTOR_OK);
    assert_memory_equal(&one, &again, sizeof one);
}

static void test_every_damaged_line_is_refused(void **state)
{
    struct journal_gap one = gap(1, 3, 350), again;

    (void)state;
    append(&one);
    for (size_t i = 0; i < used - 1; i++) {
        text[i] ^= 0x10;
        assert_int_equal(journal_line_read(text, used - 1, &again), CASTOR_ERR_INVALID);
        text[i] ^= 0x10;
        assert_int_equal(journal_line_read(text, i, &again), CASTOR_ERR_INVALID);
    }
}

static void test_what_makes_no_sense_is_not_written(void **state)
{
    char line[ARCHIVE_LINE_BYTES_MAX];
    struct journal_gap backwards = gap(1, 3, 350), crowded = gap(1, 3, 350), empty = gap(1, 3, 350);
    size_t length;

    (void)state;
    backwards.last_sequence = 299;
    crowded.frames[JOURNAL_EGRESS] = 1;
    memset(empty.frames, 0, sizeof empty.frames);
    empty.possible = 0;
    assert_int_equal(journal_line_write(&backwards, line, &length), CASTOR_ERR_INVALID);
    assert_int_equal(journal_line_write(&crowded, line, &length), CASTOR_ERR_INVALID);
    assert_int_equal(journal_line_write(&empty, line, &length), CASTOR_ERR_INVALID);
}

static void test_the_last_word_counts(void **state)
{
    struct journal_gap first = gap(1, 1, 150), other = gap(2, 1, 160), grown = gap(1, 1, 190);

    (void)state;
    grown.open = false;
    append(&first);
    append(&other);
    append(&grown);
    assert_int_equal(journal_read(&journal, text, used), CASTOR_OK);
    assert_int_equal(journal.count, 2);
    assert_int_equal(journal.gaps[0].last_sequence, 190);
    assert_false(journal.gaps[0].open);
    assert_int_equal(journal.gaps[1].last_sequence, 160);
    assert_int_equal(journal.bad, 0);
    assert_false(journal.torn);
}

static void test_torn_and_spoiled(void **state)
{
    struct journal_gap one = gap(1, 1, 150), two = gap(1, 2, 260), three = gap(1, 3, 370);

    (void)state;
    append(&one);
    size_t second = used;
    append(&two);
    append(&three);
    text[second + 20] ^= 1;
    assert_int_equal(journal_read(&journal, text, used - 30), CASTOR_OK);
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.bad, 2);
    assert_true(journal.torn);
}

static void test_from_a_folder(void **state)
{
    struct journal_gap one = gap(1, 1, 150);
    char folder[] = "/tmp/castor-journal-XXXXXX";
    struct journal loaded;

    (void)state;
    assert_non_null(mkdtemp(folder));
    int folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(journal_load(folder_fd, &journal), CASTOR_OK);
    assert_int_equal(journal.count, 0);
    append(&one);
    int fd = openat(folder_fd, JOURNAL_FILE, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, text, used), used);
    close(fd);
    assert_int_equal(journal_load(folder_fd, &loaded), CASTOR_OK);
    assert_int_equal(loaded.count, 1);
    journal_clear(&loaded);
    assert_int_equal(unlinkat(folder_fd, JOURNAL_FILE, 0), 0);
    assert_int_equal(mkdirat(folder_fd, JOURNAL_FILE, 0700), 0); // a folder of that name
    assert_int_equal(journal_load(folder_fd, &loaded), CASTOR_ERR_INVALID);
    assert_int_equal(unlinkat(folder_fd, JOURNAL_FILE, AT_REMOVEDIR), 0);
    close(folder_fd);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_line_is_read_as_it_was_written, begin, end),
        cmocka_unit_test_setup_teardown(test_every_damaged_line_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(test_what_makes_no_sense_is_not_written, begin, end),
        cmocka_unit_test_setup_teardown(test_the_last_word_counts, begin, end),
        cmocka_unit_test_setup_teardown(test_torn_and_spoiled, begin, end),
        cmocka_unit_test_setup_teardown(test_from_a_folder, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
