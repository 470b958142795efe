// SPDX-License-Identifier: Apache-2.0
// The SRT driver against srt-live-transmit, a receiver that is not ours.
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <srt/srt.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hal/time.h"
#include "hal/transport.h"
#include "srt_peer.h"
#include "transport_rig.h"

#define MS CASTOR_NS_PER_MS

// Starts it; output goes to a pipe that is read at *out.
static pid_t start_tool(const char *from, const char *to, int *out)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(fds[1], STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        close(fds[0]);
        close(fds[1]);
        execlp("srt-live-transmit", "srt-live-transmit", "-q", "-a:no", from, to, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    assert_true(pid > 0);
    *out = fds[0];
    return pid;
}

static pid_t start_listening_tool(uint16_t port, const char *query, int *out)
{
    char from[200];

    snprintf(from, sizeof from, "srt://:%u?mode=listener%s", port, query);
    return start_tool(from, "file://con", out);
}

static void end_tool(pid_t pid, int out)
{
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    close(out);
}

static size_t read_tool(int out, uint8_t *data, size_t wanted)
{
    int64_t until_ns = castor_now_ns() + TRANSPORT_RIG_PATIENCE_NS;
    size_t got = 0;

    while (got < wanted && castor_now_ns() < until_ns) {
        struct pollfd p = {.fd = out, .events = POLLIN};
        if (poll(&p, 1, 100) != 1)
            continue;
        ssize_t n = read(out, data + got, wanted - got);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    return got;
}

static bool tool_missing(void)
{
    return system("command -v srt-live-transmit >/dev/null") != 0;
}

// Keeps trying until the receiver has started.
static struct transport *connect_patiently(uint16_t port, const char *query)
{
    int64_t until_ns = castor_now_ns() + TRANSPORT_RIG_PATIENCE_NS;

    for (;;) {
        struct transport *transport = transport_rig_open_to(port, query);
        if (transport_rig_wait(transport, TRANSPORT_CONNECTED) == TRANSPORT_CONNECTED ||
            castor_now_ns() > until_ns)
            return transport;
        transport_close(transport);
    }
}

static void exchange_with_tool(bool tool_listens, const char *secret_query)
{
    enum { COUNT = 40, MORE = 40 }; // what comes later pushes the former out of the tool's buffers
    static uint8_t data[COUNT * TRANSPORT_PAYLOAD_MAX_BYTES];
    uint16_t port = srt_peer_free_port();
    struct transport *listener = NULL, *transport;
    char from[300], query[200];
    int out;

    snprintf(from, sizeof from, "srt://%s:%u?mode=%s&latency=80%s", tool_listens ? "" : "127.0.0.1", port,
             tool_listens ? "listener" : "caller", secret_query);
    snprintf(query, sizeof query, "latency=80%s%s", tool_listens ? "" : "&mode=listener", secret_query);
    if (!tool_listens)
        listener = transport_rig_open_to(port, query);
    pid_t pid = start_tool(from, "file://con", &out);
    transport = tool_listens ? connect_patiently(port, query) : transport_rig_accept(listener);
    assert_non_null(transport);
    assert_int_equal(transport->state, TRANSPORT_CONNECTED);
    for (uint32_t i = 0; i < COUNT + MORE; i++) {
        transport_rig_send(transport, i, castor_now_ns());
        transport_rig_pause_ms(5);
    }
    assert_int_equal(read_tool(out, data, sizeof data), sizeof data);
    for (uint32_t i = 0; i < COUNT; i++)
        assert_memory_equal(data + i * TRANSPORT_PAYLOAD_MAX_BYTES + 4, &i, sizeof i);
    transport_close(transport);
    transport_close(listener);
    end_tool(pid, out);
}

static void test_tool(void **state)
{
    static const char *const secrets[] = {"", "&passphrase=abcdefghijkl&pbkeylen=16",
                                          "&passphrase=abcdefghijkl&pbkeylen=32"};

    (void)state;
    if (tool_missing())
        skip();
    for (size_t i = 0; i < 3; i++) {
        exchange_with_tool(true, secrets[i]);
        exchange_with_tool(false, secrets[i]);
    }
}

static void test_tool_wrong_passphrase(void **state)
{
    uint16_t port = srt_peer_free_port();
    struct transport *transport;
    int out;

    (void)state;
    if (tool_missing())
        skip();
    pid_t pid = start_listening_tool(port, "&passphrase=something else", &out);
    int64_t until_ns = castor_now_ns() + TRANSPORT_RIG_PATIENCE_NS;
    do { // until it has started to listen
        transport = transport_rig_open_to(port, "passphrase=" TRANSPORT_RIG_SECRET);
        (void)transport_rig_wait(transport, TRANSPORT_CONNECTED);
        if (transport->reason != TRANSPORT_REASON_UNREACHABLE)
            break;
        transport_close(transport);
    } while (castor_now_ns() < until_ns);
    transport_rig_fails(transport, TRANSPORT_REASON_PASSPHRASE);
    end_tool(pid, out);
}

// A peer that falls silent without a word is noticed, although libsrt alone takes more than five seconds.
static void test_silent_peer(void **state)
{
    uint16_t port = srt_peer_free_port();
    int out;

    (void)state;
    if (tool_missing())
        skip();
    pid_t pid = start_listening_tool(port, "&latency=80", &out);
    struct transport *transport = connect_patiently(port, "latency=80&peeridletimeo=1000");
    assert_int_equal(transport->state, TRANSPORT_CONNECTED);
    transport_rig_send(transport, 0, castor_now_ns());
    transport_rig_pause_ms(50);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    int64_t stopped_ns = castor_now_ns();
    for (uint32_t i = 1;
         transport->state == TRANSPORT_CONNECTED && castor_now_ns() < stopped_ns + TRANSPORT_RIG_PATIENCE_NS;
         i++) {
        uint8_t payload[188] = {0x47};
        if (transport_send(transport, payload, sizeof payload, castor_now_ns()) == CASTOR_ERR_LOST)
            break;
        transport_advance(transport, castor_now_ns());
        transport_rig_pause_ms(10);
    }
    assert_int_equal(transport->state, TRANSPORT_FAILED);
    assert_int_equal(transport->reason, TRANSPORT_REASON_LOST);
    print_message("silence noticed after %.0f ms of a limit of 1000\n",
                  (double)(castor_now_ns() - stopped_ns) / MS);
    transport_close(transport);
    end_tool(pid, out);
}

// What the library answers while another thread of it holds the connection's lock: no counter of the buffers.
static bool library_is_at_work;

int __real_srt_bistats(SRTSOCKET socket, SRT_TRACEBSTATS *perf, int clear, int instantaneous);
int __wrap_srt_bistats(SRTSOCKET socket, SRT_TRACEBSTATS *perf, int clear, int instantaneous);

int __wrap_srt_bistats(SRTSOCKET socket, SRT_TRACEBSTATS *perf, int clear, int instantaneous)
{
    int result = __real_srt_bistats(socket, perf, clear, instantaneous);

    if (library_is_at_work)
        perf->pktSndBuf = perf->byteSndBuf = perf->msSndBuf = perf->byteAvailSndBuf = 0;
    return result;
}

static uint32_t pending_after_ms(struct transport *transport, int64_t ms)
{
    struct transport_stats stats;

    for (int64_t until_ns = castor_now_ns() + ms * MS; castor_now_ns() < until_ns; transport_rig_pause_ms(10))
        transport_advance(transport, castor_now_ns());
    transport_stats(transport, &stats);
    return stats.pending_payloads;
}

// What was sent to a silent peer stays owed, also when the library once cannot tell.
static void test_counters_of_a_busy_library(void **state)
{
    const uint32_t sent = 20;
    uint16_t port = srt_peer_free_port();
    int out;

    (void)state;
    if (tool_missing())
        skip();
    pid_t pid = start_listening_tool(port, "&latency=80", &out);
    struct transport *transport = connect_patiently(port, "latency=5000&peeridletimeo=5000");
    assert_int_equal(transport->state, TRANSPORT_CONNECTED);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    for (uint32_t i = 0; i < sent; i++)
        transport_rig_send(transport, i, castor_now_ns());
    assert_int_equal(pending_after_ms(transport, 150), sent);
    library_is_at_work = true;
    assert_int_equal(pending_after_ms(transport, 150), sent);
    library_is_at_work = false;
    assert_int_equal(pending_after_ms(transport, 150), sent);
    transport_close(transport);
    end_tool(pid, out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tool),
        cmocka_unit_test(test_tool_wrong_passphrase),
        cmocka_unit_test(test_silent_peer),
        cmocka_unit_test(test_counters_of_a_busy_library),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
