/*
 * The daemon that the tests of the skeleton start.
 */
#include "tests/support/testd.h"

#include "common/base/xalloc.h"
#include "common/run/daemon.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct testd_settings {
    struct conf_common common;
    char *word;
};

static const struct conf_option options[] = {
    {.name = "word",
     .type = CONF_STRING,
     .offset = offsetof(struct testd_settings, word),
     .def = "default",
     .help = "what is answered"},
};
static const struct conf_service conf_services[] = {{.name = "word", .default_mode = 0600}};
static const struct conf_schema schema = {
    .daemon = "testd",
    .settings_bytes = sizeof(struct testd_settings),
    .options = options,
    .option_count = 1,
    .services = conf_services,
    .service_count = 1,
    .default_user = "root",
};

static or_status
testd_open(const void *settings, void **state_out, struct err *e)
{
    (void)settings;
    (void)e;
    *state_out = xstrdup("state");
    return OR_OK;
}

static void
testd_close(void *state)
{
    free(state);
}

/* "Builds" a copy of the word; the word "unbuildable" fails as a missing key file would. */
static or_status
testd_build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct testd_settings *s = settings;

    if (check_only != (state == NULL))
        return err_set(e, OR_BUG, "state and check do not agree");
    if (strcmp(s->word, "unbuildable") == 0)
        return err_set(e, OR_CONFIG, "word: cannot be built; choose another");
    *built_out = xstrdup(s->word);
    return OR_OK;
}

static void
testd_run(struct stream *stream, void *context)
{
    struct daemon *d = context;
    struct span line;

    while (stream_await(stream, TESTD_WAIT_MS) == OR_OK) {
        const struct daemon_snapshot *snapshot = daemon_snapshot_take(d);
        or_status st = stream_read_line(stream, 100, &line);

        if (st == OR_OK && span_equal_cstr(line, "twice"))
            st = stream_read_line(stream, 100, &line);
        if (st == OR_OK)
            st = stream_writef(stream, "%s\n", (const char *)snapshot->built);
        daemon_snapshot_drop(d, snapshot);
        if (st != OR_OK)
            return;
    }
}

static const struct server_service services[] = {{"word", testd_run}};
static const struct daemon_spec served_spec = {.name = "outrider-testd",
                                               .schema = &schema,
                                               .services = services,
                                               .service_count = 1,
                                               .open = testd_open,
                                               .close = testd_close,
                                               .build = testd_build,
                                               .destroy = free,
                                               .keep_caps = "cap_chown=ep"};

/* A daemon with an accept loop of its own, as the milter has. */
static int own_stop = -1;

static int
own_serve(struct daemon *d)
{
    struct pollfd wait = {.fd = own_stop, .events = POLLIN};

    (void)d;
    while (poll(&wait, 1, TESTD_WAIT_MS) < 0)
        continue;
    return wait.revents != 0 ? 0 : 3;
}

static void
own_end(struct daemon *d)
{
    uint64_t one = 1;

    (void)d;
    if (write(own_stop, &one, sizeof(one)) < 0)
        abort();
}

static const struct daemon_spec own_spec = {.name = "outrider-testd",
                                            .schema = &schema,
                                            .open = testd_open,
                                            .close = testd_close,
                                            .build = testd_build,
                                            .destroy = free,
                                            .serve = own_serve,
                                            .stop = own_end};

int
testd_main(int argc, char **argv)
{
    if (getenv("TESTD_OWN") == NULL)
        return daemon_main(argc, argv, &served_spec);
    own_stop = eventfd(0, EFD_CLOEXEC);
    return daemon_main(argc, argv, &own_spec);
}
