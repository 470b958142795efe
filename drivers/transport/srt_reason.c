// SPDX-License-Identifier: Apache-2.0
#include "transport/srt_reason.h"

#include <srt/access_control.h>
#include <srt/srt.h>

#include "transport/text.h"

struct meaning {
    int reject;
    enum transport_reason reason;
    const char *text; // after the peer's address
};

static const struct meaning meanings[] = {
    {SRT_REJ_BADSECRET, TRANSPORT_REASON_PASSPHRASE,
     "refused the connection: its passphrase is another one; enter the receiver's passphrase"},
    {SRT_REJ_UNSECURE, TRANSPORT_REASON_PASSPHRASE,
     "refused the connection: only one side has a passphrase; set the same on both, or none"},
    {SRT_REJ_VERSION, TRANSPORT_REASON_VERSION,
     "refused the connection: the SRT versions do not fit; both sides need 1.3.0 or later"},
    {SRT_REJX_VERSION, TRANSPORT_REASON_VERSION,
     "refused the connection: it does not support this SRT version; update the receiver"},
    {SRT_REJ_TIMEOUT, TRANSPORT_REASON_UNREACHABLE,
     "does not answer: nothing listens there, or a firewall drops UDP; check address, port and receiver"},
    {SRT_REJ_UNKNOWN, TRANSPORT_REASON_UNREACHABLE,
     "cannot be reached: the connection broke while it was made; check network and receiver"},
    {SRT_REJ_SYSTEM, TRANSPORT_REASON_LOCAL,
     "was not reached: this box could not open or use a UDP socket; check network and address"},
    {SRT_REJ_PEER, TRANSPORT_REASON_REFUSED,
     "refused the connection without a reason; check stream id and rights at the receiver"},
    {SRT_REJ_BACKLOG, TRANSPORT_REASON_REFUSED,
     "refused the connection: too many callers are waiting; it is tried again"},
    {SRT_REJ_RESOURCE, TRANSPORT_REASON_REFUSED, "refused the connection: it is out of resources"},
    {SRT_REJ_CLOSE, TRANSPORT_REASON_REFUSED, "refused the connection: the receiver is shutting down"},
    {SRT_REJ_ROGUE, TRANSPORT_REASON_REFUSED, "sent a handshake that cannot be read; is it an SRT receiver?"},
    {SRT_REJ_MESSAGEAPI, TRANSPORT_REASON_REFUSED,
     "refused the connection: it does not expect live mode; set the receiver to live"},
    {SRT_REJ_CONGESTION, TRANSPORT_REASON_REFUSED,
     "refused the connection: it does not expect live mode; set the receiver to live"},
    {SRT_REJ_FILTER, TRANSPORT_REASON_REFUSED,
     "refused the connection: it demands a packet filter; switch that off at the receiver"},
    {SRT_REJX_BAD_REQUEST, TRANSPORT_REASON_REFUSED,
     "refused the stream id: bad request; check how the receiver wants it written"},
    {SRT_REJX_UNAUTHORIZED, TRANSPORT_REASON_REFUSED,
     "refused the stream id: not authorized; check user and key in it"},
    {SRT_REJX_OVERLOAD, TRANSPORT_REASON_REFUSED,
     "refused the connection: it is overloaded, or all its places are taken"},
    {SRT_REJX_FORBIDDEN, TRANSPORT_REASON_REFUSED,
     "refused the stream id: forbidden; check stream id and rights at the receiver"},
    {SRT_REJX_NOTFOUND, TRANSPORT_REASON_REFUSED, "refused the stream id: no such stream there"},
    {SRT_REJX_BAD_MODE, TRANSPORT_REASON_REFUSED,
     "refused the stream id: it does not take publishers; does it need m=publish?"},
    {SRT_REJX_UNACCEPTABLE, TRANSPORT_REASON_REFUSED, "refused the stream id: not acceptable there"},
    {SRT_REJX_CONFLICT, TRANSPORT_REASON_REFUSED,
     "refused the stream id: somebody else publishes there already"},
    {SRT_REJX_LOCKED, TRANSPORT_REASON_REFUSED, "refused the stream id: it is locked there"},
};

enum transport_reason srt_reason_of(int reject, const char *peer, struct transport_text *text)
{
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++) {
        if (meanings[i].reject == reject) {
            (void)transport_text_set(text, 0, "%s %s", peer, meanings[i].text);
            return meanings[i].reason;
        }
    }
    (void)transport_text_set(text, 0, "%s refused the connection, code %d; see the receiver's log", peer,
                             reject);
    return TRANSPORT_REASON_REFUSED;
}
