/*
 * What no row of the table can say alone: options that need each other, names that must be an
 * account's, programs that must be there.
 */
#include "authd/authd_conf_check.h"

#include "authd/authd_conf.h"
#include "authd/mail_home.h"
#include "authd/sasl/mech.h"
#include "common/base/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ACCOUNT_NAME_BYTES 4096

static or_status
check_hook(const struct authd_settings *s, const char *name, const char *hook, struct err *e)
{
    if (hook[0] != '\0' && (hook[0] != '/' || access(hook, X_OK) != 0))
        return err_set(e, OR_CONFIG,
                       "%s: %s: %s is no program that can be started (its whole path)",
                       s->common.path, name, hook);
    return OR_OK;
}

/* Puts each into the form in which accounts are stored. */
/* An account's name as it is stored, in the place of how it was written. */
static or_status
make_canonical(char **name, struct err *e)
{
    struct account_address address;
    struct arena mem;

    arena_init(&mem, ACCOUNT_NAME_BYTES);
    or_status st = account_address_parse(span_cstr(*name), false, &mem, &address, e);
    if (st == OR_OK) {
        free(*name);
        *name = xmemdup0(address.whole.p, address.whole.n);
    }
    arena_fini(&mem);
    return st;
}

static or_status
check_master_users(struct authd_settings *s, struct err *e)
{
    or_status st = OR_OK;

    for (size_t i = 0; st == OR_OK && i < s->master_users.count; i++)
        st = make_canonical(&s->master_users.items[i], e);
    return st == OR_OK ? OR_OK : err_wrap(e, OR_CONFIG, "%s: master-users", s->common.path);
}

static or_status
check_anonymous(struct authd_settings *s, struct err *e)
{
    bool named = s->anonymous_user[0] != '\0';

    for (size_t i = 0; i < s->mechanisms.count && !named; i++)
        if (mech_find(span_cstr(s->mechanisms.items[i]))->needs == MECH_KEYS_ANONYMOUS)
            return err_set(e, OR_CONFIG, "mechanisms: \"%s\" needs anonymous-user",
                           s->mechanisms.items[i]);
    /* With a star it would be a master user's way into another mailbox. */
    if (strchr(s->anonymous_user, '*') != NULL)
        return err_set(e, OR_CONFIG, "anonymous-user: \"%s\": no * in it", s->anonymous_user);
    if (named && make_canonical(&s->anonymous_user, e) != OR_OK)
        return err_wrap(e, OR_CONFIG, "%s: anonymous-user", s->common.path);
    return OR_OK;
}

static bool
is_plain_text(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == '"' || *text == '\\' || *text == 0x7f)
            return false;
    return true;
}

static or_status
check_oauth(const struct authd_settings *s, struct err *e)
{
    const struct authd_oauth *oauth = &s->oauth;
    bool told = oauth->jwks_file[0] != '\0' || oauth->jwks_url[0] != '\0' ||
                oauth->introspection_url[0] != '\0';

    for (size_t i = 0; i < s->mechanisms.count && !told; i++)
        if (mech_find(span_cstr(s->mechanisms.items[i]))->needs == MECH_KEYS_TOKEN)
            return err_set(e, OR_CONFIG,
                           "mechanisms: \"%s\" needs oauth { jwks-file, jwks-url or "
                           "introspection-url }",
                           s->mechanisms.items[i]);
    /* Both are put into JSON as they are. */
    if (!is_plain_text(oauth->scope) || !is_plain_text(oauth->discovery))
        return err_set(e, OR_CONFIG, "oauth: scope and discovery have no quotes in them");
    return OR_OK;
}

/* Over the network the kernel names nobody, and nobody is allowed anything. */
static or_status
check_control(const struct conf_common *common, struct err *e)
{
    for (size_t i = 0; i < common->listener_count; i++) {
        const struct conf_listener *l = &common->listeners[i];

        if (strcmp(l->service, "control") != 0)
            continue;
        for (size_t j = 0; j < l->address_count; j++)
            if (strncmp(l->addresses[j], "unix:", strlen("unix:")) != 0)
                return err_set(e, OR_CONFIG, "listen control: \"%s\": a unix socket",
                               l->addresses[j]);
    }
    return OR_OK;
}

or_status
authd_conf_check(void *settings, struct err *e)
{
    struct authd_settings *s = settings;

    if (strlen(s->recipient_delimiter) > 1)
        return err_set(e, OR_CONFIG, "recipient-delimiter: \"%s\": one character, or \"\"",
                       s->recipient_delimiter);
    for (size_t i = 0; i < s->mechanisms.count; i++)
        if (mech_find(span_cstr(s->mechanisms.items[i])) == NULL)
            return err_set(e, OR_CONFIG, "mechanisms: \"%s\": there is no such mechanism",
                           s->mechanisms.items[i]);
    or_status st = check_oauth(s, e);
    if (st == OR_OK)
        st = check_control(&s->common, e);
    if (st == OR_OK)
        st = check_master_users(s, e);
    if (st == OR_OK)
        st = check_anonymous(s, e);
    if (st == OR_OK)
        st = check_hook(s, "ban-hook", s->ban_hook, e);
    if (st == OR_OK)
        st = check_hook(s, "login-notice-hook", s->login_notice_hook, e);
    return st == OR_OK ? mail_home_check(s->mail_home, e) : st;
}
