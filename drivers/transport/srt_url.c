// SPDX-License-Identifier: Apache-2.0
#include "transport/srt_url.h"

#include <string.h>

#include "transport/text.h"

#define URL_MAX_BYTES 4096

#define LATENCY_MAX_MS 30000
#define BANDWIDTH_MAX_BYTES_PER_S 1250000000u

// A part of the URL, percent-decoded.
struct value {
    char text[TRANSPORT_STREAM_ID_MAX_BYTES + 1];
    size_t size_bytes;
};

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static int decode(const char *key, const char *text, size_t size_bytes, struct value *out,
                  struct transport_text *why)
{
    out->size_bytes = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        int byte = (unsigned char)text[i];

        if (text[i] == '%') {
            int high = size_bytes - i > 2 ? hex_digit(text[i + 1]) : -1;
            int low = size_bytes - i > 2 ? hex_digit(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return transport_text_set(why, CASTOR_ERR_INVALID,
                                          "%s: a %% must be followed by two hexadecimal digits; "
                                          "write %%25 for the character itself",
                                          key);
            byte = high * 16 + low;
            i += 2;
        }
        if (byte == 0 || byte == '\n' || byte == '\r')
            return transport_text_set(why, CASTOR_ERR_INVALID,
                                      "%s: holds a line break or a zero byte; remove it", key);
        if (out->size_bytes == sizeof out->text - 1)
            return transport_text_set(why, CASTOR_ERR_INVALID, "%s: longer than %u characters", key,
                                      TRANSPORT_STREAM_ID_MAX_BYTES);
        out->text[out->size_bytes++] = (char)byte;
    }
    out->text[out->size_bytes] = '\0';
    return CASTOR_OK;
}

static int number(const char *key, const struct value *value, uint64_t low, uint64_t high, uint64_t *out,
                  struct transport_text *why)
{
    uint64_t sum = 0;
    bool good = value->size_bytes > 0 && value->size_bytes <= 18;

    for (size_t i = 0; good && i < value->size_bytes; i++) {
        good = value->text[i] >= '0' && value->text[i] <= '9';
        sum = sum * 10 + (unsigned)(value->text[i] - '0');
    }
    if (!good || sum < low || sum > high)
        return transport_text_set(why, CASTOR_ERR_INVALID, "%s: must be a whole number from %llu to %llu%s",
                                  key, (unsigned long long)low, (unsigned long long)high,
                                  strcmp(key, "latency") == 0 ? ", in milliseconds (ffmpeg's URLs have "
                                                                "microseconds: divide by 1000)"
                                                              : "");
    *out = sum;
    return CASTOR_OK;
}

// ---- one function a key that is not a plain number ----

static int set_mode(const struct value *value, struct transport_config *config, struct transport_text *why)
{
    if (strcmp(value->text, "caller") == 0)
        config->mode = TRANSPORT_MODE_CALLER;
    else if (strcmp(value->text, "listener") == 0)
        config->mode = TRANSPORT_MODE_LISTENER;
    else
        return transport_text_set(why, CASTOR_ERR_INVALID, "mode: must be caller or listener");
    return CASTOR_OK;
}

static int set_passphrase(const struct value *value, struct transport_config *config,
                          struct transport_text *why)
{
    if (value->size_bytes == 0)
        return CASTOR_OK;
    if (value->size_bytes < TRANSPORT_PASSPHRASE_MIN_BYTES ||
        value->size_bytes > TRANSPORT_PASSPHRASE_MAX_BYTES)
        return transport_text_set(why, CASTOR_ERR_INVALID,
                                  "passphrase: has %zu characters, must have %u to %u", value->size_bytes,
                                  TRANSPORT_PASSPHRASE_MIN_BYTES, TRANSPORT_PASSPHRASE_MAX_BYTES);
    memcpy(config->passphrase, value->text, value->size_bytes + 1);
    return CASTOR_OK;
}

static int set_key_bytes(const struct value *value, struct transport_config *config,
                         struct transport_text *why)
{
    uint64_t bytes = 0;

    if (number("pbkeylen", value, 0, 32, &bytes, NULL) != CASTOR_OK ||
        (bytes != 0 && bytes != 16 && bytes != 24 && bytes != 32))
        return transport_text_set(why, CASTOR_ERR_INVALID,
                                  "pbkeylen: must be 16, 24 or 32 (bytes: AES-128, AES-192, AES-256)");
    if (bytes != 0)
        config->key_bytes = (uint8_t)bytes;
    return CASTOR_OK;
}

static int set_stream_id(const struct value *value, struct transport_config *config,
                         struct transport_text *why)
{
    (void)why; // decode() has checked the length
    memcpy(config->stream_id, value->text, value->size_bytes + 1);
    return CASTOR_OK;
}

static int set_live(const struct value *value, struct transport_config *config, struct transport_text *why)
{
    (void)config;
    if (strcmp(value->text, "live") != 0)
        return transport_text_set(why, CASTOR_ERR_INVALID, "transtype: must be live, or be left out");
    return CASTOR_OK;
}

// ---- the keys ----

struct key {
    const char *name;
    int (*set)(const struct value *value, struct transport_config *config, struct transport_text *why);
    void (*set_number)(uint64_t value, struct transport_config *config);
    uint64_t low, high;
};

static void number_latency(uint64_t value, struct transport_config *config)
{
    config->latency_ms = (uint32_t)value;
}

static void number_connect(uint64_t value, struct transport_config *config)
{
    config->connect_timeout_ms = (uint32_t)value;
}

static void number_idle(uint64_t value, struct transport_config *config)
{
    config->idle_timeout_ms = (uint32_t)value;
}

static void number_buffer(uint64_t value, struct transport_config *config)
{
    config->buffer_bytes = (uint32_t)value;
}

static void number_bandwidth(uint64_t value, struct transport_config *config)
{
    config->bandwidth_max_bps = value * 8;
}

static void number_tos(uint64_t value, struct transport_config *config)
{
    config->ip_tos = (int32_t)value;
}

static void number_ttl(uint64_t value, struct transport_config *config)
{
    config->ip_ttl = (int32_t)value;
}

static void number_receivers(uint64_t value, struct transport_config *config)
{
    config->receivers_max = (uint8_t)value;
}

static const struct key keys[] = {
    {"mode", set_mode, NULL, 0, 0},
    {"latency", NULL, number_latency, 0, LATENCY_MAX_MS},
    {"passphrase", set_passphrase, NULL, 0, 0},
    {"pbkeylen", set_key_bytes, NULL, 0, 0},
    {"streamid", set_stream_id, NULL, 0, 0},
    {"transtype", set_live, NULL, 0, 0},
    {"conntimeo", NULL, number_connect, 100, 30000},
    {"peeridletimeo", NULL, number_idle, 500, 60000},
    {"sndbuf", NULL, number_buffer, 1u << 18, 1u << 28},
    {"maxbw", NULL, number_bandwidth, 0, BANDWIDTH_MAX_BYTES_PER_S},
    {"iptos", NULL, number_tos, 0, 255},
    {"ipttl", NULL, number_ttl, 1, 255},
    {"receivers", NULL, number_receivers, 1, TRANSPORT_RECEIVERS_MAX},
};
#define KEYS (sizeof keys / sizeof keys[0])

static const struct key *find_key(const char *name, size_t size_bytes)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strlen(keys[i].name) == size_bytes && memcmp(keys[i].name, name, size_bytes) == 0)
            return &keys[i];
    }
    return NULL;
}

// Names a key that nobody knows. Only what looks like a name is repeated: the text could be a piece of a
// secret that slipped out of its place.
static int unknown_key(const char *name, size_t size_bytes, struct transport_text *why)
{
    size_t letters = 0;
    const char *shown = "a key";

    while (letters < size_bytes && letters < 24 && name[letters] >= 'a' && name[letters] <= 'z')
        letters++;
    if (letters == size_bytes && letters > 0)
        shown = name;
    else
        letters = strlen(shown);
    return transport_text_set(why, CASTOR_ERR_INVALID,
                              "%.*s: not a known key; there are mode, latency, passphrase, pbkeylen, "
                              "streamid, conntimeo, peeridletimeo, sndbuf, maxbw, iptos, ipttl, receivers "
                              "(an & inside a value is written %%26)",
                              (int)letters, shown);
}

static int parse_pair(const char *text, size_t size_bytes, uint32_t *seen, struct transport_config *config,
                      struct transport_text *why)
{
    const char *equals = memchr(text, '=', size_bytes);
    size_t name_bytes = equals ? (size_t)(equals - text) : size_bytes;
    const struct key *key = find_key(text, name_bytes);
    struct value value;
    uint64_t n = 0;
    int error;

    if (!key)
        return unknown_key(text, name_bytes, why);
    if (!equals)
        return transport_text_set(why, CASTOR_ERR_INVALID, "%s: has no value; write %s=...", key->name,
                                  key->name);
    if (*seen & (1u << (key - keys)))
        return transport_text_set(why, CASTOR_ERR_INVALID, "%s: given twice; keep one", key->name);
    *seen |= 1u << (key - keys);
    error = decode(key->name, equals + 1, size_bytes - name_bytes - 1, &value, why);
    if (!error && key->set)
        error = key->set(&value, config, why);
    else if (!error)
        error = number(key->name, &value, key->low, key->high, &n, why);
    if (!error && key->set_number)
        key->set_number(n, config);
    explicit_bzero(&value, sizeof value);
    return error;
}

static int parse_query(const char *query, uint32_t *seen, struct transport_config *config,
                       struct transport_text *why)
{
    while (*query) {
        size_t size_bytes = strcspn(query, "&");
        int error = size_bytes > 0 ? parse_pair(query, size_bytes, seen, config, why) : CASTOR_OK;

        if (error)
            return error;
        query += size_bytes;
        if (*query == '&')
            query++;
    }
    return CASTOR_OK;
}

static bool host_character(char c, bool bracketed)
{
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
        return true;
    return c == '.' || c == '-' || c == '_' || (bracketed && (c == ':' || c == '%'));
}

static int parse_host(const char *text, size_t size_bytes, bool bracketed, struct transport_config *config,
                      struct transport_text *why)
{
    if (size_bytes >= sizeof config->host)
        return transport_text_set(why, CASTOR_ERR_INVALID, "host: longer than %zu characters",
                                  sizeof config->host - 1);
    for (size_t i = 0; i < size_bytes; i++) {
        if (!host_character(text[i], bracketed))
            return transport_text_set(why, CASTOR_ERR_INVALID,
                                      "host: not a name or address; an IPv6 address is written in brackets, "
                                      "and user names have no place in an SRT URL (use streamid)");
    }
    memcpy(config->host, text, size_bytes);
    config->host[size_bytes] = '\0';
    return CASTOR_OK;
}

// host:port up to '?' or the end.
static int parse_authority(const char *text, size_t size_bytes, struct transport_config *config,
                           struct transport_text *why)
{
    bool bracketed = size_bytes > 0 && text[0] == '[';
    const char *end = text + size_bytes;
    const char *host_end = bracketed ? memchr(text, ']', size_bytes) : memchr(text, ':', size_bytes);
    const char *colon = host_end && bracketed ? host_end + 1 : host_end;
    struct value port = {.size_bytes = 0};
    uint64_t n = 0;
    int error;

    if (!colon || colon >= end || *colon != ':')
        return transport_text_set(why, CASTOR_ERR_INVALID,
                                  "port: missing; write srt://host:port, an IPv6 address in brackets");
    error = parse_host(text + bracketed, (size_t)(host_end - text) - bracketed, bracketed, config, why);
    if (error)
        return error;
    port.size_bytes = (size_t)(end - colon - 1);
    if (port.size_bytes < 6)
        memcpy(port.text, colon + 1, port.size_bytes);
    error = number("port", &port, 1, 65535, &n, why);
    if (!error)
        config->port = (uint16_t)n;
    return error;
}

static void set_defaults(struct transport_config *config)
{
    memset(config, 0, sizeof *config);
    config->latency_ms = 120;
    config->key_bytes = 16;
    config->receivers_max = TRANSPORT_RECEIVERS_MAX;
    config->connect_timeout_ms = 3000;
    config->idle_timeout_ms = 2000;
    config->buffer_bytes = 12u << 20;
    config->ip_tos = -1;
    config->ip_ttl = -1;
}

int srt_url_parse(const char *url, struct transport_config *out, struct transport_text *why)
{
    struct transport_config config;
    const char *authority;
    size_t authority_bytes;
    uint32_t seen = 0;
    int error;

    if (strnlen(url, URL_MAX_BYTES + 1) > URL_MAX_BYTES)
        return transport_text_set(why, CASTOR_ERR_INVALID, "URL: longer than %d characters", URL_MAX_BYTES);
    if (strncmp(url, "srt://", 6) != 0)
        return transport_text_set(why, CASTOR_ERR_INVALID, "URL: must begin with srt://");
    if (strchr(url, '#'))
        return transport_text_set(why, CASTOR_ERR_INVALID, "URL: a # inside a value is written %%23");
    set_defaults(&config);
    authority = url + strlen("srt://");
    authority_bytes = strcspn(authority, "/?");
    error = parse_authority(authority, authority_bytes, &config, why);
    if (error)
        goto done;
    config.mode = config.host[0] ? TRANSPORT_MODE_CALLER : TRANSPORT_MODE_LISTENER;
    authority += authority_bytes;
    if (*authority == '/')
        authority++;
    if (*authority != '\0' && *authority != '?') {
        error = transport_text_set(why, CASTOR_ERR_INVALID,
                                   "URL: an SRT URL has no path; what names the stream goes into streamid");
        goto done;
    }
    if (*authority == '?')
        error = parse_query(authority + 1, &seen, &config, why);
    if (!error)
        error = srt_config_check(&config, why);
    if (!error)
        *out = config;
done:
    explicit_bzero(&config, sizeof config);
    return error;
}

static bool within(uint64_t value, uint64_t low, uint64_t high)
{
    return value >= low && value <= high;
}

int srt_config_check(const struct transport_config *config, struct transport_text *why)
{
    size_t passphrase_bytes = strnlen(config->passphrase, sizeof config->passphrase);
    const char *fault = NULL;

    if (config->mode != TRANSPORT_MODE_CALLER && config->mode != TRANSPORT_MODE_LISTENER)
        fault = "mode: must be caller or listener";
    else if (strnlen(config->host, sizeof config->host) == sizeof config->host ||
             strnlen(config->stream_id, sizeof config->stream_id) == sizeof config->stream_id)
        fault = "host or streamid: too long";
    else if (config->mode == TRANSPORT_MODE_CALLER && !config->host[0])
        fault = "host: missing; a caller needs the receiver's name or address";
    else if (config->port == 0)
        fault = "port: must be 1 to 65535";
    else if (passphrase_bytes != 0 &&
             !within(passphrase_bytes, TRANSPORT_PASSPHRASE_MIN_BYTES, TRANSPORT_PASSPHRASE_MAX_BYTES))
        fault = "passphrase: must have 10 to 79 characters";
    else if (config->key_bytes != 16 && config->key_bytes != 24 && config->key_bytes != 32)
        fault = "pbkeylen: must be 16, 24 or 32";
    else if (!within(config->receivers_max, 1, TRANSPORT_RECEIVERS_MAX))
        fault = "receivers: must be 1 to 8";
    else if (config->latency_ms > LATENCY_MAX_MS)
        fault = "latency: must be 0 to 30000 milliseconds";
    else if (!within(config->connect_timeout_ms, 100, 30000))
        fault = "conntimeo: must be 100 to 30000 milliseconds";
    else if (!within(config->idle_timeout_ms, 500, 60000))
        fault = "peeridletimeo: must be 500 to 60000 milliseconds";
    else if (!within(config->buffer_bytes, 1u << 18, 1u << 28))
        fault = "sndbuf: must be 262144 to 268435456 bytes";
    else if (config->bandwidth_max_bps > UINT64_C(8) * BANDWIDTH_MAX_BYTES_PER_S)
        fault = "maxbw: too high";
    else if (config->ip_tos > 255 || config->ip_ttl > 255 || config->ip_ttl == 0)
        fault = "iptos or ipttl: must be at most 255";
    return fault ? transport_text_set(why, CASTOR_ERR_INVALID, "%s", fault) : CASTOR_OK;
}
