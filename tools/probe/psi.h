// SPDX-License-Identifier: Apache-2.0
// Program specific information: sections out of packets, PAT and PMT out of sections. ISO/IEC 13818-1 2.4.4.
// Pure: nothing blocks, nothing is allocated.
#ifndef PROBE_PSI_H
#define PROBE_PSI_H

#include "hal/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PSI_SECTION_MAX_BYTES 1024
#define PSI_STREAMS 16
#define PSI_TABLE_PAT 0
#define PSI_TABLE_PMT 2

// One section being put together. Zero-initialized waits for the start of one.
struct psi_section {
    uint8_t data[PSI_SECTION_MAX_BYTES];
    size_t bytes;
    bool open;
};

typedef void psi_handler(void *context, const uint8_t *section, size_t bytes);

// Takes the payload of one packet and calls `handler` for each section it completes (CRC not checked yet).
void psi_feed(struct psi_section *s, const uint8_t *payload, size_t bytes, bool unit_start,
              psi_handler *handler, void *context);

// Whether the section's CRC-32 fits.
bool psi_crc_is_good(const uint8_t *section, size_t bytes);

struct psi_pat {
    unsigned version;
    unsigned programs; // network PID not counted
    uint16_t program;  // of the first program
    uint16_t pmt_pid;
};

struct psi_stream {
    uint16_t pid;
    uint8_t type;
    char language[4];      // ISO_639_language_descriptor (2.6.18); "" = none
    bool is_opus;          // registered as "Opus" (2.6.8)
    uint8_t opus_channels; // channel_config_code of its descriptor; 0 = none, or none of 1 to 8
};

struct psi_pmt {
    unsigned version;
    uint16_t program;
    uint16_t pcr_pid;
    unsigned streams; // entries kept, at most PSI_STREAMS
    struct psi_stream stream[PSI_STREAMS];
};

// Errors of both: INVALID (syntax), NOT_FOUND (another table, or one that is not yet valid).
int CASTOR_MUST_USE psi_parse_pat(const uint8_t *section, size_t bytes, struct psi_pat *pat);
int CASTOR_MUST_USE psi_parse_pmt(const uint8_t *section, size_t bytes, struct psi_pmt *pmt);

#endif
