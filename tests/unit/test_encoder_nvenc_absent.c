// SPDX-License-Identifier: Apache-2.0
// Without NVIDIA's libraries the driver says so and does no harm. Run without the stand-in.
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "encoder/drivers.h"

static void says_what_is_missing(void **state)
{
    struct encoder_device devices[4];
    struct encoder_caps caps;
    struct encoder_text why = {""};
    uint32_t count = 77;
    void *real = dlopen("libcuda.so.1", RTLD_LAZY);

    (void)state;
    if (real) {
        dlclose(real);
        skip();
    }
    assert_int_equal(encoder_driver_nvenc.devices(devices, 4, &count), CASTOR_ERR_UNSUPPORTED);
    assert_int_equal(count, 77);
    assert_int_equal(encoder_driver_nvenc.probe("", &caps, &why), CASTOR_ERR_UNSUPPORTED);
    assert_non_null(strstr(why.text, "libcuda.so.1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_is_missing)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
