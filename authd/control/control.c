/*
 * The table of commands.
 */
#include "authd/control/control.h"

#include "authd/accounts/account_host.h"
#include "authd/accounts/account_limits.h"
#include "authd/control/control_args.h"
#include "authd/control/control_roles.h"
#include "authd/control/control_users.h"

#include <string.h>

/* ---- domains and aliases */

static or_status
domain_add(struct control_call *c)
{
    return account_db_add_domain(c->db, c->domain, c->e);
}

static or_status
parse_limits(struct control_call *c, struct account_limits *limits)
{
    *limits = (struct account_limits){-1, -1, -1};
    or_status st = control_args_number(c->request, "max_users", INT64_MAX, &limits->users, c->e);

    if (st == OR_OK)
        st = control_args_number(c->request, "max_aliases", INT64_MAX, &limits->aliases, c->e);
    return st == OR_OK
               ? control_args_number(c->request, "max_quota", INT64_MAX, &limits->quota_bytes, c->e)
               : st;
}

/* "": the domain's mail is kept here. */
static or_status
parse_relay(struct control_call *c, struct span *relay)
{
    struct account_host parsed;
    or_status st = control_args_text(c->request, "relay", relay, c->e);

    return st == OR_OK && relay->n > 0 ? account_host_parse(*relay, c->mem, &parsed, c->e) : st;
}

static or_status
domain_set(struct control_call *c)
{
    const struct account_quota *quota = NULL;
    struct account_quota given;
    struct account_limits limits;
    struct span relay = {.p = NULL};
    or_status st = control_args_quota(c->request, &given, &quota, c->e);

    if (st == OR_OK)
        st = parse_limits(c, &limits);
    if (st == OR_OK)
        st = parse_relay(c, &relay);
    if (st != OR_OK)
        return st;
    bool limited = limits.users >= 0 || limits.aliases >= 0 || limits.quota_bytes >= 0;

    if (quota == NULL && !limited && relay.p == NULL)
        return err_set(c->e, OR_MALFORMED, "nothing to set");
    if (limited)
        st = account_limits_set(c->db, c->domain, &limits, c->e);
    if (st == OR_OK && quota != NULL)
        st = account_db_set_domain_quota(c->db, c->domain, quota, c->e);
    return st == OR_OK && relay.p != NULL
               ? account_db_set_domain_relay(c->db, c->domain, relay, c->e)
               : st;
}

static or_status
domain_del(struct control_call *c)
{
    return account_db_delete_domain(c->db, c->domain, c->e);
}

static bool
show_domain(void *call, struct span domain)
{
    struct control_call *c = call;
    struct account_limits limits;
    struct span relay;

    if (!control_roles_may_see(c, domain) ||
        account_limits_find(c->db, domain, &limits, NULL) != OR_OK)
        return true;
    if (account_db_find_relay(c->db, domain, c->mem, &relay, NULL) != OR_OK)
        relay = SPAN_EMPTY;
    json_t *row =
        json_pack("{s:s%, s:I, s:I, s:I, s:s%}", "domain", domain.p, domain.n, "max_users",
                  (json_int_t)limits.users, "max_aliases", (json_int_t)limits.aliases, "max_quota",
                  (json_int_t)limits.quota_bytes, "relay", relay.p, relay.n);
    bool go_on = c->show(c->context, row);

    json_decref(row);
    return go_on;
}

static or_status
domain_list(struct control_call *c)
{
    return account_db_each_domain(c->db, show_domain, c, c->e);
}

static or_status
alias_add(struct control_call *c)
{
    struct span *targets = NULL;
    size_t count = 0;
    or_status st = control_args_addresses(c->request, "targets", c->mem, &targets, &count, c->e);

    return st == OR_OK ? account_db_add_alias(c->db, &c->address, targets, count, c->e) : st;
}

static or_status
alias_del(struct control_call *c)
{
    struct account_address target = {.whole = SPAN_EMPTY};
    struct span text;
    or_status st = control_args_text(c->request, "target", &text, c->e);

    if (st == OR_OK && text.p != NULL)
        st = account_address_parse(text, false, c->mem, &target, c->e);
    return st == OR_OK ? account_db_delete_alias(c->db, &c->address, target.whole, c->e) : st;
}

static bool
show_alias(void *call, struct span alias, struct span target)
{
    const struct control_call *c = call;

    if (c->domain.n != 0 && !span_equal(span_from(alias, span_rfind(alias, '@') + 1), c->domain))
        return true;
    json_t *row =
        json_pack("{s:s%, s:s%}", "alias", alias.p, alias.n, "target", target.p, target.n);
    bool go_on = c->show(c->context, row);

    json_decref(row);
    return go_on;
}

static or_status
alias_list(struct control_call *c)
{
    return account_db_each_alias(c->db, show_alias, c, c->e);
}

/* ---- the table */

/* What a command is about: how its subject is read. */
enum subject {
    SUBJECT_NONE,
    SUBJECT_DOMAIN,
    SUBJECT_ANY_DOMAIN, /* of a list: all without it; else it must be there */
    SUBJECT_ADDRESS,
    SUBJECT_ALIAS, /* "@domain" is one, too */
};

static const struct command {
    const char *name;
    enum subject subject;
    enum account_role least; /* who may */
    bool is_change;
    or_status (*run)(struct control_call *c);
} commands[] = {
    {"domain-add", SUBJECT_DOMAIN, ACCOUNT_ROLE_SYSTEM, true, domain_add},
    {"domain-set", SUBJECT_DOMAIN, ACCOUNT_ROLE_SYSTEM, true, domain_set},
    {"domain-del", SUBJECT_DOMAIN, ACCOUNT_ROLE_SYSTEM, true, domain_del},
    {"domain-list", SUBJECT_NONE, ACCOUNT_ROLE_NONE, false, domain_list},
    {"user-add", SUBJECT_ADDRESS, ACCOUNT_ROLE_DOMAIN, true, control_user_add},
    {"user-set", SUBJECT_ADDRESS, ACCOUNT_ROLE_DOMAIN, true, control_user_set},
    {"user-passwd", SUBJECT_ADDRESS, ACCOUNT_ROLE_OWNER, true, control_user_passwd},
    {"user-show", SUBJECT_ADDRESS, ACCOUNT_ROLE_OWNER, false, control_user_show},
    {"user-list", SUBJECT_ANY_DOMAIN, ACCOUNT_ROLE_DOMAIN, false, control_user_list},
    {"user-del", SUBJECT_ADDRESS, ACCOUNT_ROLE_DOMAIN, true, control_user_del},
    {"alias-add", SUBJECT_ALIAS, ACCOUNT_ROLE_DOMAIN, true, alias_add},
    {"alias-list", SUBJECT_ANY_DOMAIN, ACCOUNT_ROLE_DOMAIN, false, alias_list},
    {"alias-del", SUBJECT_ALIAS, ACCOUNT_ROLE_DOMAIN, true, alias_del},
    {"app-password-add", SUBJECT_ADDRESS, ACCOUNT_ROLE_OWNER, true, control_app_password_add},
    {"app-password-list", SUBJECT_ADDRESS, ACCOUNT_ROLE_OWNER, false, control_app_password_list},
    {"app-password-del", SUBJECT_ADDRESS, ACCOUNT_ROLE_OWNER, true, control_app_password_del},
    {"admin-add", SUBJECT_NONE, ACCOUNT_ROLE_SYSTEM, true, control_admin_add},
    {"admin-list", SUBJECT_NONE, ACCOUNT_ROLE_SYSTEM, false, control_admin_list},
    {"admin-del", SUBJECT_NONE, ACCOUNT_ROLE_SYSTEM, true, control_admin_del},
};

static const struct command *
find_command(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

bool
control_is_change(const char *command)
{
    const struct command *found = find_command(command);

    return found != NULL && found->is_change;
}

static or_status
read_domain(struct control_call *c, bool must)
{
    struct span text;
    or_status st = control_args_text(c->request, "domain", &text, c->e);

    if (st != OR_OK || (text.p == NULL && !must))
        return st;
    if (text.p == NULL)
        return err_set(c->e, OR_MALFORMED, "domain: a text is wanted");
    return account_domain_parse(text, c->mem, &c->domain, c->e);
}

static or_status
read_address(struct control_call *c, bool catch_all_ok)
{
    struct span text;
    or_status st = control_args_text(c->request, "address", &text, c->e);

    if (st == OR_OK && text.p == NULL)
        return err_set(c->e, OR_MALFORMED, "address: a text is wanted");
    if (st == OR_OK)
        st = account_address_parse(text, catch_all_ok, c->mem, &c->address, c->e);
    c->domain = c->address.domain;
    return st;
}

static or_status
read_subject(struct control_call *c, enum subject subject)
{
    switch (subject) {
    case SUBJECT_NONE:
        break;
    case SUBJECT_DOMAIN:
    case SUBJECT_ANY_DOMAIN:
        return read_domain(c, subject == SUBJECT_DOMAIN);
    case SUBJECT_ADDRESS:
    case SUBJECT_ALIAS:
        return read_address(c, subject == SUBJECT_ALIAS);
    }
    return OR_OK;
}

or_status
control_run(struct control_call *c)
{
    const struct command *command =
        find_command(json_string_value(json_object_get(c->request, "command")));

    c->address = (struct account_address){.whole = SPAN_EMPTY};
    c->domain = SPAN_EMPTY;
    c->role = ACCOUNT_ROLE_NONE;
    if (command == NULL)
        return err_set(c->e, OR_MALFORMED, "there is no such command");
    or_status st = read_subject(c, command->subject);

    /* Before anything is said about what there is. */
    if (st == OR_OK)
        st = control_roles_check(c, command->least);
    account_limits_heed(c->db, c->role != ACCOUNT_ROLE_SYSTEM);
    if (st == OR_OK && command->subject == SUBJECT_ANY_DOMAIN && c->domain.n != 0)
        st = account_db_find_domain(c->db, c->domain, c->e);
    if (st == OR_ABSENT)
        return err_set(c->e, OR_ABSENT, "there is no domain %.*s", SPAN_ARG(c->domain));
    return st == OR_OK ? command->run(c) : st;
}
