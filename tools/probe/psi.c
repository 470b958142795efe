// SPDX-License-Identifier: Apache-2.0
#include "probe/psi.h"

#include <ctype.h>
#include <string.h>

#define LONG_HEADER_BYTES 8
#define CRC_BYTES 4

static void append(struct psi_section *s, const uint8_t *p, size_t bytes)
{
    size_t room = sizeof s->data - s->bytes;
    size_t take = bytes < room ? bytes : room;
    memcpy(s->data + s->bytes, p, take);
    s->bytes += take;
}

// Hands out every complete section in the buffer; keeps the rest. Stuffing (0xFF) ends the row of sections.
static void drain(struct psi_section *s, psi_handler *handler, void *context)
{
    while (s->open && s->bytes >= 3) {
        if (s->data[0] == 0xFF) {
            s->open = false;
            break;
        }
        size_t need = 3 + (size_t)((s->data[1] & 0x0F) << 8 | s->data[2]);
        if (need > sizeof s->data) {
            s->open = false;
            break;
        }
        if (s->bytes < need)
            return;
        handler(context, s->data, need);
        memmove(s->data, s->data + need, s->bytes - need);
        s->bytes -= need;
    }
    if (!s->open)
        s->bytes = 0;
}

void psi_feed(struct psi_section *s, const uint8_t *payload, size_t bytes, bool unit_start,
              psi_handler *handler, void *context)
{
    if (!unit_start) {
        if (s->open)
            append(s, payload, bytes);
        drain(s, handler, context);
        return;
    }
    if (bytes == 0 || payload[0] >= bytes) {
        s->open = false;
        s->bytes = 0;
        return;
    }
    size_t pointer = payload[0];
    if (s->open) {
        append(s, payload + 1, pointer);
        drain(s, handler, context);
    }
    s->open = true;
    s->bytes = 0;
    append(s, payload + 1 + pointer, bytes - 1 - pointer);
    drain(s, handler, context);
}

bool psi_crc_is_good(const uint8_t *section, size_t bytes)
{
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < bytes; i++) {
        crc ^= (uint32_t)section[i] << 24;
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x80000000 ? crc << 1 ^ 0x04C11DB7 : crc << 1;
    }
    return crc == 0;
}

// Checks what PAT and PMT have in common.
static int check_header(const uint8_t *section, size_t bytes, uint8_t table, size_t least)
{
    if (bytes < 1 || section[0] != table)
        return CASTOR_ERR_NOT_FOUND;
    if (bytes < least + CRC_BYTES || !(section[1] & 0x80))
        return CASTOR_ERR_INVALID;
    return section[5] & 1 ? CASTOR_OK : CASTOR_ERR_NOT_FOUND;
}

int psi_parse_pat(const uint8_t *section, size_t bytes, struct psi_pat *pat)
{
    int result = check_header(section, bytes, PSI_TABLE_PAT, LONG_HEADER_BYTES);
    if (result != CASTOR_OK)
        return result;
    if ((bytes - LONG_HEADER_BYTES - CRC_BYTES) % 4 != 0)
        return CASTOR_ERR_INVALID;
    struct psi_pat found = {.version = (section[5] >> 1) & 0x1F};
    for (size_t i = LONG_HEADER_BYTES; i + 4 <= bytes - CRC_BYTES; i += 4) {
        uint16_t program = (uint16_t)(section[i] << 8 | section[i + 1]);
        if (program == 0)
            continue;
        if (found.programs++ == 0) {
            found.program = program;
            found.pmt_pid = (uint16_t)((section[i + 2] & 0x1F) << 8 | section[i + 3]);
        }
    }
    *pat = found;
    return CASTOR_OK;
}

static void read_descriptor(const uint8_t *d, size_t bytes, struct psi_stream *stream)
{
    // Three characters of ISO 8859-1, which in a code are letters.
    if (d[0] == 0x0A && bytes >= 6 && isalpha(d[2]) && isalpha(d[3]) && isalpha(d[4]))
        memcpy(stream->language, d + 2, 3);
    else if (d[0] == 0x05 && bytes >= 6)
        stream->is_opus = memcmp(d + 2, "Opus", 4) == 0;
    else if (d[0] == 0x7F && bytes >= 4 && d[2] == 0x80 && d[3] <= 8)
        stream->opus_channels = d[3];
}

// False when the descriptors do not end where they should.
static bool read_descriptors(const uint8_t *d, size_t bytes, struct psi_stream *stream)
{
    size_t i = 0;
    while (i + 2 <= bytes && i + 2 + d[i + 1] <= bytes) {
        read_descriptor(d + i, 2 + (size_t)d[i + 1], stream);
        i += 2 + (size_t)d[i + 1];
    }
    return i == bytes;
}

int psi_parse_pmt(const uint8_t *section, size_t bytes, struct psi_pmt *pmt)
{
    int result = check_header(section, bytes, PSI_TABLE_PMT, LONG_HEADER_BYTES + 4);
    if (result != CASTOR_OK)
        return result;
    struct psi_pmt found = {
        .version = (section[5] >> 1) & 0x1F,
        .program = (uint16_t)(section[3] << 8 | section[4]),
        .pcr_pid = (uint16_t)((section[8] & 0x1F) << 8 | section[9]),
    };
    size_t end = bytes - CRC_BYTES;
    size_t i = LONG_HEADER_BYTES + 4 + (size_t)((section[10] & 0x0F) << 8 | section[11]);
    while (i + 5 <= end) {
        size_t descriptors = (size_t)((section[i + 3] & 0x0F) << 8 | section[i + 4]);
        if (found.streams < PSI_STREAMS && i + 5 + descriptors <= end) {
            struct psi_stream *stream = &found.stream[found.streams++];
            stream->type = section[i];
            stream->pid = (uint16_t)((section[i + 1] & 0x1F) << 8 | section[i + 2]);
            if (!read_descriptors(section + i + 5, descriptors, stream))
                return CASTOR_ERR_INVALID;
        }
        i += 5 + descriptors;
    }
    if (i != end)
        return CASTOR_ERR_INVALID;
    *pmt = found;
    return CASTOR_OK;
}
