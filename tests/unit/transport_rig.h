// SPDX-License-Identifier: Apache-2.0
// Connections of the SRT driver as tests make them, and how to wait for what becomes of them.
#ifndef TESTS_TRANSPORT_RIG_H
#define TESTS_TRANSPORT_RIG_H

#include "hal/time.h"
#include "hal/transport.h"

#define TRANSPORT_RIG_PATIENCE_NS (15 * CASTOR_NS_PER_S)
#define TRANSPORT_RIG_SECRET "correct horse battery"

// Opens a transport; fails the test where it cannot.
struct transport *transport_rig_open(const char *url);
// The same, to or at a port of 127.0.0.1, with more options in the URL.
struct transport *transport_rig_open_to(uint16_t port, const char *query);

void transport_rig_pause_ms(int ms);

// Advances until the state is reached or another final one is.
enum transport_state transport_rig_wait(struct transport *transport, enum transport_state wanted);

// The next receiver of a listener, NULL when none came in time.
struct transport *transport_rig_accept(struct transport *listener);

// Sends one payload of full size with `mark` behind its first four bytes.
void transport_rig_send(struct transport *transport, uint32_t mark, int64_t source_ns);

// The connection fails for this reason, says why without a secret, and stays failed. Closes it.
void transport_rig_fails(struct transport *transport, enum transport_reason reason);

#endif
