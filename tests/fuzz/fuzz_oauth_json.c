/* JSON from an identity provider: key sets, answers of introspection, the parts of a token. */
#include "authd/oauth/oauth_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_depth(const json_t *value, unsigned depth)
{
    const char *name;
    const json_t *member;
    size_t i;

    if ((json_is_array(value) || json_is_object(value)) && depth > OAUTH_JSON_MAX_DEPTH)
        abort();
    json_array_foreach(value, i, member) check_depth(member, depth + 1);
    json_object_foreach((json_t *)(uintptr_t)value, name, member) check_depth(member, depth + 1);
}

/* A string is its own only value, and none is shorter than it says. */
static void
check_members(const json_t *object)
{
    const char *name;
    const json_t *member;

    json_object_foreach((json_t *)(uintptr_t)object, name, member)
    {
        struct span text = oauth_json_string(object, name);

        if ((text.p != NULL) != json_is_string(member))
            abort();
        if (text.p != NULL && !span_contains_byte(text, '\0') &&
            !oauth_json_has(object, name, text.p))
            abort();
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {""};
    json_t *object = NULL;

    if (oauth_json_parse(span_make((const char *)data, size), &object, &e) != OR_OK) {
        /* Whatever is refused is refused with a word. */
        if (object != NULL || e.text[0] == '\0')
            abort();
        return 0;
    }
    if (!json_is_object(object))
        abort();
    check_depth(object, 1);
    check_members(object);
    json_decref(object);
    return 0;
}
