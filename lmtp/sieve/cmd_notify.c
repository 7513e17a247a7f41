/*
 * notify, valid_notify_method, notify_method_capability (RFC 5435), by mail (RFC 5436). Whether a
 * notification goes out is for the delivery to decide (lmtp/notification.h).
 */
#include "lmtp/sieve/sieve_mailto.h"
#include "lmtp/sieve/sieve_match.h"
#include "lmtp/sieve/sieve_rows.h"

#include "common/text/addrlist.h"

static bool
is_known(const struct sieve_check *c, const struct sieve_arg *arg)
{
    return (c->required & SIEVE_VARIABLES) == 0 || !sieve_vars_has(arg->strings[0]);
}

static bool
is_address(struct span text, struct arena *mem)
{
    struct addrlist list;
    struct err why;

    return addrlist_parse(text, mem, &list, &why) == OR_OK && list.count == 1 &&
           list.items[0].domain.n > 0;
}

/* RFC 5435 3.4 */
static bool
is_importance(struct span text)
{
    return text.n == 1 && text.p[0] >= '1' && text.p[0] <= '3';
}

/* RFC 5435 3.5: option-name "=" value; the name begins with a letter or digit. mailto has none. */
static bool
is_option(struct span text)
{
    size_t equals = span_find(text, '=');

    for (size_t i = 0; i < equals; i++) {
        char c = text.p[i];
        bool is_word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_word && (i == 0 || (c != '.' && c != '-' && c != '_')))
            return false;
    }
    for (size_t i = equals; i < text.n; i++)
        if (text.p[i] == '\r' || text.p[i] == '\n')
            return false;
    return equals > 0 && equals < text.n;
}

static or_status
check_tags(struct sieve_check *c, const struct sieve_node *node)
{
    const struct sieve_arg *from = node->given[SIEVE_SLOT_FROM].arg,
                           *importance = node->given[SIEVE_SLOT_IMPORTANCE].arg,
                           *options = node->given[SIEVE_SLOT_OPTIONS].arg;

    if (from != NULL && is_known(c, from) && !is_address(from->strings[0], c->mem))
        return sieve_check_fail(c, from->pos, "expected one address \"user@domain\"");
    if (importance != NULL && is_known(c, importance) && !is_importance(importance->strings[0]))
        return sieve_check_fail(c, importance->pos, "expected \"1\", \"2\" or \"3\"");
    for (size_t i = 0; options != NULL && i < options->count; i++)
        if (is_known(c, options) && !is_option(options->strings[i]))
            return sieve_check_fail(c, options->pos, "expected an option \"name=value\"");
    return OR_OK;
}

or_status
cmd_notify_check(struct sieve_check *c, struct sieve_node *node)
{
    const struct sieve_arg *method = node->positional[0];
    struct sieve_notification n;
    struct err why;

    if (is_known(c, method) && sieve_mailto_parse(method->strings[0], c->mem, &n, &why) != OR_OK)
        return sieve_check_fail(c, method->pos, "%s", why.text);
    or_status st = check_tags(c, node);
    return st == OR_OK ? cmd_fcc_check(c, node) : st;
}

static or_status
expand_tag(struct sieve_run *r, const struct sieve_node *node, enum sieve_slot slot,
           struct span *out)
{
    const struct sieve_arg *arg = node->given[slot].arg;

    *out = SPAN_EMPTY;
    return arg != NULL ? sieve_vars_expand(r, arg->strings[0], out) : OR_OK;
}

static or_status
expand_tags(struct sieve_run *r, const struct sieve_node *node, struct sieve_notification *n)
{
    struct span importance = SPAN_EMPTY;
    or_status st = expand_tag(r, node, SIEVE_SLOT_FROM, &n->from);

    if (st == OR_OK)
        st = expand_tag(r, node, SIEVE_SLOT_MESSAGE, &n->message);
    if (st == OR_OK)
        st = expand_tag(r, node, SIEVE_SLOT_IMPORTANCE, &importance);
    if (st != OR_OK)
        return st;
    if (importance.n > 0 && !is_importance(importance))
        return err_set(r->e, OR_MALFORMED,
                       "notify: expected \"1\", \"2\" or \"3\" behind :importance");
    n->importance = importance.n > 0 ? importance.p[0] : '2';
    /* RFC 5435 3.3: what is no address does not count. */
    if (!is_address(n->from, &r->mem))
        n->from = SPAN_EMPTY;
    return cmd_fcc_of(r, node, &n->fcc);
}

static bool
was_notified(const struct sieve_run *r, struct span address)
{
    for (size_t i = 0; i < r->actions.count; i++) {
        const struct sieve_notification *n = r->actions.items[i].notification;

        for (size_t k = 0; n != NULL && k < n->count; k++)
            if (span_equal_nocase(n->to[k].address, address))
                return true;
    }
    return false;
}

/* RFC 5436 2.7: nobody twice from one run. */
static void
leave_out_notified(const struct sieve_run *r, struct sieve_notification *n)
{
    size_t kept = 0;

    for (size_t i = 0; i < n->count; i++) {
        bool is_new = !was_notified(r, n->to[i].address);

        for (size_t k = 0; k < kept && is_new; k++)
            is_new = !span_equal_nocase(n->to[k].address, n->to[i].address);
        if (is_new)
            n->to[kept++] = n->to[i];
    }
    n->count = kept;
}

/* RFC 5435 7: nothing else changes. */
or_status
cmd_notify(struct sieve_run *r, const struct sieve_node *node)
{
    struct sieve_notification *n = arena_alloc(&r->mem, sizeof(*n));
    struct sieve_action action = {
        .kind = SIEVE_NOTIFY, .flags = SPAN_EMPTY, .target = SPAN_EMPTY, .notification = n};
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &action.target);

    if (n == NULL || st != OR_OK)
        return OR_LIMIT;
    st = sieve_mailto_parse(action.target, &r->mem, n, r->e);
    if (st == OR_OK)
        st = expand_tags(r, node, n);
    if (st != OR_OK)
        return st;
    /* RFC 5435 8: a ceiling on what one message may become. */
    if (++r->notifications > SIEVE_MAX_NOTIFICATIONS)
        return err_set(r->e, OR_LIMIT, "the script notifies more than %d times",
                       SIEVE_MAX_NOTIFICATIONS);
    leave_out_notified(r, n);
    return n->count > 0 ? sieve_run_add(r, &action) : OR_OK;
}

or_status
tst_valid_notify_method(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_notification n;
    struct span *uris;
    struct err why;
    size_t count;
    or_status st = sieve_vars_strings(r, node->positional[0], &uris, &count);

    *out = true;
    for (size_t i = 0; st == OR_OK && *out && i < count; i++)
        *out = sieve_mailto_parse(uris[i], &r->mem, &n, &why) == OR_OK;
    return st;
}

/* RFC 5436 2.2: nobody knows who is reading mail. */
or_status
tst_notify_method_capability(struct sieve_run *r, const struct sieve_node *node, bool *out)
{
    struct sieve_notification n;
    struct sieve_match m;
    struct span uri = SPAN_EMPTY, capability = SPAN_EMPTY;
    struct err why;
    or_status st = sieve_vars_expand(r, node->positional[0]->strings[0], &uri);

    if (st == OR_OK)
        st = sieve_vars_expand(r, node->positional[1]->strings[0], &capability);
    *out = false;
    if (st != OR_OK || !span_equal_nocase_cstr(capability, "online") ||
        sieve_mailto_parse(uri, &r->mem, &n, &why) != OR_OK)
        return st;
    st = sieve_match_begin(&m, r, node);
    if (st != OR_OK)
        return st;
    sieve_match_value(&m, SPAN_LIT("maybe"));
    return sieve_match_end(&m, out);
}
