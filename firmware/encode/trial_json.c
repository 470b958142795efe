// SPDX-License-Identifier: Apache-2.0
#include "encode/trial_json.h"

#include <string.h>

#include <jansson.h>

#include "hal/time.h"

#define LIBRARIES_MAX 64

// A driver may say anything, and what is not ASCII may not be UTF-8.
static json_t *text(const char *value)
{
    char clean[512];
    size_t i = 0;

    for (; value[i] && i < sizeof clean - 1; i++)
        clean[i] = value[i] < 0x20 || value[i] >= 0x7f ? '?' : value[i];
    return json_stringn(clean, i);
}

static void put_text(json_t *out, const char *key, const char *value)
{
    (void)json_object_set_new(out, key, text(value));
}

static void put_number(json_t *out, const char *key, bool known, int64_t value)
{
    (void)json_object_set_new(out, key, known ? json_integer(value) : json_null());
}

static void put_flag(json_t *out, const char *key, bool known, bool value)
{
    (void)json_object_set_new(out, key, known ? json_boolean(value) : json_null());
}

// Without memory for all of it the line is none that anybody understands.
static void print(FILE *out, json_t *document)
{
    (void)json_dumpf(document, out, JSON_COMPACT);
    fputc('\n', out);
    json_decref(document);
}

void trial_json_drivers(FILE *out, const char *(*name)(size_t index))
{
    json_t *names = json_array();

    for (size_t i = 0; name(i); i++)
        (void)json_array_append_new(names, text(name(i)));
    print(out, names);
}

void trial_json_absent(FILE *out, const char *driver, const char *why)
{
    json_t *document = json_object();

    put_flag(document, "ok", true, false);
    put_text(document, "driver", driver);
    put_text(document, "about", driver);
    put_text(document, "why", why);
    print(out, document);
}

static json_t *device_list(const struct encoder_device *list, uint32_t count)
{
    json_t *devices = json_array();

    for (uint32_t i = 0; i < count; i++)
        (void)json_array_append_new(devices, json_pack("{s:o, s:o, s:o}", "name", text(list[i].name),
                                                       "fault_domain", text(list[i].fault_domain),
                                                       "description", text(list[i].description)));
    return devices;
}

void trial_json_devices(FILE *out, const struct encoder_driver *driver, int error,
                        const struct encoder_device *list, uint32_t count)
{
    json_t *document = json_object();

    put_flag(document, "ok", true, error == CASTOR_OK);
    put_text(document, "driver", driver->name);
    put_text(document, "about", driver->description);
    if (error == CASTOR_OK)
        (void)json_object_set_new(document, "devices", device_list(list, count));
    else
        put_text(document, "why",
                 error == CASTOR_ERR_UNSUPPORTED ? "its library is not installed" : castor_error_text(error));
    print(out, document);
}

// {"hevc": ["i420", "p010"]}: what it takes for each codec that it offers.
static json_t *pixels_of(const struct encoder_caps *caps)
{
    json_t *out = json_object();

    for (uint32_t codec = 0; codec < ENCODER_CODEC_END; codec++) {
        if (!caps->pixels[codec])
            continue;
        json_t *list = json_array();
        for (uint32_t pixel = 0; pixel < CASTOR_PIXEL_END; pixel++)
            if (encoder_caps_take(caps, codec, pixel))
                (void)json_array_append_new(list, json_string(castor_pixel_name(pixel)));
        (void)json_object_set_new(out, encoder_codec_name(codec), list);
    }
    return out;
}

static json_t *caps_of(const struct trial_report *report)
{
    const struct encoder_caps *caps = &report->caps;
    json_t *out = json_object();

    (void)json_object_set_new(out, "pixels", pixels_of(caps));
    put_number(out, "min_width_px", true, caps->min_width_px);
    put_number(out, "min_height_px", true, caps->min_height_px);
    put_number(out, "max_width_px", true, caps->max_width_px);
    put_number(out, "max_height_px", true, caps->max_height_px);
    put_number(out, "max_pixels_per_second", true, (int64_t)caps->max_pixels_per_second);
    put_number(out, "max_in_flight", true, caps->max_in_flight);
    put_number(out, "flags", true, caps->flags);
    put_flag(out, "force_idr", true, caps->flags & ENCODER_CAP_FORCE_IDR);
    put_flag(out, "set_bitrate", true, caps->flags & ENCODER_CAP_SET_BITRATE);
    put_flag(out, "vbv", true, caps->flags & ENCODER_CAP_VBV);
    put_flag(out, "synchronous", true, caps->flags & ENCODER_CAP_SYNCHRONOUS);
    put_flag(out, "dmabuf", true, caps->flags & ENCODER_CAP_DMABUF);
    return out;
}

// Part of every program: says nothing of an encoder.
static bool is_ordinary(const char *name)
{
    static const char *const ordinary[] = {"ld-linux", "libc.so",    "libm.so",   "libpthread", "libdl.so",
                                           "librt.so", "libseccomp", "libgcc_s",  "libasan",    "libubsan",
                                           "libtsan",  "libstdc++",  "libjansson"};

    for (size_t i = 0; i < sizeof ordinary / sizeof ordinary[0]; i++)
        if (strncmp(name, ordinary[i], strlen(ordinary[i])) == 0)
            return true;
    return false;
}

// The real file names of vendors' libraries carry their versions (proc_pid_maps(5)).
static json_t *libraries(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512], last[256] = "";
    json_t *list = json_array();

    while (maps && json_array_size(list) < LIBRARIES_MAX && fgets(line, sizeof line, maps)) {
        char *name = strrchr(line, '/');
        if (!name)
            continue;
        name++;
        name[strcspn(name, " \n")] = '\0'; // " (deleted)"
        // All maps of one file stand together.
        if (!strstr(name, ".so") || strcmp(name, last) == 0 || is_ordinary(name))
            continue;
        snprintf(last, sizeof last, "%s", name);
        if (json_array_append_new(list, text(name)) != 0)
            break;
    }
    if (maps)
        fclose(maps);
    return list;
}

static void put_measurements(json_t *out, const struct trial_report *r)
{
    bool encoded = r->frames > 0;

    put_number(out, "frames", true, r->frames);
    put_number(out, "dropped", true, r->dropped);
    put_number(out, "latency_p50_us", encoded, r->latency_p50_us);
    put_number(out, "latency_p99_us", r->frames >= TRIAL_PERCENTILE_FRAMES, r->latency_p99_us);
    put_number(out, "latency_max_us", encoded, r->latency_max_us);
    put_number(out, "latency_first_us", encoded, r->latency_first_us);
    put_number(out, "idr_asked", true, r->idr_asked);
    put_number(out, "idr_exact", true, r->idr_exact);
    put_number(out, "idr_unasked", true, r->idr_unasked);
    put_flag(out, "idr_on_request", r->idr_asked > 0, r->idr_exact == r->idr_asked);
    put_number(out, "asked_before_bps", r->asked_before_bps, r->asked_before_bps);
    put_number(out, "measured_before_bps", r->measured_before_bps, r->measured_before_bps);
    put_number(out, "asked_after_bps", r->asked_after_bps, r->asked_after_bps);
    put_number(out, "measured_after_bps", r->bitrate_measured, r->measured_after_bps);
    put_number(out, "set_bitrate_us", r->bitrate_measured, r->set_bitrate_ns / CASTOR_NS_PER_US);
    put_number(out, "bitrate_frames", r->bitrate_follows, r->bitrate_frames);
    put_flag(out, "bitrate_changes", r->bitrate_measured, r->bitrate_follows);
}

void trial_json_report(FILE *out, const struct trial_settings *settings, const struct trial_report *r)
{
    const struct encoder_config *config = &settings->config;
    json_t *document = json_object();

    put_flag(document, "ok", true, r->passed);
    put_text(document, "why", r->why.text);
    put_text(document, "driver", settings->driver->name);
    put_text(document, "about", settings->driver->description);
    put_text(document, "device", config->device ? config->device : "");
    put_text(document, "fault_domain", r->device.fault_domain);
    put_text(document, "description", r->device.description);
    put_text(document, "codec", encoder_codec_name(config->codec));
    put_number(document, "depth", true, castor_pixel_bits(config->format.pixel));
    put_number(document, "width", true, config->format.width_px);
    put_number(document, "height", true, config->format.height_px);
    (void)json_object_set_new(document, "rate",
                              json_sprintf("%u/%u", config->format.rate.num, config->format.rate.den));
    put_number(document, "probe_us", true, r->probe_ns / CASTOR_NS_PER_US);
    put_number(document, "open_us", r->open_ns > 0, r->open_ns / CASTOR_NS_PER_US);
    put_number(document, "close_us", r->close_ns > 0, r->close_ns / CASTOR_NS_PER_US);
    (void)json_object_set_new(document, "caps", r->caps_known ? caps_of(r) : json_null());
    put_measurements(document, r);
    (void)json_object_set_new(document, "libraries", libraries());
    print(out, document);
}

void trial_json_take_over(FILE *out, const struct trial_take_over *r)
{
    json_t *document = json_object();

    put_flag(document, "ok", true, r->passed);
    put_text(document, "why", r->why.text);
    put_number(document, "count", true, r->count);
    put_number(document, "median_us", r->passed, r->median_us);
    put_number(document, "worst_us", r->passed, r->worst_us);
    print(out, document);
}
