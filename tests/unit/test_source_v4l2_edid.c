// SPDX-License-Identifier: Apache-2.0
// An EDID from a file: checked, given to the device before the camera's timings are looked at, and only when
// it is another. Runs against the stand-in, behind which the camera obeys the EDID.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "reference.h"
#include "source_v4l2_rig.h"

#define BLOCK_BYTES 128
#define HDMI "formats=NV12,dv,size=640x360,rate=100/1"

static char path[] = "/tmp/castor-edid-XXXXXX";
static char options[64];
static uint8_t edid[4 * BLOCK_BYTES];

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    snprintf(options, sizeof options, "edid=%s", path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void seal(uint32_t block)
{
    uint8_t *bytes = edid + (size_t)block * BLOCK_BYTES, sum = 0;

    for (uint32_t i = 0; i < BLOCK_BYTES - 1; i++)
        sum = (uint8_t)(sum + bytes[i]);
    bytes[BLOCK_BYTES - 1] = (uint8_t)-sum;
}

// Whose preferred timing has this size (E-EDID 1.4, 3.10.2), followed by CTA-861 extensions.
static void make_edid(uint32_t width, uint32_t height, uint32_t blocks)
{
    static const uint8_t header[] = {0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0};
    uint8_t *timing = edid + 54;

    memset(edid, 0, sizeof edid);
    memcpy(edid, header, sizeof header);
    edid[18] = 1; // version 1.4
    edid[19] = 4;
    timing[1] = 0x1d; // the clock
    timing[2] = (uint8_t)width;
    timing[4] = (uint8_t)(width >> 8 << 4);
    timing[5] = (uint8_t)height;
    timing[7] = (uint8_t)(height >> 8 << 4);
    edid[126] = (uint8_t)(blocks - 1);
    seal(0);
    for (uint32_t i = 1; i < blocks; i++) {
        edid[i * BLOCK_BYTES] = 2;
        edid[i * BLOCK_BYTES + 1] = 3;
        seal(i);
    }
}

static void write_bytes(const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

// What a device so made would deliver with these options. Returns the probe's result, with *why.
static int probe(const char *made, const char *with, struct castor_format *out, struct source_text *why)
{
    struct source_config config = {.path = "/dev/video-castor0", .options = with};
    const struct source_driver *driver;

    setenv("CASTOR_STANDIN_STRICT", "1", 1);
    setenv("CASTOR_STANDIN_V4L2CAP", made, 1);
    setenv("CASTOR_STANDIN_V4L2CAP_FAULTS", "", 1);
    assert_int_equal(source_driver_find("v4l2", &driver, why), 0);
    return source_probe(driver, &config, out, why);
}

static void expect(uint32_t width, uint32_t height)
{
    struct castor_format format = {0};
    struct source_text why = {""};

    if (probe(HDMI, options, &format, &why) != 0)
        fail_msg("%s", why.text);
    assert_int_equal(format.width_px, width);
    assert_int_equal(format.height_px, height);
}

static void refuse(const char *made, const char *with, int expected, const char *words)
{
    uint32_t before = standin_v4l2cap_edid_writes();
    struct castor_format format = {0};
    struct source_text why = {""};

    assert_int_equal(probe(made, with, &format, &why), expected);
    if (!strstr(why.text, words))
        fail_msg("\"%s\" is not in \"%s\"", words, why.text);
    assert_int_equal(standin_v4l2cap_edid_writes(), before);
}

// The camera follows, and is not disturbed again by the same.
static void test_good(void **state)
{
    uint32_t before = standin_v4l2cap_edid_writes();

    (void)state;
    make_edid(1280, 720, 1);
    write_bytes(edid, BLOCK_BYTES);
    expect(1280, 720);
    expect(1280, 720);
    assert_int_equal(standin_v4l2cap_edid_writes(), before + 1);
    make_edid(1920, 1080, 2);
    write_bytes(edid, 2 * BLOCK_BYTES);
    expect(1920, 1080);
    edid[BLOCK_BYTES + 4] = 7; // the extension differs, no more
    seal(1);
    write_bytes(edid, 2 * BLOCK_BYTES);
    expect(1920, 1080);
    expect(1920, 1080);
    assert_int_equal(standin_v4l2cap_edid_writes(), before + 3);
}

static void test_bad_files(void **state)
{
    (void)state;
    make_edid(640, 360, 2);
    write_bytes(edid, 200);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "has 200 bytes, which are no whole blocks of 128: it was cut");
    write_bytes(edid, BLOCK_BYTES);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "says that it has 2 blocks, and 1 are there: it was cut");
    edid[BLOCK_BYTES + 9] ^= 1;
    write_bytes(edid, 2 * BLOCK_BYTES);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "block 1 of the EDID");
    refuse(HDMI, options, CASTOR_ERR_INVALID, "wrong checksum");
    make_edid(640, 360, 1);
    edid[54] ^= 0x80;
    write_bytes(edid, BLOCK_BYTES);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "block 0 of the EDID");
    write_bytes("00ffffffffffff00", 16);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "does not begin as an EDID does");
    write_bytes("", 0);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "does not begin as an EDID does");
    refuse(HDMI, "edid=/nonexistent/edid", CASTOR_ERR_NOT_FOUND,
           "cannot read the EDID \"/nonexistent/edid\"");
    refuse(HDMI, "edid=/tmp", CASTOR_ERR_IO, "Is a directory");
    refuse(HDMI, "edid=", CASTOR_ERR_INVALID, "must have 1 to 255 characters");
}

static void test_bad_devices(void **state)
{
    (void)state;
    make_edid(720, 400, 3);
    write_bytes(edid, 3 * BLOCK_BYTES);
    refuse(HDMI, options, CASTOR_ERR_INVALID, "at most 2 blocks, and this has 3");
    make_edid(720, 400, 1);
    write_bytes(edid, BLOCK_BYTES);
    refuse(HDMI ",noedid", options, CASTOR_ERR_UNSUPPORTED, "takes no EDID at this input");
    refuse("formats=NV12", options, CASTOR_ERR_UNSUPPORTED, "leave the option edid away");
    refuse(HDMI ",busy", options, CASTOR_ERR_BUSY, "another program captures from it");
}

// Receivers pull the plug, as it were, to make the camera read anew: the signal is away, and comes back as
// the EDID says. Capture, opened again for it, finds the EDID in place and the signal there.
static void test_signal_is_away_for_a_while(void **state)
{
    uint32_t before = standin_v4l2cap_edid_writes();
    struct castor_frame frame;
    struct rig rig;

    (void)state;
    make_edid(320, 180, 2);
    write_bytes(edid, 2 * BLOCK_BYTES);
    rig_options = options;
    rig_open(&rig, HDMI ",hotplug", "", &rig_format);
    assert_int_equal(source_signal(rig.source), SOURCE_SIGNAL_NONE);
    assert_int_equal(rig_next(&rig, &frame), CASTOR_ERR_LOST);
    assert_non_null(strstr(source_fault(rig.source), "changed from 640x360p to 320x180p"));
    rig_close(&rig);
    rig_open(&rig, HDMI ",hotplug", "", &rig_format);
    assert_int_equal(source_signal(rig.source), SOURCE_SIGNAL_PRESENT);
    for (int i = 0; i < 5; i++)
        (void)rig_frame(&rig);
    rig_close(&rig);
    rig_options = NULL;
    assert_int_equal(standin_v4l2cap_edid_writes(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_bad_devices),
        cmocka_unit_test(test_signal_is_away_for_a_while),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
