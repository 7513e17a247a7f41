/*
 * Requests come from whoever may open the socket: nothing of what the command line checked can be
 * relied on.
 */
#include "authd/control/control_args.h"

#include "authd/accounts/password_make.h"
#include "authd/accounts/password_scheme.h"

or_status
control_args_text(const json_t *request, const char *key, struct span *text_out, struct err *e)
{
    const json_t *value = json_object_get(request, key);

    *text_out = (struct span){.p = NULL};
    if (value == NULL)
        return OR_OK;
    if (!json_is_string(value))
        return err_set(e, OR_MALFORMED, "%s: a text is wanted", key);
    *text_out = span_make(json_string_value(value), json_string_length(value));
    return OR_OK;
}

or_status
control_args_number(const json_t *request, const char *key, int64_t max, int64_t *number,
                    struct err *e)
{
    const json_t *value = json_object_get(request, key);

    if (value == NULL)
        return OR_OK;
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > max)
        return err_set(e, OR_MALFORMED, "%s: a number up to %lld is wanted", key, (long long)max);
    *number = json_integer_value(value);
    return OR_OK;
}

or_status
control_args_flag(const json_t *request, const char *key, const bool **flag_out, struct err *e)
{
    static const bool flags[] = {false, true};
    const json_t *value = json_object_get(request, key);

    *flag_out = NULL;
    if (value == NULL)
        return OR_OK;
    if (!json_is_boolean(value))
        return err_set(e, OR_MALFORMED, "%s: true or false is wanted", key);
    *flag_out = &flags[json_is_true(value)];
    return OR_OK;
}

or_status
control_args_quota(const json_t *request, struct account_quota *quota,
                   const struct account_quota **quota_out, struct err *e)
{
    struct account_quota given = {-1, -1};
    or_status st = control_args_number(request, "quota_bytes", INT64_MAX, &given.bytes, e);

    if (st == OR_OK)
        st = control_args_number(request, "quota_messages", INT64_MAX, &given.messages, e);
    if (st != OR_OK)
        return st;
    if ((given.bytes < 0) != (given.messages < 0))
        return err_set(e, OR_MALFORMED, "quota_bytes and quota_messages: both are wanted");
    *quota = given;
    *quota_out = given.bytes < 0 ? NULL : quota;
    return OR_OK;
}

or_status
control_args_password(const json_t *request, struct span *stored_out, struct span *scram_keys_out,
                      struct err *e)
{
    struct span text = SPAN_EMPTY;
    or_status st = control_args_text(request, "password", stored_out, e);

    if (st == OR_OK)
        st = control_args_text(request, "scram_keys", scram_keys_out, e);
    if (st != OR_OK)
        return st;
    if (stored_out->n >= PASSWORD_MAX_HASH_BYTES ||
        scram_keys_out->n >= PASSWORD_SCRAM_ALL_MAX_BYTES)
        return err_set(e, OR_MALFORMED, "password, scram_keys: too long");
    const struct password_kind *kind = password_scheme_find(*stored_out, &text, e);
    /* Who may set a password may not make it one that is quickly guessed, or costs minutes. */
    if (kind == NULL || kind->weak || !password_is_supported(*stored_out))
        return err_set(e, OR_MALFORMED, "password: a hash of a scheme that is not weak is wanted");
    return OR_OK;
}

static or_status
parse_address(const json_t *value, struct arena *mem, struct span *out, struct err *e)
{
    struct account_address address = {.whole = SPAN_EMPTY};
    struct span text = span_make(json_string_value(value), json_string_length(value));
    or_status st = account_address_parse(text, false, mem, &address, e);

    *out = address.whole;
    return st;
}

or_status
control_args_addresses(const json_t *request, const char *key, struct arena *mem,
                       struct span **list_out, size_t *count_out, struct err *e)
{
    const json_t *array = json_object_get(request, key);
    size_t count = json_array_size(array);
    or_status st = OR_OK;

    if (count == 0 || count > ACCOUNT_MAX_ALIAS_TARGETS)
        return err_set(e, OR_MALFORMED, "%s: 1 to %d addresses are wanted", key,
                       ACCOUNT_MAX_ALIAS_TARGETS);
    struct span *list = arena_alloc_array(mem, count, sizeof(*list));

    if (list == NULL)
        return err_set(e, OR_LIMIT, "%s: no room for them", key);
    for (size_t i = 0; st == OR_OK && i < count; i++)
        st = json_is_string(json_array_get(array, i))
                 ? parse_address(json_array_get(array, i), mem, &list[i], e)
                 : err_set(e, OR_MALFORMED, "%s: texts are wanted", key);
    *list_out = list;
    *count_out = count;
    return st;
}
