// SPDX-License-Identifier: Apache-2.0
#include "probe/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCHEME "srt://"
#define LATENCY_MAX_MS 60000L

bool url_is_srt(const char *text)
{
    return strncmp(text, SCHEME, strlen(SCHEME)) == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Percent-decodes `bytes` characters; false if they do not fit or are not well formed.
static bool decode(const char *text, size_t bytes, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < bytes; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            if (i + 2 >= bytes || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0)
                return false;
            c = hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]);
            i += 2;
        }
        if (c == 0 || used + 1 >= room)
            return false;
        out[used++] = (char)c;
    }
    out[used] = '\0';
    return true;
}

static bool parse_number(const char *text, long least, long most, unsigned *value)
{
    char *end = NULL;
    long n = strtol(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0' || n < least || n > most)
        return false;
    *value = (unsigned)n;
    return true;
}

static const char *set_mode(struct srt_url *url, const char *value)
{
    url->listener = strcmp(value, "listener") == 0;
    return url->listener || strcmp(value, "caller") == 0 ? NULL : "mode must be listener or caller";
}

static const char *set_latency(struct srt_url *url, const char *value)
{
    return parse_number(value, 1, LATENCY_MAX_MS, &url->latency_ms) ? NULL : "latency must be 1 to 60000 ms";
}

static const char *set_passphrase(struct srt_url *url, const char *value)
{
    size_t length = strlen(value);
    if (length < 10 || length > 79)
        return "passphrase must have 10 to 79 characters";
    memcpy(url->passphrase, value, length + 1);
    return NULL;
}

static const char *set_key_bytes(struct srt_url *url, const char *value)
{
    bool good = parse_number(value, 16, 32, &url->key_bytes) && url->key_bytes % 8 == 0;
    return good ? NULL : "pbkeylen must be 16, 24 or 32";
}

static const char *set_stream_id(struct srt_url *url, const char *value)
{
    memcpy(url->stream_id, value, strlen(value) + 1);
    return NULL;
}

static const struct {
    const char *key;
    const char *(*set)(struct srt_url *url, const char *value); // NULL, or what would be right
} keys[] = {
    {"mode", set_mode},          {"latency", set_latency},    {"passphrase", set_passphrase},
    {"pbkeylen", set_key_bytes}, {"streamid", set_stream_id},
};

static int refuse(char *why, size_t why_bytes, const char *what)
{
    snprintf(why, why_bytes, "%s", what);
    return CASTOR_ERR_INVALID;
}

static int parse_query(const char *query, struct srt_url *url, char *why, size_t why_bytes)
{
    while (*query != '\0') {
        size_t length = strcspn(query, "&");
        size_t key_length = strcspn(query, "=&");
        char value[URL_TEXT_BYTES];
        if (key_length >= length ||
            !decode(query + key_length + 1, length - key_length - 1, value, sizeof value))
            return refuse(why, why_bytes,
                          "every option after '?' must read key=value, at most 512 characters");
        size_t i = 0;
        while (i < sizeof keys / sizeof keys[0] &&
               (strlen(keys[i].key) != key_length || strncmp(keys[i].key, query, key_length) != 0))
            i++;
        if (i == sizeof keys / sizeof keys[0]) {
            snprintf(why, why_bytes,
                     "unknown option '%.*s'; known are mode, latency, passphrase, pbkeylen, streamid",
                     (int)(key_length < 40 ? key_length : 40), query);
            return CASTOR_ERR_INVALID;
        }
        const char *wrong = keys[i].set(url, value);
        if (wrong != NULL)
            return refuse(why, why_bytes, wrong);
        query += length + (query[length] == '&');
    }
    return CASTOR_OK;
}

// host:port, [v6]:port or :port; returns what follows, NULL if it is not well formed.
static const char *parse_authority(const char *text, struct srt_url *url)
{
    size_t length = strcspn(text, "?/");
    const char *colon = NULL;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == ':')
            colon = text + i;
    }
    if (colon == NULL)
        return NULL;
    const char *host = text;
    size_t host_length = (size_t)(colon - text);
    if (host_length >= 2 && host[0] == '[' && host[host_length - 1] == ']') {
        host++;
        host_length -= 2;
    }
    size_t port_length = length - (size_t)(colon - text) - 1;
    if (host_length >= sizeof url->host || port_length >= sizeof url->port)
        return NULL;
    memcpy(url->host, host, host_length);
    memcpy(url->port, colon + 1, port_length);
    unsigned port = 0;
    if (!parse_number(url->port, 1, 65535, &port))
        return NULL;
    return text + length + (text[length] == '/');
}

int url_parse(const char *text, struct srt_url *url, char *why, size_t why_bytes)
{
    struct srt_url found = {0};
    const char *rest = url_is_srt(text) ? parse_authority(text + strlen(SCHEME), &found) : NULL;
    if (rest == NULL || (*rest != '\0' && *rest != '?'))
        return refuse(why, why_bytes,
                      "an address must read srt://host:port?..., with a port from 1 to 65535");
    found.listener = found.host[0] == '\0';
    int result = *rest == '?' ? parse_query(rest + 1, &found, why, why_bytes) : CASTOR_OK;
    if (result != CASTOR_OK)
        return result;
    if (!found.listener && found.host[0] == '\0')
        return refuse(why, why_bytes, "a caller needs a host: srt://host:port?mode=caller");
    if (found.key_bytes != 0 && found.passphrase[0] == '\0')
        return refuse(why, why_bytes, "pbkeylen needs a passphrase");
    *url = found;
    return CASTOR_OK;
}
