/*
 * Refuses what readers understand in different ways (RFC 8725 2.4): a name that comes twice.
 */
#include "authd/oauth/oauth_json.h"

#include "common/text/base64.h"

/* Whether brackets nest too deep; those in strings do not count. */
static bool
is_too_deep(struct span text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '{' || c == '[') && ++depth > OAUTH_JSON_MAX_DEPTH)
            return true;
        else if (!in_string && (c == '}' || c == ']') && depth > 0)
            depth--;
    }
    return false;
}

or_status
oauth_json_parse(struct span text, json_t **object_out, struct err *e)
{
    json_error_t error;

    if (is_too_deep(text))
        return err_set(e, OR_LIMIT, "JSON over %d levels deep", OAUTH_JSON_MAX_DEPTH);
    json_t *object = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return err_set(e, OR_MALFORMED, "not JSON, at byte %d", error.position);
    if (!json_is_object(object)) {
        json_decref(object);
        return err_set(e, OR_MALFORMED, "JSON that is no object");
    }
    *object_out = object;
    return OR_OK;
}

struct span
oauth_json_string(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);

    return (struct span){json_string_value(value), json_string_length(value)};
}

bool
oauth_json_has(const json_t *object, const char *name, const char *wanted)
{
    const json_t *value = json_object_get(object, name);
    struct span whole = oauth_json_string(object, name);

    if (whole.p != NULL)
        return span_equal_cstr(whole, wanted);
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *item = json_array_get(value, i);

        if (json_is_string(item) &&
            span_equal_cstr(span_make(json_string_value(item), json_string_length(item)), wanted))
            return true;
    }
    return false;
}

or_status
oauth_base64url_decode(struct span text, struct buf *out)
{
    struct buf plain;

    buf_init(&plain, text.n + 4);
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];

        /* '!' is in no alphabet: what stands for '+' elsewhere is not base64url. */
        if (c == '+' || c == '/' || c == '=')
            c = '!';
        else if (c == '-')
            c = '+';
        else if (c == '_')
            c = '/';
        buf_add_char(&plain, c);
    }
    while (plain.n % 4 != 0 && plain.n % 4 != 1)
        buf_add_char(&plain, '=');
    or_status st = base64_decode(buf_span(&plain), BASE64_STRICT, out);
    buf_fini_wiped(&plain);
    return st;
}
