// SPDX-License-Identifier: Apache-2.0
// Any bytes as a destination URL. What is accepted must be a valid configuration; what is refused must say
// why in a terminated text.
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "transport/srt_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct transport_config config;
    struct transport_text why = {""};
    char *url = malloc(size + 1);

    if (!url)
        return 0;
    memcpy(url, data, size);
    url[size] = '\0';
    if (srt_url_parse(url, &config, &why) == CASTOR_OK) {
        int error = srt_config_check(&config, &why);
        assert(error == CASTOR_OK);
        (void)error;
    } else {
        assert(why.text[0] && memchr(why.text, '\0', sizeof why.text));
    }
    free(url);
    return 0;
}
