// SPDX-License-Identifier: Apache-2.0
#include "transport/srt_socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "transport/text.h"

// 1.3.0 is the first version whose handshake carries latency, key and stream id in one go (HSv5).
#define PEER_VERSION_MIN 0x010300
// No less than libsrt's receive buffer has; its own 25600 only makes its lists of losses larger.
#define FLOW_MIN 8192

struct option {
    SRT_SOCKOPT name;
    const char *text;
    const void *value;
    int size_bytes;
    bool wanted;
};

static int set_options(SRTSOCKET socket, const struct option *options, size_t count,
                       struct transport_text *why)
{
    for (size_t i = 0; i < count; i++) {
        const struct option *o = &options[i];

        if (o->wanted && srt_setsockflag(socket, o->name, o->value, o->size_bytes) == SRT_ERROR)
            return transport_text_set(why, CASTOR_ERR_UNSUPPORTED,
                                      "libsrt refuses the option %s; its value does not fit this build of it",
                                      o->text);
    }
    return CASTOR_OK;
}

int srt_socket_create(const struct transport_config *config, SRTSOCKET *out, struct transport_text *why)
{
    const SRT_TRANSTYPE live = SRTT_LIVE;
    const struct linger no_linger = {.l_onoff = 0, .l_linger = 0};
    const bool no = false, yes = true;
    const int32_t latency_ms = (int32_t)config->latency_ms, connect_ms = (int32_t)config->connect_timeout_ms;
    const int32_t idle_ms = (int32_t)config->idle_timeout_ms, buffer = (int32_t)config->buffer_bytes;
    const int32_t key_bytes = config->key_bytes, payload = TRANSPORT_PAYLOAD_MAX_BYTES;
    const int32_t version = PEER_VERSION_MIN, dual_stack = 0;
    // Windows of flow for everything that the send buffer holds.
    const int32_t blocks = buffer / SRT_SOCKET_BLOCK_BYTES;
    const int32_t flow = blocks > FLOW_MIN ? blocks : FLOW_MIN;
    const int64_t bandwidth = config->bandwidth_max_bps ? (int64_t)(config->bandwidth_max_bps / 8) : -1;
    const int passphrase_bytes = (int)strlen(config->passphrase);
    const int stream_id_bytes = (int)strlen(config->stream_id);
    const bool secret = passphrase_bytes > 0;
    const bool caller = config->mode == TRANSPORT_MODE_CALLER;
#define OPTION(name, value, wanted)                                                                          \
    {                                                                                                        \
        name, #name, &value, sizeof value, wanted                                                            \
    }
    const struct option options[] = {
        OPTION(SRTO_TRANSTYPE, live, true), // first: it sets many others
        OPTION(SRTO_SNDSYN, no, true),
        OPTION(SRTO_RCVSYN, no, true),
        OPTION(SRTO_LINGER, no_linger, true),
        OPTION(SRTO_TLPKTDROP, yes, true),
        OPTION(SRTO_TSBPDMODE, yes, true),
        OPTION(SRTO_PAYLOADSIZE, payload, true),
        OPTION(SRTO_LATENCY, latency_ms, true),
        OPTION(SRTO_CONNTIMEO, connect_ms, true),
        OPTION(SRTO_PEERIDLETIMEO, idle_ms, true),
        OPTION(SRTO_FC, flow, true), // before the send buffer, which it bounds
        OPTION(SRTO_SNDBUF, buffer, true),
        OPTION(SRTO_MAXBW, bandwidth, true),
        OPTION(SRTO_MINVERSION, version, true),
        OPTION(SRTO_ENFORCEDENCRYPTION, yes, true),
        OPTION(SRTO_IPV6ONLY, dual_stack, true),
        OPTION(SRTO_IPTOS, config->ip_tos, config->ip_tos >= 0),
        OPTION(SRTO_IPTTL, config->ip_ttl, config->ip_ttl >= 0),
        OPTION(SRTO_PBKEYLEN, key_bytes, secret),
        {SRTO_PASSPHRASE, "SRTO_PASSPHRASE", config->passphrase, passphrase_bytes, secret},
        {SRTO_STREAMID, "SRTO_STREAMID", config->stream_id, stream_id_bytes, caller && stream_id_bytes > 0},
    };
#undef OPTION
    SRTSOCKET made = srt_create_socket();
    int error;

    if (made == SRT_INVALID_SOCK)
        return transport_text_set(why, CASTOR_ERR_NO_MEMORY, "libsrt has no socket left: out of memory");
    error = set_options(made, options, sizeof options / sizeof options[0], why);
    if (error) {
        srt_close(made);
        return error;
    }
    *out = made;
    return CASTOR_OK;
}

int srt_socket_adopt(SRTSOCKET socket)
{
    const bool no = false;
    const struct linger no_linger = {.l_onoff = 0, .l_linger = 0};
    const struct option options[] = {
        {SRTO_SNDSYN, "SRTO_SNDSYN", &no, sizeof no, true},
        {SRTO_RCVSYN, "SRTO_RCVSYN", &no, sizeof no, true},
        {SRTO_LINGER, "SRTO_LINGER", &no_linger, sizeof no_linger, true},
    };

    return set_options(socket, options, sizeof options / sizeof options[0], NULL);
}

void srt_socket_address_text(const struct sockaddr_storage *address, char *out, size_t size)
{
    char host[INET6_ADDRSTRLEN] = "?";

    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &six->sin6_addr, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, ntohs(six->sin6_port));
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &four->sin_addr, host, sizeof host);
        snprintf(out, size, "%s:%u", host, ntohs(four->sin_port));
    }
}
