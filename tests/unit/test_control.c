// SPDX-License-Identifier: Apache-2.0
// Requests and answers of the control socket, and the socket itself.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "ipc/message.h"
#include "supervisor/control.h"

struct supervisor { // stands in for the real one: remembers what it was told
    char told[256];
    int result;
    const char *text;
    const char *document;
};
static struct supervisor box;

static int remember(struct supervisor *s, struct control_text *text)
{
    snprintf(text->text, sizeof text->text, "%s", s->text ? s->text : "");
    return s->result;
}

static char *on_status(struct supervisor *s)
{
    snprintf(s->told, sizeof s->told, "status");
    return s->document ? strdup(s->document) : NULL;
}

static char *on_config(struct supervisor *s)
{
    snprintf(s->told, sizeof s->told, "config");
    return strdup("{\"name\":\"x\"}");
}

static char *on_gaps(struct supervisor *s)
{
    snprintf(s->told, sizeof s->told, "gaps");
    return strdup("{\"list\":[]}");
}

static int on_switch(struct supervisor *s, uint32_t path, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "switch %u", path);
    return remember(s, text);
}

static int on_idr(struct supervisor *s, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "idr");
    return remember(s, text);
}

static int on_bitrate(struct supervisor *s, uint32_t bitrate_bps, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "bitrate %u", bitrate_bps);
    return remember(s, text);
}

static int on_fault(struct supervisor *s, uint32_t path, uint32_t kind, uint32_t count, uint32_t factor,
                    struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "fault %u %u %u %u", path, kind, count, factor);
    return remember(s, text);
}

static int on_restart(struct supervisor *s, const char *worker, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "restart %s", worker);
    return remember(s, text);
}

static int on_sound(struct supervisor *s, const char *track, const char *change, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "sound %s %s", track, change);
    return remember(s, text);
}

static int on_reload(struct supervisor *s, const char *json, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "reload %s", json);
    return remember(s, text);
}

static int on_record(struct supervisor *s, uint32_t kind, uint32_t minutes, const char *words,
                     struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "record %u %u %s", kind, minutes, words);
    return remember(s, text);
}

static int on_overlay(struct supervisor *s, uint32_t index, const char *json, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "overlay %u %s", index, json);
    return remember(s, text);
}

static int on_stop(struct supervisor *s, struct control_text *text)
{
    snprintf(s->told, sizeof s->told, "stop");
    return remember(s, text);
}

static const struct control_handlers handlers = {on_status,  on_config,  on_gaps,    on_switch, on_idr,
                                                 on_bitrate, on_fault,   on_restart, on_sound,  on_reload,
                                                 on_record,  on_overlay, on_stop};

static int setup(void **state)
{
    (void)state;
    memset(&box, 0, sizeof box);
    return 0;
}

static void answered(const char *request, const char *told, const char *reply)
{
    box.told[0] = '\0';
    char *answer = control_answer(&handlers, &box, request, strlen(request));
    assert_non_null(answer);
    if (strcmp(box.told, told) != 0)
        fail_msg("%s: told \"%s\"", request, box.told);
    json_t *object = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    assert_true(json_is_boolean(json_object_get(object, "ok")));
    if (!strstr(answer, reply))
        fail_msg("%s: answered %s", request, answer);
    json_decref(object);
    free(answer);
}

static void test_commands(void **state)
{
    (void)state;
    box.document = "{\"a\":1}";
    answered("{\"command\":\"status\"}", "status", "{\"ok\":true,\"status\":{\"a\":1}}");
    answered("{\"command\":\"gaps\"}", "gaps", "\"gaps\":{\"list\":[]}");
    answered("{\"command\":\"config\"}", "config", "\"config\":{\"name\":\"x\"}");
    answered("{\"command\":\"switch\",\"path\":\"B\"}", "switch 1", "{\"ok\": true}");
    answered("{\"command\":\"switch\",\"path\":\"h\"}", "switch 7", "{\"ok\": true}");
    answered("{\"command\":\"idr\"}", "idr", "{\"ok\": true}");
    answered("{\"kbps\":3000,\"command\":\"bitrate\"}", "bitrate 3000000", "{\"ok\": true}");
    answered("{\"command\":\"fault\",\"path\":\"A\",\"kind\":\"garbage\"}", "fault 0 3 1 3",
             "{\"ok\": true}");
    answered("{\"command\":\"fault\",\"path\":\"C\",\"kind\":\"slow\",\"count\":9,\"factor\":5}",
             "fault 2 5 9 5", "{\"ok\": true}");
    answered("{\"command\":\"restart\",\"worker\":\"b\"}", "restart B", "{\"ok\": true}");
    answered("{\"command\":\"restart\",\"worker\":\"sound\"}", "restart sound", "{\"ok\": true}");
    answered("{\"command\":\"sound\",\"track\":\"main\",\"change\":{\"mute\":true}}",
             "sound main {\"mute\":true}", "{\"ok\": true}");
    answered("{\"command\":\"fault\",\"path\":\"sound\",\"kind\":\"crash\"}", "fault 4294967295 6 1 3",
             "{\"ok\": true}");
    answered("{\"command\":\"restart\",\"worker\":\"egress\"}", "restart egress", "{\"ok\": true}");
    answered("{\"command\":\"reload\",\"config\":{\"name\":\"y\"}}", "reload {\"name\":\"y\"}",
             "{\"ok\": true}");
    answered("{\"command\":\"reload\",\"config\":3}", "reload 3", "{\"ok\": true}");
    answered("{\"command\":\"overlay\",\"index\":7,\"item\":{\"kind\":\"off\"}}",
             "overlay 7 {\"kind\":\"off\"}", "{\"ok\": true}");
    answered("{\"command\":\"stop\"}", "stop", "{\"ok\": true}");
    box.text = "a remark";
    answered("{\"command\":\"idr\"}", "idr", "\"text\": \"a remark\"");
    box.result = CASTOR_ERR_BUSY;
    answered("{\"command\":\"idr\"}", "idr", "{\"ok\": false, \"error\": \"a remark\"}");
    box.text = "not \xff text";
    answered("{\"command\":\"idr\"}", "idr", "\"error\": \"not ? text\"");
    box.document = NULL;
    answered("{\"command\":\"status\"}", "status", "out of memory");
}

static void test_refused(void **state)
{
    (void)state;
    answered("", "", "not a JSON object");
    answered("[]", "", "no \\\"command\\\"");
    answered("{\"command\":\"status\"", "", "not a JSON object");
    answered("{\"command\":\"status\",\"command\":\"stop\"}", "", "twice");
    answered("{\"command\":1}", "", "no \\\"command\\\"");
    answered("{\"command\":\"halt\"}", "", "\\\"halt\\\" is not a command");
    answered("{\"command\":\"idr\",\"path\":\"A\"}", "", "takes no \\\"path\\\"");
    answered("{\"command\":\"switch\"}", "", "needs \\\"path\\\"");
    answered("{\"command\":\"switch\",\"path\":\"I\"}", "", "A to H");
    answered("{\"command\":\"switch\",\"path\":\"AB\"}", "", "A to H");
    answered("{\"command\":\"switch\",\"path\":0}", "", "A to H");
    answered("{\"command\":\"overlay\",\"index\":8,\"item\":{}}", "", "0 to 7");
    answered("{\"command\":\"overlay\",\"index\":0}", "", "needs \\\"item\\\"");
    answered("{\"command\":\"bitrate\",\"kbps\":99}", "", "100 to 100000");
    answered("{\"command\":\"bitrate\",\"kbps\":4294968296}", "", "100 to 100000");
    answered("{\"command\":\"bitrate\",\"kbps\":\"3000\"}", "", "100 to 100000");
    answered("{\"command\":\"fault\",\"path\":\"A\",\"kind\":\"melt\"}", "", "drop, swallow");
    answered("{\"command\":\"fault\",\"path\":\"A\",\"kind\":\"drop\",\"count\":0}", "", "1 to 1000");
    answered("{\"command\":\"restart\",\"worker\":\"castord\"}", "", "capture, egress, sound, slate or record");
    answered("{\"command\":\"record\",\"action\":\"erase\"}", "", "start, stop, mark");
    answered("{\"command\":\"record\",\"action\":\"save\",\"minutes\":1441}", "", "0 to 1440");
    answered("{\"command\":\"record\",\"action\":\"mark\",\"text\":\"a\\u0007b\"}", "", "control characters");
    answered("{\"command\":\"sound\",\"track\":\"1\"}", "", "needs \\\"change\\\"");
    answered("{\"command\":\"reload\"}", "", "needs \\\"config\\\"");
    answered("{\"command\":\"reload\",\"config\":{\"a\":1,\"a\":2}}", "", "twice");
}

// A mistake in a request does not show the secret that stands near it.
static void test_secret(void **state)
{
    static const char request[] =
        "{\"command\":\"reload\",\"config\":{\"passphrase\":\"swordfish\" \"swordfish\"}}";
    char *answer = control_answer(&handlers, &box, request, strlen(request));

    (void)state;
    assert_non_null(answer);
    assert_null(strstr(answer, "fish"));
    free(answer);
}

static void test_fault_names(void **state)
{
    (void)state;
    assert_string_equal(control_fault_name(MESSAGE_FAULT_BAD_MESSAGE), "bad_message");
    assert_null(control_fault_name(0));
    assert_null(control_fault_name(MESSAGE_FAULT_BAD_MESSAGE + 1));
}

// ---- the socket ----

static char folder[] = "/tmp/castor-control-XXXXXX";
static char socket_path[64];

static int make_folder(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/c.sock", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); // fails when a socket was left behind
}

static struct control *create(void)
{
    struct control *control = NULL;
    const char *why = "";

    if (control_create(socket_path, &handlers, &box, &control, &why) != CASTOR_OK)
        fail_msg("%s", why);
    return control;
}

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

// Lets the control socket do everything that is pending.
static void turn(struct control *control)
{
    struct pollfd fds[CONTROL_POLL_MAX];

    for (;;) {
        unsigned count = control_poll_fds(control, fds);
        assert_true(count <= CONTROL_POLL_MAX);
        if (poll(fds, count, 0) <= 0)
            return;
        control_handle(control, fds, count);
    }
}

static void ask(int fd, const char *request, size_t size)
{
    assert_int_equal(send(fd, request, size, 0), size);
}

static void expect(int fd, const char *word)
{
    static char reply[CONTROL_REPLY_MAX_BYTES + 1];
    ssize_t size = recv(fd, reply, sizeof reply - 1, MSG_DONTWAIT);

    assert_true(size > 0);
    reply[size] = '\0';
    if (!strstr(reply, word))
        fail_msg("answered %s", reply);
}

static void test_socket(void **state)
{
    struct control *control = create();
    struct stat info;

    (void)state;
    assert_int_equal(stat(socket_path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    int a = dial(), b = dial();
    ask(a, "{\"command\":\"idr\"}", 17);
    ask(b, "nonsense", 8);
    turn(control);
    expect(a, "true");
    expect(b, "false");
    ask(b, "{\"command\":\"stop\"}", 18); // a mistake does not end the connection
    turn(control);
    expect(b, "true");
    assert_string_equal(box.told, "stop");
    close(a);
    turn(control);
    struct pollfd fds[CONTROL_POLL_MAX];
    assert_int_equal(control_poll_fds(control, fds), 2);
    close(b);
    control_destroy(control);
    assert_int_equal(access(socket_path, F_OK), -1);
}

static void test_large(void **state)
{
    struct control *control = create();
    static char text[CONTROL_REPLY_MAX_BYTES + 100];

    (void)state;
    int fd = dial();
    memset(text, ' ', sizeof text - 1);
    ask(fd, text, CONTROL_REQUEST_MAX_BYTES + 1);
    turn(control);
    expect(fd, "larger than 64 KiB");
    memcpy(text, "{\"command\":\"idr\"}", 17);
    ask(fd, text, CONTROL_REQUEST_MAX_BYTES);
    turn(control);
    expect(fd, "true");
    // The largest answer passes, a larger one is named.
    memset(text, ' ', sizeof text - 1);
    text[CONTROL_REPLY_MAX_BYTES - 30] = '\0';
    box.document = text;
    ask(fd, "{\"command\":\"status\"}", 20);
    turn(control);
    expect(fd, "\"status\"");
    text[CONTROL_REPLY_MAX_BYTES - 30] = ' ';
    ask(fd, "{\"command\":\"status\"}", 20);
    turn(control);
    expect(fd, "too large");
    close(fd);
    control_destroy(control);
}

// A client that only asks and never reads is dropped, and others are served meanwhile.
static void test_deaf_client(void **state)
{
    struct control *control = create();
    static char text[100001];

    (void)state;
    memset(text, ' ', sizeof text - 1);
    box.document = text;
    int deaf = dial(), other = dial();
    for (int i = 0; i < 100 && send(deaf, "{\"command\":\"status\"}", 20, MSG_DONTWAIT | MSG_NOSIGNAL) > 0;
         i++)
        turn(control);
    ask(other, "{\"command\":\"idr\"}", 17);
    turn(control);
    expect(other, "true");
    assert_int_equal(send(deaf, "x", 1, MSG_NOSIGNAL), -1);
    close(deaf);
    close(other);
    control_destroy(control);
}

// With all places taken, the one who has been silent longest makes room.
static void test_many_clients(void **state)
{
    struct control *control = create();
    int fds[CONTROL_CLIENTS_MAX];

    (void)state;
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        fds[i] = dial();
        turn(control);
    }
    ask(fds[0], "{\"command\":\"idr\"}", 17);
    turn(control);
    expect(fds[0], "true");
    int late = dial();
    turn(control);
    ask(late, "{\"command\":\"idr\"}", 17);
    turn(control);
    expect(late, "true");
    char byte;
    assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), 0); // closed
    assert_int_equal(recv(fds[0], &byte, 1, MSG_DONTWAIT), -1);
    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
        close(fds[i]);
    close(late);
    control_destroy(control);
}

static void test_who_else_is_there(void **state)
{
    struct control *first = create(), *second = NULL;
    const char *why = "";
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    assert_int_equal(control_create(socket_path, &handlers, &box, &second, &why), CASTOR_ERR_BUSY);
    assert_non_null(strstr(why, "another castord is running"));
    assert_int_equal(access(socket_path, F_OK), 0); // and the first one still has its socket
    control_destroy(first);
    // A socket that nobody listens on any more is replaced.
    int stale = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", socket_path);
    assert_int_equal(bind(stale, (struct sockaddr *)&address, sizeof address), 0);
    close(stale);
    control_destroy(create());
    // A file that is not a socket is somebody's.
    FILE *file = fopen(socket_path, "w");
    assert_non_null(file);
    fclose(file);
    assert_int_equal(control_create(socket_path, &handlers, &box, &second, &why), CASTOR_ERR_BUSY);
    assert_non_null(strstr(why, "not a socket"));
    assert_int_equal(unlink(socket_path), 0);
    // And the socket of a successor is not removed.
    first = create();
    assert_int_equal(unlink(socket_path), 0);
    second = create();
    control_destroy(first);
    assert_int_equal(access(socket_path, F_OK), 0);
    control_destroy(second);
    assert_int_equal(control_create("/nowhere/at/all.sock", &handlers, &box, &second, &why),
                     CASTOR_ERR_NOT_FOUND);
    assert_non_null(strstr(why, "folder does not exist"));
}

static void test_default_path(void **state)
{
    char path[64];

    (void)state;
    setenv("CASTOR_SOCKET", "/a/b", 1);
    control_default_path(path, sizeof path);
    assert_string_equal(path, "/a/b");
    unsetenv("CASTOR_SOCKET");
    setenv("XDG_RUNTIME_DIR", "/run/user/7", 1);
    control_default_path(path, sizeof path);
    assert_string_equal(path, geteuid() == 0 ? "/run/castor/castor.sock" : "/run/user/7/castor.sock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_commands, setup),
        cmocka_unit_test_setup(test_refused, setup),
        cmocka_unit_test_setup(test_secret, setup),
        cmocka_unit_test(test_fault_names),
        cmocka_unit_test_setup(test_socket, setup),
        cmocka_unit_test_setup(test_large, setup),
        cmocka_unit_test_setup(test_deaf_client, setup),
        cmocka_unit_test_setup(test_many_clients, setup),
        cmocka_unit_test_setup(test_who_else_is_there, setup),
        cmocka_unit_test(test_default_path),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
