// SPDX-License-Identifier: Apache-2.0
// Names, lines and the whole of a recording folder's index.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "archive/catalogue.h"
#include "archive/crc32.h"

static void names_tell_the_utc_of_the_first_frame(void **state)
{
    char name[ARCHIVE_FILE_BYTES];

    (void)state;
    assert_int_equal(archive_name_make("", INT64_C(1795832400123456789), 1, ARCHIVE_TS, name), CASTOR_OK);
    assert_string_equal(name, "castor-20261128T022000.123Z.ts");
    assert_int_equal(archive_name_make("match-2", INT64_C(1795832400999999999), 12, ARCHIVE_MP4, name),
                     CASTOR_OK);
    assert_string_equal(name, "match-2-20261128T022000.999Z-12.mp4");
    assert_int_equal(archive_name_make("", -1, 1, ARCHIVE_TS, name), CASTOR_ERR_INVALID);
}

static void only_our_own_names_are_segments(void **state)
{
    static const char *const others[] = {
        "index.jsonl",
        "castor.ts",
        "castor-20261128T022000.123Z",
        "castor-20261128T022000.123Z.ts.bak",
        "",
        "-20261128T022000.123Z.ts",
        "../castor-20261128T022000.123Z.ts",
        "castor-20261128T022000.12xZ.ts",
        "castor-20261128T022000.123Z-.ts",
        "castor-20261128T022000.123Z-x.ts",
        ".part",
        "a/b-20261128T022000.123Z.ts",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-20261128T022000.123Z.ts"};
    enum archive_container container = ARCHIVE_CONTAINERS;
    bool part = false;

    (void)state;
    assert_true(archive_name_is_segment("castor-20261128T022000.123Z.ts", &container, &part));
    assert_int_equal(container, ARCHIVE_TS);
    assert_false(part);
    assert_true(archive_name_is_segment("a-1-20261128T022000.123Z-7.mp4.part", &container, &part));
    assert_int_equal(container, ARCHIVE_MP4);
    assert_true(part);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (archive_name_is_segment(others[i], NULL, NULL))
            fail_msg("\"%s\" was taken for a segment", others[i]);
}

static void recordings_have_names_that_no_folder_minds(void **state)
{
    (void)state;
    assert_true(archive_name_is_valid("Final_2026-a"));
    assert_false(archive_name_is_valid(""));
    assert_false(archive_name_is_valid("-x"));
    assert_false(archive_name_is_valid("a b"));
    assert_false(archive_name_is_valid("a/b"));
    assert_false(archive_name_is_valid("0123456789012345678901234567890123456789012345678"));
}

static struct archive_line segment_line(enum archive_kind kind, unsigned number)
{
    struct archive_line line = {.kind = kind};
    struct archive_segment *segment = &line.segment;

    snprintf(segment->file, sizeof segment->file, "castor-20261128T0220%02u.123Z.ts", number);
    snprintf(segment->recording, sizeof segment->recording, "final");
    segment->preroll = true;
    segment->codec = ARCHIVE_HEVC;
    segment->session = UINT64_C(0xfedcba9876543210);
    segment->first_sequence = 100 * number;
    segment->last_sequence = 100 * number + 99;
    segment->first_capture_ns = INT64_C(1000000000) * number;
    segment->last_capture_ns = INT64_C(1000000000) * number + 999;
    segment->utc_offset_ns = INT64_C(1795832400000000000);
    segment->frames = 99;
    segment->missing = 1;
    segment->bytes = 188000;
    memset(segment->sha256, 'a', sizeof segment->sha256 - 1);
    return line;
}

static void the_checksum_is_that_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(archive_crc32("123456789", 9), 0xcbf43926);
}

static void a_line_reads_as_it_was_written(void **state)
{
    char text[ARCHIVE_LINE_BYTES_MAX];
    struct archive_line out;
    size_t length = 0;

    (void)state;
    struct archive_line line = segment_line(ARCHIVE_SEGMENT, 7);
    assert_int_equal(archive_line_write(&line, text, &length), CASTOR_OK);
    assert_int_equal(text[length - 1], '\n');
    assert_int_equal(archive_line_read(text, length - 1, &out), CASTOR_OK);
    assert_memory_equal(&out, &line, sizeof line);
    struct archive_line mark = {
        .kind = ARCHIVE_MARK,
        .note = {.session = 1, .first_sequence = 5, .last_sequence = 5, .text = "Tor \"1\" \xc3\xbc"}};
    assert_int_equal(archive_line_write(&mark, text, &length), CASTOR_OK);
    assert_int_equal(archive_line_read(text, length - 1, &out), CASTOR_OK);
    assert_memory_equal(&out, &mark, sizeof mark);
    memcpy(mark.note.text, "\xff", 2);
    assert_int_equal(archive_line_write(&mark, text, &length), CASTOR_ERR_INVALID);
}

static void no_spoiled_byte_goes_unnoticed(void **state)
{
    char text[ARCHIVE_LINE_BYTES_MAX];
    struct archive_line out, line = segment_line(ARCHIVE_SEGMENT, 7);
    size_t length = 0;

    (void)state;
    assert_int_equal(archive_line_write(&line, text, &length), CASTOR_OK);
    for (size_t i = 0; i < length - 1; i++) {
        text[i] ^= 4;
        assert_int_equal(archive_line_read(text, length - 1, &out), CASTOR_ERR_INVALID);
        text[i] ^= 4;
        assert_int_equal(archive_line_read(text, i, &out), CASTOR_ERR_INVALID);
    }
}

static size_t add(char *text, size_t used, struct archive_line line)
{
    size_t length = 0;

    assert_int_equal(archive_line_write(&line, text + used, &length), CASTOR_OK);
    return used + length;
}

static void a_catalogue_follows_the_lines(void **state)
{
    static char text[16 * ARCHIVE_LINE_BYTES_MAX];
    struct catalogue catalogue = {0};
    size_t used = 0;

    (void)state;
    used = add(text, used, segment_line(ARCHIVE_OPEN, 1));
    used = add(text, used, segment_line(ARCHIVE_SEGMENT, 1));
    used = add(text, used, segment_line(ARCHIVE_OPEN, 2));
    used = add(text, used, segment_line(ARCHIVE_SEGMENT, 2));
    used = add(text, used, segment_line(ARCHIVE_PROTECTED, 2));
    used = add(text, used, segment_line(ARCHIVE_REMOVED, 1));
    used = add(text, used, segment_line(ARCHIVE_SAVED, 2));
    used = add(text, used, segment_line(ARCHIVE_OPEN, 3));
    size_t whole = used;
    used = add(text, used, segment_line(ARCHIVE_SEGMENT, 3));
    // Torn at any byte, the last line counts for nothing and the rest for what it is.
    for (size_t size = whole; size < used; size++) {
        assert_int_equal(catalogue_read(&catalogue, text, size), CASTOR_OK);
        assert_int_equal(catalogue.count, 2);
        assert_string_equal(catalogue.entries[0].segment.file, "castor-20261128T022002.123Z.ts");
        assert_true(catalogue.entries[0].guarded);
        assert_false(catalogue.entries[0].segment.preroll);
        assert_true(catalogue.entries[1].open);
        assert_int_equal(catalogue.torn, size > whole);
        catalogue_clear(&catalogue);
    }
    text[whole / 2] ^= 1; // and one in the middle is skipped
    assert_int_equal(catalogue_read(&catalogue, text, used), CASTOR_OK);
    assert_int_equal(catalogue.bad, 1);
    assert_non_null(catalogue_find(&catalogue, "castor-20261128T022003.123Z.ts"));
    catalogue_clear(&catalogue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_tell_the_utc_of_the_first_frame),
        cmocka_unit_test(only_our_own_names_are_segments),
        cmocka_unit_test(recordings_have_names_that_no_folder_minds),
        cmocka_unit_test(the_checksum_is_that_of_the_standard),
        cmocka_unit_test(a_line_reads_as_it_was_written),
        cmocka_unit_test(no_spoiled_byte_goes_unnoticed),
        cmocka_unit_test(a_catalogue_follows_the_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
