// SPDX-License-Identifier: Apache-2.0
// Any text as a channel map: refused with words, or factors within their bounds.
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "supervisor/sound_map.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint32_t outputs[] = {1, 2, 6};
    sound_map_factors factors = {{0}};
    char text[512], why[256] = "";

    if (size < 2 || size > sizeof text)
        return 0;
    memcpy(text, data + 2, size - 2);
    text[size - 2] = '\0';
    if (sound_map_parse(text, outputs[data[0] % 3], data[1] % 9, why, sizeof why, factors) != CASTOR_OK) {
        if (why[0] == '\0')
            abort();
        return 0;
    }
    for (int o = 0; o < MESSAGE_SOUND_OUTPUTS_MAX; o++)
        for (int i = 0; i < MESSAGE_SOUND_INPUTS_MAX; i++)
            if (factors[o][i] < 0 || factors[o][i] > MESSAGE_SOUND_FACTOR_MAX)
                abort();
    return 0;
}
