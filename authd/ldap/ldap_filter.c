/*
 * RFC 4515 3: "*", "(", ")", "\" and NUL are written as two hexadecimal digits; here everything
 * that is no letter, digit or a few harmless signs is, which is allowed and leaves nothing to
 * forget.
 */
#include "authd/ldap/ldap_filter.h"

#include <string.h>

static void
add_escaped(struct buf *out, struct span value)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@.-_+";

    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\0' && strchr(plain, value.p[i]) != NULL)
            buf_add_char(out, value.p[i]);
        else
            buf_addf(out, "\\%02x", (unsigned char)value.p[i]);
}

or_status
ldap_filter_check(const char *template, struct err *e)
{
    bool tells = false;

    for (const char *p = strchr(template, '%'); p != NULL; p = strchr(p + 2, '%')) {
        if (p[1] == '\0' || strchr("und%", p[1]) == NULL)
            return err_set(e, OR_CONFIG,
                           "\"%.100s\": unknown sign \"%.2s\"; allowed: %%u %%n %%d %%%%", template,
                           p);
        tells |= p[1] != '%';
    }
    return tells ? OR_OK
                 : err_set(e, OR_CONFIG, "\"%.100s\" is the same for everybody: put %%u into it",
                           template);
}

or_status
ldap_filter_expand(const char *template, const struct account_address *address, struct buf *out)
{
    for (const char *p = template; *p != '\0'; p++) {
        if (p[0] != '%' || p[1] == '\0') {
            buf_add_char(out, *p);
            continue;
        }
        p++;
        if (*p == 'u')
            add_escaped(out, address->whole);
        else if (*p == 'n')
            add_escaped(out, address->local);
        else if (*p == 'd')
            add_escaped(out, address->domain);
        else
            buf_add_char(out, *p);
    }
    return buf_finish(out);
}
