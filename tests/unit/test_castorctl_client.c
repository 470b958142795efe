// SPDX-License-Identifier: Apache-2.0
// castorctl's side of the control socket, against a real control socket served by a thread with a box that
// stands in.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "castorctl/commands.h"
#include "castorctl/overlay.h"
#include "castorctl/pick.h"
#include "supervisor/control.h"

struct supervisor {
    char document[512];
};
static struct supervisor box;
static struct control *control;
static char folder[] = "/tmp/castor-client-XXXXXX";
static char socket_path[64];
static pthread_t thread;
static atomic_bool ending;

static char *on_status(struct supervisor *s)
{
    return strdup(s->document);
}

static int on_idr(struct supervisor *s, struct control_text *text)
{
    (void)s;
    snprintf(text->text, sizeof text->text, "soon");
    return CASTOR_OK;
}

static int on_switch(struct supervisor *s, uint32_t path, struct control_text *text)
{
    (void)s;
    snprintf(text->text, sizeof text->text, "path %u is not ready", path);
    return CASTOR_ERR_BUSY;
}

static int on_reload(struct supervisor *s, const char *json, struct control_text *text)
{
    (void)s;
    snprintf(text->text, sizeof text->text, "%s", json);
    return CASTOR_OK;
}

static char overlay_told[256];

static int on_overlay(struct supervisor *s, uint32_t index, const char *json, struct control_text *text)
{
    (void)s;
    (void)text;
    snprintf(overlay_told, sizeof overlay_told, "%u %s", index, json);
    return CASTOR_OK;
}

static void *serve(void *unused)
{
    struct pollfd fds[CONTROL_POLL_MAX];

    while (!ending) {
        unsigned count = control_poll_fds(control, fds);
        if (poll(fds, count, 20) > 0)
            control_handle(control, fds, count);
    }
    return unused;
}

static int group_setup(void **state)
{
    static const struct control_handlers handlers = {.status = on_status,
                                                     .config = on_status,
                                                     .idr = on_idr,
                                                     .switch_to = on_switch,
                                                     .reload = on_reload,
                                                     .overlay = on_overlay};
    const char *why;

    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(socket_path, sizeof socket_path, "%s/c.sock", folder);
    if (control_create(socket_path, &handlers, &box, &control, &why) != CASTOR_OK)
        return -1;
    return pthread_create(&thread, NULL, serve, NULL);
}

static int group_teardown(void **state)
{
    (void)state;
    ending = true;
    pthread_join(thread, NULL);
    control_destroy(control);
    return rmdir(folder);
}

static void test_commands(void **state)
{
    struct client client;
    struct client_why why;
    json_t *status = NULL;

    (void)state;
    snprintf(box.document, sizeof box.document, "{\"name\":\"x\"}");
    assert_int_equal(client_open(socket_path, &client, &why), CASTOR_OK);
    assert_int_equal(commands_idr(&client, &why), CASTOR_OK);
    assert_string_equal(why.text, "soon");
    assert_int_equal(commands_switch(&client, "B", &why), CASTOR_ERR_REJECTED);
    assert_string_equal(why.text, "path 1 is not ready");
    assert_int_equal(commands_switch(&client, "nonsense", &why), CASTOR_ERR_REJECTED);
    assert_non_null(strstr(why.text, "letter of a path"));
    assert_int_equal(commands_status(&client, &status, &why), CASTOR_OK);
    assert_string_equal(pick_text(status, "name"), "x");
    json_decref(status);
    client_close(&client);
}

static void test_reload(void **state)
{
    struct client client;
    struct client_why why;
    char path[96];

    (void)state;
    snprintf(path, sizeof path, "%s/f.json", folder);
    assert_int_equal(client_open(socket_path, &client, &why), CASTOR_OK);
    assert_int_equal(commands_reload(&client, path, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "No such file"));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"name\": \"y\",\n \"name\": \"z\"}", file);
    fflush(file);
    assert_int_equal(commands_reload(&client, path, &why), CASTOR_ERR_INVALID);
    assert_non_null(strstr(why.text, "line 2"));
    assert_non_null(strstr(why.text, "twice"));
    rewind(file);
    assert_int_equal(ftruncate(fileno(file), 0), 0);
    fputs("{\"name\": \"y\"}", file);
    fclose(file);
    assert_int_equal(commands_reload(&client, path, &why), CASTOR_OK);
    assert_string_equal(why.text, "{\"name\":\"y\"}");
    unlink(path);
    client_close(&client);
}

// A child stands in for a worker; killed only where faults are allowed.
static void test_signal(void **state)
{
    struct client client;
    struct client_why why;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        pause();
        _exit(0);
    }
    assert_int_equal(client_open(socket_path, &client, &why), CASTOR_OK);
    snprintf(box.document, sizeof box.document,
             "{\"faults_allowed\":false,\"paths\":[{\"path\":\"A\",\"worker\":{\"pid\":%d}}]}", (int)child);
    assert_int_equal(commands_signal(&client, "A", SIGKILL, &why), CASTOR_ERR_REJECTED);
    assert_non_null(strstr(why.text, "allow_faults"));
    assert_int_equal(waitpid(child, &status, WNOHANG), 0);
    snprintf(box.document, sizeof box.document,
             "{\"faults_allowed\":true,\"paths\":[{\"path\":\"A\",\"worker\":{\"pid\":%d}}],\"egress\":{"
             "\"worker\":{\"pid\":0}}}",
             (int)child);
    assert_int_equal(commands_signal(&client, "B", SIGKILL, &why), CASTOR_ERR_REJECTED);
    assert_non_null(strstr(why.text, "no worker"));
    // kill(0, …) would hit the whole group.
    assert_int_equal(commands_signal(&client, "egress", SIGKILL, &why), CASTOR_ERR_REJECTED);
    assert_non_null(strstr(why.text, "no process"));
    assert_int_equal(commands_signal(&client, "a", SIGKILL, &why), CASTOR_OK);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    client_close(&client);
}

static void test_nobody(void **state)
{
    struct client client = {.fd = -1};
    struct client_why why;
    char path[200];

    (void)state;
    snprintf(path, sizeof path, "%s/nobody.sock", folder);
    assert_int_equal(client_open(path, &client, &why), CASTOR_ERR_NOT_FOUND);
    assert_non_null(strstr(why.text, "no castord is running on"));
    memset(path, 'x', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    assert_int_equal(client_open(path, &client, &why), CASTOR_ERR_INVALID);
    // An answer that is not there.
    snprintf(box.document, sizeof box.document, "3");
    json_t *reply = NULL;
    assert_int_equal(client_open(socket_path, &client, &why), CASTOR_OK);
    assert_int_equal(client_ask(&client, json_pack("{s:s}", "command", "nothing"), &reply, &why),
                     CASTOR_ERR_REJECTED);
    assert_non_null(strstr(why.text, "not a command"));
    client_close(&client);
}

static void overlay_is(const char *line, int wanted, const char *words)
{
    char copy[128];
    char *list[12] = {NULL};
    struct client client;
    struct client_why why = {""};
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        list[count++] = word;
    overlay_told[0] = '\0';
    assert_int_equal(client_open(socket_path, &client, &why), CASTOR_OK);
    assert_int_equal(overlay_command(&client, list, &why), wanted);
    if (!strstr(wanted ? why.text : overlay_told, words))
        fail_msg("%s: told \"%s\", said \"%s\"", line, overlay_told, why.text);
    client_close(&client);
}

static void test_overlay(void **state)
{
    (void)state;
    overlay_is("set 3 kind=text text=a=b x=5", CASTOR_OK,
               "3 {\"kind\":\"text\",\"text\":\"a=b\",\"x\":\"5\"}");
    overlay_is("off 7", CASTOR_OK, "7 {\"kind\":\"off\"}");
    overlay_is("set 8 x=1", CASTOR_ERR_INVALID, "\"8\" is not the number of an item");
    overlay_is("off", CASTOR_ERR_INVALID, "is not the number of an item");
    overlay_is("set 0", CASTOR_ERR_INVALID, "KEY=VALUE");
    overlay_is("set 0 kind", CASTOR_ERR_INVALID, "\"kind\" is not KEY=VALUE");
    overlay_is("set 0 text=\xff", CASTOR_ERR_INVALID, "not UTF-8");
    overlay_is("show", CASTOR_ERR_INVALID, "list, set N");
    overlay_is("", CASTOR_ERR_INVALID, "list, set N");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_commands), cmocka_unit_test(test_overlay),
                                       cmocka_unit_test(test_reload), cmocka_unit_test(test_signal),
                                       cmocka_unit_test(test_nobody)};

    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
