/*
 * Roles are looked up with each command: one that is taken away is gone at once.
 */
#include "authd/control/control_roles.h"

#include "authd/control/control_args.h"

#define LAST_UID 4294967293
#define MAX_NAME_BYTES 64

static bool
is_master(const struct control_call *c)
{
    for (size_t i = 0; i < c->caller.master_count; i++)
        if (span_equal_cstr(c->address.whole, c->caller.masters[i]))
            return true;
    return false;
}

or_status
control_roles_check(struct control_call *c, enum account_role least)
{
    c->role = ACCOUNT_ROLE_SYSTEM;
    or_status st = c->caller.is_system ? OR_OK
                                       : account_roles_find(c->db, c->caller.uid, c->domain,
                                                            c->address.whole, &c->role, c->e);

    if (st != OR_OK)
        return st;
    /* Whoever sets a master user's password logs in as anybody. */
    if (is_master(c))
        least = ACCOUNT_ROLE_SYSTEM;
    return c->role >= least ? OR_OK : err_set(c->e, OR_MALFORMED, "not allowed");
}

bool
control_roles_may_see(struct control_call *c, struct span domain)
{
    enum account_role role = ACCOUNT_ROLE_NONE;

    if (c->role == ACCOUNT_ROLE_SYSTEM)
        return true;
    return account_roles_find(c->db, c->caller.uid, domain, SPAN_EMPTY, &role, NULL) == OR_OK &&
           role >= ACCOUNT_ROLE_DOMAIN;
}

static or_status
parse_subject(struct control_call *c, struct account_role_row *role)
{
    struct account_address owned = {.whole = SPAN_EMPTY};
    struct span domain, owner;
    or_status st = control_args_text(c->request, "domain", &domain, c->e);

    if (st == OR_OK)
        st = control_args_text(c->request, "owner", &owner, c->e);
    if (st != OR_OK)
        return st;
    if (domain.p != NULL && owner.p != NULL)
        return err_set(c->e, OR_MALFORMED, "domain and owner: one of them");
    if (domain.p != NULL)
        return account_domain_parse(domain, c->mem, &role->domain, c->e);
    if (owner.p != NULL)
        st = account_address_parse(owner, false, c->mem, &owned, c->e);
    role->address = owned.whole;
    return st;
}

static or_status
parse_role(struct control_call *c, struct account_role_row *role)
{
    *role = (struct account_role_row){.uid = 0, .domain = SPAN_EMPTY, .address = SPAN_EMPTY};
    or_status st = control_args_number(c->request, "uid", LAST_UID, &role->uid, c->e);

    if (st == OR_OK)
        st = control_args_text(c->request, "name", &role->name, c->e);
    if (st != OR_OK)
        return st;
    if (role->uid == 0)
        return err_set(c->e, OR_MALFORMED, "root needs no role");
    if (role->name.p == NULL || role->name.n > MAX_NAME_BYTES)
        return err_set(c->e, OR_MALFORMED, "name: up to %d bytes are wanted", MAX_NAME_BYTES);
    return parse_subject(c, role);
}

or_status
control_admin_add(struct control_call *c)
{
    struct account_role_row role;
    or_status st = parse_role(c, &role);

    return st == OR_OK ? account_roles_add(c->db, &role, c->e) : st;
}

or_status
control_admin_del(struct control_call *c)
{
    struct account_role_row role;
    or_status st = parse_role(c, &role);

    return st == OR_OK ? account_roles_delete(c->db, &role, c->e) : st;
}

static json_t *
json_text(struct span s)
{
    return s.n == 0 ? json_null() : json_stringn(s.p, s.n);
}

or_status
control_admin_list(struct control_call *c)
{
    struct account_role_row role = {.id = 0};
    bool go_on = true;
    or_status st = OR_OK;

    while (go_on && (st = account_roles_next(c->db, role.id, c->mem, &role, c->e)) == OR_OK) {
        json_t *row = json_pack("{s:o, s:I, s:o, s:o}", "name", json_text(role.name), "uid",
                                (json_int_t)role.uid, "domain", json_text(role.domain), "owner",
                                json_text(role.address));
        go_on = c->show(c->context, row);
        json_decref(row);
        arena_reset(c->mem);
    }
    return st == OR_ABSENT ? OR_OK : st;
}
