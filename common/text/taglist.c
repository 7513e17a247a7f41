/*
 * tag=value lists. Views into the given bytes, nothing is copied; the meaning of tags is the
 * caller's.
 */
#include "common/text/taglist.h"

#include "common/text/utf8.h"

static bool
is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* RFC 6376 3.2: tag-name = ALPHA *ALNUMPUNC */
static bool
is_name(struct span s)
{
    if (s.n == 0 || !is_alpha(s.p[0]))
        return false;
    for (size_t i = 1; i < s.n; i++)
        if (!is_alpha(s.p[i]) && !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '_')
            return false;
    return true;
}

static bool
is_value(struct span s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool is_fws = c == ' ' || c == '\t' || c == '\r' || c == '\n';

        if (!is_fws && ((unsigned char)c < 0x21 || c == 0x7f))
            return false;
    }
    return utf8_is_valid(s);
}

static or_status
add_tag(struct taglist *list, struct span part, struct err *e)
{
    size_t equals = span_find(part, '=');
    struct span name = span_trim(span_slice(part, 0, equals));
    struct span value = span_trim(span_from(part, equals + 1));

    if (equals == part.n)
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not tag=value", SPAN_ARG(part));
    if (!is_name(name))
        return err_set(e, OR_MALFORMED, "\"%.*s\" is not a tag name", SPAN_ARG(name));
    if (!is_value(value))
        return err_set(e, OR_MALFORMED, "the value of \"%.*s\" has forbidden bytes",
                       SPAN_ARG(name));
    for (size_t i = 0; i < list->count; i++)
        if (span_equal(list->tags[i].name, name))
            return err_set(e, OR_MALFORMED, "tag \"%.*s\" stands twice", SPAN_ARG(name));
    if (list->count == TAGLIST_MAX)
        return err_set(e, OR_LIMIT, "more than %d tags", TAGLIST_MAX);
    list->tags[list->count++] = (struct tag){.name = name, .value = value};
    return OR_OK;
}

or_status
taglist_parse(struct span s, struct taglist *list_out, struct err *e)
{
    struct span rest = s, part;

    list_out->count = 0;
    while (span_split(&rest, ';', &part)) {
        part = span_trim(part);
        /* Only what follows the last ";" may be empty. */
        if (part.n == 0 && rest.p == NULL && list_out->count != 0)
            break;
        or_status st = add_tag(list_out, part, e);
        if (st != OR_OK) {
            list_out->count = 0;
            return st;
        }
    }
    return list_out->count != 0 ? OR_OK : err_set(e, OR_MALFORMED, "no tags at all");
}

const struct tag *
taglist_get(const struct taglist *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (span_equal_cstr(list->tags[i].name, name))
            return &list->tags[i];
    return NULL;
}
