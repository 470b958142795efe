// SPDX-License-Identifier: Apache-2.0
#include "fake_transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fake *made[FAKE_MAX];
unsigned made_count, open_count, joiners;
int open_error;
struct transport_config opened;

static const struct transport_driver fake_driver;

void fake_reset(void)
{
    made_count = open_count = joiners = 0;
    open_error = 0;
}

static struct fake *fake_new(const struct transport_driver *driver, enum transport_state state)
{
    struct fake *fake = calloc(1, sizeof *fake);

    assert_non_null(fake);
    assert_true(made_count < FAKE_MAX);
    fake->common.driver = driver;
    fake->common.state = state;
    snprintf(fake->common.text.text, sizeof fake->common.text.text, "fake %u", made_count);
    made[made_count++] = fake;
    open_count++;
    return fake;
}

static int fake_parse(const char *url, struct transport_config *out, struct transport_text *why)
{
    memset(out, 0, sizeof *out);
    if (strcmp(url, "fake://bad") == 0) {
        snprintf(why->text, sizeof why->text, "port: missing");
        return CASTOR_ERR_INVALID;
    }
    out->mode = strcmp(url, "fake://listener") == 0 ? TRANSPORT_MODE_LISTENER : TRANSPORT_MODE_CALLER;
    return CASTOR_OK;
}

static int fake_open(const struct transport_config *config, struct transport **out,
                     struct transport_text *why)
{
    opened = *config;
    if (open_error) {
        snprintf(why->text, sizeof why->text, "no memory");
        return open_error;
    }
    *out = &fake_new(&fake_driver,
                     config->mode == TRANSPORT_MODE_LISTENER ? TRANSPORT_LISTENING : TRANSPORT_CONNECTING)
                ->common;
    return CASTOR_OK;
}

static void fake_advance(struct transport *transport, int64_t now_ns)
{
    struct fake *fake = (struct fake *)transport;

    (void)now_ns;
    if (!fake->next)
        return;
    transport->state = fake->next;
    transport->reason = fake->next_reason;
    if (fake->next == TRANSPORT_FAILED)
        snprintf(transport->text.text, sizeof transport->text.text, "it broke");
    fake->next = 0;
}

static int fake_accept(struct transport *listener, struct transport **out)
{
    if (joiners == 0)
        return CASTOR_ERR_AGAIN;
    joiners--;
    struct fake *fake = fake_new(&fake_driver, TRANSPORT_CONNECTED);
    fake->listener = (struct fake *)listener;
    *out = &fake->common;
    return CASTOR_OK;
}

static int fake_room(const struct transport *transport, uint32_t payloads)
{
    (void)payloads;
    if (transport->state != TRANSPORT_CONNECTED)
        return CASTOR_ERR_LOST;
    return ((const struct fake *)transport)->full ? CASTOR_ERR_FULL : CASTOR_OK;
}

static int fake_send(struct transport *transport, const uint8_t *data, size_t size_bytes, int64_t source_ns)
{
    struct fake *fake = (struct fake *)transport;

    (void)data;
    (void)source_ns;
    if (transport->state != TRANSPORT_CONNECTED)
        return CASTOR_ERR_LOST;
    fake->accepted++;
    fake->stats.sent_bytes += size_bytes;
    return CASTOR_OK;
}

static uint32_t fake_pending(const struct transport *transport)
{
    (void)transport;
    return 0;
}

static void fake_stats(const struct transport *transport, struct transport_stats *out)
{
    *out = ((const struct fake *)transport)->stats;
}

static void fake_close(struct transport *transport)
{
    if (!transport)
        return;
    open_count--;
    free(transport);
}

static const struct transport_driver fake_driver = {"fake",       "for tests", fake_parse, fake_open,
                                                    fake_advance, fake_accept, fake_room,  fake_send,
                                                    fake_pending, fake_stats,  fake_close};

int fake_find(const char *url, const struct transport_driver **out, struct transport_text *why)
{
    (void)url;
    (void)why;
    *out = &fake_driver;
    return CASTOR_OK;
}
