// SPDX-License-Identifier: Apache-2.0
// What single values cannot tell: combinations of them that cannot work, and what destination URLs mean.
#ifndef SUPERVISOR_CONFIG_RULES_H
#define SUPERVISOR_CONFIG_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "supervisor/config.h"

#define CONFIG_LATENCY_DEFAULT_MS 250u
#define CONFIG_LATENCY_MAX_MS 30000

// From the fault to the first picture of the other path: noticing it (5 ms) and coding an IDR (20 ms).
#define CONFIG_TAKE_OVER_MS 25u

// Checks a configuration of which every value is in its range, and completes it: destination URLs are brought
// into one form with their mode and latency spelled out and their secrets taken out, warnings are added.
// CASTOR_ERR_INVALID with *error filled in; *config is then undefined.
CASTOR_MUST_USE int config_rules_check(struct config *config, struct config_error *error);

// Its parts that have files of their own.
CASTOR_MUST_USE int config_encoder_check(struct config *config, struct config_error *error);
CASTOR_MUST_USE int config_destinations_check(struct config *config, struct config_error *error);

// The rate that budgets are counted at: the configured one, or 30 where it is the source's own.
struct castor_rational config_rules_rate(const struct config *config);

// For the files of the rules: refuses the value at `path`, or adds a warning (dropped when there are too
// many).
int config_refuse(struct config_error *error, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void config_warn(struct config *config, const char *format, ...) __attribute__((format(printf, 2, 3)));

// The parts of a destination's URL.
struct config_url {
    char host[256]; // "" = all addresses of the box; IPv6 without brackets
    uint16_t port;
    bool listener;
    uint32_t latency_ms; // 0 = not given
    uint32_t key_bits;   // 0 = not given; 128, 192, 256
    char passphrase[80];
    char stream_id[516];
    char others[192]; // parameters that are the transport driver's alone: "&iptos=184&ipttl=16"
};

// Parses an SRT URL. CASTOR_ERR_INVALID: *why (size bytes, never holding a secret) says what is wrong and
// what would be right.
CASTOR_MUST_USE int config_url_parse(const char *url, struct config_url *out, char *why, size_t size);
// Writes it back, without the secrets. CASTOR_ERR_INVALID when it does not fit.
CASTOR_MUST_USE int config_url_format(const struct config_url *url, char *out, size_t size);

// How many letters must be changed, added or taken away to make one word of the other (Levenshtein); words
// are cut to 63 letters.
unsigned config_word_distance(const char *a, const char *b);

#endif
