// SPDX-License-Identifier: Apache-2.0
// The recorder's journal of gaps: what waits is written when the disk lets it, behind a torn line too, and a
// journal that has grown long is written anew.
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

#include "record/gap_notes.h"

static struct gap_notes notes;
static char folder[64];
static int folder_fd;

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/castor-notes-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    folder_fd = open(folder, O_RDONLY | O_DIRECTORY);
    gap_notes_init(&notes);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gap_notes_finish(&notes);
    (void)unlinkat(folder_fd, JOURNAL_FILE, 0);
    close(folder_fd);
    return rmdir(folder);
}

static void put(uint64_t number, uint64_t last)
{
    struct journal_gap gap;

    memset(&gap, 0, sizeof gap);
    gap.session = 1;
    gap.number = number;
    snprintf(gap.destination, sizeof gap.destination, "edge");
    gap.last_sequence = last;
    gap.last_capture_ns = 1;
    gap.frames[JOURNAL_EGRESS] = 1;
    gap_notes_put(&notes, &gap);
}

static struct journal load(void)
{
    struct journal journal;

    assert_int_equal(journal_load(folder_fd, &journal), CASTOR_OK);
    return journal;
}

static void test_written_once(void **state)
{
    (void)state;
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    assert_int_equal(faccessat(folder_fd, JOURNAL_FILE, F_OK, 0), -1); // nothing to tell: no file
    put(1, 10);
    put(2, 20);
    put(1, 15); // replaces
    assert_int_equal(notes.count, 2);
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    assert_int_equal(notes.count, 0);
    struct journal journal = load();
    assert_int_equal(journal.count, 2);
    assert_int_equal(journal.gaps[0].last_sequence, 15);
    journal_clear(&journal);
}

static void test_behind_a_torn_line(void **state)
{
    (void)state;
    int fd = openat(folder_fd, JOURNAL_FILE, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "{\"type\":\"ga", 11), 11);
    close(fd);
    put(1, 10);
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    struct journal journal = load();
    assert_int_equal(journal.count, 1);
    assert_int_equal(journal.bad, 1);
    assert_false(journal.torn);
    journal_clear(&journal);
}

static void test_a_disk_that_says_no(void **state)
{
    (void)state;
    int nowhere = open("/proc/self", O_RDONLY | O_DIRECTORY); // no file can be made there
    put(1, 10);
    put(2, 20);
    assert_int_not_equal(gap_notes_write(&notes, nowhere), CASTOR_OK);
    close(nowhere);
    assert_int_equal(notes.count, 2); // they wait on
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    struct journal journal = load();
    assert_int_equal(journal.count, 2);
    journal_clear(&journal);
}

static void test_more_than_there_is_room_for(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= GAP_NOTES_MAX + 3; i++)
        put(i, i);
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    struct journal journal = load();
    assert_int_equal(journal.count, GAP_NOTES_MAX);
    assert_int_equal(journal.gaps[0].number, 4); // the oldest were left out
    journal_clear(&journal);
}

static off_t size_now(void)
{
    struct stat info;

    assert_int_equal(fstatat(folder_fd, JOURNAL_FILE, &info, 0), 0);
    return info.st_size;
}

static void test_a_long_journal_is_written_anew(void **state)
{
    (void)state;
    put(1, 10);
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    int fd = openat(folder_fd, JOURNAL_FILE, O_WRONLY | O_APPEND);
    for (size_t done = 0; done <= GAP_NOTES_FILE_BYTES; done += 16)
        assert_int_equal(write(fd, "no line of ours\n", 16), 16);
    close(fd);
    put(2, 20);
    assert_int_equal(gap_notes_write(&notes, folder_fd), CASTOR_OK);
    assert_true(size_now() < 2 * ARCHIVE_LINE_BYTES_MAX);
    struct journal journal = load();
    assert_int_equal(journal.count, 2);
    assert_int_equal(journal.bad, 0);
    journal_clear(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_once, begin, end),
        cmocka_unit_test_setup_teardown(test_behind_a_torn_line, begin, end),
        cmocka_unit_test_setup_teardown(test_a_disk_that_says_no, begin, end),
        cmocka_unit_test_setup_teardown(test_more_than_there_is_room_for, begin, end),
        cmocka_unit_test_setup_teardown(test_a_long_journal_is_written_anew, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
