/* One form in, one form out. */
#include "authd/accounts/account_host.h"

#include "common/text/domain.h"
#include "common/text/ip.h"

/* "host:port", "[address]:port", "address" without brackets. */
static or_status
split(struct span text, struct span *host_out, struct span *port_out)
{
    bool brackets = text.n > 0 && text.p[0] == '[';
    size_t end = brackets ? span_find(text, ']') : span_rfind(text, ':');
    struct ip ip;

    *port_out = (struct span){.p = NULL};
    *host_out = text;
    if (ip_parse(text, &ip) == OR_OK && !brackets)
        return OR_OK;
    if (brackets) {
        *host_out = span_slice(text, 1, end);
        text = span_from(text, end);
        if (text.n == 0)
            return OR_MALFORMED;
        text = span_from(text, 1);
        if (text.n == 0)
            return OR_OK;
        end = 0;
    }
    if (end == text.n)
        return brackets ? OR_MALFORMED : OR_OK;
    if (text.p[end] != ':')
        return OR_MALFORMED;
    if (!brackets)
        *host_out = span_slice(text, 0, end);
    *port_out = span_from(text, end + 1);
    return OR_OK;
}

or_status
account_host_parse(struct span text, struct arena *mem, struct account_host *host_out,
                   struct err *e)
{
    struct account_host h = {.port = 0};
    struct span host, port;
    uint64_t number = 0;
    struct ip ip;

    or_status st = split(text, &host, &port);
    if (st == OR_OK && port.p != NULL)
        st = span_parse_u64(port, 65535, &number);
    h.port = (uint16_t)number;
    h.is_address = st == OR_OK && ip_parse(host, &ip) == OR_OK;
    if (st == OR_OK && h.is_address) {
        char *formatted = arena_alloc(mem, IP_TEXT_BYTES);

        if (formatted == NULL)
            return OR_LIMIT;
        ip_format(&ip, formatted);
        h.host = span_cstr(formatted);
    } else if (st == OR_OK && domain_is_hostname(host) &&
               domain_canonical(host, mem, &h.host, NULL) == OR_OK) {
        st = OR_OK;
    } else {
        st = OR_MALFORMED;
    }
    if (st != OR_OK || (port.p != NULL && number == 0))
        return err_set(e, OR_MALFORMED,
                       "\"%.*s\" is no host; write e.g. 192.0.2.7, [2001:db8::7]:24 or "
                       "mx.example.org:25",
                       SPAN_ARG(span_slice(text, 0, 80)));
    *host_out = h;
    return OR_OK;
}
