/*
 * What authd builds from its settings, and the look-up that all its sessions share.
 */
#include "authd/authd.h"

#include "authd/authd_metrics.h"
#include "authd/authd_sources.h"
#include "authd/mail_home.h"
#include "common/base/crypto.h"
#include "common/base/log.h"
#include "common/base/xalloc.h"
#include "common/text/addr.h"

#include <stdlib.h>
#include <string.h>

/* What is kept is of use, but no login waits for it: a file that cannot be used is a warning. */
static struct decisions *
open_logins(const struct authd_settings *set)
{
    const struct decisions_settings settings = {.path = set->logins,
                                                .keep_s = set->logins_keep_ms / 1000,
                                                .max_bytes = set->logins_max_bytes,
                                                .metric = AUTHD_METRIC_RECORDS};
    struct decisions *logins = NULL;
    struct err e = {""};

    if (set->logins[0] != '\0' && decisions_open(&settings, &logins, &e) != OR_OK)
        log_warning("logins are not kept: %s", e.text);
    return logins;
}

or_status
authd_open(const void *settings, void **state_out, struct err *e)
{
    const struct authd_settings *set = settings;
    const struct kvstore_settings store = {.address = set->store,
                                           .password_file = set->store_password_file,
                                           .timeout_ms = set->store_timeout_ms};
    struct authd_state *state = xcalloc(1, sizeof(*state));

    if (set->store[0] != '\0' && kvstore_open(&store, &state->store, e) != OR_OK) {
        free(state);
        return err_wrap(e, OR_CONFIG, "store");
    }
    state->requests = auth_requests_new();
    state->cache = login_cache_new();
    state->guard = guard_new(state->store);
    state->watch = guard_watch_start(state->guard);
    state->export = export_watch_start();
    state->logins = open_logins(set);
    crypto_random(state->salt_secret, sizeof(state->salt_secret));
    atomic_flag_clear(&state->rehashing);
    *state_out = state;
    return OR_OK;
}

void
authd_close(void *state)
{
    struct authd_state *s = state;

    export_watch_stop(s->export);
    guard_watch_stop(s->watch);
    guard_free(s->guard);
    decisions_close(s->logins);
    kvstore_close(s->store);
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

static or_status
open_countries(struct authd_built *built, const struct authd_settings *s, struct err *e)
{
    if (s->country_file[0] == '\0')
        return OR_OK;
    or_status st = country_load(s->country_file, &built->countries, e);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s: country-file", s->common.path);
}

static void
take_from_state(struct authd_built *built, struct authd_state *state)
{
    built->cache = state->cache;
    built->guard = state->guard;
    built->logins = state->logins;
    built->salt_secret = state->salt_secret;
    built->rehashing = &state->rehashing;
}

static or_status
open_oauth(struct authd_built *built, const struct authd_settings *s, struct err *e)
{
    const struct authd_oauth *conf = &s->oauth;
    const struct oauth_settings settings = {
        .issuer = conf->issuer,
        .audience = (const char *const *)conf->audience.items,
        .audience_count = conf->audience.count,
        .jwks_file = conf->jwks_file,
        .jwks_url = conf->jwks_url,
        .introspection_url = conf->introspection_url,
        .client_id = conf->client_id,
        .client_secret_file = conf->client_secret_file,
        .ca_file = conf->ca_file,
        .user_claim = conf->user_claim,
        .scope = conf->scope,
        .skew_ms = conf->clock_skew_ms,
        .timeout_ms = conf->timeout_ms,
        .cache_ms = conf->introspection_ttl_ms,
    };
    or_status st = oauth_open(&settings, &built->oauth, e);

    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s", s->common.path);
}

or_status
authd_build(void *state, const void *settings, bool check_only, void **built_out, struct err *e)
{
    const struct authd_settings *s = settings;
    struct authd_built *built = xcalloc(1, sizeof(*built));

    if (state != NULL) /* a check of the configuration has none */
        take_from_state(built, state);
    or_status st = authd_sources_open(s, check_only, &built->accounts, e);
    if (st == OR_OK)
        st = open_dict(built, s, check_only, e);
    if (st == OR_OK)
        st = open_countries(built, s, e);
    if (st == OR_OK)
        st = open_oauth(built, s, e);
    if (st != OR_OK) {
        authd_destroy(built);
        return st;
    }
    if (state != NULL) {
        guard_watch_set_hook(((struct authd_state *)state)->watch, s->ban_hook);
        export_watch_set(((struct authd_state *)state)->export, s);
    }
    *built_out = built;
    return OR_OK;
}

void
authd_destroy(void *built)
{
    struct authd_built *b = built;

    oauth_close(b->oauth);
    dict_store_close(b->dict);
    accounts_close(&b->accounts);
    country_free(b->countries);
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
