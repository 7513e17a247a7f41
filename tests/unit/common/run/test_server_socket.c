/* Listening sockets: their files, owners and modes, and every reason why there can be none. */
#include "common/run/server_socket.h"

#include "tests/support/unit.h"

#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char directory[64], address[96];
static const char *path; /* inside address */
static struct conf_listener listener;
static struct server_socket made;
static struct err e;

static void
set_up(void)
{
    snprintf(directory, sizeof(directory), "/tmp/outrider-socket-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(address, sizeof(address), "unix:%s/s", directory);
    path = address + strlen("unix:");
    listener = (struct conf_listener){.mode = 0600};
    made = (struct server_socket){.fd = -1};
}

static void
tear_down(void)
{
    server_socket_close(&made);
    unlink(path);
    rmdir(directory);
}

static void
open_good(void)
{
    ck_assert_msg(server_socket_open(&listener, address, &made, &e) == OR_OK, "%s", e.text);
}

static int
try_connect(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sun.sun_path, path, strlen(path) + 1);
    int rc = connect(fd, (struct sockaddr *)&sun, sizeof(sun));

    close(fd);
    return rc;
}

static void
leave_stale_socket(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sun.sun_path, path, strlen(path) + 1);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    close(fd);
}

static const mode_t modes[] = {0600, 0660, 0666};

START_TEST(the_mode_does_not_depend_on_the_umask)
{
    struct stat st;
    mode_t before = umask(0077);

    listener.mode = modes[_i];
    open_good();
    ck_assert_uint_eq(umask(before), 0077);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, modes[_i]);
}
END_TEST

START_TEST(root_gives_the_socket_to_owner_and_group)
{
    struct stat st;
    struct group *group = getgrnam("daemon");

    if (geteuid() != 0 || group == NULL)
        return;
    listener.group = (char *)"daemon";
    listener.owner = (char *)"nobody";
    open_good();
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_gid, group->gr_gid);
    ck_assert_uint_eq(st.st_uid, 65534);
}
END_TEST

/* The default group matters to the installed daemon; somebody who tries one out has no right to it.
 * What the file asks for must be done or refused. In a child, because there is no way back from it.
 */
static int
open_as_nobody(void)
{
    if (geteuid() == 0 && (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 ||
                           setresuid(65534, 65534, 65534) != 0))
        return 1;
    listener.group = (char *)"root";
    listener.group_is_default = true;
    if (server_socket_open(&listener, address, &made, &e) != OR_OK)
        return 2;
    server_socket_close(&made);
    listener.group_is_default = false;
    if (server_socket_open(&listener, address, &made, &e) != OR_CONFIG)
        return 3;
    return strstr(e.text, "cannot be given to :root: Operation not permitted") != NULL ? 0 : 4;
}

START_TEST(without_root_a_default_group_is_given_up)
{
    int status;

    ck_assert_int_eq(chmod(directory, 0777), 0);
    pid_t child = fork();

    if (child == 0)
        _exit(open_as_nobody());
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

START_TEST(a_stale_socket_is_replaced)
{
    leave_stale_socket();
    ck_assert_int_ne(try_connect(), 0);
    open_good();
    ck_assert_int_eq(try_connect(), 0);
}
END_TEST

START_TEST(closing_removes_the_file)
{
    open_good();
    server_socket_close(&made);
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(closing_leaves_the_file_of_another)
{
    open_good();
    /* Kept by a second name, so that its inode cannot be given to the new file. */
    char kept[128];

    snprintf(kept, sizeof(kept), "%s.old", path);
    ck_assert_int_eq(rename(path, kept), 0);
    leave_stale_socket();
    server_socket_close(&made);
    ck_assert_int_eq(access(path, F_OK), 0);
    unlink(kept);
}
END_TEST

static void
expect_fault(const char *where, const char *fault)
{
    struct server_socket none;
    char expected[ERR_TEXT_BYTES];

    ck_assert_int_eq(server_socket_open(&listener, where, &none, &e), OR_CONFIG);
    snprintf(expected, sizeof(expected), "\"%s\": %s", where, fault);
    ck_assert_msg(strncmp(e.text, expected, strlen(expected)) == 0, "is  %s\nnot %s", e.text,
                  expected);
}

START_TEST(a_live_socket_is_an_error)
{
    open_good();
    expect_fault(address, "in use by another process; stop that one");
    ck_assert_int_eq(try_connect(), 0);
}
END_TEST

START_TEST(a_port_in_use_is_an_error)
{
    static const char *const ports[] = {"inet:127.0.0.1:39401", "inet:[::1]:39401"};

    for (size_t i = 0; i < 2; i++) {
        struct server_socket first;

        /* Somebody else may have the port: then it is in use as well. */
        or_status st = server_socket_open(&listener, ports[i], &first, &e);

        expect_fault(ports[i], "in use by another process; stop that one");
        if (st == OR_OK)
            server_socket_close(&first);
    }
}
END_TEST

START_TEST(a_missing_directory_names_the_cure)
{
    char where[128], fault[256];

    snprintf(where, sizeof(where), "unix:%s/no/s", directory);
    snprintf(fault, sizeof(fault),
             "its directory is missing; make it: install -d -o root -g postfix -m 0750 %s/no",
             directory);
    listener.group = (char *)"postfix";
    expect_fault(where, fault);
}
END_TEST

START_TEST(a_file_that_is_no_socket_is_left_alone)
{
    FILE *f = fopen(path, "w");

    fclose(f);
    expect_fault(address, "there is a file that is no socket; remove it");
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(an_unknown_owner_or_group_is_an_error)
{
    struct server_socket none;

    listener.group = (char *)"no-such-group";
    ck_assert_int_eq(server_socket_open(&listener, address, &none, &e), OR_CONFIG);
    ck_assert_str_eq(e.text, "no such group \"no-such-group\"; add it or set group = \"...\"");
    listener.group = NULL;
    listener.owner = (char *)"no-such-user";
    ck_assert_int_eq(server_socket_open(&listener, address, &none, &e), OR_CONFIG);
    ck_assert_str_eq(e.text, "no such user \"no-such-user\"; add it or set owner = \"...\"");
    /* Nothing is left of the attempt. */
    ck_assert_int_ne(access(path, F_OK), 0);
}
END_TEST

START_TEST(an_address_of_another_host_is_an_error)
{
    expect_fault("inet:192.0.2.1:10040", "not an address of this host; choose one");
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("server_socket");
    TCase *t = tcase_create("server_socket");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, the_mode_does_not_depend_on_the_umask, 0, 3);
    tcase_add_test(t, root_gives_the_socket_to_owner_and_group);
    tcase_add_test(t, without_root_a_default_group_is_given_up);
    tcase_add_test(t, a_stale_socket_is_replaced);
    tcase_add_test(t, closing_removes_the_file);
    tcase_add_test(t, closing_leaves_the_file_of_another);
    tcase_add_test(t, a_live_socket_is_an_error);
    tcase_add_test(t, a_port_in_use_is_an_error);
    tcase_add_test(t, a_missing_directory_names_the_cure);
    tcase_add_test(t, a_file_that_is_no_socket_is_left_alone);
    tcase_add_test(t, an_unknown_owner_or_group_is_an_error);
    tcase_add_test(t, an_address_of_another_host_is_an_error);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
