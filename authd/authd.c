/*
 * What authd builds from its settings, and the look-up that all its sessions share.
 */
#include "authd/authd.h"

#include "authd/authd_sources.h"
#include "authd/mail_home.h"
#include "common/base/crypto.h"
#include "common/base/xalloc.h"
#include "common/text/addr.h"

#include <stdlib.h>
#include <string.h>

or_status
authd_open(const void *settings, void **state_out, struct err *e)
{
    struct authd_state *state = xcalloc(1, sizeof(*state));

    (void)settings, (void)e;
    state->requests = auth_requests_new();
    state->cache = login_cache_new();
    crypto_random(state->salt_secret, sizeof(state->salt_secret));
    atomic_flag_clear(&state->rehashing);
    *state_out = state;
    return OR_OK;
}

void
authd_close(void *state)
{
    struct authd_state *s = state;

    auth_requests_free(s->requests);
    login_cache_free(s->cache);
    free(s);
}

struct auth_requests *
authd_requests(struct daemon *d)
{
    return ((struct authd_state *)daemon_state(d))->requests;
}

static bool
listens(const struct conf_common *common, const char *service)
{
    for (size_t i = 0; i < common->listener_count; i++)
        if (strcmp(common->listeners[i].service, service) == 0)
            return true;
    return false;
}

/* In a check the daemon has yet to make the file. */
static or_status
open_dict(struct authd_built *built, const struct authd_settings *s, bool check_only, struct err *e)
{
    if (!listens(&s->common, "dict"))
        return OR_OK;
    or_status st = dict_store_open(s->dict_database, !check_only, &built->dict, e);
    if (st == OR_OK || (st == OR_ABSENT && check_only))
        return OR_OK;
    return err_wrap(e, OR_CONFIG, "%s: dict-database", s->common.path);
}

or_status
authd_build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct authd_settings *s = settings;
    struct authd_built *built = xcalloc(1, sizeof(*built));

    if (state != NULL) { /* a check of the configuration has none */
        built->cache = ((struct authd_state *)state)->cache;
        built->salt_secret = ((struct authd_state *)state)->salt_secret;
        built->rehashing = &((struct authd_state *)state)->rehashing;
    }
    or_status st = authd_sources_open(s, check_only, &built->accounts, e);
    if (st == OR_OK)
        st = open_dict(built, s, check_only, e);
    if (st == OR_OK)
        *built_out = built;
    else
        authd_destroy(built);
    return st;
}

void
authd_destroy(void *built)
{
    struct authd_built *b = built;

    dict_store_close(b->dict);
    accounts_close(&b->accounts);
    free(b);
}

or_status
authd_find_account(const struct daemon_snapshot *snapshot, struct span name, struct arena *mem,
                   struct account_row *row_out, struct err *e)
{
    const struct authd_settings *settings = snapshot->settings;
    const struct accounts *accounts = &((struct authd_built *)snapshot->built)->accounts;
    struct account_address address;
    struct span base, detail;

    if (account_address_parse(name, false, mem, &address, e) != OR_OK)
        return OR_ABSENT;
    or_status st = accounts_find(accounts, &address, mem, row_out, e);
    if (st != OR_ABSENT || settings->recipient_delimiter[0] == '\0')
        return st;
    addr_split_detail(address.local, settings->recipient_delimiter[0], &base, &detail);
    if (detail.p == NULL)
        return OR_ABSENT;
    address.local = base;
    char *whole = arena_printf(mem, "%.*s@%.*s", SPAN_ARG(base), SPAN_ARG(address.domain));
    if (whole == NULL)
        return err_set(e, OR_TEMPFAIL, "no memory left for this request");
    address.whole = span_cstr(whole);
    return accounts_find(accounts, &address, mem, row_out, e);
}

or_status
authd_find_mailbox(const struct daemon_snapshot *snapshot, const struct account_row *row,
                   struct arena *mem, struct authd_mailbox *mailbox_out, struct err *e)
{
    const struct authd_settings *settings = snapshot->settings;

    *mailbox_out = (struct authd_mailbox){.uid = row->uid >= 0 ? row->uid : settings->mail_uid,
                                          .gid = row->gid >= 0 ? row->gid : settings->mail_gid,
                                          .home = row->home};
    if (row->home.n != 0)
        return OR_OK;
    or_status st = mail_home_expand(settings->mail_home, &row->address, mem, &mailbox_out->home);
    return st == OR_OK
               ? OR_OK
               : err_set(e, st, "mail-home of %.*s is too long", SPAN_ARG(row->address.whole));
}
