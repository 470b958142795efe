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
#define ENTRYPOINTS_MAX 64
#define RATE_CONTROL_NONE 0u

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

static uint32_t best_rate_control(uint32_t offered, bool is_intel)
{
    // On Intel first the variable bitrate, with its peak at the mean. A choice that no device has been asked
    // about yet.
    static const uint32_t orders[2][2] = {{VA_RC_CBR, VA_RC_VBR}, {VA_RC_VBR, VA_RC_CBR}};

    if (offered & VA_ATTRIB_NOT_SUPPORTED)
        return VA_RC_CQP; // the attribute's absence means that no rate control exists
    for (unsigned i = 0; i < 2; i++) {
        if (offered & orders[is_intel][i])
            return orders[is_intel][i];
    }
    return offered & VA_RC_CQP ? VA_RC_CQP : RATE_CONTROL_NONE;
}

static uint32_t value_or(const VAConfigAttrib *attribute, uint32_t otherwise)
{
    return attribute->value == VA_ATTRIB_NOT_SUPPORTED || attribute->value == 0 ? otherwise
                                                                                : attribute->value;
}

// What one entry point can do; false when it is of no use.
static bool look_at(struct vaapi_device *device, VAProfile profile, VAEntrypoint entrypoint,
                    struct vaapi_choice *out)
{
    VAConfigAttrib attributes[] = {
        {.type = VAConfigAttribRTFormat},         {.type = VAConfigAttribRateControl},
        {.type = VAConfigAttribEncPackedHeaders}, {.type = VAConfigAttribEncQualityRange},
        {.type = VAConfigAttribMaxPictureWidth},  {.type = VAConfigAttribMaxPictureHeight},
    };
    VAStatus status = VENDOR_CALL(device->thread, vaGetConfigAttributes, device->display, profile, entrypoint,
                                  attributes, sizeof attributes / sizeof attributes[0]);

    if (status != VA_STATUS_SUCCESS || !(value_or(&attributes[0], 0) & VA_RT_FORMAT_YUV420))
        return false;
    *out = (struct vaapi_choice){
        .profile = profile,
        .entrypoint = entrypoint,
        .rate_control = best_rate_control(attributes[1].value, device->is_intel),
        // Both parameter sets travel as the sequence header. A delimiter is put in front of what comes out.
        .packed_headers =
            value_or(&attributes[2], 0) & (VA_ENC_PACKED_HEADER_SEQUENCE | VA_ENC_PACKED_HEADER_SLICE),
        .quality_levels = value_or(&attributes[3], 0),
        .max_width_px = value_or(&attributes[4], 3840),
        .max_height_px = value_or(&attributes[5], 2160),
    };
    return out->rate_control != RATE_CONTROL_NONE;
}

static bool has_entrypoint(struct vaapi_device *device, VAProfile profile, VAEntrypoint wanted)
{
    VAEntrypoint list[ENTRYPOINTS_MAX];
    int count = 0;

    if (vaMaxNumEntrypoints(device->display) > ENTRYPOINTS_MAX ||
        VENDOR_CALL(device->thread, vaQueryConfigEntrypoints, device->display, profile, list, &count) !=
            VA_STATUS_SUCCESS)
        return false;
    for (int i = 0; i < count; i++) {
        if (list[i] == wanted)
            return true;
    }
    return false;
}

int vaapi_device_choose(struct vaapi_device *device, struct vaapi_choice *out, struct encoder_text *why)
{
    static const VAProfile profiles[] = {VAProfileH264Main, VAProfileH264ConstrainedBaseline};
    static const VAEntrypoint entrypoints[] = {VAEntrypointEncSliceLP, VAEntrypointEncSlice};
    bool has_found = false;

    for (unsigned p = 0; p < 2; p++) {
        for (unsigned e = 0; e < 2; e++) {
            struct vaapi_choice choice;
            if (!has_entrypoint(device, profiles[p], entrypoints[e]) ||
                !look_at(device, profiles[p], entrypoints[e], &choice))
                continue;
            bool is_better = choice.rate_control != VA_RC_CQP && has_found && out->rate_control == VA_RC_CQP;
            if (!has_found || is_better)
                *out = choice;
            has_found = true;
        }
    }
    if (has_found)
        return CASTOR_OK;
    return encoder_text_set(why, CASTOR_ERR_UNSUPPORTED,
                            "vaapi: this device encodes no H.264 (Main or Constrained Baseline, 4:2:0)");
}

int vaapi_device_configure(struct vaapi_device *device, const struct vaapi_choice *choice, VAConfigID *out,
                           struct encoder_text *why)
{
    VAConfigID config = VA_INVALID_ID;
    VAConfigAttrib attributes[] = {
        {VAConfigAttribRTFormat, VA_RT_FORMAT_YUV420},
        {VAConfigAttribRateControl, choice->rate_control},
        {VAConfigAttribEncPackedHeaders, choice->packed_headers}, // left out where there are none
    };
    VAStatus status = VENDOR_CALL(device->thread, vaCreateConfig, device->display, choice->profile,
                                  choice->entrypoint, attributes, choice->packed_headers ? 3 : 2, &config);

    if (status != VA_STATUS_SUCCESS)
        return vaapi_device_failed(device, CASTOR_ERR_IO, "vaCreateConfig", status, why);
    *out = config;
    return CASTOR_OK;
}
