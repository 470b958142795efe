// SPDX-License-Identifier: Apache-2.0
#include "probe/srt_socket.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG 4
#define CONNECT_TIMEOUT_MS 3000

static int fail(SRTSOCKET socket, const char *what, char *why, size_t why_bytes)
{
    int system_error = 0;
    int code = srt_getlasterror(&system_error);
    const char *reason = srt_getlasterror_str();
    if (socket != SRT_INVALID_SOCK)
        srt_close(socket);
    if (system_error == EADDRINUSE || code == SRT_EDUPLISTEN) {
        snprintf(why, why_bytes, "%s: the port is in use; end the other program or choose another port",
                 what);
        return CASTOR_ERR_BUSY;
    }
    if (system_error > 0) {
        snprintf(why, why_bytes, "%s: %s", what, strerror(system_error));
        return castor_error_from_errno(system_error);
    }
    snprintf(why, why_bytes, "%s: %s", what, reason);
    return code == SRT_EINVPARAM || code == SRT_EINVOP ? CASTOR_ERR_INVALID : CASTOR_ERR_IO;
}

static bool set_options(SRTSOCKET s, const struct srt_url *url)
{
    int no = 0;
    int live = SRTT_LIVE;
    int timeout = CONNECT_TIMEOUT_MS;
    int latency = (int)url->latency_ms;
    int key_bytes = (int)url->key_bytes;
    bool good = srt_setsockflag(s, SRTO_TRANSTYPE, &live, sizeof live) == 0 &&
                srt_setsockflag(s, SRTO_RCVSYN, &no, sizeof no) == 0 &&
                srt_setsockflag(s, SRTO_SNDSYN, &no, sizeof no) == 0 &&
                srt_setsockflag(s, SRTO_CONNTIMEO, &timeout, sizeof timeout) == 0;
    if (good && latency > 0)
        good = srt_setsockflag(s, SRTO_LATENCY, &latency, sizeof latency) == 0;
    if (good && url->passphrase[0] != '\0')
        good = srt_setsockflag(s, SRTO_PASSPHRASE, url->passphrase, (int)strlen(url->passphrase)) == 0;
    if (good && key_bytes > 0)
        good = srt_setsockflag(s, SRTO_PBKEYLEN, &key_bytes, sizeof key_bytes) == 0;
    if (good && !url->listener && url->stream_id[0] != '\0')
        good = srt_setsockflag(s, SRTO_STREAMID, url->stream_id, (int)strlen(url->stream_id)) == 0;
    return good;
}

static int resolve(const struct srt_url *url, struct addrinfo **found, char *why, size_t why_bytes)
{
    struct addrinfo hints = {
        .ai_family = url->host[0] == '\0' ? AF_INET : AF_UNSPEC,
        .ai_socktype = SOCK_DGRAM,
        .ai_flags = url->listener ? AI_PASSIVE : 0,
    };
    int error = getaddrinfo(url->host[0] == '\0' ? NULL : url->host, url->port, &hints, found);
    if (error == 0)
        return CASTOR_OK;
    snprintf(why, why_bytes, "cannot find host '%s': %s; check the name or give an address", url->host,
             gai_strerror(error));
    return CASTOR_ERR_NOT_FOUND;
}

static SRTSOCKET open_socket(const struct srt_url *url)
{
    SRTSOCKET s = srt_create_socket();
    if (s == SRT_INVALID_SOCK || set_options(s, url))
        return s;
    srt_close(s);
    return SRT_INVALID_SOCK;
}

int srt_socket_listen(const struct srt_url *url, SRTSOCKET *socket, char *why, size_t why_bytes)
{
    struct addrinfo *address = NULL;
    int result = resolve(url, &address, why, why_bytes);
    if (result != CASTOR_OK)
        return result;
    char what[320];
    snprintf(what, sizeof what, "cannot listen on %s:%s", url->host[0] == '\0' ? "any address" : url->host,
             url->port);
    SRTSOCKET s = open_socket(url);
    if (s == SRT_INVALID_SOCK) {
        result = fail(s, what, why, why_bytes);
    } else if (srt_bind(s, address->ai_addr, (int)address->ai_addrlen) != 0 || srt_listen(s, BACKLOG) != 0) {
        result = fail(s, what, why, why_bytes);
    } else {
        *socket = s;
    }
    freeaddrinfo(address);
    return result;
}

int srt_socket_connect(const struct srt_url *url, SRTSOCKET *socket, char *why, size_t why_bytes)
{
    struct addrinfo *address = NULL;
    int result = resolve(url, &address, why, why_bytes);
    if (result != CASTOR_OK)
        return result;
    SRTSOCKET s = open_socket(url);
    if (s == SRT_INVALID_SOCK || srt_connect(s, address->ai_addr, (int)address->ai_addrlen) == SRT_ERROR)
        result = fail(s, "cannot connect", why, why_bytes);
    else
        *socket = s;
    freeaddrinfo(address);
    return result;
}

void srt_socket_prepare(SRTSOCKET socket, char *peer, size_t peer_bytes)
{
    int no = 0;
    srt_setsockflag(socket, SRTO_RCVSYN, &no, sizeof no);
    struct sockaddr_storage address;
    int length = sizeof address;
    char host[48];
    char port[8];
    if (srt_getpeername(socket, (struct sockaddr *)&address, &length) == 0 &&
        getnameinfo((struct sockaddr *)&address, (socklen_t)length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) == 0)
        snprintf(peer, peer_bytes, "%s:%s", host, port);
}
