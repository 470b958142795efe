// SPDX-License-Identifier: Apache-2.0
// Any bytes as a configuration: refused with a reason, or accepted; and what was accepted can be dumped and,
// but for its secrets, read again as the same configuration.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    static struct config config, again;
    struct config_error error;

    if (config_parse((const char *)data, size_bytes, &config, &error) != CASTOR_OK) {
        if (error.text[0] == '\0')
            abort();
        return 0;
    }
    if (config_diff(&config, &config) != 0)
        abort();
    for (uint32_t i = 0; i < config.destination_count; i++) {
        config.destinations[i].passphrase[0] = '\0';
        config.destinations[i].stream_id[0] = '\0';
        // A key length without a passphrase is a mistake.
        char *bits = strstr(config.destinations[i].url, "&pbkeylen=");
        if (bits)
            memset(bits, '&', sizeof "&pbkeylen=16" - 1);
    }
    char *dump = config_dump_redacted(&config);
    if (!dump || config_parse(dump, strlen(dump), &again, &error) != CASTOR_OK)
        abort();
    for (uint32_t i = 0; i < config.destination_count; i++)
        memcpy(config.destinations[i].url, again.destinations[i].url, sizeof config.destinations[i].url);
    if (config_diff(&config, &again) != 0)
        abort();
    free(dump);
    return 0;
}
