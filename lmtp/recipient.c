/*
 * The detail is cut off before the look-up (as Dovecot does with recipient_delimiter): one account,
 * any number of addresses. What the account says is checked here, so that an account that cannot be
 * delivered to is deferred at RCPT, before the message is sent.
 */
#include "lmtp/recipient.h"

#include "lmtp/maildir/maildir_location.h"

#define MAX_ADDRESS_BYTES (2 * ADDR_MAX_BYTES + 4) /* every byte quoted, and the quotes */

static or_status
format_address(const struct addr *address, struct arena *mem, struct span *text_out)
{
    struct buf text;

    buf_init(&text, MAX_ADDRESS_BYTES);
    addr_format(&text, address);
    or_status st = buf_finish(&text);
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&text), text_out);
    buf_fini(&text);
    return st;
}

/* Splits user+detail; `user_out` is what the userdb is asked for, unquoted. */
static or_status
split_address(const struct recipient_source *source, const struct addr *address,
              struct span *user_out, struct span *detail_out)
{
    const char *delimiter = source->settings->recipient_delimiter;
    struct span base = address->local, detail = SPAN_EMPTY;

    if (delimiter[0] != '\0')
        addr_split_detail(address->local, delimiter[0], &base, &detail);
    const char *user = arena_printf(source->mem, "%.*s%s%.*s", SPAN_ARG(base),
                                    address->domain.n > 0 ? "@" : "", SPAN_ARG(address->domain));
    if (user == NULL || arena_copy(source->mem, detail, detail_out) != OR_OK)
        return OR_LIMIT;
    *user_out = span_cstr(user);
    return OR_OK;
}

/* As Dovecot's first_valid_uid and first_valid_gid: a mistake in the userdb must not make us write
 * root's or a system user's files. */
static or_status
check_owner(const struct account *account, const struct lmtp_settings *settings, struct err *e)
{
    if ((int64_t)account->uid < settings->first_valid_uid)
        return err_set(e, OR_CONFIG, "the account's uid %u is below first-valid-uid %lld",
                       (unsigned)account->uid, (long long)settings->first_valid_uid);
    if (account->gid == 0)
        return err_set(e, OR_CONFIG, "the account's gid is root's");
    return OR_OK;
}

static or_status
locate(const struct recipient_source *source, const struct account *account, const char **root_out,
       struct err *e)
{
    or_status st = check_owner(account, source->settings, e);

    return st != OR_OK ? st
                       : maildir_location(account->mail, account->home, source->mem, root_out, e);
}

/* "~/" is the account's home. *path_out stays NULL when the path leads nowhere. */
static or_status
expand_home(const struct account *account, struct span path, struct arena *mem,
            const char **path_out)
{
    if (span_has_prefix(path, SPAN_LIT("~/")) && account->home.n > 0)
        *path_out =
            arena_printf(mem, "%.*s/%.*s", SPAN_ARG(account->home), SPAN_ARG(span_from(path, 2)));
    else if (path.n > 0 && path.p[0] == '/')
        *path_out = arena_strdup(mem, path);
    else
        return OR_OK;
    return *path_out != NULL ? OR_OK : OR_LIMIT;
}

/* Where ManageSieve puts the active script, and where it keeps all: of
 * "file:~/sieve;active=~/.dovecot.sieve" that is the latter and the former; a plain path is the
 * script itself. */
static or_status
find_script(const struct account *account, const struct lmtp_settings *settings, struct arena *mem,
            struct recipient *r)
{
    struct span rest = account->sieve.n > 0 ? account->sieve : span_cstr(settings->sieve_script);
    struct span path = SPAN_EMPTY, option, directory = span_cstr(settings->sieve_directory);

    if (settings->sieve_script[0] == '\0')
        return OR_OK;
    if (span_has_prefix(rest, SPAN_LIT("file:")))
        rest = span_from(rest, sizeof("file:") - 1);
    (void)span_split(&rest, ';', &path);
    while (span_split(&rest, ';', &option))
        if (span_has_prefix(option, SPAN_LIT("active="))) {
            directory = path;
            path = span_from(option, sizeof("active=") - 1);
        }
    or_status st = expand_home(account, directory, mem, &r->script_directory);
    return st == OR_OK ? expand_home(account, path, mem, &r->script) : st;
}

/* The account's rules, or else the site's. A broken one is the operator's to mend, and must not
 * make a mailbox limitless. */
static or_status
find_quota(const struct account *account, const struct lmtp_settings *settings, struct arena *mem,
           const struct quota_rules **quota_out, struct err *e)
{
    struct quota_rules rules = {.folder_count = 0};
    bool own = account->quota_rule_count > 0;
    size_t count = own ? account->quota_rule_count : settings->quota_rules.count;

    *quota_out = NULL;
    for (size_t i = 0; i < count; i++) {
        struct span rule =
            own ? account->quota_rules[i] : span_cstr(settings->quota_rules.items[i]);

        if (quota_rules_add(&rules, rule, e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "the account's quota rule");
    }
    if (!quota_rules_limit(&rules))
        return OR_OK;
    struct quota_rules *kept = arena_alloc(mem, sizeof(*kept));
    if (kept == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this transaction");
    *kept = rules;
    *quota_out = kept;
    return OR_OK;
}

or_status
recipient_lookup(const struct recipient_source *source, const struct addr *address,
                 struct recipient *recipient_out, struct err *e)
{
    struct recipient r = {0};
    struct account account;
    struct span user;
    or_status st = format_address(address, source->mem, &r.address);

    if (st == OR_OK)
        st = split_address(source, address, &user, &r.detail);
    if (st != OR_OK)
        return err_set(e, OR_LIMIT, "no memory left for this transaction");
    recipient_out->address = r.address;
    st = account_lookup(source->accounts, user, source->mem, &account, e);
    if (st == OR_OK && account.proxy.n > 0)
        r.proxy = account.proxy.p; /* NUL-terminated by its maker */
    else if (st == OR_OK)
        st = locate(source, &account, &r.root, e);
    if (st == OR_OK && account.proxy.n == 0)
        st = find_quota(&account, source->settings, source->mem, &r.quota, e);
    if (st == OR_OK && account.proxy.n == 0)
        st = find_script(&account, source->settings, source->mem, &r);
    if (st != OR_OK)
        return st;
    r.account_name = account.name;
    r.owner = (struct owner){.uid = account.uid, .gid = account.gid};
    *recipient_out = r;
    return OR_OK;
}
