/*
 * Who there is, and the threads in which PAM is asked.
 */
#include "authd/pam/pam_source.h"

#include "authd/pam/pam_check.h"
#include "common/base/clock.h"
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/run/sysuser.h"
#include "common/text/ip.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY_UID 65534 /* the kernel's word for users that it has no number for */

struct pam_source {
    struct pam_settings settings;
    char *service; /* its own: checks outlive the settings */
    struct lock lock;
    pthread_cond_t over; /* a check is */
    unsigned running;    /* under the lock, as are these */
    unsigned holders;    /* the chain, and every check; the last one frees */
};

struct check {
    struct pam_source *source;
    char *user, *password;
    size_t password_bytes;
    char client[IP_TEXT_BYTES]; /* empty: not known */
    bool over, left;            /* under the source's lock; nobody waits for one that is left */
    or_status st;
    struct err err;
};

static void
release(struct pam_source *s)
{
    lock_take(&s->lock);
    bool last = --s->holders == 0;
    lock_drop(&s->lock);
    if (!last)
        return;
    (void)pthread_cond_destroy(&s->over);
    lock_fini(&s->lock);
    free(s->service);
    free(s);
}

static void
free_check(struct check *c)
{
    crypto_wipe(c->password, c->password_bytes);
    free(c->password);
    free(c->user);
    free(c);
}

/* ---- who there is */

static bool
has_domain(const struct pam_source *s, struct span domain)
{
    for (size_t i = 0; i < s->settings.domain_count; i++)
        if (span_equal_cstr(domain, s->settings.domains[i]))
            return true;
    return false;
}

static or_status
find(void *self, const struct account_address *address, struct arena *mem,
     struct account_row *row_out, struct err *e)
{
    struct pam_source *s = self;
    struct account_row row = {.address = *address, .enabled = true};
    struct sysuser user;

    if (!has_domain(s, address->domain))
        return OR_ABSENT;
    const char *name = arena_printf(mem, "%.*s", SPAN_ARG(address->local));
    if (name == NULL)
        return err_set(e, OR_TEMPFAIL, "no room for the account's record");
    or_status st = sysuser_find_home(name, mem, &user);
    if (st != OR_OK)
        return st == OR_ABSENT ? st : err_set(e, OR_TEMPFAIL, "the user database has no answer");
    if (user.uid < s->settings.first_uid || user.uid == NOBODY_UID || user.gid == 0)
        return OR_ABSENT;
    if (user.home.n == 0 || user.home.p[0] != '/')
        return err_set(e, OR_TEMPFAIL, "the user's home is no absolute path");
    row.uid = user.uid;
    row.gid = user.gid;
    row.home = user.home;
    row.handle = span_cstr(name);
    *row_out = row;
    return OR_OK;
}

static or_status
find_domain(void *self, struct span domain, struct err *e)
{
    (void)e;
    return has_domain(self, domain) ? OR_OK : OR_ABSENT;
}

/* ---- passwords */

static void *
run_check(void *context)
{
    struct check *c = context;
    struct pam_source *s = c->source;
    const struct pam_question question = {.service = s->service,
                                          .user = c->user,
                                          .password = c->password,
                                          .client = c->client[0] != '\0' ? c->client : NULL};
    or_status st = pam_check(&question, &c->err);

    lock_take(&s->lock);
    c->st = st;
    c->over = true;
    bool left = c->left;
    s->running--;
    (void)pthread_cond_broadcast(&s->over);
    lock_drop(&s->lock);
    if (left)
        free_check(c);
    release(s);
    return NULL;
}

static struct check *
new_check(struct pam_source *s, const struct account_row *row, const struct account_question *q)
{
    struct check *c = xcalloc(1, sizeof(*c));
    struct ip ip;

    c->source = s;
    c->user = xstrdup(row->handle.p);
    c->password = xmemdup0(q->password.p, q->password.n);
    c->password_bytes = q->password.n;
    /* Modules look names up, and match them with lists: they get an address or nothing. */
    if (ip_parse(q->client, &ip) == OR_OK)
        ip_format(&ip, c->client);
    return c;
}

/* Takes a turn and its hold of the source; OR_TIMEOUT: there is none. */
static or_status
take_turn(struct pam_source *s, struct err *e)
{
    lock_take(&s->lock);
    bool room = s->running < PAM_SOURCE_MAX_CHECKS;
    if (room) {
        s->running++;
        s->holders++;
    }
    lock_drop(&s->lock);
    return room ? OR_OK
                : err_set(e, OR_TIMEOUT, "%d questions to PAM have no answer yet",
                          PAM_SOURCE_MAX_CHECKS);
}

static or_status
start(struct check *c, struct err *e)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, run_check, c) == 0) {
        (void)pthread_detach(thread);
        return OR_OK;
    }
    lock_take(&c->source->lock);
    c->source->running--;
    lock_drop(&c->source->lock);
    release(c->source);
    return err_set(e, OR_TEMPFAIL, "no thread for a question to PAM");
}

/* True: it is over, and is ours alone again. */
static bool
wait_for(struct pam_source *s, struct check *c, int64_t deadline_mono_ms)
{
    lock_take(&s->lock);
    while (!c->over && clock_mono_ms() < deadline_mono_ms)
        (void)lock_wait(&s->lock, &s->over, deadline_mono_ms);
    bool over = c->over;
    c->left = !over;
    lock_drop(&s->lock);
    return over;
}

static or_status
verify(void *self, const struct account_row *row, const struct account_question *q, struct err *e)
{
    struct pam_source *s = self;
    int64_t now_ms = clock_mono_ms();

    if (q->password.n == 0 || q->password.n > PAM_CHECK_MAX_PASSWORD_BYTES ||
        span_contains_byte(q->password, '\0'))
        return OR_ABSENT;
    if (now_ms > q->deadline_mono_ms)
        return err_set(e, OR_TIMEOUT, "no time left");
    or_status st = take_turn(s, e);
    if (st != OR_OK)
        return st;
    struct check *c = new_check(s, row, q);
    st = start(c, e);
    if (st == OR_OK && !wait_for(s, c, now_ms + s->settings.timeout_ms))
        return err_set(e, OR_TEMPFAIL, "PAM service %s: no answer in time", s->service);
    if (st == OR_OK && c->st != OR_OK)
        st = c->st == OR_ABSENT ? c->st : err_set(e, c->st, "%s", c->err.text);
    free_check(c);
    return st;
}

/* ---- opening */

static void
close_source(void *self)
{
    release(self);
}

static const struct account_source_type type = {
    .kind = "pam",
    .find = find,
    .find_domain = find_domain,
    .verify = verify,
    .close = close_source,
};

or_status
account_source_pam(const struct pam_settings *settings, const char *name,
                   struct account_source *source_out, struct err *e)
{
    if (settings->domain_count == 0)
        return err_set(e, OR_CONFIG, "pam needs `domains`: a system user's name has none");
    if (settings->service[0] == '\0' || strchr(settings->service, '/') != NULL)
        return err_set(e, OR_CONFIG, "service \"%.60s\": the name of a file in /etc/pam.d",
                       settings->service);
    struct pam_source *s = xcalloc(1, sizeof(*s));
    s->settings = *settings;
    s->service = xstrdup(settings->service);
    s->holders = 1;
    lock_init(&s->lock, LOCK_PAM);
    lock_cond_init(&s->over);
    *source_out = (struct account_source){.type = &type, .self = s, .name = name};
    return OR_OK;
}
