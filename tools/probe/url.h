// SPDX-License-Identifier: Apache-2.0
// srt://host:port?mode=listener|caller&latency=ms&passphrase=..&pbkeylen=16|24|32&streamid=..
#ifndef PROBE_URL_H
#define PROBE_URL_H

#include "hal/error.h"

#include <stdbool.h>
#include <stddef.h>

#define URL_TEXT_BYTES 513 // SRT allows 512 characters of stream id

struct srt_url {
    char host[256]; // empty: any address of this machine; an IPv6 address without its brackets
    char port[6];
    bool listener;
    unsigned latency_ms; // 0: not given, libsrt's default
    char passphrase[80]; // empty: not encrypted
    unsigned key_bytes;  // 0: not given
    char stream_id[URL_TEXT_BYTES];
};

bool url_is_srt(const char *text);

// Pure. Values may be percent-encoded. On error `why` says what is wrong and what would be right.
// Errors: INVALID.
int CASTOR_MUST_USE url_parse(const char *text, struct srt_url *url, char *why, size_t why_bytes);

#endif
