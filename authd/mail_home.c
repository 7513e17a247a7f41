/*
 * %n, %d, %u and %% in mail-home.
 */
#include "authd/mail_home.h"

#include "common/base/buf.h"

#include <limits.h>
#include <string.h>

or_status
mail_home_check(const char *template, struct err *e)
{
    bool has_local = false, has_domain = false;

    if (template[0] != '/')
        return err_set(e, OR_CONFIG, "mail-home: \"%s\" is no absolute path", template);
    for (const char *c = strchr(template, '%'); c != NULL; c = strchr(c + 2, '%')) {
        if (c[1] == '\0' || strchr("ndu%", c[1]) == NULL)
            return err_set(e, OR_CONFIG,
                           "mail-home: \"%%%c\" is unknown; there are %%n, %%d, %%u, %%%%",
                           c[1] != '\0' ? c[1] : ' ');
        has_local = has_local || c[1] == 'n' || c[1] == 'u';
        has_domain = has_domain || c[1] == 'd' || c[1] == 'u';
    }
    if (!has_local || !has_domain)
        return err_set(e, OR_CONFIG,
                       "mail-home: \"%s\" gives several accounts one home; use %%n and %%d",
                       template);
    return OR_OK;
}

or_status
mail_home_expand(const char *template, const struct account_address *address, struct arena *mem,
                 struct span *home_out)
{
    struct buf path;

    buf_init(&path, PATH_MAX);
    for (const char *c = template; *c != '\0'; c++) {
        if (*c != '%') {
            buf_add_char(&path, *c);
            continue;
        }
        c++;
        if (*c == 'n')
            buf_add_span(&path, address->local);
        else if (*c == 'd')
            buf_add_span(&path, address->domain);
        else if (*c == 'u')
            buf_add_span(&path, address->whole);
        else
            buf_add_char(&path, '%');
    }
    or_status st = buf_finish(&path);
    if (st == OR_OK)
        st = arena_copy(mem, buf_span(&path), home_out);
    buf_fini(&path);
    return st;
}
