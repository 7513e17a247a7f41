/* Received-SPF (RFC 7208 9.1): a comment for people, key-value pairs for programs. */
#include "policyd/spf/spf_header.h"

/* Ceilings in bytes as written; together below SPF_HEADER_MAX_BYTES. */
#define COMMENT_BYTES 100 /* receiver, domain */
#define NAME_BYTES 90     /* receiver, helo */
#define ADDRESS_BYTES 160 /* envelope-from */
#define REASON_BYTES 200  /* problem, mechanism */

static const struct {
    const char *before, *after; /* the client's address */
} sayings[] = {
    [SPF_NONE] = {"publishes no SPF record for", ""},
    [SPF_NEUTRAL] = {"neither permits nor denies", ""},
    [SPF_PASS] = {"designates", " as permitted sender"},
    [SPF_FAIL] = {"does not designate", " as permitted sender"},
    [SPF_SOFTFAIL] = {"probably does not use", " as sender"},
    [SPF_TEMPERROR] = {"could not be asked now about", ""},
    [SPF_PERMERROR] = {"has a faulty SPF record: not checked for", ""},
};

static bool
is_atext(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && span_contains_byte(SPAN_LIT("!#$%&'*+-/=?^_`{|}~"), c));
}

/* RFC 5322 3.2.3: atoms with single dots between. */
static bool
is_dot_atom(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '.' ? i == 0 || i + 1 == s.n || s.p[i - 1] == '.' : !is_atext(s.p[i]))
            return false;
    }
    return s.n > 0;
}

/* At most `max` bytes; `special` are quoted with a backslash, what is not printable ASCII becomes
 * '?'. */
static void
add_escaped(struct buf *out, struct span s, const char *special, size_t max)
{
    struct span specials = span_cstr(special);
    size_t used = 0;

    for (size_t i = 0; i < s.n && used + 2 <= max; i++) {
        char c = s.p[i] >= ' ' && s.p[i] <= '~' ? s.p[i] : '?';
        if (span_contains_byte(specials, c)) {
            buf_add_char(out, '\\');
            used++;
        }
        buf_add_char(out, c);
        used++;
    }
}

static void
add_comment(struct buf *out, struct span text)
{
    add_escaped(out, text, "()\\", COMMENT_BYTES);
}

/* key=value; the value as dot-atom where it is one, else as quoted-string. */
static void
add_pair(struct buf *out, const char *key, struct span value, size_t max)
{
    if (value.n == 0)
        return;
    buf_addf(out, " %s=", key);
    if (value.n <= max && is_dot_atom(value)) {
        buf_add_span(out, value);
    } else {
        buf_add_char(out, '"');
        add_escaped(out, value, "\"\\", max);
        buf_add_char(out, '"');
    }
    buf_add_char(out, ';');
}

void
spf_header_format(const struct spf_query *query, const struct spf_outcome *outcome, struct buf *out)
{
    struct span receiver = query->receiver.n != 0 ? query->receiver : SPAN_LIT("unknown");
    struct span domain = outcome->domain.n != 0 ? outcome->domain : SPAN_LIT("the sender");
    char ip[IP_TEXT_BYTES];

    ip_format(&query->ip, ip);
    buf_addf(out, "%s (", spf_result_name(outcome->result));
    add_comment(out, receiver);
    buf_add_cstr(out, outcome->domain.n != 0 ? ": domain of " : ": ");
    add_comment(out, domain);
    buf_addf(out, " %s %s%s)", sayings[outcome->result].before, ip, sayings[outcome->result].after);
    add_pair(out, "receiver", receiver, NAME_BYTES);
    /* RFC 7208 9.1: "identity" keeps the two scopes apart for whoever reads the field. */
    add_pair(out, "identity",
             outcome->scope == SPF_SCOPE_HELO ? SPAN_LIT("helo") : SPAN_LIT("mailfrom"),
             NAME_BYTES);
    add_pair(out, "client-ip", span_cstr(ip), IP_TEXT_BYTES);
    add_pair(out, "envelope-from", query->sender, ADDRESS_BYTES);
    add_pair(out, "helo", query->helo, NAME_BYTES);
    add_pair(out, "mechanism", outcome->matched.term, REASON_BYTES);
    if (outcome->result == SPF_TEMPERROR || outcome->result == SPF_PERMERROR)
        add_pair(out, "problem", outcome->reason, REASON_BYTES);
}
