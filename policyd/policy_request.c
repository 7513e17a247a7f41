/* Names to fields by table; the answer is made safe for Postfix's parser in one place, here. */
#include "policyd/policy_request.h"

#include "common/text/utf8.h"

#include <stddef.h>

#define MAX_RECIPIENTS 1000000 /* more are counted as one: no Postfix says so */

void
policy_request_parse(const struct attrs *a, struct policy_request *request_out)
{
    static const struct {
        const char *name;
        size_t offset;
    } fields[] = {
        {"protocol_state", offsetof(struct policy_request, protocol_state)},
        {"queue_id", offsetof(struct policy_request, queue_id)},
        {"instance", offsetof(struct policy_request, instance)},
        {"client_address", offsetof(struct policy_request, client_address)},
        {"client_name", offsetof(struct policy_request, client_name)},
        {"server_address", offsetof(struct policy_request, server_address)},
        {"helo_name", offsetof(struct policy_request, helo_name)},
        {"sender", offsetof(struct policy_request, sender)},
        {"recipient", offsetof(struct policy_request, recipient)},
        {"sasl_username", offsetof(struct policy_request, sasl_username)},
        {"recipient_count", offsetof(struct policy_request, recipient_count)},
        {"size", offsetof(struct policy_request, size)},
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct span value = attrs_get(a, fields[i].name);
        *(struct span *)(void *)((char *)request_out + fields[i].offset) =
            value.p == NULL ? SPAN_EMPTY : value;
    }
}

/* One character, or '?' for a byte that begins none; control characters (C1 included) become a
 * blank. */
static struct span
next_character(struct span *rest)
{
    struct span before = *rest;
    uint32_t code = 0;

    if (utf8_next(rest, &code) != OR_OK) {
        *rest = span_from(before, 1);
        return SPAN_LIT("?");
    }
    if (code < ' ' || (code >= 0x7f && code < 0xa0))
        return SPAN_LIT(" ");
    return span_slice(before, 0, before.n - rest->n);
}

void
policy_request_answer(struct buf *out, struct span action)
{
    struct span rest = span_trim(action);
    size_t length = 0;

    buf_add_cstr(out, "action=");
    if (rest.n == 0)
        buf_add_cstr(out, "DUNNO");
    while (rest.n > 0) {
        struct span c = next_character(&rest);
        if (length + c.n > POLICY_ACTION_MAX_BYTES)
            break;
        buf_add_span(out, c);
        length += c.n;
    }
    buf_add_cstr(out, "\n\n");
}

int64_t
policy_request_recipients(const struct policy_request *r)
{
    uint64_t count;

    if (span_parse_u64(r->recipient_count, MAX_RECIPIENTS, &count) != OR_OK || count == 0)
        return 1;
    return (int64_t)count;
}
