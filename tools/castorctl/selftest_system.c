// SPDX-License-Identifier: Apache-2.0
#include "castorctl/selftest.h"

#include <glob.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

// A JSON string of what may not be UTF-8.
static json_t *text(const char *value)
{
    char clean[256];
    size_t i = 0;

    for (; value[i] && i < sizeof clean - 1; i++)
        clean[i] = (unsigned char)value[i] < 0x20 || (unsigned char)value[i] >= 0x7f ? '?' : value[i];
    clean[i] = '\0';
    return json_string(clean);
}

// The first line of a file, without its end; "" when there is none.
static const char *first_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");

    out[0] = '\0';
    if (file && fgets(out, (int)size, file))
        out[strcspn(out, "\n")] = '\0';
    if (file)
        fclose(file);
    return out;
}

// The rest of the first line that begins with `key`, behind "=" or ":" and blanks, without quotes.
static const char *value_of(const char *path, const char *key, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[512];

    out[0] = '\0';
    while (file && out[0] == '\0' && fgets(line, sizeof line, file)) {
        if (strncmp(line, key, strlen(key)) != 0)
            continue;
        const char *value = line + strlen(key);
        value += strspn(value, " \t=:\"");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\"\n"), value);
    }
    if (file)
        fclose(file);
    return out;
}

// Devices whose names fit the pattern: {"node", "driver", "id"}.
static json_t *devices(const char *pattern, const char *name_file)
{
    json_t *list = json_array();
    glob_t found = {0};

    if (glob(pattern, 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            char path[320], driver[128], id[128], name[128];
            snprintf(path, sizeof path, "%s/device/uevent", found.gl_pathv[i]);
            value_of(path, "DRIVER", driver, sizeof driver);
            value_of(path, "PCI_ID", id, sizeof id);
            snprintf(path, sizeof path, "%s/%s", found.gl_pathv[i], name_file);
            first_line(path, name, sizeof name);
            json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:o}", "node",
                                                  text(basename(found.gl_pathv[i])), "kernel_driver",
                                                  text(driver), "pci_id", text(id), "name", text(name)));
        }
    }
    globfree(&found);
    return list;
}

json_t *selftest_system(void)
{
    struct utsname kernel = {0};
    char line[256], os[128], nvidia[256], governor[64];
    long memory_mib = sysconf(_SC_PHYS_PAGES) / 1024 * (sysconf(_SC_PAGESIZE) / 1024);

    (void)uname(&kernel);
    value_of("/proc/cpuinfo", "model name", line, sizeof line);
    if (line[0] == '\0') // ARM names its boards elsewhere
        first_line("/sys/firmware/devicetree/base/model", line, sizeof line);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o}", "os",
        text(value_of("/etc/os-release", "PRETTY_NAME", os, sizeof os)), "kernel", text(kernel.release),
        "kernel_build", text(kernel.version), "machine", text(kernel.machine), "processor", text(line),
        "governor",
        text(first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", governor, sizeof governor)),
        "cores", (json_int_t)sysconf(_SC_NPROCESSORS_ONLN), "memory_mib", (json_int_t)memory_mib,
        "nvidia_module", text(first_line("/proc/driver/nvidia/version", nvidia, sizeof nvidia)), "graphics",
        devices("/sys/class/drm/renderD*", "device/device"), "video",
        devices("/sys/class/video4linux/video*", "name"));
}
