/*
 * Whose Authentication-Results field is this? Errs towards "ours": a wrongly removed foreign field
 * costs nothing, a surviving forged one is trusted by every filter behind us.
 *
 * And what does it say? A cursor over the value; the grammar is RFC 8601 2.2, one function for each
 * of its rules, with what is tolerated written beside it.
 */
#include "milter/authres/authres_parse.h"

#include "common/text/header.h"

#include <string.h>

#define AUTHSERV_ID_MAX_BYTES 255

/* Bytes that no reader takes for a part of an id; beyond those of RFC 8601 '=' and '/', which are
 * no token bytes: "id/1" has a version. */
static bool
is_id_end(char c)
{
    return (c >= '\0' && c <= ' ') || c == ';' || c == '(' || c == '/' || c == '=';
}

/* What a reader may take for the id: a token or a quoted string, unquoted into `out`, or several of
 * them side by side. `plain` where it is one of the two as RFC 8601 has it. */
struct claimed_id {
    char text[AUTHSERV_ID_MAX_BYTES];
    size_t n;
    bool plain;
};

static void
read_id(struct span value, struct claimed_id *id)
{
    bool quoted = false;
    size_t i, quotes = 0;

    *id = (struct claimed_id){.n = 0};
    if (header_skip_cfws(&value) != OR_OK || value.n == 0)
        return;
    for (i = 0; i < value.n && id->n < AUTHSERV_ID_MAX_BYTES; i++) {
        char c = value.p[i];

        if (c == '"') {
            quoted = !quoted;
            quotes++;
            continue;
        }
        if (!quoted && is_id_end(c))
            break;
        if (c == '\r' || c == '\n')
            continue;
        if (quoted && c == '\\' && i + 1 < value.n)
            c = value.p[++i];
        id->text[id->n++] = c;
    }
    bool whole = quotes == 0 || (quotes == 2 && value.p[0] == '"' && value.p[i - 1] == '"');
    id->plain = id->n != 0 && id->n < AUTHSERV_ID_MAX_BYTES && whole;
}

static bool
contains_nocase(struct span haystack, struct span needle)
{
    for (size_t i = 0; i + needle.n <= haystack.n; i++)
        if (span_equal_nocase(span_slice(haystack, i, i + needle.n), needle))
            return true;
    return false;
}

static struct span
without_final_dot(struct span s)
{
    return s.n > 0 && s.p[s.n - 1] == '.' ? span_slice(s, 0, s.n - 1) : s;
}

bool
authres_claims_id(struct span value, struct span authserv_id)
{
    struct claimed_id id;

    read_id(value, &id);
    if (span_equal_nocase(without_final_dot(span_make(id.text, id.n)),
                          without_final_dot(authserv_id)))
        return true;
    return !id.plain && contains_nocase(value, authserv_id);
}

/* ---- results */

struct reader {
    struct span rest;
    struct arena *mem;
    struct authres *out;
    struct authres_property *properties; /* of all results together */
    size_t property_max;
    size_t property_count;
};

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* A word of the grammar (method, result, property); RFC 8601's Keyword and more. */
static struct span
take_word(struct reader *r)
{
    size_t n = 0;

    while (n < r->rest.n && (unsigned char)r->rest.p[n] > ' ' && r->rest.p[n] != 0x7f &&
           strchr(";()\"=/", r->rest.p[n]) == NULL)
        n++;
    struct span word = span_slice(r->rest, 0, n);
    r->rest = span_from(r->rest, n);
    return word;
}

/* Where the value in front ends: it is made of quoted parts and bare ones ("a b"@example.org), to a
 * blank, a semicolon or a comment. False when a quoted part does not end. */
static bool
find_value_end(struct span s, size_t *n_out)
{
    bool quoted = false;
    size_t i;

    for (i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (quoted && c == '\\' && i + 1 < s.n)
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (is_blank(c) || c == ';' || c == '('))
            break;
    }
    *n_out = i;
    return !quoted;
}

/* RFC 5322 3.2.4: without quotes, backslashes and folds. */
static or_status
unquote(struct arena *mem, struct span s, struct span *text_out)
{
    char *text = arena_alloc(mem, s.n);
    bool quoted = false;
    size_t n = 0;

    if (text == NULL)
        return OR_LIMIT;
    for (size_t i = 0; i < s.n; i++) {
        quoted ^= s.p[i] == '"';
        if (s.p[i] == '"' || s.p[i] == '\r' || s.p[i] == '\n')
            continue;
        if (quoted && s.p[i] == '\\' && i + 1 < s.n)
            i++;
        text[n++] = s.p[i];
    }
    *text_out = span_make(text, n);
    return OR_OK;
}

static or_status
take_value(struct reader *r, struct span *value_out)
{
    size_t n;

    if (!find_value_end(r->rest, &n))
        return OR_MALFORMED;
    struct span raw = span_slice(r->rest, 0, n);
    r->rest = span_from(r->rest, n);
    if (span_contains_byte(raw, '"'))
        return unquote(r->mem, raw, value_out);
    *value_out = raw;
    return OR_OK;
}

/* Takes `c` and the CFWS on both sides; false, with the CFWS taken, when another byte comes. */
static bool
take_char(struct reader *r, char c)
{
    if (header_skip_cfws(&r->rest) != OR_OK || r->rest.n == 0 || r->rest.p[0] != c)
        return false;
    r->rest = span_from(r->rest, 1);
    return header_skip_cfws(&r->rest) == OR_OK;
}

/* To the next semicolon that is none of a quoted string's or comment's. */
static or_status
skip_part(struct reader *r)
{
    size_t n;

    for (;;) {
        if (header_skip_cfws(&r->rest) != OR_OK || !find_value_end(r->rest, &n))
            return OR_MALFORMED;
        if (n == 0)
            return OR_OK;
        r->rest = span_from(r->rest, n);
    }
}

static bool
at_end_of_part(const struct reader *r)
{
    return r->rest.n == 0 || r->rest.p[0] == ';';
}

/* ptype.property, with or without CFWS at the dot (RFC 8601 B.7), or only property. */
static void
read_property_name(struct reader *r, struct authres_property *property)
{
    struct span word = take_word(r);
    size_t dot = span_find(word, '.');

    *property = (struct authres_property){.type = span_slice(word, 0, dot),
                                          .name = span_from(word, dot + 1)};
    if (dot == word.n && !take_char(r, '.')) {
        property->type = SPAN_EMPTY;
        property->name = word;
    } else if (property->name.n == 0 && header_skip_cfws(&r->rest) == OR_OK) {
        property->name = take_word(r);
    }
}

/* reason= or another property; OR_ABSENT: this is neither. */
static or_status
read_property(struct reader *r, struct authres_result *result)
{
    struct authres_property property;

    read_property_name(r, &property);
    if (property.name.n == 0 || !take_char(r, '='))
        return OR_ABSENT;
    or_status st = take_value(r, &property.value);
    if (st != OR_OK)
        return st;
    if (property.type.n == 0 && result->reason.n == 0 &&
        span_equal_nocase_cstr(property.name, "reason")) {
        result->reason = property.value;
        return OR_OK;
    }
    if (r->property_count == r->property_max)
        return OR_LIMIT;
    r->properties[r->property_count++] = property;
    result->property_count++;
    return OR_OK;
}

/* methodspec; OR_ABSENT: this is none. */
static or_status
read_method(struct reader *r, struct authres_result *result)
{
    result->method = take_word(r);
    if (result->method.n == 0)
        return OR_ABSENT;
    if (take_char(r, '/'))
        result->version = take_word(r);
    if (!take_char(r, '='))
        return OR_ABSENT;
    result->result = take_word(r);
    return result->result.n != 0 ? OR_OK : OR_ABSENT;
}

static or_status
read_result(struct reader *r, struct authres_result *result)
{
    *result = (struct authres_result){
        .version = SPAN_EMPTY, .reason = SPAN_EMPTY, .properties = r->properties};
    if (r->properties != NULL)
        result->properties += r->property_count;
    or_status st = read_method(r, result);
    while (st == OR_OK) {
        if (header_skip_cfws(&r->rest) != OR_OK)
            return OR_MALFORMED;
        if (at_end_of_part(r))
            return OR_OK;
        st = read_property(r, result);
    }
    return st;
}

/* One part between semicolons. What is no result is left out, and so is one with a property that
 * cannot be read: half of it could say something else. */
static or_status
read_part(struct reader *r)
{
    struct authres_result result;
    size_t properties = r->property_count;
    or_status st;

    if (header_skip_cfws(&r->rest) != OR_OK)
        return OR_MALFORMED;
    if (at_end_of_part(r))
        return OR_OK;
    struct span part = r->rest;
    st = read_result(r, &result);
    if (st == OR_ABSENT) {
        r->property_count = properties;
        r->rest = part;
        r->out->skipped += !span_equal_nocase_cstr(take_word(r), "none");
        return skip_part(r);
    }
    if (st != OR_OK)
        return st;
    if (r->out->count == AUTHRES_PARSE_MAX_RESULTS)
        return OR_LIMIT;
    r->out->results[r->out->count++] = result;
    return OR_OK;
}

/* authserv-id and version. Where a method stands instead ("spf=pass ..."), there is no id. */
static or_status
read_head(struct reader *r)
{
    struct span start, id;

    if (header_skip_cfws(&r->rest) != OR_OK)
        return OR_MALFORMED;
    start = r->rest;
    if (r->rest.n != 0 && r->rest.p[0] == '"') {
        if (take_value(r, &id) != OR_OK)
            return OR_MALFORMED;
    } else {
        id = take_word(r);
    }
    bool slash = take_char(r, '/');
    struct span version = take_word(r);
    if (header_skip_cfws(&r->rest) != OR_OK)
        return OR_MALFORMED;
    if (!at_end_of_part(r)) {
        r->rest = start;
        return OR_OK;
    }
    r->out->id = id;
    r->out->version = version;
    return slash && version.n == 0 ? OR_MALFORMED : OR_OK;
}

static or_status
make_room(struct reader *r)
{
    size_t most = 0;

    for (size_t i = 0; i < r->rest.n; i++)
        most += r->rest.p[i] == '=';
    r->property_max = most < AUTHRES_PARSE_MAX_PROPERTIES ? most : AUTHRES_PARSE_MAX_PROPERTIES;
    most = most < AUTHRES_PARSE_MAX_RESULTS ? most : AUTHRES_PARSE_MAX_RESULTS;
    r->properties = arena_alloc_array(r->mem, r->property_max, sizeof(r->properties[0]));
    r->out->results = arena_alloc_array(r->mem, most, sizeof(r->out->results[0]));
    return r->properties != NULL && r->out->results != NULL ? OR_OK : OR_LIMIT;
}

or_status
authres_parse(struct span value, struct arena *mem, struct authres *authres_out, struct err *e)
{
    struct authres found = {.id = SPAN_EMPTY, .version = SPAN_EMPTY};
    struct reader r = {.rest = value, .mem = mem, .out = &found};

    if (value.n > AUTHRES_PARSE_MAX_BYTES || make_room(&r) != OR_OK)
        return err_set(e, OR_LIMIT, "an Authentication-Results field is too long");
    or_status st = read_head(&r);
    while (st == OR_OK && r.rest.n != 0) {
        if (r.rest.p[0] == ';')
            r.rest = span_from(r.rest, 1);
        st = read_part(&r);
    }
    if (st == OR_LIMIT)
        return err_set(e, st, "an Authentication-Results field has too many results");
    if (st != OR_OK)
        return err_set(e, OR_MALFORMED, "a quoted string or comment does not end");
    *authres_out = found;
    return OR_OK;
}

struct span
authres_property(const struct authres_result *result, const char *type, const char *name)
{
    for (size_t i = 0; i < result->property_count; i++)
        if (span_equal_nocase_cstr(result->properties[i].type, type) &&
            span_equal_nocase_cstr(result->properties[i].name, name))
            return result->properties[i].value;
    return SPAN_EMPTY;
}
