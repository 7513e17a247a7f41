/*
 * One question for each author. The answer is a list of logins, separated as Postfix separates
 * them.
 */
#include "milter/milter_senders.h"

#include "common/base/clock.h"
#include "common/run/socketmap_client.h"
#include "common/text/addrlist.h"

#define TABLE "senders"

static bool
is_listed(struct span logins, struct span login)
{
    size_t from = 0;

    for (size_t i = 0; i <= logins.n; i++) {
        if (i < logins.n && logins.p[i] != ',' && logins.p[i] != ' ' && logins.p[i] != '\t')
            continue;
        if (i > from && span_equal_nocase(span_slice(logins, from, i), login))
            return true;
        from = i + 1;
    }
    return false;
}

struct senders {
    struct socketmap_client client;
    struct arena *mem;
    struct span login;
};

static or_status
check_author(struct senders *s, const struct addr *author, struct err *e)
{
    struct span logins;
    struct buf key;

    buf_init(&key, ADDR_MAX_BYTES);
    addr_format(&key, author);
    struct span address = buf_span(&key);
    or_status st = buf_finish(&key);
    if (st == OR_OK)
        st = socketmap_client_ask(&s->client, TABLE, address, s->mem, &logins, e);
    if (st == OR_ABSENT || (st == OR_OK && !is_listed(logins, s->login)))
        st = err_set(e, OR_ABSENT, "%.*s may not send as %.*s", SPAN_ARG(s->login),
                     SPAN_ARG(address));
    buf_fini(&key);
    return st;
}

or_status
milter_senders_check(const struct milter_settings *settings, const struct dkim_message *m,
                     struct span login, struct err *e)
{
    struct senders s = {.mem = m->mem, .login = login};
    struct addrlist list = {.count = 0};
    or_status st = OR_OK;

    for (size_t i = 0; i < m->field_count && st == OR_OK; i++)
        if (span_equal_nocase_cstr(m->fields[i].name, "From"))
            st = addrlist_parse(m->fields[i].value, m->mem, &list, e);
    if (st != OR_OK || list.count == 0)
        return st != OR_OK ? st : err_set(e, OR_MALFORMED, "no address in the From field");
    st = socketmap_client_open(&s.client, settings->authd,
                               clock_mono_ms() + settings->authd_timeout_ms, e);
    for (size_t i = 0; i < list.count && st == OR_OK; i++)
        st = check_author(&s, &list.items[i], e);
    socketmap_client_close(&s.client);
    return st;
}
