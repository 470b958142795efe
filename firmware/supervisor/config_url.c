// SPDX-License-Identifier: Apache-2.0
// Destination URLs: srt://host:port?mode=caller&latency=250&passphrase=…&pbkeylen=16&streamid=…
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config_rules.h"

#define SCHEME "srt://"

struct why {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static int refuse(const struct why *why, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why->text, why->size, format, args);
    va_end(args);
    return CASTOR_ERR_INVALID;
}

// A decimal number of at most 12 digits; -1 for anything else.
static int64_t small_number(const char *text, size_t length)
{
    int64_t value = 0;

    if (length == 0 || length > 12)
        return -1;
    for (size_t i = 0; i < length; i++) {
        if (!isdigit((unsigned char)text[i]))
            return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// Decodes %XX (RFC 3986, 2.1). Returns the length, or -1 when it does not fit or is malformed.
static int decode(const char *text, size_t length, char *out, size_t size)
{
    size_t n = 0;

    for (size_t i = 0; i < length; i++) {
        int c = (unsigned char)text[i];
        if (c == '%') {
            int high = i + 2 < length ? hex_digit(text[i + 1]) : -1;
            int low = i + 2 < length ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return -1;
            c = high * 16 + low;
            i += 2;
        }
        if (c < 0x20 || n + 1 >= size)
            return -1;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return (int)n;
}

// ---- parameters ----

static int set_mode(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    if (length == 6 && strncmp(value, "caller", 6) == 0)
        url->listener = false;
    else if (length == 8 && strncmp(value, "listener", 8) == 0)
        url->listener = true;
    else
        return refuse(why, "mode must be caller or listener");
    return CASTOR_OK;
}

static int set_latency(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    long ms = small_number(value, length);

    if (ms < 20 || ms > 10000)
        return refuse(
            why, "latency must be from 20 to 10000, in milliseconds (not microseconds as ffmpeg has it)");
    url->latency_ms = (uint32_t)ms;
    return CASTOR_OK;
}

static int set_passphrase(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    int n = decode(value, length, url->passphrase, sizeof url->passphrase);

    return n >= 10
               ? CASTOR_OK
               : refuse(why, "the passphrase must have 10 to 79 characters; %%XX stands for special ones");
}

static int set_key_length(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    int64_t bytes = small_number(value, length);

    if (bytes != 0 && bytes != 16 && bytes != 24 && bytes != 32)
        return refuse(why, "pbkeylen must be 16, 24 or 32 (AES-128, -192, -256)");
    url->key_bits = (uint32_t)bytes * 8;
    return CASTOR_OK;
}

static int set_stream_id(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    int n = decode(value, length, url->stream_id, sizeof url->stream_id);

    return n >= 1 && n <= 512
               ? CASTOR_OK
               : refuse(why, "streamid must have 1 to 512 characters; %%XX stands for special ones");
}

static int set_transport_type(struct config_url *url, const char *value, size_t length, const struct why *why)
{
    (void)url;
    if (length != 4 || strncmp(value, "live", 4) != 0)
        return refuse(why, "transtype must be live, or be left out");
    return CASTOR_OK;
}

// The ranges of the plain numbers are those of the transport driver, which gets them as they are.
static const struct parameter {
    const char *key;
    int (*set)(struct config_url *url, const char *value, size_t length, const struct why *why);
    int64_t low, high;
} parameters[] = {
    {"mode", set_mode, 0, 0},
    {"latency", set_latency, 0, 0},
    {"passphrase", set_passphrase, 0, 0},
    {"pbkeylen", set_key_length, 0, 0},
    {"streamid", set_stream_id, 0, 0},
    {"transtype", set_transport_type, 0, 0},
    {"conntimeo", NULL, 100, 30000},
    {"peeridletimeo", NULL, 500, 60000},
    {"sndbuf", NULL, 1 << 18, 1 << 28},
    {"maxbw", NULL, 0, 1250000000},
    {"iptos", NULL, 0, 255},
    {"ipttl", NULL, 1, 255},
    {"receivers", NULL, 1, 8},
};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

static int set_number(struct config_url *url, const struct parameter *parameter, const char *value,
                      size_t length, const struct why *why)
{
    int64_t number = small_number(value, length);
    size_t used = strlen(url->others);

    if (number < parameter->low || number > parameter->high)
        return refuse(why, "%s must be a whole number from %lld to %lld", parameter->key,
                      (long long)parameter->low, (long long)parameter->high);
    int n = snprintf(url->others + used, sizeof url->others - used, "&%s=%lld", parameter->key,
                     (long long)number);
    return n > 0 && (size_t)n < sizeof url->others - used ? CASTOR_OK
                                                          : refuse(why, "has too many parameters");
}

static int set_parameter(struct config_url *url, const char *text, size_t length, unsigned *seen,
                         const struct why *why)
{
    const char *equals = memchr(text, '=', length);
    size_t key_length = equals ? (size_t)(equals - text) : length;

    for (size_t i = 0; i < PARAMETERS; i++) {
        const struct parameter *parameter = &parameters[i];
        if (strlen(parameter->key) != key_length || strncmp(parameter->key, text, key_length) != 0)
            continue;
        if (!equals)
            return refuse(why, "the parameter %s has no value", parameter->key);
        if (*seen & (1u << i))
            return refuse(why, "the parameter %s stands twice", parameter->key);
        *seen |= 1u << i;
        const char *value = equals + 1;
        size_t value_length = length - key_length - 1;
        return parameter->set ? parameter->set(url, value, value_length, why)
                              : set_number(url, parameter, value, value_length, why);
    }
    // Not named: what stands there may be the rest of a passphrase that holds an "&".
    return refuse(
        why, "has a parameter that is not known; known are mode, latency, passphrase, pbkeylen, streamid, "
             "conntimeo, peeridletimeo, sndbuf, maxbw, iptos, ipttl, receivers (an \"&\" within a value is "
             "written %%26)");
}

static int parse_query(struct config_url *url, const char *query, const struct why *why)
{
    unsigned seen = 0;
    int error = CASTOR_OK;

    while (*query && error == CASTOR_OK) {
        size_t length = strcspn(query, "&");
        if (length > 0)
            error = set_parameter(url, query, length, &seen, why);
        query += length + (query[length] == '&');
    }
    // As other SRT tools do: without a host there is nobody to call.
    if (error == CASTOR_OK && url->host[0] == '\0' && !(seen & 1u))
        url->listener = true;
    return error;
}

// ---- address ----

static int parse_host(struct config_url *url, const char *text, size_t length, const struct why *why)
{
    bool v6 = length >= 2 && text[0] == '[' && text[length - 1] == ']';
    const char *allowed = v6 ? "0123456789abcdefABCDEF:.%"
                             : "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_";

    if (v6) {
        text++;
        length -= 2;
    }
    if (length >= sizeof url->host)
        return refuse(why, "the host name is longer than 255 characters");
    memcpy(url->host, text, length);
    url->host[length] = '\0';
    if (strspn(url->host, allowed) != length || (v6 && length == 0))
        return refuse(why, "the host must be a name, an IPv4 address or an IPv6 address in brackets, as in "
                           "srt://[2001:db8::1]:9000");
    return CASTOR_OK;
}

int config_url_parse(const char *text, struct config_url *out, char *why_text, size_t size)
{
    const struct why why = {why_text, size};
    struct config_url url = {0};

    if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
        return refuse(&why, "must begin with srt://, as in srt://192.0.2.7:9000?latency=250");
    const char *address = text + strlen(SCHEME);
    size_t length = strcspn(address, "/?#");
    const char *query = address + length + (address[length] == '/');
    if (*query != '\0' && *query != '?')
        return refuse(
            &why, "must end after the port or go on with ?key=value, as in srt://192.0.2.7:9000?latency=250");
    size_t colon = length;
    while (colon > 0 && address[colon - 1] != ':' && address[colon - 1] != ']')
        colon--;
    if (colon == 0 || address[colon - 1] != ':')
        return refuse(&why, "has no port; write srt://host:port");
    int64_t port = small_number(address + colon, length - colon);
    if (port < 1 || port > 65535)
        return refuse(&why, "the port must be a number from 1 to 65535");
    url.port = (uint16_t)port;
    int error = parse_host(&url, address, colon - 1, &why);
    if (error == CASTOR_OK)
        error = parse_query(&url, *query ? query + 1 : query, &why);
    if (error == CASTOR_OK && !url.listener && url.host[0] == '\0')
        error = refuse(
            &why, "a caller needs a host to call; write srt://host:port, or mode=listener to wait for one");
    if (error == CASTOR_OK)
        *out = url;
    explicit_bzero(&url, sizeof url);
    return error;
}

int config_url_format(const struct config_url *url, char *out, size_t size)
{
    bool v6 = strchr(url->host, ':') != NULL;
    int n =
        snprintf(out, size, "%s%s%s%s:%u?mode=%s&latency=%u", SCHEME, v6 ? "[" : "", url->host, v6 ? "]" : "",
                 (unsigned)url->port, url->listener ? "listener" : "caller", url->latency_ms);

    if (n > 0 && (size_t)n < size && url->key_bits)
        n += snprintf(out + n, size - (size_t)n, "&pbkeylen=%u", url->key_bits / 8);
    if (n > 0 && (size_t)n < size)
        n += snprintf(out + n, size - (size_t)n, "%s", url->others);
    return n > 0 && (size_t)n < size ? CASTOR_OK : CASTOR_ERR_INVALID;
}

unsigned config_word_distance(const char *a, const char *b)
{
    unsigned row[64];
    size_t a_length = strnlen(a, 63), b_length = strnlen(b, 63);

    for (size_t j = 0; j <= b_length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned replaced = diagonal + (a[i - 1] != b[j - 1]);
            unsigned removed = row[j] + 1;
            unsigned added = row[j - 1] + 1;
            diagonal = row[j];
            row[j] = replaced < removed ? replaced : removed;
            if (added < row[j])
                row[j] = added;
        }
    }
    return row[b_length];
}
