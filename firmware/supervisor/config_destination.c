// SPDX-License-Identifier: Apache-2.0
// The rules of the destinations: one form of the URL, secrets out of it, no two in each other's way.
#include <stdio.h>
#include <string.h>

#include "supervisor/config_rules.h"

static int resolve_latency(struct config_destination *destination, struct config_url *url, const char *path,
                           struct config_error *error)
{
    if (url->latency_ms && destination->latency_ms && url->latency_ms != destination->latency_ms)
        return config_refuse(error, path, "latency_ms says %u and the URL says latency=%u; give one of them",
                             destination->latency_ms, url->latency_ms);
    if (!destination->latency_ms)
        destination->latency_ms = url->latency_ms ? url->latency_ms : CONFIG_LATENCY_DEFAULT_MS;
    url->latency_ms = destination->latency_ms;
    return CASTOR_OK;
}

// Secrets live in one place only: out of the URL, into their own members.
static int resolve_secret(char *member, size_t size, const char *from_url, const char *path, const char *what,
                          struct config_error *error)
{
    if (from_url[0] && member[0] && strcmp(from_url, member) != 0)
        return config_refuse(error, path,
                             "this and the URL give two different values for the %s; give one of them", what);
    if (from_url[0])
        snprintf(member, size, "%s", from_url);
    return CASTOR_OK;
}

static int check_destination(struct config *config, uint32_t index, struct config_url *url,
                             struct config_error *error)
{
    struct config_destination *destination = &config->destinations[index];
    char path[64], why[256];

    snprintf(path, sizeof path, "/destinations/%u/url", index);
    if (config_url_parse(destination->url, url, why, sizeof why) != CASTOR_OK)
        return config_refuse(error, path, "%s", why);
    snprintf(path, sizeof path, "/destinations/%u/latency_ms", index);
    int result = resolve_latency(destination, url, path, error);
    snprintf(path, sizeof path, "/destinations/%u/passphrase", index);
    if (result == CASTOR_OK)
        result = resolve_secret(destination->passphrase, sizeof destination->passphrase, url->passphrase,
                                path, "passphrase", error);
    snprintf(path, sizeof path, "/destinations/%u/stream_id", index);
    if (result == CASTOR_OK)
        result = resolve_secret(destination->stream_id, sizeof destination->stream_id, url->stream_id, path,
                                "stream id", error);
    snprintf(path, sizeof path, "/destinations/%u/url", index);
    if (result == CASTOR_OK && url->key_bits && destination->passphrase[0] == '\0')
        result = config_refuse(error, path, "pbkeylen needs a passphrase; give one, or take pbkeylen away");
    if (result == CASTOR_OK && config_url_format(url, destination->url, sizeof destination->url) != CASTOR_OK)
        result = config_refuse(error, path, "is too long");
    return result;
}

static bool same_listener(const struct config_url *a, const struct config_url *b)
{
    if (!a->listener || !b->listener || a->port != b->port)
        return false;
    return a->host[0] == '\0' || b->host[0] == '\0' || strcmp(a->host, b->host) == 0;
}

static int check_pair(const struct config *config, const struct config_url *urls, uint32_t first,
                      uint32_t second, struct config_error *error)
{
    const struct config_destination *a = &config->destinations[first], *b = &config->destinations[second];
    char path[64];

    if (strcmp(a->name, b->name) == 0) {
        snprintf(path, sizeof path, "/destinations/%u/name", second);
        return config_refuse(error, path, "destination %u is called \"%s\" already; give each its own name",
                             first, a->name);
    }
    if (same_listener(&urls[first], &urls[second])) {
        snprintf(path, sizeof path, "/destinations/%u/url", second);
        return config_refuse(error, path,
                             "destination \"%s\" listens on port %u already; choose another port", a->name,
                             (unsigned)urls[first].port);
    }
    return CASTOR_OK;
}

int config_destinations_check(struct config *config, struct config_error *error)
{
    struct config_url urls[CONFIG_DESTINATIONS_MAX] = {0};
    int result = CASTOR_OK;

    for (uint32_t i = 0; i < config->destination_count && result == CASTOR_OK; i++)
        result = check_destination(config, i, &urls[i], error);
    for (uint32_t i = 1; i < config->destination_count; i++)
        for (uint32_t j = 0; j < i && result == CASTOR_OK; j++)
            result = check_pair(config, urls, j, i, error);
    explicit_bzero(urls, sizeof urls);
    if (result == CASTOR_OK && config->destination_count == 0)
        config_warn(config, "there is no destination: the stream goes nowhere");
    return result;
}
