// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>

#include "hal/time.h"
#include "transport/resolver.h"

// The answer, or CASTOR_ERR_AGAIN after 20 s.
static int wait_for(struct resolver *resolver, struct resolver_answer *answer)
{
    int64_t until_ns = castor_now_ns() + 20 * CASTOR_NS_PER_S;
    int error;

    while ((error = resolver_poll(resolver, answer)) == CASTOR_ERR_AGAIN && castor_now_ns() < until_ns)
        (void)poll(NULL, 0, 5);
    return error;
}

static void test_numeric(void **state)
{
    struct resolver_address address;

    (void)state;
    assert_int_equal(resolver_numeric("127.0.0.1", 9000, &address), CASTOR_OK);
    assert_int_equal(address.address.ss_family, AF_INET);
    assert_int_equal(ntohs(((struct sockaddr_in *)&address.address)->sin_port), 9000);
    assert_int_equal(resolver_numeric("::1", 9001, &address), CASTOR_OK);
    assert_int_equal(address.address.ss_family, AF_INET6);
    assert_int_equal(resolver_numeric("", 9002, &address), CASTOR_OK);
    assert_int_equal(((struct sockaddr_in *)&address.address)->sin_addr.s_addr, htonl(INADDR_ANY));
    assert_int_equal(resolver_numeric("localhost", 9000, &address), CASTOR_ERR_NOT_FOUND);
}

static void test_name(void **state)
{
    struct resolver_answer answer = {0};
    struct resolver *resolver = NULL;

    (void)state;
    assert_int_equal(resolver_start("localhost", 9000, &resolver), CASTOR_OK);
    assert_int_equal(wait_for(resolver, &answer), CASTOR_OK);
    assert_in_range(answer.count, 1, RESOLVER_ADDRESSES_MAX);
    resolver_drop(resolver);
}

static void test_unknown_name(void **state)
{
    struct resolver_answer answer = {0};
    struct resolver *resolver = NULL;
    int error;

    (void)state;
    // RFC 6761: this never exists. Without a name service the look-up fails otherwise, or hangs.
    assert_int_equal(resolver_start("castor.invalid", 9000, &resolver), CASTOR_OK);
    error = wait_for(resolver, &answer);
    assert_true(error == CASTOR_ERR_NOT_FOUND || error == CASTOR_ERR_IO || error == CASTOR_ERR_AGAIN);
    assert_int_equal(answer.count, 0);
    resolver_drop(resolver);
}

static void test_dropped_at_once(void **state)
{
    struct resolver *resolver = NULL;

    (void)state;
    for (int i = 0; i < 8; i++) {
        if (resolver_start("localhost", 9000, &resolver) == CASTOR_OK)
            resolver_drop(resolver);
    }
    resolver_drop(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numeric),
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_dropped_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
