/*
 * The client's half of Dovecot's auth-master protocol, as far as looking users up goes. One
 * question is outstanding at a time; a connection on which anything went wrong is never used again,
 * so a late answer cannot be taken for the answer to another question.
 *
 * Standards: none; protocols of Dovecot 2.3 and 2.4, which differ in the name of one parameter.
 */
#include "common/run/account.h"

#include "common/base/clock.h"
#include "common/base/xalloc.h"
#include "common/run/stream.h"
#include "common/text/ip.h"
#include "common/text/tabline.h"

#include <stdlib.h>
#include <string.h>

/* Dovecot drops the connection when a request line has more than 1024 bytes; the rest of the line
 * is below 64, and escaping may double what is left. */
#define MAX_USER_BYTES 470
#define MAX_REQUEST_BYTES 1024
#define MAX_HANDSHAKE_LINES 32
#define LMTP_PORT 24 /* as Dovecot's proxies take it */

struct account_client {
    const char *address;
    int64_t timeout_ms;
    struct stream *stream; /* NULL: not connected */
    uint64_t last_id;
};

struct account_client *
account_client_new(const char *address, int64_t timeout_ms)
{
    struct account_client *c = xcalloc(1, sizeof(*c));

    c->address = address;
    c->timeout_ms = timeout_ms;
    return c;
}

static void
disconnect(struct account_client *c)
{
    stream_free(c->stream);
    c->stream = NULL;
}

void
account_client_free(struct account_client *c)
{
    if (c == NULL)
        return;
    disconnect(c);
    free(c);
}

static or_status
parse_id(struct span text, struct span what, uint32_t *id_out, struct err *e)
{
    uint64_t value;

    if (text.p == NULL)
        return err_set(e, OR_TEMPFAIL, "the account has no %.*s: give it one in the userdb",
                       SPAN_ARG(what));
    /* The highest number is what the kernel takes for "no change". */
    if (span_parse_u64(text, UINT32_MAX - 1, &value) != OR_OK)
        return err_set(e, OR_MALFORMED, "%.*s=%.*s is no number", SPAN_ARG(what), SPAN_ARG(text));
    *id_out = (uint32_t)value;
    return OR_OK;
}

/* 2.3 says mail=maildir:~/Maildir; 2.4 says mail_driver= and mail_path=. Another driver than
 * maildir is passed on as "driver:path", which nobody takes for a Maildir. */
static or_status
mail_location(const struct tabline *t, struct arena *mem, struct span *mail_out)
{
    struct span mail = tabline_get(t, 3, "mail");
    struct span driver = tabline_get(t, 3, "mail_driver");
    struct span path = tabline_get(t, 3, "mail_path");

    if (mail.p == NULL && driver.p != NULL && !span_equal_cstr(driver, "maildir")) {
        const char *text = arena_printf(mem, "%.*s:%.*s", SPAN_ARG(driver), SPAN_ARG(path));

        if (text == NULL)
            return OR_LIMIT;
        *mail_out = span_cstr(text);
        return OR_OK;
    }
    return arena_copy(mem, mail.p != NULL ? mail : path, mail_out);
}

/* Dovecot's proxy fields. `proxy_maybe` asks us to know all our own addresses: delivering here when
 * we guess wrong would be mail that nobody finds. */
static or_status
proxy_address(const struct tabline *t, struct arena *mem, struct span *proxy_out, struct err *e)
{
    struct span host = tabline_get(t, 3, "host"), port = tabline_get(t, 3, "port");
    struct ip ip;
    uint64_t number = LMTP_PORT;

    if (tabline_get(t, 3, "proxy_maybe").p != NULL)
        return err_set(e, OR_TEMPFAIL, "the account has proxy_maybe, which is not supported");
    if (tabline_get(t, 3, "proxy").p == NULL)
        return OR_OK;
    if (host.p == NULL || ip_parse(host, &ip) != OR_OK)
        return err_set(e, OR_TEMPFAIL, "the account has proxy and no IP address in host");
    if (port.p != NULL && (span_parse_u64(port, 65535, &number) != OR_OK || number == 0))
        return err_set(e, OR_TEMPFAIL, "the account's port=%.*s is no port", SPAN_ARG(port));
    bool brackets = span_contains_byte(host, ':');
    const char *text = arena_printf(mem, "inet:%s%.*s%s:%u", brackets ? "[" : "", SPAN_ARG(host),
                                    brackets ? "]" : "", (unsigned)number);
    if (text == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this request");
    *proxy_out = span_cstr(text);
    return OR_OK;
}

/* Of an account whose mailbox is elsewhere nobody needs to know its owner. */
static or_status
parse_owner(const struct tabline *t, struct account *a, struct err *e)
{
    uint32_t uid = 0, gid = 0;

    if (a->proxy.n > 0)
        return OR_OK;
    or_status st = parse_id(tabline_get(t, 3, "uid"), SPAN_LIT("uid"), &uid, e);
    if (st == OR_OK)
        st = parse_id(tabline_get(t, 3, "gid"), SPAN_LIT("gid"), &gid, e);
    a->uid = uid;
    a->gid = gid;
    return st;
}

/* 2.3: quota_rule=, quota_rule2= and so on, as they are. 2.4: quota_storage_size= and
 * quota_message_count=, alone or as quota/ROOT/quota_storage_size=. */
static const struct {
    const char *key;
    const char *rule; /* NULL: the value is one */
} quota_keys[] = {
    {"quota_rule", NULL},
    {"quota_storage_size", "*:bytes"},
    {"quota_message_count", "*:messages"},
};

static struct span
quota_key(struct span key)
{
    size_t slash = span_rfind(key, '/');

    return span_has_prefix(key, SPAN_LIT("quota/")) ? span_from(key, slash + 1) : key;
}

static bool
is_quota_key(struct span key, const char *name)
{
    struct span rest = span_from(key, strlen(name));
    uint64_t number;

    return span_has_prefix(key, span_cstr(name)) &&
           (rest.n == 0 || span_parse_u64(rest, ACCOUNT_MAX_QUOTA_RULES, &number) == OR_OK);
}

/* More than there is room for are not taken: the first ones are the limits. */
static or_status
add_quota_rule(struct span field, struct arena *mem, struct account *a)
{
    size_t equals = span_find(field, '=');
    struct span key = quota_key(span_slice(field, 0, equals)), value = span_from(field, equals + 1);

    for (size_t i = 0; i < sizeof(quota_keys) / sizeof(quota_keys[0]); i++) {
        if (!is_quota_key(key, quota_keys[i].key) || equals == field.n ||
            a->quota_rule_count == ACCOUNT_MAX_QUOTA_RULES)
            continue;
        const char *text = quota_keys[i].rule == NULL
                               ? arena_strdup(mem, value)
                               : arena_printf(mem, "%s=%.*s", quota_keys[i].rule, SPAN_ARG(value));
        if (text == NULL)
            return OR_LIMIT;
        a->quota_rules[a->quota_rule_count++] = span_cstr(text);
    }
    return OR_OK;
}

static or_status
quota_rules(const struct tabline *t, struct arena *mem, struct account *a)
{
    or_status st = OR_OK;

    for (size_t i = 3; st == OR_OK && i < t->count; i++)
        st = add_quota_rule(t->fields[i], mem, a);
    return st;
}

static or_status
parse_user(const struct tabline *t, struct arena *mem, struct account *account_out, struct err *e)
{
    struct account a = {0};

    if (t->count < 3 || t->fields[2].n == 0)
        return err_set(e, OR_MALFORMED, "USER reply without a name");
    if (tabline_get(t, 3, "chroot").n > 0)
        return err_set(e, OR_TEMPFAIL, "the account lives in a chroot, which is not supported");
    or_status st = proxy_address(t, mem, &a.proxy, e);
    if (st == OR_OK)
        st = parse_owner(t, &a, e);
    if (st != OR_OK)
        return st;
    if (arena_copy(mem, t->fields[2], &a.name) != OR_OK ||
        arena_copy(mem, tabline_get(t, 3, "home"), &a.home) != OR_OK ||
        arena_copy(mem, tabline_get(t, 3, "sieve"), &a.sieve) != OR_OK ||
        mail_location(t, mem, &a.mail) != OR_OK || quota_rules(t, mem, &a) != OR_OK)
        return err_set(e, OR_LIMIT, "no memory left for this request");
    *account_out = a;
    return OR_OK;
}

static or_status
parse_fields(const struct tabline *t, struct arena *mem, struct account *account_out, struct err *e)
{
    if (span_equal_cstr(t->fields[0], "USER"))
        return parse_user(t, mem, account_out, e);
    if (span_equal_cstr(t->fields[0], "NOTFOUND"))
        return err_set(e, OR_ABSENT, "no such user");
    if (!span_equal_cstr(t->fields[0], "FAIL"))
        return err_set(e, OR_MALFORMED, "unknown reply \"%.*s\"", SPAN_ARG(t->fields[0]));
    struct span reason = tabline_get(t, 2, "reason");
    return err_set(e, OR_TEMPFAIL, "the userdb says: %.*s",
                   SPAN_ARG(reason.n > 0 ? reason : SPAN_LIT("temporary failure")));
}

or_status
account_parse_reply(struct span line, uint64_t id, struct arena *mem, struct account *account_out,
                    struct err *e)
{
    struct tabline t;
    uint64_t got;
    or_status st = tabline_parse(line, mem, &t, e);

    if (st != OR_OK)
        return st;
    if (t.count < 2 || span_parse_u64(t.fields[1], UINT64_MAX, &got) != OR_OK || got != id)
        return err_set(e, OR_MALFORMED, "reply \"%.*s\" does not belong to the question",
                       SPAN_ARG(t.fields[0]));
    return parse_fields(&t, mem, account_out, e);
}

static bool
is_line_of(struct span line, const char *verb)
{
    struct span first;

    return span_split(&line, '\t', &first) && span_equal_cstr(first, verb);
}

/* One line of the handshake. OR_ABSENT: it goes on. */
static or_status
take_handshake_line(struct span line, struct err *e)
{
    if (is_line_of(line, "SPID"))
        return OR_OK;
    if (is_line_of(line, "CUID") || is_line_of(line, "MECH"))
        return err_set(e, OR_TEMPFAIL, "this is a login socket, not a userdb one");
    if (is_line_of(line, "VERSION") && !span_has_prefix(line, SPAN_LIT("VERSION\t1\t")))
        return err_set(e, OR_TEMPFAIL, "unknown protocol version");
    return OR_ABSENT;
}

static or_status
read_line(struct account_client *c, struct span *line_out, struct err *e)
{
    or_status st = stream_read_line(c->stream, ACCOUNT_MAX_REPLY_BYTES, line_out);

    if (st == OR_OK)
        return OR_OK;
    return err_set(e, st, "no reply: %s", or_status_name(st));
}

static or_status
read_handshake(struct account_client *c, struct err *e)
{
    for (unsigned i = 0; i < MAX_HANDSHAKE_LINES; i++) {
        struct span line;
        or_status st = read_line(c, &line, e);

        if (st == OR_OK)
            st = take_handshake_line(line, e);
        if (st != OR_ABSENT)
            return st;
    }
    return err_set(e, OR_MALFORMED, "the handshake does not end");
}

static or_status
send_question(struct account_client *c, struct span user, bool first, struct err *e)
{
    struct buf line;

    buf_init(&line, MAX_REQUEST_BYTES);
    if (first)
        buf_add_cstr(&line, "VERSION\t1\t1\n");
    buf_addf(&line, "USER\t%llu\t", (unsigned long long)++c->last_id);
    tabline_escape(&line, user);
    /* 2.3 knows service=, 2.4 protocol=; each takes the other's for an unknown extra. */
    buf_add_cstr(&line, "\tservice=lmtp\tprotocol=lmtp\n");
    or_status st = buf_finish(&line);
    if (st == OR_OK)
        st = stream_write(c->stream, buf_span(&line));
    if (st == OR_OK)
        st = stream_flush(c->stream);
    buf_fini(&line);
    return st == OR_OK ? OR_OK : err_set(e, st, "cannot ask: %s", or_status_name(st));
}

/* One try on whatever connection there is or can be made. */
static or_status
ask(struct account_client *c, struct span user, struct arena *mem, struct account *account_out,
    struct err *e)
{
    bool first = c->stream == NULL;
    struct span line;
    or_status st = OR_OK;

    if (first)
        st = stream_connect(c->address, c->timeout_ms, &c->stream, e);
    if (st != OR_OK)
        return st;
    stream_set_deadline(c->stream, clock_mono_ms() + c->timeout_ms);
    st = send_question(c, user, first, e);
    if (st == OR_OK && first)
        st = read_handshake(c, e);
    if (st == OR_OK)
        st = read_line(c, &line, e);
    if (st != OR_OK) {
        disconnect(c);
        return st;
    }
    st = account_parse_reply(line, c->last_id, mem, account_out, e);
    if (st == OR_MALFORMED || st == OR_LIMIT)
        disconnect(c);
    return st;
}

/* What may not be sent; ESC (0x01) is escaped like the others but no address has it. */
static bool
is_askable(struct span user)
{
    return user.n > 0 && user.n <= MAX_USER_BYTES && !span_contains_byte(user, '\t') &&
           !span_contains_byte(user, '\r') && !span_contains_byte(user, '\n') &&
           !span_contains_byte(user, '\0');
}

or_status
account_lookup(struct account_client *c, struct span user, struct arena *mem,
               struct account *account_out, struct err *e)
{
    bool kept = c->stream != NULL;

    if (!is_askable(user))
        return err_set(e, OR_MALFORMED, "this name cannot be looked up");
    or_status st = ask(c, user, mem, account_out, e);
    /* The server may have been restarted since the last question. */
    if (st == OR_CLOSED && kept)
        st = ask(c, user, mem, account_out, e);
    if (st == OR_OK || st == OR_ABSENT)
        return st;
    return err_wrap(e, OR_TEMPFAIL, "%s", c->address);
}
