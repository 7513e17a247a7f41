/*
 * From OpenDKIM's values to ours.
 */
#include "milter/import/opendkim_take.h"

#include "common/text/ip.h"

#include <string.h>

static void
taken(struct opendkim_import *import, const struct opendkim_setting *s, const char *target)
{
    opendkim_import_note(import, OPENDKIM_TAKEN, s->name, "%s", target);
}

static void
unusable(struct opendkim_import *import, const struct opendkim_setting *s)
{
    opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                         "line %u: \"%.*s\" is not a value that can be taken over", s->line,
                         SPAN_ARG(s->value));
}

/* Read with other directives, in opendkim_signing.c. */
void
opendkim_take_elsewhere(struct opendkim_import *import, const struct opendkim_option *option,
                        const struct opendkim_setting *s)
{
    (void)import, (void)option, (void)s;
}

void
opendkim_take_string(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    if (span_equal_cstr(s->value, "HOSTNAME")) {
        opendkim_import_note(import, OPENDKIM_TAKEN, s->name, "the host's name is our default");
        return;
    }
    if (!opendkim_import_quotable(s->value)) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = \"%.*s\"\n", option->target, SPAN_ARG(s->value));
    taken(import, s, option->target);
}

void
opendkim_take_number(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    uint64_t value, wanted;

    if (span_parse_u64(s->value, UINT64_MAX / 2, &value) != OR_OK) {
        unusable(import, s);
        return;
    }
    wanted = value == 0 && option->min != 0 ? option->max : value; /* 0: without limit */
    if (wanted > option->max)
        wanted = option->max;
    if (wanted < option->min)
        wanted = option->min;
    buf_addf(&import->conf, "%s = %llu%s\n", option->target, (unsigned long long)wanted,
             option->word);
    if (wanted == value)
        taken(import, s, option->target);
    else
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                             "%llu becomes %s = %llu%s, the nearest that is allowed",
                             (unsigned long long)value, option->target, (unsigned long long)wanted,
                             option->word);
}

void
opendkim_take_bool(struct opendkim_import *import, const struct opendkim_option *option,
                   const struct opendkim_setting *s)
{
    bool on;

    if (opendkim_bool_parse(s->value, &on) != OR_OK) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = %s\n", option->target, on ? "true" : "false");
    taken(import, s, option->target);
}

void
opendkim_take_syslog(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    bool on;

    if (opendkim_bool_parse(s->value, &on) != OR_OK) {
        unusable(import, s);
        return;
    }
    buf_addf(&import->conf, "%s = %s\n", option->target, on ? "syslog" : "stderr");
    taken(import, s, option->target);
}

void
opendkim_take_canonicalization(struct opendkim_import *import, const struct opendkim_option *option,
                               const struct opendkim_setting *s)
{
    size_t slash = span_find(s->value, '/');
    struct span parts[2] = {span_slice(s->value, 0, slash), SPAN_LIT("simple")};
    const char *names[2];

    if (slash < s->value.n)
        parts[1] = span_from(s->value, slash + 1);
    for (size_t i = 0; i < 2; i++) {
        bool relaxed = span_equal_nocase_cstr(parts[i], "relaxed");

        if (!relaxed && !span_equal_nocase_cstr(parts[i], "simple")) {
            unusable(import, s);
            return;
        }
        names[i] = relaxed ? "relaxed" : "simple";
    }
    buf_addf(&import->conf, "%s = \"%s/%s\"\n", option->target, names[0], names[1]);
    taken(import, s, option->target);
}

void
opendkim_take_action(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    static const char *const words[] = {"accept", "reject", "quarantine", "tempfail"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (span_equal_nocase_cstr(s->value, words[i]) ||
            (s->value.n == 1 && s->value.p[0] == words[i][0])) {
            buf_addf(&import->conf, "%s = %s\n", option->target, words[i]);
            taken(import, s, option->target);
            return;
        }
    opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                         "\"%.*s\": we discard nothing unseen; choose quarantine or reject for %s",
                         SPAN_ARG(s->value), option->target);
}

/* "*,+x,-y" is a change to OpenDKIM's defaults, which are near enough to ours. */
void
opendkim_take_fields(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    struct opendkim_entries entries;
    const char *separator = "";

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (strchr("*+-.", entries.items[i].name.p[0]) != NULL ||
            !opendkim_import_quotable(entries.items[i].name)) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "a change to OpenDKIM's own list (\"%.*s\") is not taken over; "
                                 "write the whole list, or see %s",
                                 SPAN_ARG(s->value), option->target);
            return;
        }
    buf_addf(&import->conf, "%s = {", option->target);
    if (strcmp(option->target, "sign-headers") == 0) {
        buf_add_cstr(&import->conf, "\"From\""); /* implied in OpenDKIM */
        separator = ", ";
    }
    for (size_t i = 0; i < entries.count; i++) {
        if (separator[0] != '\0' && span_equal_nocase_cstr(entries.items[i].name, "From"))
            if (strcmp(option->target, "sign-headers") == 0)
                continue;
        buf_addf(&import->conf, "%s\"%.*s\"", separator, SPAN_ARG(entries.items[i].name));
        separator = ", ";
    }
    buf_add_cstr(&import->conf, "}\n");
    taken(import, s, option->target);
}

static void
take_network(struct opendkim_import *import, const struct opendkim_setting *s, struct span entry,
             const char **separator)
{
    struct span text = entry;
    struct cidr block;
    struct err e = {.text = ""};

    if (span_has_prefix(text, SPAN_LIT("[")) && span_find(text, ']') < text.n)
        text = span_slice(text, 1, span_find(text, ']'));
    if (cidr_parse(text, &block, &e) == OR_OK) {
        buf_addf(&import->conf, "%s\"%.*s\"", *separator, SPAN_ARG(text));
        *separator = ", ";
    } else if (span_equal_nocase_cstr(text, "localhost")) {
        buf_addf(&import->conf, "%s\"127.0.0.0/8\", \"::1\"", *separator);
        *separator = ", ";
    } else {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                             "\"%.*s\" is not an address or a network; write its addresses (%s)",
                             SPAN_ARG(entry),
                             span_has_prefix(entry, SPAN_LIT("!"))
                                 ? "there are no exceptions: leave them out of the networks"
                                 : "names of clients are not looked up");
    }
}

void
opendkim_take_networks(struct opendkim_import *import, const struct opendkim_option *option,
                       const struct opendkim_setting *s)
{
    struct opendkim_entries entries;
    const char *separator = "";

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    buf_addf(&import->conf, "%s = {", option->target);
    for (size_t i = 0; i < entries.count; i++)
        take_network(import, s, entries.items[i].name, &separator);
    buf_add_cstr(&import->conf, "}\n");
    taken(import, s, option->target);
}

/* While OpenDKIM runs, its socket is its own. */
void
opendkim_take_socket(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    size_t colon = span_find(s->value, ':');
    struct span kind = span_slice(s->value, 0, colon);
    struct span rest = colon < s->value.n ? span_from(s->value, colon + 1) : s->value;
    size_t at = span_find(rest, '@');
    struct span host = at < rest.n ? span_from(rest, at + 1) : SPAN_LIT("127.0.0.1");

    if (import->observe) {
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                             "OpenDKIM keeps %.*s; we listen at our own default, name both in "
                             "smtpd_milters",
                             SPAN_ARG(s->value));
        return;
    }
    if (!opendkim_import_quotable(rest)) {
        unusable(import, s);
        return;
    }
    if (kind.n == 0 || colon == s->value.n || span_equal_nocase_cstr(kind, "local") ||
        span_equal_nocase_cstr(kind, "unix")) {
        buf_addf(&import->conf, "listen %s { address = {\"unix:%.*s\"} }\n", option->target,
                 SPAN_ARG(rest));
    } else {
        if (span_equal_nocase_cstr(host, "localhost"))
            host = SPAN_LIT("127.0.0.1");
        buf_addf(&import->conf, "listen %s { address = {\"inet:%.*s:%.*s\"} }\n", option->target,
                 SPAN_ARG(host), SPAN_ARG(span_slice(rest, 0, at)));
        if (at >= rest.n) {
            opendkim_import_note(import, OPENDKIM_CHANGED, s->name,
                                 "open to every interface there, to 127.0.0.1 here; see listen");
            return;
        }
    }
    taken(import, s, "listen");
}

void
opendkim_take_nameservers(struct opendkim_import *import, const struct opendkim_option *option,
                          const struct opendkim_setting *s)
{
    struct opendkim_cursor cursor = {.rest = s->value};
    struct opendkim_entry entry;
    struct ip ip;
    size_t count = 0;

    (void)option;
    while (opendkim_list_next(&cursor, &entry)) {
        if (ip_parse(entry.name, &ip) != OR_OK) {
            unusable(import, s);
            continue;
        }
        buf_add_cstr(&import->conf, count++ == 0 ? "dns { servers = {" : ", ");
        if (span_contains_byte(entry.name, ':'))
            buf_addf(&import->conf, "\"[%.*s]:53\"", SPAN_ARG(entry.name));
        else
            buf_addf(&import->conf, "\"%.*s:53\"", SPAN_ARG(entry.name));
    }
    if (count == 0)
        return;
    buf_add_cstr(&import->conf, "} }\n");
    taken(import, s, "dns servers");
}

/* MTA: names of {daemon_name}. MacroList: "macro=value|value". Either makes mail ours. */
static void
add_macro(struct opendkim_import *import, struct span macro, struct span value)
{
    bool bare = macro.n > 1 && macro.p[0] != '{';

    buf_addf(&import->macros, "%s\"%s%.*s%s=%.*s\"", import->macros.n == 0 ? "" : ", ",
             bare ? "{" : "", SPAN_ARG(macro), bare ? "}" : "", SPAN_ARG(value));
}

void
opendkim_take_mta(struct opendkim_import *import, const struct opendkim_option *option,
                  const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (entries.items[i].name.n != 0 && opendkim_import_quotable(entries.items[i].name))
            add_macro(import, SPAN_LIT("{daemon_name}"), entries.items[i].name);
    taken(import, s, option->target);
}

void
opendkim_take_macros(struct opendkim_import *import, const struct opendkim_option *option,
                     const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++) {
        struct span macro = entries.items[i].name, values = entries.items[i].value, value;

        if (values.n == 0 || macro.n == 0 || !opendkim_import_quotable(macro) ||
            !opendkim_import_quotable(values)) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "\"%.*s\": a macro without a value says nothing here",
                                 SPAN_ARG(macro));
            continue;
        }
        while (span_split(&values, '|', &value))
            if (value.n != 0)
                add_macro(import, macro, value);
    }
    taken(import, s, option->target);
}

/* Only the order From, Sender can be kept. */
void
opendkim_take_sender_headers(struct opendkim_import *import, const struct opendkim_option *option,
                             const struct opendkim_setting *s)
{
    struct opendkim_entries entries;

    if (opendkim_import_entries(import, s, &entries) != OR_OK)
        return;
    for (size_t i = 0; i < entries.count; i++)
        if (!span_equal_nocase_cstr(entries.items[i].name, i == 0 ? "From" : "Sender") || i > 1) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, s->name,
                                 "From says whose key signs, and by %s the Sender field after it",
                                 option->target);
            return;
        }
    if (entries.count == 2)
        buf_addf(&import->conf, "%s = true\n", option->target);
    taken(import, s, entries.count == 2 ? option->target : "our default");
}

void
opendkim_take_mode(struct opendkim_import *import, const struct opendkim_option *option,
                   const struct opendkim_setting *s)
{
    bool signs = span_contains_byte(s->value, 's'), verifies = span_contains_byte(s->value, 'v');

    (void)option;
    if (signs && verifies)
        taken(import, s, "we sign and verify");
    else
        opendkim_import_note(import, OPENDKIM_CHANGED, s->name, "%s",
                             verifies ? "it only verified; we also sign where there are keys"
                                      : "it only signed; we also verify what arrives, and accept "
                                        "it whatever the result, unless an on-... option says so");
}
