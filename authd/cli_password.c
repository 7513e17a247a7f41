/*
 * Reads a password line byte by byte: stdio would keep a copy that nobody wipes.
 */
#include "authd/cli_password.h"

#include "authd/accounts/password.h"
#include "common/base/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

/* One line into `line`, without its end; CLI_YES also at end of file. */
static int
read_line(const struct cli *cli, int fd, struct buf *line)
{
    char c = '\0';
    ssize_t n;

    while ((n = read(fd, &c, 1)) == 1 && c != '\n')
        buf_add_char(line, c);
    crypto_wipe(&c, sizeof(c));
    if (n < 0)
        return cli_fail(cli, CLI_USAGE, "cannot read the password: %s", os_error_text(errno));
    if (buf_finish(line) != OR_OK)
        return cli_fail(cli, CLI_USAGE, "a password has at most %d bytes", PASSWORD_MAX_BYTES);
    return line->n > 0 ? CLI_YES : cli_fail(cli, CLI_USAGE, "no password given");
}

/* The terminal while it shows nothing. */
struct terminal {
    int fd;
    int signals; /* signalfd */
    sigset_t old_mask;
    struct termios shown;
};

/* Signals that end or stop us would leave the terminal blind: they wait until it is mended. */
static int
hide(struct terminal *t)
{
    static const int held[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP};
    sigset_t mask;

    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
        sigaddset(&mask, held[i]);
    t->signals = signalfd(-1, &mask, SFD_CLOEXEC);
    if (t->signals < 0 || tcgetattr(t->fd, &t->shown) != 0)
        return -1;
    struct termios hidden = t->shown;

    hidden.c_lflag &= ~(tcflag_t)ECHO;
    hidden.c_lflag |= ICANON | ECHONL;
    pthread_sigmask(SIG_BLOCK, &mask, &t->old_mask);
    return tcsetattr(t->fd, TCSAFLUSH, &hidden);
}

static void
show(const struct terminal *t)
{
    tcsetattr(t->fd, TCSAFLUSH, &t->shown);
    /* Here ^C takes effect. */
    pthread_sigmask(SIG_SETMASK, &t->old_mask, NULL);
}

static int
ask(const struct cli *cli, const struct terminal *t, const char *question, struct buf *line)
{
    struct pollfd ready[] = {{.fd = t->fd, .events = POLLIN}, {.fd = t->signals, .events = POLLIN}};

    if (write(t->fd, question, strlen(question)) < 0 || poll(ready, 2, -1) < 0)
        return cli_fail(cli, CLI_USAGE, "cannot ask at the terminal: %s", os_error_text(errno));
    if (ready[1].revents != 0)
        return CLI_USAGE;
    return read_line(cli, t->fd, line);
}

static int
ask_twice(const struct cli *cli, const struct terminal *t, struct buf *password)
{
    struct buf again;
    int status = ask(cli, t, "New password: ", password);

    if (status != CLI_YES)
        return status;
    buf_init(&again, PASSWORD_MAX_BYTES);
    status = ask(cli, t, "Again: ", &again);
    if (status == CLI_YES && !crypto_equal(buf_span(password), buf_span(&again)))
        status = cli_fail(cli, CLI_USAGE, "the two passwords differ");
    buf_fini_wiped(&again);
    return status;
}

static int
read_from_terminal(const struct cli *cli, struct buf *password)
{
    struct terminal t = {.fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY), .signals = -1};
    int status;

    if (t.fd < 0)
        return cli_fail(cli, CLI_USAGE, "no terminal to ask at; use --password-stdin");
    if (hide(&t) == 0) {
        status = ask_twice(cli, &t, password);
        show(&t);
    } else {
        status = cli_fail(cli, CLI_USAGE, "cannot hide what is typed; use --password-stdin");
    }
    if (t.signals >= 0)
        close(t.signals);
    close(t.fd);
    return status;
}

int
cli_password_read(const struct cli *cli, struct buf *password)
{
    if (cli_option(cli, "password-stdin") != NULL)
        return read_line(cli, STDIN_FILENO, password);
    return read_from_terminal(cli, password);
}
