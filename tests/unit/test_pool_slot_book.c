// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "pool/slot_book.h"

static const struct castor_format format = {320, 180, CASTOR_PIXEL_I420, {25, 1}};

static void test_each_slot_once_until_released(void **state)
{
    const uint64_t sequence[4] = {POOL_SLOT_FREE, 70, POOL_SLOT_FREE, POOL_SLOT_FREE};
    struct slot_book book;
    struct pool *pool;
    bool seen[4] = {false};
    uint32_t slot;

    (void)state;
    assert_int_equal(pool_create(&format, 4, &pool), 0);
    slot_book_init(&book, pool, 0, 4, sequence);
    for (int i = 0; i < 3; i++) {
        assert_true(slot_book_take(&book, &slot));
        assert_int_not_equal(slot, 1); // still holds frame 70
        assert_false(seen[slot]);
        seen[slot] = true;
    }
    assert_false(slot_book_take(&book, &slot));
    pool_release(pool, 1, 69); // an older frame
    assert_false(slot_book_take(&book, &slot));
    pool_release(pool, 1, 70);
    assert_true(slot_book_take(&book, &slot));
    assert_int_equal(slot, 1);
    slot_book_put(&book, 1, 71);
    assert_false(slot_book_take(&book, &slot));
    slot_book_put(&book, 2, POOL_SLOT_FREE); // came back unheard of
    assert_true(slot_book_take(&book, &slot));
    assert_int_equal(slot, 2);
    pool_destroy(pool);
}

// The memory used last is the one that the processor's cache still holds.
static void test_the_slot_freed_last_comes_first(void **state)
{
    const uint64_t sequence[5] = {POOL_SLOT_FREE, 70, 72, 71, POOL_SLOT_FREE};
    const uint32_t order[4] = {2, 3, 0, 4};
    struct slot_book book;
    struct pool *pool;
    uint32_t slot;

    (void)state;
    assert_int_equal(pool_create(&format, 5, &pool), 0);
    slot_book_init(&book, pool, 0, 5, sequence);
    pool_release(pool, 2, 72);
    pool_release(pool, 3, 71);
    for (int i = 0; i < 4; i++) {
        assert_true(slot_book_take(&book, &slot));
        assert_int_equal(slot, order[i]);
    }
    assert_false(slot_book_take(&book, &slot)); // 70 is still held
    pool_destroy(pool);
}

static void test_a_range_is_all_it_knows(void **state)
{
    const uint64_t sequence[6] = {POOL_SLOT_FREE, POOL_SLOT_FREE, 70,
                                  POOL_SLOT_FREE, POOL_SLOT_FREE, POOL_SLOT_FREE};
    struct slot_book book;
    struct pool *pool;
    uint32_t slot;

    (void)state;
    assert_int_equal(pool_create(&format, 6, &pool), 0);
    slot_book_init(&book, pool, 2, 5, sequence);
    for (int i = 0; i < 2; i++) {
        assert_true(slot_book_take(&book, &slot));
        assert_in_range(slot, 3, 4);
    }
    assert_false(slot_book_take(&book, &slot));
    pool_release(pool, 2, 70);
    assert_true(slot_book_take(&book, &slot));
    assert_int_equal(slot, 2);
    pool_destroy(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_slot_once_until_released),
                                       cmocka_unit_test(test_the_slot_freed_last_comes_first),
                                       cmocka_unit_test(test_a_range_is_all_it_knows)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
