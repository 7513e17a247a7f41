/*
 * Reading an OpenDKIM configuration: files, includes, data sets. What becomes of each directive is
 * decided in opendkim_options.c and opendkim_signing.c.
 */
#include "milter/import/opendkim_import.h"

#include <stdarg.h>
#include <stdio.h>

#define NOTE_BYTES 700

void
opendkim_import_note(struct opendkim_import *import, enum opendkim_note_kind kind,
                     struct span option, const char *fmt, ...)
{
    char text[NOTE_BYTES];
    struct span copy;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (import->note_count == OPENDKIM_MAX_NOTES ||
        arena_copy(import->mem, span_cstr(text), &copy) != OR_OK)
        return;
    import->notes[import->note_count++] =
        (struct opendkim_note){.kind = kind, .option = option, .text = copy};
}

const struct opendkim_setting *
opendkim_import_find(const struct opendkim_import *import, const char *name)
{
    for (size_t i = import->setting_count; i > 0; i--)
        if (span_equal_nocase_cstr(import->settings[i - 1].name, name))
            return &import->settings[i - 1];
    return NULL;
}

bool
opendkim_import_quotable(struct span s)
{
    /* libconfuse reads escapes and ${VARIABLES} in strings. */
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == '"' || s.p[i] == '\\' || s.p[i] == 0x7f ||
            (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{'))
            return false;
    return s.n != 0;
}

static bool
entry_next(enum opendkim_source_kind kind, struct opendkim_cursor *cursor,
           struct opendkim_entry *entry)
{
    return kind == OPENDKIM_LIST ? opendkim_list_next(cursor, entry)
                                 : opendkim_line_next(cursor, entry);
}

static or_status
collect(struct opendkim_import *import, enum opendkim_source_kind kind, struct span text,
        struct opendkim_entries *entries_out)
{
    struct opendkim_entries found = {.wildcards = kind == OPENDKIM_REFILE};
    struct opendkim_cursor cursor = {.rest = text};
    struct opendkim_entry entry;
    size_t count = 0;

    while (count <= OPENDKIM_MAX_ENTRIES && entry_next(kind, &cursor, &entry))
        count++;
    if (count > OPENDKIM_MAX_ENTRIES)
        return OR_LIMIT;
    found.items = arena_alloc_array(import->mem, count + 1, sizeof(*found.items));
    if (found.items == NULL)
        return OR_LIMIT;
    cursor = (struct opendkim_cursor){.rest = text};
    while (found.count < count && entry_next(kind, &cursor, &found.items[found.count]))
        found.count++;
    *entries_out = found;
    return OR_OK;
}

or_status
opendkim_import_entries(struct opendkim_import *import, const struct opendkim_setting *setting,
                        struct opendkim_entries *entries_out)
{
    struct opendkim_source source = opendkim_source_parse(setting->value);
    struct span text = source.rest;
    struct err e = {.text = ""};
    or_status st = OR_OK;

    if (source.kind == OPENDKIM_FOREIGN) {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, setting->name,
                             "a data set of the kind \"%.*s:\" is not read; write its contents "
                             "into a text file, name it as file:PATH, and import again",
                             SPAN_ARG(source.prefix));
        return OR_ABSENT;
    }
    if (source.kind != OPENDKIM_LIST)
        st = import->reader->read(import->reader->context, arena_strdup(import->mem, source.rest),
                                  &text, &e);
    if (st == OR_OK)
        st = collect(import, source.kind, text, entries_out);
    if (st == OR_OK)
        return OR_OK;
    opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, setting->name, "%s",
                         e.text[0] != '\0' ? e.text : "more than 10000 entries");
    return OR_ABSENT;
}

static or_status
read_settings(struct opendkim_import *import, const char *path, unsigned depth, struct err *e);

static or_status
take_setting(struct opendkim_import *import, const struct opendkim_entry *entry, const char *path,
             unsigned depth, struct err *e)
{
    if (entry->value.n == 0)
        return err_set(e, OR_MALFORMED, "%s:%u: \"%.*s\" has no value", path, entry->line,
                       SPAN_ARG(entry->name));
    if (span_equal_nocase_cstr(entry->name, "Include")) {
        if (depth == OPENDKIM_MAX_INCLUDES)
            return err_set(e, OR_LIMIT, "%s:%u: Include nested too deeply", path, entry->line);
        const char *next = arena_strdup(import->mem, entry->value);
        if (next == NULL)
            return err_set(e, OR_LIMIT, "%s: too large", path);
        return read_settings(import, next, depth + 1, e);
    }
    if (import->setting_count == OPENDKIM_MAX_SETTINGS)
        return err_set(e, OR_LIMIT, "%s:%u: more than %d settings", path, entry->line,
                       OPENDKIM_MAX_SETTINGS);
    import->settings[import->setting_count++] = (struct opendkim_setting){
        .name = entry->name, .value = entry->value, .file = span_cstr(path), .line = entry->line};
    return OR_OK;
}

static or_status
read_settings(struct opendkim_import *import, const char *path, unsigned depth, struct err *e)
{
    struct opendkim_cursor cursor = {.line = 0};
    struct opendkim_entry entry;
    or_status st = import->reader->read(import->reader->context, path, &cursor.rest, e);

    while (st == OR_OK && opendkim_line_next(&cursor, &entry))
        st = take_setting(import, &entry, path, depth, e);
    return st;
}

or_status
opendkim_import(struct opendkim_import *import, const char *path, struct err *e)
{
    import->setting_count = import->note_count = 0;
    import->rules = (struct opendkim_rules){.count = 0};
    buf_init(&import->conf, OPENDKIM_MAX_CONF_BYTES);
    buf_init(&import->macros, OPENDKIM_MAX_CONF_BYTES);
    import->settings =
        arena_alloc_array(import->mem, OPENDKIM_MAX_SETTINGS, sizeof(*import->settings));
    import->notes = arena_alloc_array(import->mem, OPENDKIM_MAX_NOTES, sizeof(*import->notes));
    if (import->settings == NULL || import->notes == NULL)
        return err_set(e, OR_LIMIT, "out of room");
    or_status st = read_settings(import, path, 0, e);
    if (st != OR_OK)
        return st;
    opendkim_options_convert(import);
    opendkim_signing_collect(import);
    opendkim_signing_format(import);
    if (buf_finish(&import->conf) != OR_OK)
        return err_set(e, OR_LIMIT, "the result is larger than any configuration");
    return OR_OK;
}

void
opendkim_import_fini(struct opendkim_import *import)
{
    buf_fini(&import->conf);
    buf_fini(&import->macros);
}
