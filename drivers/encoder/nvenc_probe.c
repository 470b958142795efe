// SPDX-License-Identifier: Apache-2.0
#include "nvenc_probe.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "nvenc_query.h"
#include "nvenc_worker.h"
#include "vendor_probe.h"

#define KERNEL_DRIVER_FOLDER "/proc/driver/nvidia/gpus" // one entry a card, named by its PCI address

static void add_device(struct encoder_device *list, uint32_t capacity, uint32_t *count, const char *name)
{
    if (*count < capacity) {
        struct encoder_device *device = &list[*count];
        memset(device, 0, sizeof *device);
        (void)snprintf(device->name, sizeof device->name, "%.127s", name);
        (void)snprintf(device->fault_domain, sizeof device->fault_domain, "nvidia%s%.50s", name[0] ? " " : "",
                       name);
        (void)snprintf(device->description, sizeof device->description, "NVIDIA NVENC");
    }
    ++*count;
}

// Does not ask CUDA: that takes long, may hang, and would spoil CUDA for children that are forked afterwards.
int nvenc_probe_devices(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    const struct nvenc_library *library;
    struct encoder_text ignored;
    uint32_t found = 0;
    int error = nvenc_library_get(&library, &ignored);

    if (error != CASTOR_OK)
        return error;
    DIR *folder = opendir(KERNEL_DRIVER_FOLDER);
    if (folder) {
        for (const struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
            if (entry->d_name[0] != '.')
                add_device(list, capacity, &found, entry->d_name);
        }
        closedir(folder);
    } else {
        add_device(list, capacity, &found, ""); // the kernel driver does not say; the first that CUDA finds
    }
    *count = found < capacity ? found : capacity;
    return CASTOR_OK;
}

static int answer(struct vendor_thread *thread, const char *device, struct encoder_caps *out,
                  struct encoder_text *why)
{
    struct nvenc_session session = {0};
    (void)thread;
    int error = nvenc_session_open(&session, device, why);

    if (error == CASTOR_OK)
        error = nvenc_query(&session, out, why);
    nvenc_session_close(&session);
    out->max_in_flight = NVENC_IN_FLIGHT;
    return nvenc_session_open_error(error, why);
}

int nvenc_probe(const char *device, struct encoder_caps *out, struct encoder_text *why)
{
    return vendor_probe("nvenc", answer, device, out, why);
}
