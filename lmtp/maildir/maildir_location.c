/*
 * Reads mail locations as Dovecot 2.3 (mail=) and 2.4 (mail_path=) write them. What would put mail
 * where Dovecot does not look for it is refused: mail in the wrong place is lost mail.
 */
#include "lmtp/maildir/maildir_location.h"

#include <limits.h>

#define DEFAULT_LOCATION "~/Maildir"

/* Options that say where Dovecot keeps its indexes are Dovecot's own affair. */
static or_status
check_options(struct span options, struct err *e)
{
    struct span option;

    while (span_split(&options, ':', &option)) {
        if (span_has_prefix_nocase(option, SPAN_LIT("INBOX=")) ||
            (span_has_prefix_nocase(option, SPAN_LIT("LAYOUT=")) &&
             !span_equal_nocase_cstr(option, "LAYOUT=maildir++")))
            return err_set(e, OR_CONFIG, "mail location option %.*s is not supported",
                           SPAN_ARG(option));
    }
    return OR_OK;
}

static bool
is_absolute(struct span path)
{
    return path.n > 0 && path.p[0] == '/' && !span_contains_byte(path, '\0');
}

static or_status
join_home(struct span path, struct span home, struct arena *mem, const char **path_out,
          struct err *e)
{
    if (!is_absolute(home))
        return err_set(e, OR_CONFIG, "the account has no home directory for \"%.*s\"",
                       SPAN_ARG(path));
    *path_out = arena_printf(mem, "%.*s/%.*s", SPAN_ARG(home), SPAN_ARG(span_from(path, 2)));
    return *path_out != NULL ? OR_OK : err_set(e, OR_LIMIT, "mail location is too long");
}

or_status
maildir_location(struct span mail, struct span home, struct arena *mem, const char **path_out,
                 struct err *e)
{
    struct span path = mail.n != 0 ? mail : SPAN_LIT(DEFAULT_LOCATION);

    if (span_has_prefix(path, SPAN_LIT("maildir:")))
        path = span_from(path, sizeof("maildir:") - 1);
    size_t colon = span_find(path, ':');
    if (colon < path.n) {
        or_status st = check_options(span_from(path, colon + 1), e);

        if (st != OR_OK)
            return st;
        path = span_slice(path, 0, colon);
    }
    if (path.n == 0)
        path = SPAN_LIT(DEFAULT_LOCATION);
    if (path.n + home.n >= PATH_MAX)
        return err_set(e, OR_CONFIG, "mail location is too long");
    if (span_contains_byte(path, '%') || span_contains_byte(path, '\0'))
        return err_set(e, OR_CONFIG, "mail location \"%.*s\" has variables that nobody expanded",
                       SPAN_ARG(path));
    if (span_equal_cstr(path, "~") || span_has_prefix(path, SPAN_LIT("~/")))
        return join_home(path, home, mem, path_out, e);
    if (!is_absolute(path))
        return err_set(e, OR_CONFIG, "mail location \"%.*s\" is no Maildir path", SPAN_ARG(mail));
    *path_out = arena_strdup(mem, path);
    return *path_out != NULL ? OR_OK : err_set(e, OR_LIMIT, "mail location is too long");
}
