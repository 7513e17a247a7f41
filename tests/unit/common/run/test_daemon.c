/*
 * A whole daemon from the outside: this program runs itself again as outrider-testd and looks at
 * exit status, stderr, answers, sd_notify messages and /proc.
 */
#include "common/run/stream.h"

#include "common/base/clock.h"
#include "tests/support/testd.h"
#include "tests/support/unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAIT_MS TESTD_WAIT_MS

static char directory[64];
static char config[96], socket_address[96], log_path[96], notify_path[96];
static int notify_fd;
static pid_t daemon_pid;

static void
set_up(void)
{
    struct sockaddr_un sun = {.sun_family = AF_UNIX};

    snprintf(directory, sizeof(directory), "/tmp/outrider-daemon-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    chmod(directory, 0755);
    snprintf(config, sizeof(config), "%s/conf", directory);
    snprintf(socket_address, sizeof(socket_address), "unix:%s/s", directory);
    snprintf(log_path, sizeof(log_path), "%s/log", directory);
    snprintf(notify_path, sizeof(notify_path), "%s/notify", directory);
    notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(sun.sun_path, notify_path, strlen(notify_path) + 1);
    ck_assert_int_eq(bind(notify_fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
    chmod(notify_path, 0666);
    daemon_pid = -1;
}

static void
tear_down(void)
{
    const char *const left[] = {config, socket_address + 5, log_path, notify_path};

    if (daemon_pid > 0) {
        kill(daemon_pid, SIGKILL);
        waitpid(daemon_pid, NULL, 0);
    }
    close(notify_fd);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); i++)
        unlink(left[i]);
    rmdir(directory);
}

/* The configuration: a listener in our directory, then `text`. */
static void
configure(const char *text)
{
    FILE *f = fopen(config, "w");

    ck_assert_ptr_nonnull(f);
    fprintf(f, "listen word { address = \"%s\" }\n%s", socket_address, text);
    fclose(f);
    chmod(config, 0644);
}

static void
become_daemon(const char *const *arguments)
{
    char *argv[8] = {(char *)TESTD_NAME};
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);

    for (size_t i = 0; i < 6 && arguments[i] != NULL; i++)
        argv[i + 1] = (char *)(uintptr_t)arguments[i];
    dup2(log, 1);
    dup2(log, 2);
    setenv("NOTIFY_SOCKET", notify_path, 1);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static void
start(const char *const *arguments)
{
    daemon_pid = fork();
    if (daemon_pid == 0)
        become_daemon(arguments);
    ck_assert_int_gt(daemon_pid, 0);
}

/* What the daemon wrote to stdout and stderr; the sanitizers' own lines start with "=". */
static const char *
logged(void)
{
    static char text[16384];
    FILE *f = fopen(log_path, "r");
    size_t n = f == NULL ? 0 : fread(text, 1, sizeof(text) - 1, f);

    text[n] = '\0';
    if (f != NULL)
        fclose(f);
    return text;
}

static int
wait_for_exit(void)
{
    int64_t until = clock_mono_ms() + WAIT_MS;
    int status = -1;
    pid_t got;

    while ((got = waitpid(daemon_pid, &status, WNOHANG)) == 0 && clock_mono_ms() < until)
        usleep(2000);
    ck_assert_msg(got == daemon_pid, "still running: %s", logged());
    daemon_pid = -1;
    ck_assert_msg(WIFEXITED(status), "ended by signal %d: %s", WTERMSIG(status), logged());
    return WEXITSTATUS(status);
}

/* Waits for an sd_notify message that begins with `state`; others are passed over. */
static void
expect_notify(const char *state)
{
    struct pollfd wait = {.fd = notify_fd, .events = POLLIN};
    char text[256];

    for (;;) {
        ck_assert_msg(poll(&wait, 1, WAIT_MS) == 1, "no %s: %s", state, logged());
        ssize_t got = recv(notify_fd, text, sizeof(text) - 1, 0);

        ck_assert_int_ge(got, 0);
        text[got] = '\0';
        if (strncmp(text, state, strlen(state)) == 0)
            return;
    }
}

static void
start_ready(void)
{
    start((const char *const[]){"-c", config, NULL});
    expect_notify("READY=1");
}

static void
expect_logged(const char *text)
{
    int64_t until = clock_mono_ms() + WAIT_MS;

    while (strstr(logged(), text) == NULL && clock_mono_ms() < until)
        usleep(2000);
    ck_assert_msg(strstr(logged(), text) != NULL, "\"%s\" is not in:\n%s", text, logged());
}

static struct stream *
connect_daemon(void)
{
    struct stream *s = NULL;
    struct err e = {{0}};

    ck_assert_msg(stream_connect(socket_address, WAIT_MS, &s, &e) == OR_OK, "%s", e.text);
    return s;
}

static void
ask(struct stream *s, const char *question, const char *answer)
{
    struct span line;

    ck_assert_int_eq(stream_writef(s, "%s\n", question), OR_OK);
    ck_assert_int_eq(stream_flush(s), OR_OK);
    if (answer == NULL)
        return;
    ck_assert_int_eq(stream_read_line(s, 100, &line), OR_OK);
    ck_assert_span_eq(line, answer);
}

static int
terminate(void)
{
    ck_assert_int_eq(kill(daemon_pid, SIGTERM), 0);
    return wait_for_exit();
}

static const struct {
    const char *arguments[4];
    int status;
    const char *output;
} command_lines[] = {
    {{"-V"}, 0, "outrider-testd 0."},
    {{"--version"}, 0, "outrider-testd 0."},
    {{"-h"}, 0, "usage: outrider-testd [-c FILE] [-t]"},
    {{"--print-options"}, 0, "- word string default\n"},
    {{"-x"}, 64, "outrider-testd: unknown option; try outrider-testd --help\n"},
    {{"--conifg", "x"}, 64, "outrider-testd: unknown option"},
    {{"-c"}, 64, "outrider-testd: -c needs a file; try outrider-testd --help\n"},
    {{"start"}, 64, "outrider-testd: there are no arguments besides options"},
    {{"-t"}, 78, "outrider-testd: /etc/outrider/testd.conf: no such file; make it"},
    {{"-c", "/nonexistent/testd.conf"},
     78,
     "outrider-testd: /nonexistent/testd.conf: no such file"},
};

START_TEST(the_command_line)
{
    start(command_lines[_i].arguments);
    ck_assert_int_eq(wait_for_exit(), command_lines[_i].status);
    ck_assert_msg(strstr(logged(), command_lines[_i].output) != NULL, "%s", logged());
}
END_TEST

/* Row by row what must not start, with exit 78 and one line; -t says the same without starting. */
static const struct {
    const char *text;
    const char *fault; /* behind "outrider-testd: PATH" */
} wrong[] = {
    {"wrod = \"x\"\n", ":2: wrod: unknown option"},
    {"log-level = loud\n", ":2: log-level: \"loud\" is not known; allowed: error, warning"},
    {"max-connections = {1}\n", ":2: \"{\" cannot stand here"},
    {"user = \"no-such-user\"\n", ": user: no such user \"no-such-user\"; add it (useradd"},
    {"group = \"no-such-group\"\n", ": group: no such group \"no-such-group\"; add it (groupadd"},
};

static void
expect_only_line(const char *fault)
{
    char expected[512];
    const char *end = strchr(logged(), '\n');

    snprintf(expected, sizeof(expected), "outrider-testd: %s%s", config, fault);
    ck_assert_msg(strncmp(logged(), expected, strlen(expected)) == 0, "is  %snot %s", logged(),
                  expected);
    ck_assert_msg(end != NULL && end[1] == '\0', "not one line: %s", logged());
}

START_TEST(a_wrong_configuration_does_not_start)
{
    /* Users matter only to those who can become them. */
    if (strstr(wrong[_i].fault, "no such") != NULL && geteuid() != 0)
        return;
    configure(wrong[_i].text);
    start((const char *const[]){"-c", config, NULL});
    ck_assert_int_eq(wait_for_exit(), 78);
    expect_only_line(wrong[_i].fault);
    unlink(log_path);
    start((const char *const[]){"-t", "-c", config, NULL});
    ck_assert_int_eq(wait_for_exit(), 78);
    expect_only_line(wrong[_i].fault);
}
END_TEST

START_TEST(what_cannot_be_built_does_not_start)
{
    configure("word = unbuildable\n");
    start((const char *const[]){"-c", config, NULL});
    ck_assert_int_eq(wait_for_exit(), 78);
    ck_assert_str_eq(logged(), "outrider-testd: word: cannot be built; choose another\n");
    start((const char *const[]){"-t", "-c", config, NULL});
    ck_assert_int_eq(wait_for_exit(), 78);
}
END_TEST

START_TEST(a_good_configuration_passes_the_check)
{
    configure("");
    start((const char *const[]){"-t", "-c", config, NULL});
    ck_assert_int_eq(wait_for_exit(), 0);
    ck_assert_ptr_nonnull(strstr(logged(), "the configuration is good"));
    /* Nothing was created. */
    ck_assert_int_ne(access(socket_address + 5, F_OK), 0);
}
END_TEST

START_TEST(a_socket_in_use_does_not_start)
{
    configure("");
    start_ready();
    pid_t first = daemon_pid;

    start((const char *const[]){"-c", config, NULL});
    pid_t second = daemon_pid;

    ck_assert_int_eq(wait_for_exit(), 78);
    ck_assert_int_ne(first, second);
    ck_assert_ptr_nonnull(strstr(logged(), "in use by another process; stop that one"));
    daemon_pid = first;
    ck_assert_int_eq(terminate(), 0);
}
END_TEST

START_TEST(sigterm_ends_with_0)
{
    configure("");
    start_ready();
    struct stream *idle = connect_daemon();

    ask(idle, "x", "default");
    ck_assert_int_eq(terminate(), 0);
    expect_notify("STOPPING=1");
    ck_assert_int_ne(access(socket_address + 5, F_OK), 0);
    stream_free(idle);
}
END_TEST

START_TEST(sigint_ends_with_0)
{
    configure("");
    start_ready();
    ck_assert_int_eq(kill(daemon_pid, SIGINT), 0);
    ck_assert_int_eq(wait_for_exit(), 0);
}
END_TEST

START_TEST(sigterm_waits_for_the_request_in_hand)
{
    configure("");
    start_ready();
    struct stream *s = connect_daemon();

    ask(s, "x", "default");
    ask(s, "twice", NULL);
    usleep(100000);
    ck_assert_int_eq(kill(daemon_pid, SIGTERM), 0);
    expect_notify("STOPPING=1");
    usleep(100000);
    ask(s, "x", "default");
    ck_assert_int_eq(wait_for_exit(), 0);
    stream_free(s);
}
END_TEST

START_TEST(the_drain_has_an_end)
{
    configure("drain-timeout = 100ms\n");
    start_ready();
    struct stream *s = connect_daemon();

    ask(s, "x", "default");
    ask(s, "twice", NULL);
    usleep(100000);
    ck_assert_int_eq(terminate(), 0);
    expect_logged("1 sessions cut off at the end of drain-timeout");
    stream_free(s);
}
END_TEST

START_TEST(sighup_takes_the_new_configuration)
{
    configure("word = one\n");
    start_ready();
    struct stream *s = connect_daemon();
    struct stream *under_way = connect_daemon();

    ask(s, "x", "one");
    ask(under_way, "twice", NULL);
    usleep(100000);
    configure("word = two\n");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_notify("RELOADING=1");
    expect_notify("READY=1");
    ask(s, "x", "two");
    /* A request under way keeps what it began with. */
    ask(under_way, "x", "one");
    ask(under_way, "x", "two");
    ck_assert_int_eq(terminate(), 0);
    expect_logged("configuration reloaded");
    stream_free(s);
    stream_free(under_way);
}
END_TEST

START_TEST(sighup_keeps_the_old_configuration_when_the_new_one_is_wrong)
{
    char expected[256];

    configure("word = one\n");
    start_ready();
    configure("\nword = \"two\n");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_notify("READY=1");
    snprintf(expected, sizeof(expected),
             "reload failed, the old configuration stays: %s:3: a string that does not end",
             config);
    expect_logged(expected);
    struct stream *s = connect_daemon();

    ask(s, "x", "one");
    configure("word = unbuildable\n");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_notify("READY=1");
    expect_logged("the old configuration stays: word: cannot be built");
    ask(s, "x", "one");
    configure("word = three\n");
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_notify("READY=1");
    ask(s, "x", "three");
    ck_assert_int_eq(terminate(), 0);
    stream_free(s);
}
END_TEST

START_TEST(sighup_says_what_takes_a_restart)
{
    configure("");
    start_ready();
    FILE *f = fopen(config, "w");

    fprintf(f,
            "listen word { address = \"%s2\" }\nuser = \"nobody\"\n"
            "metrics-listen = \"inet:127.0.0.1:9725\"\n",
            socket_address);
    fclose(f);
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_logged("listen has changed, which takes a restart");
    expect_logged("user or group has changed, which takes a restart");
    expect_logged("metrics-listen has changed, which takes a restart");
    ck_assert_int_eq(terminate(), 0);
}
END_TEST

START_TEST(a_daemon_may_serve_by_itself)
{
    setenv("TESTD_OWN", "1", 1);
    configure("");
    start_ready();
    /* Its listener is open, though nobody accepts in this test. */
    stream_free(connect_daemon());
    ck_assert_int_eq(kill(daemon_pid, SIGHUP), 0);
    expect_notify("RELOADING=1");
    expect_notify("READY=1");
    ck_assert_int_eq(terminate(), 0);
    unsetenv("TESTD_OWN");
}
END_TEST

START_TEST(the_watchdog_is_fed)
{
    setenv("WATCHDOG_USEC", "200000", 1);
    configure("");
    start_ready();
    expect_notify("WATCHDOG=1");
    expect_notify("WATCHDOG=1");
    ck_assert_int_eq(terminate(), 0);
    unsetenv("WATCHDOG_USEC");
}
END_TEST

/* A line of /proc/PID/status: "Uid:\t65534\t65534..." */
static const char *
proc_status(const char *key)
{
    static char line[256];
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/status", (int)daemon_pid);
    FILE *f = fopen(path, "r");

    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof(line), f) != NULL && strncmp(line, key, strlen(key)) != 0)
        line[0] = '\0';
    fclose(f);
    return line;
}

START_TEST(root_is_left_for_good)
{
    if (geteuid() != 0)
        return;
    configure("user = \"nobody\"\n");
    start_ready();
    ck_assert_str_eq(proc_status("Uid:"), "Uid:\t65534\t65534\t65534\t65534\n");
    ck_assert_str_eq(proc_status("Gid:"), "Gid:\t65534\t65534\t65534\t65534\n");
    /* cap_chown is capability 0, all others are gone. */
    ck_assert_str_eq(proc_status("CapEff:"), "CapEff:\t0000000000000001\n");
    ck_assert_str_eq(proc_status("CapPrm:"), "CapPrm:\t0000000000000001\n");
    ck_assert_str_eq(proc_status("NoNewPrivs:"), "NoNewPrivs:\t1\n");
    struct stream *s = connect_daemon();

    ask(s, "x", "default");
    stream_free(s);
    ck_assert_int_eq(terminate(), 0);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("daemon");
    TCase *t = tcase_create("daemon");

    tcase_set_timeout(t, 120);
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, the_command_line, 0,
                        (int)(sizeof(command_lines) / sizeof(command_lines[0])));
    tcase_add_loop_test(t, a_wrong_configuration_does_not_start, 0,
                        (int)(sizeof(wrong) / sizeof(wrong[0])));
    tcase_add_test(t, what_cannot_be_built_does_not_start);
    tcase_add_test(t, a_good_configuration_passes_the_check);
    tcase_add_test(t, a_socket_in_use_does_not_start);
    tcase_add_test(t, sigterm_ends_with_0);
    tcase_add_test(t, sigint_ends_with_0);
    tcase_add_test(t, sigterm_waits_for_the_request_in_hand);
    tcase_add_test(t, the_drain_has_an_end);
    tcase_add_test(t, sighup_takes_the_new_configuration);
    tcase_add_test(t, sighup_keeps_the_old_configuration_when_the_new_one_is_wrong);
    tcase_add_test(t, sighup_says_what_takes_a_restart);
    tcase_add_test(t, a_daemon_may_serve_by_itself);
    tcase_add_test(t, the_watchdog_is_fed);
    tcase_add_test(t, root_is_left_for_good);
    suite_add_tcase(s, t);
    return s;
}

int
main(int argc, char **argv)
{
    if (strcmp(argv[0], TESTD_NAME) == 0)
        return testd_main(argc, argv);
    return unit_main(suite());
}
