// SPDX-License-Identifier: Apache-2.0
// URLs of SRT destinations, with the keys of srt-live-transmit:
//
//   srt://host:port?mode=caller|listener&latency=ms&passphrase=...&pbkeylen=16|24|32&streamid=...
//        &conntimeo=ms&peeridletimeo=ms&sndbuf=bytes&maxbw=bytes/s&iptos=n&ipttl=n&receivers=n
//
// Values are percent-decoded (RFC 3986, 2.1); '+' stands for itself. IPv6 addresses are in brackets. Without
// a host the mode is listener, with one it is caller, unless `mode` says otherwise. Unknown and repeated keys
// are refused. Defaults: latency 120 ms, AES-128, 3 s to connect, 2 s until a silent peer is lost.
#ifndef DRIVERS_TRANSPORT_SRT_URL_H
#define DRIVERS_TRANSPORT_SRT_URL_H

#include "hal/transport.h"

// Returns CASTOR_ERR_INVALID with *why (may be NULL) saying what is wrong and what would be right; *out is
// then untouched. Error texts name keys, never the values of a passphrase or stream id. Never blocks.
CASTOR_MUST_USE int srt_url_parse(const char *url, struct transport_config *out, struct transport_text *why);

// Checks ranges and combinations of a config, also one that did not come from a URL.
CASTOR_MUST_USE int srt_config_check(const struct transport_config *config, struct transport_text *why);

#endif
