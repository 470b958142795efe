// SPDX-License-Identifier: Apache-2.0
#include "vaapi_device.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <va/va_drm.h>

#define NODE_FIRST 128 // DRM gives render nodes the minors 128 to 191
#define NODES 64

static void node_path(unsigned index, char *out, size_t size)
{
    (void)snprintf(out, size, "/dev/dri/renderD%u", NODE_FIRST + index);
}

static bool node_exists(const char *path, dev_t *number)
{
    struct stat status;

    if (stat(path, &status) != 0 || !S_ISCHR(status.st_mode))
        return false;
    *number = status.st_rdev;
    return true;
}

// The last part of where a link of sysfs leads; "" when there is none.
static void link_name(dev_t number, const char *what, char *out, size_t size)
{
    char link[96], target[PATH_MAX];

    (void)snprintf(link, sizeof link, "/sys/dev/char/%u:%u/device%s", major(number), minor(number), what);
    ssize_t length = readlink(link, target, sizeof target - 1);
    target[length > 0 ? length : 0] = '\0';
    const char *slash = strrchr(target, '/');
    (void)snprintf(out, size, "%.40s", slash ? slash + 1 : "");
}

int vaapi_device_list(struct encoder_device *list, uint32_t capacity, uint32_t *count)
{
    *count = 0;
    for (unsigned i = 0; i < NODES && *count < capacity; i++) {
        struct encoder_device *device = &list[*count];
        char slot[48], kernel_driver[48];
        dev_t number;
        node_path(i, device->name, sizeof device->name);
        if (!node_exists(device->name, &number))
            continue;
        link_name(number, "", slot, sizeof slot);
        link_name(number, "/driver", kernel_driver, sizeof kernel_driver);
        // A card is one fault domain for all drivers that use it.
        (void)snprintf(device->fault_domain, sizeof device->fault_domain, "%.60s",
                       slot[0] ? slot : device->name);
        (void)snprintf(device->description, sizeof device->description, "VA-API%s%s",
                       kernel_driver[0] ? ", " : "", kernel_driver);
        (*count)++;
    }
    return CASTOR_OK;
}

static int find_first(char *out, size_t size, struct encoder_text *why)
{
    dev_t number;

    for (unsigned i = 0; i < NODES; i++) {
        node_path(i, out, size);
        if (node_exists(out, &number))
            return CASTOR_OK;
    }
    return encoder_text_set(why, CASTOR_ERR_NOT_FOUND,
                            "vaapi: no render node in /dev/dri: this machine has no graphics device, or its "
                            "kernel driver is not loaded");
}

static int open_node(struct vaapi_device *device, const char *path, struct encoder_text *why)
{
    device->fd = open(path, O_RDWR | O_CLOEXEC);
    if (device->fd >= 0)
        return CASTOR_OK;
    int reason = errno;
    int error = castor_error_from_errno(reason);
    if (reason == ENXIO || reason == ENODEV || reason == EISDIR || reason == ENOTDIR)
        error = CASTOR_ERR_NOT_FOUND; // no device behind the name
    return encoder_text_set(why, error, "vaapi: cannot open %.100s: %s%s", path, strerror(reason),
                            error == CASTOR_ERR_DENIED ? "; join the group that owns it (render)" : "");
}

static void keep_complaint(void *context, const char *message)
{
    struct encoder_text *text = context;

    (void)encoder_text_set(text, 0, "%.120s", message);
    text->text[strcspn(text->text, "\n")] = '\0';
}

static void ignore_remark(void *context, const char *message)
{
    (void)context;
    (void)message;
}

int vaapi_device_failed(const struct vaapi_device *device, int error, const char *function, VAStatus status,
                        struct encoder_text *why)
{
    bool has_said = device->said.text[0] != '\0';

    return encoder_text_set(why, error, "vaapi: %s: %s%s%.80s%s", function, vaErrorStr(status),
                            has_said ? " (" : "", device->said.text, has_said ? ")" : "");
}

int vaapi_device_open(struct vaapi_device *device, struct vendor_thread *thread, const char *path,
                      struct encoder_text *why)
{
    char first[32];
    int major_version, minor_version;
    int error = CASTOR_OK;

    *device = (struct vaapi_device){.thread = thread, .fd = -1};
    if (path[0] == '\0') {
        error = find_first(first, sizeof first, why);
        path = first;
    }
    if (error == CASTOR_OK)
        error = open_node(device, path, why);
    if (error != CASTOR_OK)
        return error;
    device->display = vaGetDisplayDRM(device->fd);
    if (!device->display)
        return encoder_text_set(why, CASTOR_ERR_NOT_FOUND, "vaapi: %.100s is no DRM device", path);
    (void)vaSetErrorCallback(device->display, keep_complaint, &device->said);
    (void)vaSetInfoCallback(device->display, ignore_remark, NULL);
    VAStatus status = VENDOR_CALL(thread, vaInitialize, device->display, &major_version, &minor_version);
    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_UNSUPPORTED, "no VA-API driver for this device", status,
                                   why);
    device->is_initialized = true;
    const char *vendor = vaQueryVendorString(device->display);
    device->is_intel = vendor && strstr(vendor, "Intel");
    // There is no attribute that tells; a buffer that cannot exist does.
    status = VENDOR_CALL(thread, vaSyncBuffer, device->display, VA_INVALID_ID, 0);
    device->has_sync_buffer = status != VA_STATUS_ERROR_UNIMPLEMENTED;
    device->said.text[0] = '\0';
    return CASTOR_OK;
}

void vaapi_device_close(struct vaapi_device *device)
{
    if (device->display)
        (void)VENDOR_CALL(device->thread, vaTerminate, device->display); // not initialized: frees the display
    if (device->fd >= 0)
        close(device->fd);
    device->display = NULL;
    device->fd = -1;
}
