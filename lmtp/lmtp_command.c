/*
 * Parsing only: what the parameters' values mean against our limits is the session's business.
 */
#include "lmtp/lmtp_command.h"

#include "common/text/utf8.h"

#define MAX_PARAMETERS 16

static const struct lmtp_reply bad_syntax = {501, "5.5.4", "syntax: MAIL FROM:<address>"};
static const struct lmtp_reply bad_rcpt_syntax = {501, "5.5.4", "syntax: RCPT TO:<address>"};
static const struct lmtp_reply bad_sender = {501, "5.1.7", "bad sender address"};
static const struct lmtp_reply bad_recipient = {501, "5.1.3", "bad recipient address"};
static const struct lmtp_reply bad_parameter = {501, "5.5.4", "bad parameter"};
static const struct lmtp_reply unknown_parameter = {555, "5.5.4", "unsupported parameter"};
static const struct lmtp_reply needs_utf8 = {553, "5.6.7", "this address needs SMTPUTF8"};

static or_status
refuse(struct lmtp_reply *out, const struct lmtp_reply *reply)
{
    *out = *reply;
    return OR_MALFORMED;
}

static bool
has_control(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
            return true;
    return false;
}

or_status
lmtp_command_split(struct span line, struct lmtp_command *command_out)
{
    if (line.n == 0 || line.p[line.n - 1] != '\r')
        return OR_MALFORMED;
    line.n--;
    if (has_control(line))
        return OR_MALFORMED;
    size_t blank = span_find(line, ' ');
    command_out->verb = span_slice(line, 0, blank);
    command_out->argument = span_trim(span_from(line, blank));
    return OR_OK;
}

static or_status
take_size(struct span value, struct lmtp_mail *m)
{
    /* RFC 1870 3: up to 20 digits; what exceeds 64 bits is too big for any limit. */
    or_status st = value.n <= 20 ? span_parse_u64(value, UINT64_MAX, &m->size_bytes) : OR_MALFORMED;

    if (st == OR_LIMIT)
        m->size_bytes = UINT64_MAX;
    return st == OR_LIMIT ? OR_OK : st;
}

static or_status
take_body(struct span value, struct lmtp_mail *m)
{
    m->eight_bit = span_equal_nocase_cstr(value, "8BITMIME");
    m->binary = span_equal_nocase_cstr(value, "BINARYMIME");
    return m->eight_bit || m->binary || span_equal_nocase_cstr(value, "7BIT") ? OR_OK
                                                                              : OR_MALFORMED;
}

static or_status
take_smtputf8(struct span value, struct lmtp_mail *m)
{
    m->smtputf8 = true;
    return value.p == NULL ? OR_OK : OR_MALFORMED; /* RFC 6531 3.4: has no value */
}

static const struct parameter {
    const char *keyword;
    or_status (*take)(struct span value, struct lmtp_mail *m);
} mail_parameters[] = {
    {"SIZE", take_size},
    {"BODY", take_body},
    {"SMTPUTF8", take_smtputf8},
};

#define MAIL_PARAMETER_COUNT (sizeof(mail_parameters) / sizeof(mail_parameters[0]))

static or_status
take_parameter(struct span word, unsigned *seen, struct lmtp_mail *m, struct lmtp_reply *refusal)
{
    size_t equals = span_find(word, '=');
    struct span keyword = span_slice(word, 0, equals);
    struct span value = equals < word.n ? span_from(word, equals + 1) : span_make(NULL, 0);

    for (size_t i = 0; i < MAIL_PARAMETER_COUNT; i++) {
        if (!span_equal_nocase_cstr(keyword, mail_parameters[i].keyword))
            continue;
        if ((*seen & 1u << i) != 0 || mail_parameters[i].take(value, m) != OR_OK)
            return refuse(refusal, &bad_parameter);
        *seen |= 1u << i;
        return OR_OK;
    }
    return refuse(refusal, &unknown_parameter);
}

static or_status
take_parameters(struct span rest, struct lmtp_mail *m, struct lmtp_reply *refusal)
{
    struct span word;
    unsigned seen = 0;

    for (size_t count = 0; span_split(&rest, ' ', &word); count++) {
        if (count == MAX_PARAMETERS)
            return refuse(refusal, &bad_parameter);
        if (word.n == 0)
            continue;
        or_status st = take_parameter(word, &seen, m, refusal);
        if (st != OR_OK)
            return st;
    }
    return OR_OK;
}

/* "FROM:" and the path. The blank that some clients put behind the colon is let through. */
static or_status
take_path(struct span *argument, const char *keyword, struct arena *mem, struct addr *path_out)
{
    struct span key = span_cstr(keyword);

    if (!span_has_prefix_nocase(*argument, key))
        return OR_ABSENT;
    if (addr_parse_path(span_from(*argument, key.n), false, mem, path_out, argument, NULL) != OR_OK)
        return OR_MALFORMED;
    return utf8_is_valid(path_out->local) && utf8_is_valid(path_out->domain) ? OR_OK : OR_MALFORMED;
}

static bool
needs_smtputf8(const struct addr *a)
{
    return !utf8_is_ascii(a->local) || !utf8_is_ascii(a->domain);
}

or_status
lmtp_command_mail(struct span argument, struct arena *mem, struct lmtp_mail *mail_out,
                  struct lmtp_reply *refusal_out)
{
    struct lmtp_mail m = {0};
    or_status st = take_path(&argument, "FROM:", mem, &m.reverse_path);

    if (st != OR_OK)
        return refuse(refusal_out, st == OR_ABSENT ? &bad_syntax : &bad_sender);
    st = take_parameters(argument, &m, refusal_out);
    if (st != OR_OK)
        return st;
    if (needs_smtputf8(&m.reverse_path) && !m.smtputf8)
        return refuse(refusal_out, &needs_utf8);
    *mail_out = m;
    return OR_OK;
}

or_status
lmtp_command_rcpt(struct span argument, bool smtputf8, struct arena *mem,
                  struct addr *forward_path_out, struct lmtp_reply *refusal_out)
{
    struct addr path;
    or_status st = take_path(&argument, "TO:", mem, &path);

    if (st != OR_OK)
        return refuse(refusal_out, st == OR_ABSENT ? &bad_rcpt_syntax : &bad_recipient);
    if (addr_is_null(&path))
        return refuse(refusal_out, &bad_recipient);
    if (argument.n > 0)
        return refuse(refusal_out, &unknown_parameter);
    if (needs_smtputf8(&path) && !smtputf8)
        return refuse(refusal_out, &needs_utf8);
    *forward_path_out = path;
    return OR_OK;
}

or_status
lmtp_command_bdat(struct span argument, struct lmtp_chunk *chunk_out)
{
    size_t blank = span_find(argument, ' ');
    struct span last = span_trim(span_from(argument, blank));
    struct lmtp_chunk c = {.is_last = span_equal_nocase_cstr(last, "LAST")};

    if (last.n > 0 && !c.is_last)
        return OR_MALFORMED;
    if (span_parse_u64(span_slice(argument, 0, blank), UINT64_MAX, &c.size_bytes) != OR_OK)
        return OR_MALFORMED;
    *chunk_out = c;
    return OR_OK;
}
