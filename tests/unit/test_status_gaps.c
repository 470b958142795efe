// SPDX-License-Identifier: Apache-2.0
// The answer to the command "gaps": its documented keys, and that the longest list there can be is one
// answer.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "supervisor/control.h"
#include "supervisor/status.h"

#define S CASTOR_NS_PER_S

static struct gaps gaps;
static struct utc_offset utc;
static struct status_snapshot snapshot;

static int begin(void **state)
{
    (void)state;
    gaps_init(&gaps);
    utc = (struct utc_offset){.known = true, .offset_ns = 1767225600 * S}; // 2026-01-01
    snapshot = (struct status_snapshot){
        .now_ns = 200 * S, .utc = &utc, .gaps = &gaps, .session = 0x0123456789abcdef};
    return 0;
}

static json_t *answer(size_t *size_bytes)
{
    char *text = status_gaps_json(&snapshot);

    assert_non_null(text);
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    *size_bytes = strlen(text);
    free(text);
    return object;
}

static void test_keys(void **state)
{
    const char *from = "", *session = "";
    json_int_t number = 0, frames = 0, egress = 0, first = 0;
    int open = 0;
    size_t size_bytes;

    (void)state;
    gaps_name(&gaps, 0, "edge");
    gaps_lost(&gaps, 50, 60 * S);
    gaps_lost(&gaps, 51, 61 * S);
    json_t *object = answer(&size_bytes);
    assert_int_equal(json_unpack(object, "{s:s, s:[{s:I, s:I, s:s, s:{s:I}, s:b, s:I}]}", "session", &session,
                                 "list", "number", &number, "frames", &frames, "from", &from, "causes",
                                 "egress", &egress, "open", &open, "first_sequence", &first),
                     0);
    assert_string_equal(session, "0123456789abcdef");
    assert_string_equal(from, "2026-01-01T00:01:00.000Z");
    assert_int_equal(number, 1);
    assert_int_equal(frames, 2);
    assert_int_equal(egress, 2);
    assert_int_equal(first, 50);
    assert_true(open);
    json_decref(object);
}

static void test_the_longest_list_is_one_answer(void **state)
{
    static const char name[] = "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"";
    size_t size_bytes;

    (void)state;
    for (uint32_t i = 0; i < MESSAGE_DESTINATIONS_MAX; i++) {
        gaps_name(&gaps, i, name);
        gaps.destination[i].begun = GAPS_KEPT_MAX;
        for (uint32_t k = 0; k < GAPS_KEPT_MAX; k++) {
            struct gap *gap = &gaps.destination[i].kept[k];
            *gap = (struct gap){.number = 1000000 + k,
                                .first = UINT64_C(1) << 40,
                                .last = UINT64_C(1) << 41,
                                .first_ns = 5000000 * S,
                                .last_ns = 9000000 * S,
                                .utc_offset_ns = 1767225600 * S,
                                .pts_offset_ns = 10 * S};
            memcpy(gap->destination, name, sizeof name);
            for (int cause = 0; cause < MESSAGE_GAP_CAUSES; cause++)
                gap->sum.frames[cause] = UINT32_MAX;
        }
    }
    json_t *object = answer(&size_bytes);
    assert_int_equal(json_array_size(json_object_get(object, "list")),
                     MESSAGE_DESTINATIONS_MAX * GAPS_KEPT_MAX);
    print_message("%zu bytes\n", size_bytes);
    assert_true(size_bytes + 64 < CONTROL_REPLY_MAX_BYTES);
    json_decref(object);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_keys, begin),
        cmocka_unit_test_setup(test_the_longest_list_is_one_answer, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
