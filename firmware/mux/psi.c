// SPDX-License-Identifier: Apache-2.0
#include "mux/internal.h"

#include <string.h>

#include <bitstream/dvb/si/desc_48.h>
#include <bitstream/dvb/si/sdt.h>
#include <bitstream/mpeg/psi/pat.h>
#include <bitstream/mpeg/psi/pmt.h>

#define SERVICE_TYPE_H264_HD 0x19 // EN 300 468 table 87
#define SERVICE_TYPE_HEVC 0x1f    // EN 300 468 table 87
#define RUNNING 4                 // EN 300 468 table 6
#define DVB_UTF8 0x15             // EN 300 468 table A.3
#define HEVC_DESCRIPTOR_TAG 0x38  // 13818-1 2.6.95
#define HEVC_DESCRIPTOR_BYTES (2 + HEVC_PROFILE_BYTES + 1)
// No temporal layers, stills or 24 hour pictures, no sub-picture HRD parameters, HDR_WCG_idc 3: not said.
#define HEVC_DESCRIPTOR_FLAGS 0x1f

// Closes a section and cuts it into packets of `pid`.
static void finish_table(uint8_t *section, uint16_t pid, uint8_t version, struct mux_table *out)
{
    psi_set_version(section, version);
    psi_set_current(section);
    psi_set_section(section, 0);
    psi_set_lastsection(section, 0);
    psi_set_crc(section);
    const uint16_t size_bytes = psi_get_length(section) + PSI_HEADER_SIZE;
    uint16_t done = 0;
    out->count = 0;
    out->continuity = 0xf; // the first packet carries 0
    while (done < size_bytes) {
        uint8_t *packet = out->packets[out->count++];
        uint8_t at = 0;
        psi_split_section(packet, &at, section, &done);
        psi_split_end(packet, &at);
        ts_set_pid(packet, pid);
    }
}

static void build_pat(struct mux *mux)
{
    PSI_DECLARE(section) = {0};
    pat_init(section);
    pat_set_length(section, PAT_PROGRAM_SIZE);
    pat_set_tsid(section, mux->config.transport_stream_id);
    uint8_t *programme = pat_get_program(section, 0);
    patn_init(programme);
    patn_set_program(programme, mux->config.service_id);
    patn_set_pid(programme, mux->config.pmt_pid);
    finish_table(section, PAT_PID, mux->config.psi_version, &mux->pat);
}

// metadata_pointer_descriptor (13818-1 2.6.58) for timed ID3: the metadata are in this very programme.
static size_t put_metadata_pointer(const struct mux_config *config, uint8_t *to)
{
    static const uint8_t head[] = {0x25, 15,  0xff, 0xff, 'I', 'D', '3', ' ',
                                   0xff, 'I', 'D',  '3',  ' ', 0,   0x1f};
    for (uint32_t i = 0; i < config->stream_count; i++) {
        if (!config->streams[i].is_id3)
            continue;
        memcpy(to, head, sizeof head);
        to[sizeof head] = (uint8_t)(config->service_id >> 8);
        to[sizeof head + 1] = (uint8_t)config->service_id;
        return sizeof head + 2;
    }
    return 0;
}

static int build_pmt(struct mux *mux)
{
    const struct mux_config *config = &mux->config;
    PSI_DECLARE(section) = {0};
    pmt_init(section);
    pmt_set_program(section, config->service_id);
    pmt_set_pcrpid(section, config->streams[0].pid);
    size_t size_bytes = put_metadata_pointer(config, section + PMT_HEADER_SIZE);
    pmt_set_desclength(section, (uint16_t)size_bytes);
    for (uint32_t i = 0; i < config->stream_count; i++) {
        const struct mux_stream *stream = &config->streams[i];
        size_t more = PMT_ES_SIZE + (size_t)stream->descriptors_size_bytes;
        if (PMT_HEADER_SIZE + size_bytes + more + PSI_CRC_SIZE > PSI_MAX_SIZE + PSI_HEADER_SIZE)
            return CASTOR_ERR_INVALID;
        uint8_t *es = section + PMT_HEADER_SIZE + size_bytes;
        pmtn_init(es);
        pmtn_set_streamtype(es, stream->stream_type);
        pmtn_set_pid(es, stream->pid);
        pmtn_set_desclength(es, stream->descriptors_size_bytes);
        memcpy(es + PMT_ES_SIZE, stream->descriptors, stream->descriptors_size_bytes);
        size_bytes += more;
    }
    pmt_set_length(section, (uint16_t)size_bytes);
    finish_table(section, config->pmt_pid, mux->pmt_version, &mux->pmt);
    return CASTOR_OK;
}

// EN 300 468 annex A: text outside the default table needs its table named first.
static uint8_t put_name(const char *name, uint8_t out[MUX_NAME_BYTES_MAX + 1])
{
    size_t size_bytes = strlen(name);
    size_t at = 0;
    for (size_t i = 0; i < size_bytes; i++) {
        if ((uint8_t)name[i] >= 0x80) {
            out[at++] = DVB_UTF8;
            break;
        }
    }
    memcpy(out + at, name, size_bytes);
    return (uint8_t)(at + size_bytes);
}

static void build_sdt(struct mux *mux)
{
    const struct mux_config *config = &mux->config;
    uint8_t name[MUX_NAME_BYTES_MAX + 1];
    PSI_DECLARE(section) = {0};
    sdt_init(section, true);
    sdt_set_tsid(section, config->transport_stream_id);
    sdt_set_onid(section, config->transport_stream_id);
    uint8_t *service = section + SDT_HEADER_SIZE;
    sdtn_init(service);
    sdtn_set_sid(service, config->service_id);
    sdtn_set_running(service, RUNNING);
    uint8_t *descriptor = service + SDT_SERVICE_SIZE;
    desc48_init(descriptor);
    desc48_set_type(descriptor, mux->codec == ENCODER_CODEC_HEVC ? SERVICE_TYPE_HEVC : SERVICE_TYPE_H264_HD);
    desc48_set_provider(descriptor, name, put_name(config->provider_name, name));
    desc48_set_service(descriptor, name, put_name(config->service_name, name));
    desc48_set_length(descriptor);
    uint16_t size_bytes = DESC_HEADER_SIZE + desc_get_length(descriptor);
    sdtn_set_desclength(service, size_bytes);
    sdt_set_length(section, SDT_SERVICE_SIZE + size_bytes);
    finish_table(section, SDT_PID, config->psi_version, &mux->sdt);
}

// Where the descriptor of this tag begins, or the end of all.
static size_t find_descriptor(const struct mux_stream *stream, uint8_t tag)
{
    size_t at = 0;
    while (at + 2 <= stream->descriptors_size_bytes && stream->descriptors[at] != tag)
        at += 2u + stream->descriptors[at + 1];
    return at;
}

void mux_tables_describe_hevc(struct mux *mux, const uint8_t profile[HEVC_PROFILE_BYTES])
{
    struct mux_stream *stream = &mux->config.streams[0];
    const struct mux_stream before = *stream;
    const uint8_t version = mux->pmt_version;
    const uint8_t continuity = mux->pmt.continuity;
    size_t at = find_descriptor(stream, HEVC_DESCRIPTOR_TAG);

    const bool is_new = at == stream->descriptors_size_bytes;
    if (memcmp(mux->profile, profile, HEVC_PROFILE_BYTES) == 0 ||
        at + HEVC_DESCRIPTOR_BYTES > MUX_DESCRIPTORS_BYTES_MAX ||
        (!is_new && stream->descriptors[at + 1] != HEVC_DESCRIPTOR_BYTES - 2))
        return;
    memcpy(mux->profile, profile, HEVC_PROFILE_BYTES);
    stream->descriptors[at] = HEVC_DESCRIPTOR_TAG;
    stream->descriptors[at + 1] = HEVC_DESCRIPTOR_BYTES - 2;
    memcpy(stream->descriptors + at + 2, profile, HEVC_PROFILE_BYTES);
    stream->descriptors[at + 2 + HEVC_PROFILE_BYTES] = HEVC_DESCRIPTOR_FLAGS;
    if (is_new)
        stream->descriptors_size_bytes += HEVC_DESCRIPTOR_BYTES;
    if (mux->started)
        mux->pmt_version = (version + 1) & 0x1f;
    if (build_pmt(mux) == CASTOR_OK) {
        mux->pmt.continuity = continuity;
    } else { // nothing was changed in the table
        *stream = before;
        mux->pmt_version = version;
    }
}

int mux_tables_build(struct mux *mux)
{
    mux->pmt_version = mux->config.psi_version;
    build_pat(mux);
    build_sdt(mux);
    return build_pmt(mux);
}
