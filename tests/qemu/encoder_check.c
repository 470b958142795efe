// SPDX-License-Identifier: Apache-2.0
// encoder_check DRIVER - lists the devices of an encoder driver and what each can do, as the selection would
// ask. Coding itself is the contract suite's subject. A driver that hangs is ended by SIGALRM.
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "encoder/table.h"

#define DEVICES_MAX 16
#define LIMIT_S 30u // emulated machines are slow; devices() has 1 s, probe() 5 s a device

static void print_caps(const struct encoder_caps *caps)
{
    printf("ok");
    for (uint32_t codec = 0; codec < ENCODER_CODEC_END; codec++) {
        if (!caps->pixels[codec])
            continue;
        printf(" %s=", encoder_codec_name(codec));
        for (uint32_t pixel = 0; pixel < CASTOR_PIXEL_END; pixel++)
            if (encoder_caps_take(caps, codec, pixel))
                printf("%s,", castor_pixel_name(pixel));
    }
    printf(" size=%ux%u..%ux%u in_flight=%u flags=%#x\n", caps->min_width_px, caps->min_height_px,
           caps->max_width_px, caps->max_height_px, caps->max_in_flight, caps->flags);
}

// False when the driver breaks its contract.
static bool check_device(const struct encoder_driver *driver, const char *name)
{
    struct encoder_caps caps = {0};
    struct encoder_text why = {""};
    int error = driver->probe(name, &caps, &why);

    printf("probe driver=%s device=\"%s\" ", driver->name, name);
    if (!error) {
        print_caps(&caps);
        return (caps.pixels[ENCODER_CODEC_H264] || caps.pixels[ENCODER_CODEC_HEVC]) &&
               caps.max_in_flight >= 1 && caps.max_in_flight <= ENCODER_IN_FLIGHT_MAX;
    }
    printf("error=\"%s\" why=\"%s\"\n", castor_error_text(error), why.text);
    return error < 0 && why.text[0] != '\0';
}

static bool check_driver(const struct encoder_driver *driver)
{
    static struct encoder_device list[DEVICES_MAX];
    uint32_t count = 0;
    bool good = true;
    int error = driver->devices(list, DEVICES_MAX, &count);

    printf("devices driver=%s result=\"%s\" count=%u\n", driver->name, castor_error_text(error), count);
    for (uint32_t i = 0; !error && i < count; i++) {
        printf("device name=\"%s\" fault_domain=\"%s\" description=\"%s\"\n", list[i].name,
               list[i].fault_domain, list[i].description);
        good &= list[i].fault_domain[0] != '\0';
        good &= check_device(driver, list[i].name);
    }
    if (count == 0)
        good &= check_device(driver, "");
    return good && (error == CASTOR_OK || error == CASTOR_ERR_UNSUPPORTED);
}

int main(int argc, char **argv)
{
    const struct encoder_driver *driver;
    struct encoder_text why;

    if (argc != 2) {
        fprintf(stderr, "encoder_check DRIVER, or encoder_check --list\n");
        return 2;
    }
    if (strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; encoder_driver_name(i); i++)
            printf("%s\n", encoder_driver_name(i));
        return 0;
    }
    if (encoder_driver_find(argv[1], &driver, &why) != CASTOR_OK) {
        fprintf(stderr, "encoder_check: %s\n", why.text);
        return 2;
    }
    (void)alarm(LIMIT_S);
    if (check_driver(driver))
        return 0;
    printf("broken: a driver names a fault domain for each device, and a reason for each refusal\n");
    return 1;
}
