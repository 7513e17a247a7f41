/*
 * The grammar that all Dovecot auth lines share.
 */
#include "authd/auth_proto.h"

#include "common/text/base64.h"

/* Verbs whose second field is the id of a request. */
static const char *const verbs_with_id[] = {"AUTH", "CONT", "CANCEL",  "USER",
                                            "PASS", "LIST", "REQUEST", "CACHE-FLUSH"};

static bool
has_id(struct span verb)
{
    for (size_t i = 0; i < sizeof(verbs_with_id) / sizeof(verbs_with_id[0]); i++)
        if (span_equal_cstr(verb, verbs_with_id[i]))
            return true;
    return false;
}

or_status
auth_proto_number(const struct auth_line *line, size_t at, uint32_t *number_out)
{
    uint64_t number;

    if (at >= line->fields.count ||
        span_parse_u64(line->fields.fields[at], UINT32_MAX, &number) != OR_OK)
        return OR_MALFORMED;
    *number_out = (uint32_t)number;
    return OR_OK;
}

or_status
auth_proto_parse(struct span line, struct arena *mem, struct auth_line *line_out, struct err *e)
{
    or_status st = tabline_parse(line, mem, &line_out->fields, e);

    if (st != OR_OK)
        return st;
    line_out->verb = line_out->fields.fields[0];
    line_out->id = 0;
    if (has_id(line_out->verb) && auth_proto_number(line_out, 1, &line_out->id) != OR_OK)
        return err_set(e, OR_MALFORMED, "%.*s without a request id", SPAN_ARG(line_out->verb));
    return OR_OK;
}

or_status
auth_proto_dispatch(const struct auth_verb *verbs, size_t count, void *session, struct span text,
                    struct arena *mem, struct err *e)
{
    struct auth_line *line = arena_alloc(mem, sizeof(*line));

    if (line == NULL)
        return err_set(e, OR_LIMIT, "no memory left for this line");
    or_status st = auth_proto_parse(text, mem, line, e);
    if (st != OR_OK)
        return st;
    for (size_t i = 0; i < count; i++)
        if (span_equal_cstr(line->verb, verbs[i].verb))
            return verbs[i].run(session, line, e);
    return err_set(e, OR_MALFORMED, "unknown command %.*s", SPAN_ARG(line->verb));
}

or_status
auth_proto_check_version(const struct auth_line *line, struct err *e)
{
    uint32_t major;

    if (auth_proto_number(line, 1, &major) != OR_OK || major != 1)
        return err_set(e, OR_MALFORMED, "protocol version is not 1.x");
    return OR_OK;
}

or_status
auth_proto_response(struct span base64, struct buf *out)
{
    if (span_equal_cstr(base64, "="))
        return OR_OK;
    return base64_decode(base64, BASE64_STRICT, out);
}

void
auth_proto_add(struct buf *out, const char *key, struct span value)
{
    buf_addf(out, "\t%s=", key);
    tabline_escape(out, value);
}
