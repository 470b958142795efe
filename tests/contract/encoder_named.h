// SPDX-License-Identifier: Apache-2.0
// An encoder driver that must be there.
#ifndef CONTRACT_ENCODER_NAMED_H
#define CONTRACT_ENCODER_NAMED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "encoder/table.h"

// Fails the test, with the reason, where it is not.
static inline const struct encoder_driver *encoder_named(const char *name)
{
    const struct encoder_driver *driver = NULL;
    struct encoder_text why = {""};

    if (encoder_driver_find(name, &driver, &why) != CASTOR_OK)
        fail_msg("%s", why.text);
    return driver;
}

#endif
