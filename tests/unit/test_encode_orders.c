// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encode/orders.h"

static void add(struct orders *orders, uint64_t sequence, uint32_t epoch)
{
    struct message_encode order = {.sequence = sequence, .epoch = epoch};
    orders_add(orders, &order);
}

static void take(struct orders *orders, uint64_t sequence, bool superseded)
{
    struct message_encode order;
    bool is_superseded;

    assert_true(orders_take(orders, &order, &is_superseded));
    assert_int_equal(order.sequence, sequence);
    assert_int_equal(is_superseded, superseded);
}

static void come_out_in_order(void **state)
{
    struct orders orders = {0};
    struct message_encode order;
    bool superseded;

    (void)state;
    for (uint64_t i = 0; i < 3 * ORDERS_MAX; i++) {
        add(&orders, i, 1);
        add(&orders, i + 1000, 1);
        take(&orders, i, false);
        take(&orders, i + 1000, false);
    }
    assert_false(orders_take(&orders, &order, &superseded));
}

static void a_newer_epoch_makes_older_orders_obsolete(void **state)
{
    struct orders orders = {0};
    struct message_encode order;

    (void)state;
    add(&orders, 1, 1);
    add(&orders, 2, 1);
    assert_false(orders_take_superseded(&orders, &order));
    add(&orders, 1, 2);
    add(&orders, 3, 1); // late, already obsolete
    add(&orders, 2, 2);
    assert_true(orders_take_superseded(&orders, &order));
    assert_int_equal(order.sequence, 1);
    assert_true(orders_take_superseded(&orders, &order));
    assert_int_equal(order.sequence, 2);
    assert_false(orders_take_superseded(&orders, &order));
    take(&orders, 1, false);
    take(&orders, 3, true);
    take(&orders, 2, false);
}

static void holds_as_many_as_promised(void **state)
{
    struct orders orders = {0};

    (void)state;
    for (uint64_t i = 0; i < ORDERS_MAX; i++) {
        assert_false(orders_are_full(&orders));
        add(&orders, i, 1);
    }
    assert_true(orders_are_full(&orders));
    take(&orders, 0, false);
    assert_false(orders_are_full(&orders));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(come_out_in_order),
        cmocka_unit_test(a_newer_epoch_makes_older_orders_obsolete),
        cmocka_unit_test(holds_as_many_as_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
