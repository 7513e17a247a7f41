/*
 * OpenDKIM's text formats, cut into spans.
 */
#include "milter/import/opendkim_text.h"

#include <string.h>

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static void
split_blank(struct span text, struct opendkim_entry *entry)
{
    size_t n = 0;

    while (n < text.n && !is_blank(text.p[n]))
        n++;
    entry->name = span_slice(text, 0, n);
    entry->value = span_trim(span_from(text, n));
}

bool
opendkim_line_next(struct opendkim_cursor *cursor, struct opendkim_entry *entry_out)
{
    struct span line;

    while (span_split(&cursor->rest, '\n', &line)) {
        cursor->line++;
        line = span_trim(span_slice(line, 0, span_find(line, '#')));
        if (line.n == 0)
            continue;
        split_blank(line, entry_out);
        entry_out->line = cursor->line;
        return true;
    }
    return false;
}

bool
opendkim_list_next(struct opendkim_cursor *cursor, struct opendkim_entry *entry_out)
{
    struct span item;

    while (span_split(&cursor->rest, ',', &item)) {
        cursor->line++;
        item = span_trim(item);
        if (item.n == 0)
            continue;
        size_t equals = span_find(item, '=');
        entry_out->name = span_trim(span_slice(item, 0, equals));
        entry_out->value = equals < item.n ? span_trim(span_from(item, equals + 1)) : SPAN_EMPTY;
        entry_out->line = cursor->line;
        return true;
    }
    return false;
}

struct opendkim_source
opendkim_source_parse(struct span text)
{
    static const struct {
        const char *prefix;
        enum opendkim_source_kind kind;
    } known[] = {
        {"file", OPENDKIM_FILE},      {"refile", OPENDKIM_REFILE},  {"csl", OPENDKIM_LIST},
        {"db", OPENDKIM_FOREIGN},     {"bdb", OPENDKIM_FOREIGN},    {"mdb", OPENDKIM_FOREIGN},
        {"dsn", OPENDKIM_FOREIGN},    {"ldap", OPENDKIM_FOREIGN},   {"ldaps", OPENDKIM_FOREIGN},
        {"ldapi", OPENDKIM_FOREIGN},  {"lua", OPENDKIM_FOREIGN},    {"memcache", OPENDKIM_FOREIGN},
        {"repute", OPENDKIM_FOREIGN}, {"socket", OPENDKIM_FOREIGN}, {"erlang", OPENDKIM_FOREIGN},
    };
    struct span s = span_trim(text);
    size_t colon = span_find(s, ':');

    for (size_t i = 0; colon < s.n && i < sizeof(known) / sizeof(known[0]); i++)
        if (span_equal_nocase_cstr(span_slice(s, 0, colon), known[i].prefix))
            return (struct opendkim_source){.kind = known[i].kind,
                                            .prefix = span_slice(s, 0, colon),
                                            .rest = span_trim(span_from(s, colon + 1))};
    bool path = span_has_prefix(s, SPAN_LIT("/"));
    return (struct opendkim_source){
        .kind = path ? OPENDKIM_FILE : OPENDKIM_LIST, .prefix = SPAN_EMPTY, .rest = s};
}

or_status
opendkim_key_parse(struct span value, struct opendkim_key *key_out)
{
    size_t first = span_find(value, ':');
    struct span rest = span_from(value, first < value.n ? first + 1 : value.n);
    size_t second = span_find(rest, ':');
    struct opendkim_key key = {
        .domain = span_trim(span_slice(value, 0, first)),
        .selector = span_trim(span_slice(rest, 0, second)),
        .key = span_trim(span_from(rest, second < rest.n ? second + 1 : rest.n)),
    };

    if (key.domain.n == 0 || key.selector.n == 0 || key.key.n == 0)
        return OR_MALFORMED;
    key.is_path = span_has_prefix(key.key, SPAN_LIT("/")) ||
                  span_has_prefix(key.key, SPAN_LIT("./")) ||
                  span_has_prefix(key.key, SPAN_LIT("../"));
    *key_out = key;
    return OR_OK;
}

or_status
opendkim_bool_parse(struct span value, bool *value_out)
{
    if (value.n == 0 || value.p[0] == '\0' || strchr("tTyY1fFnN0", value.p[0]) == NULL)
        return OR_MALFORMED;
    *value_out = strchr("tTyY1", value.p[0]) != NULL;
    return OR_OK;
}
