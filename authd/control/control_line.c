/*
 * Parsing is jansson's; what it may be given is decided here.
 */
#include "authd/control/control_line.h"

/* jansson goes one call deeper with each bracket, up to thousands: more than a thread's stack. */
static bool
is_too_deep(struct span line)
{
    size_t depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < line.n; i++) {
        char c = line.p[i];

        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > CONTROL_MAX_DEPTH)
            return true;
    }
    return false;
}

or_status
control_line_parse(struct span line, json_t **object_out, struct err *e)
{
    json_error_t why;

    if (line.n > CONTROL_MAX_LINE_BYTES)
        return err_set(e, OR_LIMIT, "a line of %zu bytes", line.n);
    if (is_too_deep(line))
        return err_set(e, OR_MALFORMED, "JSON that is nested too deeply");
    json_t *object = json_loadb(line.p, line.n, JSON_REJECT_DUPLICATES, &why);

    if (object == NULL)
        return err_set(e, OR_MALFORMED, "no JSON: %s", why.text);
    if (!json_is_object(object)) {
        json_decref(object);
        return err_set(e, OR_MALFORMED, "no JSON object");
    }
    *object_out = object;
    return OR_OK;
}

or_status
control_line_status(const json_t *answer, struct err *e)
{
    const char *word = json_string_value(json_object_get(answer, "status"));
    const char *error = json_string_value(json_object_get(answer, "error"));

    for (int st = OR_OK; word != NULL && st <= OR_BUG; st++)
        if (span_equal_cstr(span_cstr(word), or_status_name((or_status)st)))
            return st == OR_OK ? OR_OK
                               : err_set(e, (or_status)st, "%s", error != NULL ? error : word);
    return err_set(e, OR_MALFORMED, "an answer without status");
}
