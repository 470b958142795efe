// SPDX-License-Identifier: Apache-2.0
// encoder_check DRIVER [OPENS] - lists the devices of an encoder driver and what each can do, as the
// selection would ask; with a number, opens and closes so many sessions on the first device instead, and
// tells what is left of them. Coding itself is the contract suite's subject. A driver that hangs is ended by
// SIGALRM.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "encoder/table.h"

#define DEVICES_MAX 16
#define LIMIT_S 30u // emulated machines are slow; devices() has 1 s, probe() 5 s a device
#define OPENS_A_SECOND_LEAST 40u
#define OPENS_FIRST 100u // what a library or a kernel keeps for good, it has by then

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

// Memory that the kernel could still give, whoever holds the rest.
static long free_kbytes(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    char line[128];
    long value = -1;

    while (file && fgets(line, sizeof line, file))
        (void)sscanf(line, "MemAvailable: %ld kB", &value);
    if (file)
        (void)fclose(file);
    return value;
}

static unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    while (folder && readdir(folder))
        count++;
    if (folder)
        closedir(folder);
    return count;
}

// False when a session does not open, or leaves a descriptor behind. Memory is told, not judged: other
// programs of the machine take and give, too.
static bool open_often(const struct encoder_driver *driver, unsigned opens)
{
    const struct encoder_config config = {
        .codec = ENCODER_CODEC_H264,
        .format = {.width_px = 640, .height_px = 360, .pixel = CASTOR_PIXEL_I420, .rate = {30, 1}},
        .bitrate_bps = 2000000,
    };
    unsigned descriptors = 0, now;
    long free_before = 0;

    for (unsigned i = 0; i < opens; i++) {
        struct encoder *encoder = NULL;
        struct encoder_text why = {""};
        if (encoder_open(driver, &config, &encoder, &why) != CASTOR_OK) {
            printf("open %u of %u: %s\n", i + 1, opens, why.text);
            return false;
        }
        encoder_close(encoder);
        if (i + 1 == OPENS_FIRST) {
            descriptors = count_descriptors();
            free_before = free_kbytes();
        }
    }
    now = count_descriptors();
    printf("%u sessions opened and closed, descriptors %u after %u and %u at the end, free memory %+ld KB\n",
           opens, descriptors, OPENS_FIRST, now, free_kbytes() - free_before);
    return opens <= OPENS_FIRST || now == descriptors;
}

int main(int argc, char **argv)
{
    const struct encoder_driver *driver;
    struct encoder_text why;

    unsigned opens = argc == 3 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;

    if (argc < 2 || argc > 3 || (argc == 3 && opens == 0)) {
        fprintf(stderr, "encoder_check DRIVER [OPENS], or encoder_check --list\n");
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
    (void)alarm(LIMIT_S + opens / OPENS_A_SECOND_LEAST);
    if (opens > 0)
        return open_often(driver, opens) ? 0 : 1;
    if (check_driver(driver))
        return 0;
    printf("broken: a driver names a fault domain for each device, and a reason for each refusal\n");
    return 1;
}
