// SPDX-License-Identifier: Apache-2.0
// The live view: what stands where on 80x24, that no text from a box can command the terminal, and that any
// document on any size of terminal is harmless.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castorctl/pick.h"
#include "castorctl/report.h"
#include "castorctl/view.h"
#include "castorctl/words.h"

static const char document[] =
    "{\"schema_version\":1,\"name\":\"box\",\"version\":\"0.1.0\",\"time\":\"2026-01-02T03:04:05.678Z\","
    "\"uptime_s\":3725,"
    "\"faults_allowed\":true,\"source\":{\"driver\":\"clip\",\"width\":1280,\"height\":720,\"fps\":29.97,"
    "\"signal\":\"present\","
    "\"measured_fps\":29.96,\"worker\":{\"ready\":true}},\"stream\":{\"codec\":\"h264\",\"gop_frames\":60,"
    "\"standby\":\"warm\","
    "\"bitrate_kbps\":4000,\"measured_kbps_1s\":4123.4,\"measured_kbps_10s\":4050,\"measured_fps\":29.97},"
    "\"sound\":{\"driver\":\"alsa\",\"source\":\"running\",\"worker\":{\"ready\":true},\"tracks\":["
    "{\"name\":\"main\",\"momentary_lufs\":-23.1,\"true_peak_dbtp\":-0.5},{\"name\":\"talk\",\"mute\":true},"
    "{\"name\":\"wide\",\"momentary_lufs\":null}]},"
    "\"record\":{\"folder\":\"/rec\",\"container\":\"ts\",\"mode\":\"continuous\",\"state\":\"recording\","
    "\"file\":\"castor-20260102T030000.000Z.ts\",\"kept_segments\":12,\"free_bytes\":78000000000,\"left_"
    "out\":3,"
    "\"worker\":{\"ready\":true}},"
    "\"on_air\":{\"path\":\"B\",\"cause\":\"stall\",\"since_s\":62},\"paths\":["
    "{\"path\":\"A\",\"driver\":\"x264\",\"preset\":\"veryfast\",\"state\":\"starting\",\"coded\":100,\"last_"
    "cause\":\"stall\","
    "\"last_failure\":\"ended by the supervisor\",\"worker\":{\"pid\":11,\"restarts\":3}},"
    "{\"path\":\"B\",\"driver\":\"x264\",\"preset\":\"veryfast\",\"state\":\"active\",\"coded\":200,\"last_"
    "failure\":null,"
    "\"worker\":{\"pid\":12,\"restarts\":0}}],\"pool\":{\"slots\":18,\"held\":2},\"egress\":{\"worker\":{"
    "\"ready\":true}},"
    "\"destinations\":[{\"name\":\"edge\",\"url\":\"srt://h:1\",\"state\":\"connected\",\"receivers\":1,"
    "\"lost_per_mille\":{\"five_minutes\":1.5},\"srt\":{\"rtt_ms\":12.3,\"latency_ms\":250}},"
    "{\"name\":\"other\",\"url\":\"srt://h:2\",\"state\":\"waiting\",\"text\":\"wrong \\u001b[2J "
    "passphrase\"}],"
    "\"frames\":{\"captured\":300,\"sent\":298,\"emitted\":298},\"losses\":{\"frames\":{\"all\":2},\"per_"
    "mille\":{"
    "\"minute\":{\"all\":6.67},\"five_minutes\":{\"all\":3.33},\"since_start\":{\"all\":1.25}}},"
    "\"latency\":{\"origin\":{\"minute\":{\"p50_ms\":9.5,\"p99_ms\":19.5,\"max_ms\":29.5}}},"
    "\"switches\":{\"count\":7,\"last\":[{\"time\":\"2026-01-02T03:03:03.000Z\",\"from\":\"A\",\"to\":\"B\","
    "\"cause\":\"stall\","
    "\"frame\":1800,\"replayed\":2,\"duration_ms\":31.5},{\"time\":null,\"from\":null,\"to\":\"A\",\"cause\":"
    "\"start\"}]}}";
static const char probe_document[] = "{\"state\":\"running\",\"recent\":{\"frame_rate\":29.9,\"bitrate_bps\":"
                                     "4100000},\"frames\":{\"received\":297,\"lost\":2},"
                                     "\"arrival\":{\"latency_p50_ms\":252,\"latency_p99_ms\":255,\"latency_"
                                     "max_ms\":260},\"ts\":{\"cc_errors\":0}}";

static struct screen screen;
static struct view view;

static int setup(void **state)
{
    (void)state;
    memset(&screen, 0, sizeof screen);
    screen.unicode = true;
    view = (struct view){
        .status = json_loads(document, 0, NULL), .probe = json_loads(probe_document, 0, NULL), .message = ""};
    assert_non_null(view.status);
    assert_non_null(view.probe);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    json_decref(view.status);
    json_decref(view.probe);
    return 0;
}

static char *row_text(int row)
{
    static char text[SCREEN_COLUMNS_MAX + 1];

    for (int column = 0; column < screen.columns; column++) {
        uint32_t c = screen.cell[row][column].character;
        text[column] = c < 0x80 ? (char)c : '~';
    }
    text[screen.columns] = '\0';
    return text;
}

// The row that holds `word`, or -1.
static int find(const char *word)
{
    for (int row = 0; row < screen.rows; row++)
        if (strstr(row_text(row), word))
            return row;
    return -1;
}

static void row_has(const char *row_word, const char *word)
{
    int row = find(row_word);

    if (row < 0)
        fail_msg("\"%s\" stands nowhere", row_word);
    if (!strstr(row_text(row), word))
        fail_msg("\"%s\" is not in \"%s\"", word, row_text(row));
}

static void test_page(void **state)
{
    (void)state;
    screen_begin(&screen, 24, 80, true);
    view_draw(&screen, &view);
    row_has("castor 0.1.0", "box");
    row_has("castor 0.1.0", "1:02:05");
    row_has("castor 0.1.0", "2026-01-02 03:04:05 UTC");
    row_has("SOURCE", "1280x720");
    row_has("SOURCE", "29.97 fps");
    row_has("SOUND", "alsa  main -23.1 LUFS -0.5 dBTP  talk MUTE  wide silent");
    assert_int_equal(screen.cell[find("SOUND")][32].style, SCREEN_BAD); // louder than what can be sent on
    row_has("RECORD", "recording  castor-20260102T030000.000Z.ts  12 kept, 78.0 GB free");
    row_has("STREAM", "4.12 Mbit/s");
    row_has("STREAM", "GOP 60");
    row_has("ON AIR  B", "0:01:02, because: path A failed: it stalled");
    row_has("  A    starting", "it stalled"); // rather than "ended by the supervisor"
    row_has("  B    ON AIR", "x264 veryfast");
    row_has("in all", "6.67   3.33   1.25      2");
    row_has("whole box", "9.5   19.5   29.5");
    row_has("edge", "connected    1.50   12.3    250");
    row_has("other", "wrong ?[2J passphrase");
    row_has("CHANGES OF PATH", "7");
    row_has("03:03:03", "A ~ B  it stalled");
    row_has("03:03:03", "31.5 ms   2 replayed  #1800");
    row_has("RECEIVER", "29.90 fps  4.10 Mbit/s  capture to arrival 252 ms, p99 255");
    row_has("frames 297", "lost 2");
    row_has("q quit", "k kill");
    assert_int_equal(screen.cell[find("lost 2")][25].style, SCREEN_BAD);
}

static void test_message(void **state)
{
    (void)state;
    view.message = "short";
    screen_begin(&screen, 24, 80, true);
    view_draw(&screen, &view);
    assert_int_equal(find("short"), 22);
    view.message =
        "something long that an operator must read to its end, since what to do about it stands in the last "
        "words: this";
    screen_begin(&screen, 24, 80, true);
    view_draw(&screen, &view);
    assert_int_equal(find("something long"), 21);
    assert_int_equal(find("words: this"), 22);
    json_object_set_new(view.status, "faults_allowed", json_false());
    view_draw(&screen, &view);
    assert_int_equal(find("faults are not allowed"), 23);
}

static void test_trouble(void **state)
{
    (void)state;
    json_object_set_new(pick(view.status, "on_air"), "path", json_null());
    json_object_set_new(pick(view.status, "source.worker"), "ready", json_false());
    json_object_set_new(pick(view.status, "source.worker"), "failure", json_string("no such file"));
    json_object_set_new(pick(view.status, "egress.worker"), "ready", json_false());
    json_object_set_new(pick(view.status, "sound"), "source", json_string("waiting"));
    json_object_set_new(pick(view.status, "sound"), "reason", json_string("card 1 is in use"));
    json_object_set_new(pick(view.status, "record"), "state", json_string("failing"));
    json_object_set_new(pick(view.status, "record"), "text", json_string("the disk is full"));
    screen_begin(&screen, 24, 80, true);
    view_draw(&screen, &view);
    row_has("SOUND", "alsa  waiting: card 1 is in use");
    row_has("RECORD", "failing  the disk is full");
    row_has("SOURCE", "not running: no such file");
    row_has("ON AIR", "NO PATH");
    assert_true(find("egress is not running") > 0);
    json_object_set_new(pick(view.status, "sound.worker"), "ready", json_false());
    json_object_set_new(pick(view.status, "record.worker"), "ready", json_false());
    json_object_set_new(pick(view.status, "record.worker"), "failure", json_string("killed"));
    screen_begin(&screen, 24, 80, true);
    view_draw(&screen, &view);
    row_has("SOUND", "not running, silence is sent");
    row_has("RECORD", "not running: killed");
}

// Wrong types everywhere, sizes from nothing to beyond the largest.
static void test_any_document_any_size(void **state)
{
    static const char odd_lists[] =
        "{\"paths\":3,\"switches\":{\"last\":{}},\"destinations\":[1,null,[]],\"time\":\"x\"}";
    static const char odd_entries[] =
        "{\"paths\":[{\"path\":7,\"state\":\"?\"},null],\"name\":\"\\u0007\\u009b\","
        "\"switches\":{\"last\":[3,{\"time\":\"\"}]}}";
    static const char *const documents[] = {"{}", "[]", odd_lists, odd_entries};

    (void)state;
    view.message =
        "a message of more than one row, so that it has to be broken somewhere, wherever that may be";
    for (size_t i = 0; i <= sizeof documents / sizeof documents[0]; i++) {
        json_t *odd = i < sizeof documents / sizeof documents[0] ? json_loads(documents[i], 0, NULL)
                                                                 : json_incref(view.status);
        const struct view draw = {.status = odd, .probe = odd, .message = view.message};
        for (int rows = 1; rows <= SCREEN_ROWS_MAX + 20; rows += 7) {
            for (int columns = 1; columns <= SCREEN_COLUMNS_MAX + 20; columns += 13) {
                screen_begin(&screen, rows, columns, true);
                view_draw(&screen, &draw);
            }
        }
        FILE *nowhere = fopen("/dev/null", "w");
        assert_non_null(nowhere);
        report_status(odd, nowhere);
        report_line(odd, odd, nowhere);
        fclose(nowhere);
        json_decref(odd);
    }
    view_draw(&screen, &(struct view){.message = ""});
}

// Each worker that was started again says when the one before it ended, and how; the others say nothing.
static void test_report_of_restarts(void **state)
{
    static const char *const workers[] = {"source.worker", "sound.worker", "record.worker", "egress.worker"};
    static char text[1 << 14];

    (void)state;
    for (size_t i = 0; i <= sizeof workers / sizeof workers[0]; i++) {
        json_t *worker = i > 0 ? pick(view.status, workers[i - 1]) : NULL;
        memset(text, 0, sizeof text);
        FILE *out = fmemopen(text, sizeof text - 1, "w");
        assert_non_null(out);
        json_object_set_new(worker, "restarts", json_integer(2));
        json_object_set_new(worker, "ended", json_string("2026-01-02T03:00:00.000Z"));
        json_object_set_new(worker, "failure", json_string("hung\033[2J in its driver"));
        report_status(view.status, out);
        fclose(out);
        const char *line =
            strstr(text, "2 restarts, the last process ended at 2026-01-02T03:00:00.000Z: hung");
        assert_int_equal(line != NULL, i > 0);
        assert_null(strchr(text, '\033'));
        json_object_del(worker, "restarts");
    }
}

static char *shown(void)
{
    static char text[1 << 16];

    text[0] = '\0'; // where nothing is written, nothing is ended either
    FILE *out = fmemopen(text, sizeof text, "w");

    assert_non_null(out);
    screen_show(&screen, out);
    fclose(out);
    return text;
}

static void test_only_what_changed_is_written(void **state)
{
    (void)state;
    screen_begin(&screen, 5, 20, true);
    screen_put(&screen, 2, 0, SCREEN_BOLD, "one");
    assert_non_null(strstr(shown(), "one"));
    screen_begin(&screen, 5, 20, false);
    screen_put(&screen, 2, 0, SCREEN_BOLD, "one");
    assert_string_equal(shown(), "");
    screen_begin(&screen, 5, 20, false);
    screen_put(&screen, 2, 0, SCREEN_BOLD, "two");
    char *text = shown();
    assert_non_null(strstr(text, "\033[3;1H"));
    assert_non_null(strstr(text, "two"));
    assert_null(strstr(text, "\033[2;1H"));
}

// Every byte sequence becomes printable characters.
static void test_no_text_commands_the_terminal(void **state)
{
    (void)state;
    screen_begin(&screen, 1, 40, true);
    screen_put(&screen, 0, 0, SCREEN_PLAIN, "%s", "a\033[31m\x9b\xc2\x9b\x7f\n\xe2\x86\x92\xff\xc3");
    for (int column = 0; column < 40; column++) {
        uint32_t c = screen.cell[0][column].character;
        assert_true(c >= 0x20 && c != 0x7f && (c < 0x80 || c >= 0xa0));
    }
    assert_string_equal(strstr(row_text(0), "a?[31m"), row_text(0));
    assert_int_equal(screen.cell[0][10].character, 0x2192);
    screen.unicode = false;
    screen_put(&screen, 0, 0, SCREEN_PLAIN, "\xe2\x86\x92\xe2\x82\xac");
    assert_int_equal(screen.cell[0][0].character, '>');
    assert_int_equal(screen.cell[0][1].character, '?');
}

static void test_words(void **state)
{
    char text[32];

    (void)state;
    words_duration(59.9, text, sizeof text);
    assert_string_equal(text, "0:00:59");
    words_duration(90061, text, sizeof text);
    assert_string_equal(text, "1 d 01:01:01");
    words_duration(-5, text, sizeof text);
    assert_string_equal(text, "0:00:00");
    assert_string_equal(words_cause("stall"), "it stalled");
    assert_string_equal(words_cause("new_in_a_later_version"), "new_in_a_later_version");
    assert_string_equal(words_failure("reported", "the device is gone"), "the device is gone");
    assert_string_equal(words_failure("", ""), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_page, setup, teardown),
        cmocka_unit_test_setup_teardown(test_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_trouble, setup, teardown),
        cmocka_unit_test_setup_teardown(test_any_document_any_size, setup, teardown),
        cmocka_unit_test_setup_teardown(test_report_of_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_only_what_changed_is_written, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_text_commands_the_terminal, setup, teardown),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
