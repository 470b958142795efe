// SPDX-License-Identifier: Apache-2.0
#include "transport_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>

#include "hal/time.h"

struct transport *transport_rig_open(const char *url)
{
    const struct transport_driver *driver;
    struct transport_config config;
    struct transport *transport = NULL;
    struct transport_text why = {""};

    assert_int_equal(transport_driver_find(url, &driver, &why), CASTOR_OK);
    assert_int_equal(driver->parse(url, &config, &why), CASTOR_OK);
    assert_int_equal(transport_open(driver, &config, &transport, &why), CASTOR_OK);
    return transport;
}

struct transport *transport_rig_open_to(uint16_t port, const char *query)
{
    char url[1200];

    snprintf(url, sizeof url, "srt://127.0.0.1:%u?conntimeo=1000&%s", port, query);
    return transport_rig_open(url);
}

void transport_rig_pause_ms(int ms)
{
    (void)poll(NULL, 0, ms);
}

// Advances until the state is reached or another final one is.
enum transport_state transport_rig_wait(struct transport *transport, enum transport_state wanted)
{
    int64_t until_ns = castor_now_ns() + TRANSPORT_RIG_PATIENCE_NS;

    while (castor_now_ns() < until_ns) {
        transport_advance(transport, castor_now_ns());
        if (transport->state == wanted || transport->state == TRANSPORT_FAILED)
            break;
        transport_rig_pause_ms(5);
    }
    if (transport->state != wanted)
        print_message("(state %d, reason %d: %s)\n", transport->state, transport->reason,
                      transport->text.text);
    return transport->state;
}

void transport_rig_send(struct transport *transport, uint32_t mark, int64_t source_ns)
{
    uint8_t payload[TRANSPORT_PAYLOAD_MAX_BYTES] = {0x47};

    memcpy(payload + 4, &mark, sizeof mark);
    assert_int_equal(transport_send(transport, payload, sizeof payload, source_ns), CASTOR_OK);
}

void transport_rig_fails(struct transport *transport, enum transport_reason reason)
{
    assert_int_equal(transport_rig_wait(transport, TRANSPORT_CONNECTED), TRANSPORT_FAILED);
    if (transport->reason != reason)
        print_error("reason %d: %s\n", transport->reason, transport->text.text);
    assert_int_equal(transport->reason, reason);
    assert_true(transport->text.text[0] != '\0');
    assert_null(strstr(transport->text.text, TRANSPORT_RIG_SECRET));
    assert_int_equal(transport_send(transport, (const uint8_t *)"x", 1, 0), CASTOR_ERR_LOST);
    assert_int_equal(transport_room(transport, 1), CASTOR_ERR_LOST);
    transport_advance(transport, castor_now_ns()); // failed stays failed
    assert_int_equal(transport->state, TRANSPORT_FAILED);
    transport_close(transport);
}

struct transport *transport_rig_accept(struct transport *listener)
{
    int64_t until_ns = castor_now_ns() + TRANSPORT_RIG_PATIENCE_NS;
    struct transport *transport = NULL;

    while (transport_accept(listener, &transport) == CASTOR_ERR_AGAIN && castor_now_ns() < until_ns) {
        transport_advance(listener, castor_now_ns());
        transport_rig_pause_ms(5);
    }
    return transport;
}
