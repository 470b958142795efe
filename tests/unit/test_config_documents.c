// SPDX-License-Identifier: Apache-2.0
// The documents around the configuration: the schema in the tree, the examples of the boards, the redacted
// dump, and what differs between two configurations.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>
#include <jansson.h>

#include "supervisor/config_overlay.h"

static struct config a, b;
static struct config_error error;

static void parse(const char *json, struct config *out)
{
    if (config_parse(json, strlen(json), out, &error) != CASTOR_OK)
        fail_msg("%s: %s: %s", json, error.path, error.text);
}

static char *read_file(const char *path)
{
    static char text[1 << 18];
    FILE *file = fopen(path, "r");

    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    return text;
}

static void test_schema_in_the_tree(void **state)
{
    char *schema = config_schema_json();
    char *file = read_file(BOARD_FOLDER "/config.schema.json");

    (void)state;
    file[strcspn(file, "\0") - 1] = '\0'; // castord --schema ends with a line feed
    if (strcmp(schema, file) != 0)
        fail_msg("board/config.schema.json is not what the program enforces; write it anew: "
                 "castord --schema > board/config.schema.json");
    free(schema);
}

static void test_examples(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob(BOARD_FOLDER "/*/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 4);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (config_load(found.gl_pathv[i], &a, &error) != CASTOR_OK)
            fail_msg("%s: %s: %s", found.gl_pathv[i], error.path, error.text);
        assert_int_equal(a.warning_count, 0);
    }
    globfree(&found);
}

// What is dumped is a configuration again: the same one, but for its secrets.
static void test_dump(void **state)
{
    (void)state;
    assert_int_equal(config_load(BOARD_FOLDER "/generic/contribution.json", &a, &error), CASTOR_OK);
    memset(a.destinations[0].passphrase, 0, sizeof a.destinations[0].passphrase);
    snprintf(a.destinations[0].passphrase, sizeof a.destinations[0].passphrase, "swordfish in a pond");
    char *dump = config_dump_redacted(&a);
    assert_non_null(dump);
    assert_null(strstr(dump, "fish"));
    assert_null(strstr(dump, "publish"));
    assert_non_null(strstr(dump, "\"passphrase\": \"***\""));
    json_t *document = json_loads(dump, 0, NULL);
    json_t *destination = json_array_get(json_object_get(document, "destinations"), 0);
    json_object_set_new(destination, "passphrase", json_string(a.destinations[0].passphrase));
    json_object_set_new(destination, "stream_id", json_string(a.destinations[0].stream_id));
    free(dump);
    dump = json_dumps(document, 0);
    parse(dump, &b);
    assert_int_equal(config_diff(&a, &b), 0);
    assert_memory_equal(&a, &b, sizeof a);
    free(dump);
    json_decref(document);
}

static void differs(const char *json, unsigned wanted)
{
    parse("{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\"}]}", &a);
    parse(json, &b);
    if (config_diff(&a, &b) != wanted)
        fail_msg("%s: 0x%x instead of 0x%x", json, config_diff(&a, &b), wanted);
}

#define SAME "\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\"}]"

static void test_diff(void **state)
{
    (void)state;
    differs("{" SAME "}", 0);
    differs("{" SAME ",\"encoder\":{\"bitrate_kbps\":3000}}", CONFIG_CHANGE_BITRATE);
    differs("{" SAME ",\"encoder\":{\"gop_frames\":30}}", CONFIG_CHANGE_SWITCH);
    differs("{" SAME ",\"encoder\":{\"vbv_ms\":300}}", CONFIG_CHANGE_ENCODERS | CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"encoder\":{\"chain\":[{},{\"preset\":\"fast\"}]}}", CONFIG_CHANGE_ENCODERS);
    differs("{" SAME ",\"encoder\":{\"chain\":[{},{},{}]}}", CONFIG_CHANGE_RESTART);
    differs("{" SAME
            ",\"encoder\":{\"codec\":\"hevc\",\"chain\":[{\"driver\":\"x265\"},{\"driver\":\"x265\"}]}}",
            CONFIG_CHANGE_RESTART);
    differs("{" SAME ",\"switch\":{\"stall_budget_ms\":60}}", CONFIG_CHANGE_SWITCH);
    differs("{" SAME ",\"switch\":{\"standby\":\"hot\"}}", CONFIG_CHANGE_SWITCH);
    differs("{" SAME ",\"switch\":{\"standby\":\"off\"}}", CONFIG_CHANGE_RESTART);
    differs("{" SAME ",\"mux\":{\"service_name\":\"x\"}}", CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"pool\":{\"slots\":20}}", CONFIG_CHANGE_RESTART);
    differs("{" SAME ",\"source\":{\"rate\":25}}", CONFIG_CHANGE_RESTART);
    differs("{" SAME ",\"source\":{\"driver\":\"clip\",\"path\":\"/a\"}}",
            CONFIG_CHANGE_SOURCE | CONFIG_CHANGE_SOUND);
    differs("{" SAME ",\"sound\":{\"driver\":\"tone\"}}", 0); // what pattern has anyhow
    differs("{" SAME ",\"sound\":{\"driver\":\"off\"}}", CONFIG_CHANGE_SOUND | CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"sound\":{\"options\":\"level=1\"}}", CONFIG_CHANGE_SOUND);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"bitrate_kbps\":160}]}}", 0);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"codec\":\"opus\"}]}}",
            CONFIG_CHANGE_SOUND | CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{},{}]}}", CONFIG_CHANGE_SOUND | CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"gain_db\":-3.5}]}}", CONFIG_CHANGE_SOUND_MIX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"mute\":true}]}}", CONFIG_CHANGE_SOUND_MIX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"map\":\"L=2 R=1\"}]}}", CONFIG_CHANGE_SOUND_MIX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"delay_ms\":400}]}}", CONFIG_CHANGE_SOUND_MIX);
    // As long as the pictures' own PTS leaves the time for it.
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"delay_ms\":-50}]}}", CONFIG_CHANGE_SOUND_MIX);
    differs("{" SAME ",\"sound\":{\"tracks\":[{\"delay_ms\":-400}]}}",
            CONFIG_CHANGE_SOUND_MIX | CONFIG_CHANGE_MUX);
    differs("{" SAME ",\"overlay\":[{\"kind\":\"off\"},{\"kind\":\"off\",\"x\":3}]}",
            0); // nothing to be seen
    differs("{" SAME ",\"overlay\":[{\"kind\":\"off\"},{\"kind\":\"clock\"}]}", CONFIG_CHANGE_OVERLAY);
    differs("{" SAME ",\"control\":{\"allow_faults\":true}}", CONFIG_CHANGE_OTHER);
    differs("{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1?latency=300\"}]}",
            CONFIG_CHANGE_DESTINATIONS);
    differs("{\"destinations\":[{\"name\":\"a\",\"url\":\"srt://h:1\",\"passphrase\":\"0123456789\"}]}",
            CONFIG_CHANGE_DESTINATIONS);
    differs("{\"destinations\":[]}", CONFIG_CHANGE_DESTINATIONS);
}

static void expect_change(const struct config *config, uint32_t index, const char *json, const char *path)
{
    struct message_overlay_item item = {.x_px = 77};

    assert_int_equal(config_overlay_change(config, index, json, &item, &error), CASTOR_ERR_INVALID);
    assert_string_equal(error.path, path);
    assert_int_equal(item.x_px, 77);
}

static void test_one_item_changes(void **state)
{
    struct message_overlay_item item;

    (void)state;
    parse("{\"overlay\":[{\"kind\":\"text\",\"text\":\"12\",\"x\":5},{\"kind\":\"off\",\"x\":9}]}", &a);
    assert_int_equal(config_overlay_change(&a, 0, "{\"opacity\":\"40\",\"text\":\"34\"}", &item, &error), 0);
    assert_int_equal(item.kind, MESSAGE_OVERLAY_TEXT);
    assert_int_equal(item.x_px, 5);
    assert_int_equal(item.opacity_percent, 40);
    assert_string_equal(item.text, "34"); // a text stays one
    assert_int_equal(config_overlay_change(&a, 1, "{\"kind\":\"clock\"}", &item, &error), 0);
    assert_int_equal(item.x_px, 0); // begins with the defaults
    assert_int_equal(config_overlay_change(&a, 7, "{\"kind\":\"clock\",\"x\":4}", &item, &error), 0);
    assert_int_equal(item.x_px, 4);
    expect_change(&a, 0, "{\"opacity\":\"4000\"}", "/overlay/0/opacity");
    expect_change(&a, 0, "{\"opacity\":\"many\"}", "/overlay/0/opacity");
    expect_change(&a, 0, "{\"text\":\"\"}", "/overlay/0/text");
    expect_change(&a, 0, "{\"colours\":\"x\"}", "/overlay/0/colours");
    expect_change(&a, 3, "{\"x\":1}", "/overlay/3/kind");
    expect_change(&a, 0, "[1]", "/overlay/0/");
    expect_change(&a, 0, "not JSON", "/overlay/0/");
    // What differs is told place by place; a new name is, to all that may tell it.
    parse(
        "{\"overlay\":[{\"kind\":\"text\",\"text\":\"12\",\"x\":6},{\"kind\":\"off\"},{\"kind\":\"clock\"}]}",
        &b);
    assert_int_equal(config_overlay_changes(&a, &b), 1 | 4);
    assert_int_equal(config_overlay_changes(&b, &a), 1 | 4);
    assert_int_equal(config_overlay_changes(&b, &b), 0);
    a = b;
    snprintf(a.name, sizeof a.name, "other");
    assert_int_equal(config_overlay_changes(&a, &b), 1 | 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema_in_the_tree),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_dump),
        cmocka_unit_test(test_diff),
        cmocka_unit_test(test_one_item_changes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
