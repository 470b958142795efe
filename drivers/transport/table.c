// SPDX-License-Identifier: Apache-2.0
// All transport drivers by the scheme of their URLs.
#include <string.h>

#include "transport/srt.h"
#include "transport/text.h"

static const struct transport_driver *const drivers[] = {&transport_srt};

int transport_driver_find(const char *url, const struct transport_driver **out, struct transport_text *why)
{
    const char *colon = strchr(url, ':');
    size_t length = colon ? (size_t)(colon - url) : strlen(url);

    for (size_t i = 0; i < sizeof drivers / sizeof drivers[0]; i++) {
        if (strlen(drivers[i]->name) == length && strncmp(drivers[i]->name, url, length) == 0) {
            *out = drivers[i];
            return CASTOR_OK;
        }
    }
    return transport_text_set(why, CASTOR_ERR_UNSUPPORTED,
                              "this build cannot send to such a URL: it must begin with srt://");
}
