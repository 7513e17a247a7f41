/* tag=value lists: every tag of a list that parses is found under its own name. */
#include "common/text/taglist.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct taglist list;
    struct err e;

    if (taglist_parse(span_make((const char *)data, size), &list, &e) != OR_OK)
        return 0;
    for (size_t i = 0; i < list.count; i++) {
        char name[256] = "";

        if (list.tags[i].name.n < sizeof(name))
            memcpy(name, list.tags[i].name.p, list.tags[i].name.n);
        if (name[0] != '\0' && taglist_get(&list, name) != &list.tags[i])
            abort();
    }
    return 0;
}
