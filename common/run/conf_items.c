/*
 * Arrays of the daemons' own structs, of which this module knows the size, the title and the
 * options.
 */
#include "common/run/conf_items.h"

#include "common/base/xalloc.h"
#include "common/run/conf_value.h"

#include <stdlib.h>
#include <string.h>

static struct conf_items *
items_of(const struct conf_section *section, void *settings)
{
    return (struct conf_items *)(void *)((char *)settings + section->offset);
}

size_t
conf_items_count(const struct conf_section *section, void *settings)
{
    return items_of(section, settings)->count;
}

void *
conf_items_at(const struct conf_section *section, void *settings, size_t at)
{
    return (char *)items_of(section, settings)->items + at * section->item_bytes;
}

const void *
conf_item_at(const struct conf_section *section, const struct conf_items *items, size_t at)
{
    return (const char *)items->items + at * section->item_bytes;
}

static or_status
check_title(const struct conf_section *section, void *settings, const char *title, struct err *e)
{
    size_t count = conf_items_count(section, settings);

    if (title[0] == '\0' || strlen(title) > CONF_MAX_TITLE_BYTES)
        return err_set(e, OR_CONFIG,
                       "a title of 1 to %d bytes is needed; write %s \"TITLE\" { ... }",
                       CONF_MAX_TITLE_BYTES, section->name);
    if (count == CONF_MAX_ITEMS)
        return err_set(e, OR_CONFIG, "more than %d %s sections", CONF_MAX_ITEMS, section->name);
    for (size_t i = 0; i < count; i++) {
        const struct conf_item *item = conf_items_at(section, settings, i);

        if (strcmp(item->title, title) == 0)
            return err_set(e, OR_CONFIG,
                           "a second section of this title (the first is on line %u); remove one",
                           item->line);
    }
    return OR_OK;
}

or_status
conf_items_begin(const struct conf_section *section, void *settings, const char *title,
                 unsigned line, struct err *e)
{
    struct conf_items *items = items_of(section, settings);
    or_status st = check_title(section, settings, title, e);

    if (st != OR_OK)
        return st;
    items->items = xreallocarray(items->items, items->count + 1, section->item_bytes);
    struct conf_item *item = conf_items_at(section, settings, items->count++);
    memset(item, 0, section->item_bytes);
    item->title = xstrdup(title);
    item->line = line;
    return OR_OK;
}

void
conf_items_clear(const struct conf_section *section, void *settings)
{
    struct conf_items *items = items_of(section, settings);

    for (size_t i = 0; i < items->count; i++) {
        struct conf_item *item = conf_items_at(section, settings, i);

        for (size_t k = 0; k < section->option_count; k++)
            conf_value_clear(&section->options[k], item);
        free(item->title);
    }
    free(items->items);
    *items = (struct conf_items){0};
}
