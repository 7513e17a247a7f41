/*
 * KeyTable and SigningTable, or Domain, Selector and KeyFile, as rules: which d= and s= for whom.
 * Then as `sign` sections, unless every domain just signs with its own keys: the key directory
 * alone says that.
 *
 * OpenDKIM takes the first line of a refile that matches, we the closest pattern. So a line that an
 * earlier one hides is left out; and with MultipleSignatures a line gets the keys of every wider
 * one too.
 */
#include "milter/import/opendkim_import.h"
#include "milter/import/opendkim_pattern.h"

static const struct span signing_table = SPAN_INIT("SigningTable");

static bool
setting_is_on(const struct opendkim_import *import, const char *name)
{
    const struct opendkim_setting *s = opendkim_import_find(import, name);
    bool on = false;

    return s != NULL && opendkim_bool_parse(s->value, &on) == OR_OK && on;
}

static const struct opendkim_entry *
find_entry(const struct opendkim_entries *entries, struct span name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (span_equal_nocase(entries->items[i].name, name))
            return &entries->items[i];
    return NULL;
}

/* `text` with every '%' replaced by the domain. */
static struct span
expand(struct arena *mem, struct span text, struct span domain)
{
    char *p;
    size_t n = 0, marks = 0;

    for (size_t i = 0; i < text.n; i++)
        marks += text.p[i] == '%';
    if (marks == 0)
        return text;
    p = arena_alloc(mem, text.n + marks * domain.n);
    for (size_t i = 0; p != NULL && i < text.n; i++) {
        if (text.p[i] != '%')
            p[n++] = text.p[i];
        for (size_t k = 0; text.p[i] == '%' && k < domain.n; k++)
            p[n++] = domain.p[k];
    }
    return p != NULL ? span_make(p, n) : SPAN_EMPTY;
}

/* Only what may become part of a path and of a configuration. */
static bool
is_name(struct span s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '/' || s.p[i] == '*')
            return false;
    return opendkim_import_quotable(s) && s.p[0] != '.';
}

static void
add_rule(struct opendkim_import *import, const struct opendkim_rule *rule)
{
    if (!is_name(rule->domain) || !is_name(rule->selector)) {
        opendkim_import_note(
            import, OPENDKIM_IMPOSSIBLE, signing_table,
            "\"%.*s\" with selector \"%.*s\": not a domain's and a selector's name",
            SPAN_ARG(rule->domain), SPAN_ARG(rule->selector));
        return;
    }
    import->rules.items[import->rules.count++] = *rule;
}

static bool
is_hidden(struct opendkim_import *import, const struct opendkim_rule *rule)
{
    for (size_t i = 0; i < import->rules.count; i++) {
        const struct opendkim_rule *other = &import->rules.items[i];

        if (!opendkim_pattern_covers(other->pattern, rule->pattern))
            continue;
        opendkim_import_note(import, OPENDKIM_CHANGED, signing_table,
                             "line %u (%.*s) left out: OpenDKIM never reaches it behind line %u; "
                             "MultipleSignatures is off",
                             rule->line, SPAN_ARG(rule->pattern), other->line);
        return true;
    }
    return false;
}

static void
take_line(struct opendkim_import *import, const struct opendkim_entries *keys,
          const struct opendkim_entry *line, struct span pattern)
{
    size_t colon = span_find(line->value, ':');
    struct span name = span_trim(span_slice(line->value, 0, colon));
    struct span from = opendkim_pattern_domain(pattern);
    struct opendkim_key key;

    if (span_equal_cstr(name, "%"))
        name = from;
    const struct opendkim_entry *entry = find_entry(keys, name);
    if (entry == NULL || opendkim_key_parse(entry->value, &key) != OR_OK) {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, signing_table,
                             "line %u: no usable key \"%.*s\" in KeyTable (NAME DOMAIN:SELECTOR:"
                             "KEY); for %% name every domain in a line of its own",
                             line->line, SPAN_ARG(name));
        return;
    }
    if (from.n == 0 && (span_contains_byte(key.domain, '%') ||
                        (key.is_path && span_contains_byte(key.key, '%')))) {
        opendkim_import_note(
            import, OPENDKIM_IMPOSSIBLE, signing_table,
            "line %u: key \"%.*s\" has %% in it, and %.*s is more than one domain; "
            "name every domain in a line of its own",
            line->line, SPAN_ARG(name), SPAN_ARG(pattern));
        return;
    }
    if (colon < line->value.n)
        opendkim_import_note(import, OPENDKIM_CHANGED, signing_table,
                             "line %u: signer \"%.*s\" dropped; we write no i=", line->line,
                             SPAN_ARG(span_from(line->value, colon + 1)));
    struct opendkim_rule rule = {
        .pattern = pattern,
        .domain = expand(import->mem, key.domain, from),
        .selector = key.selector,
        .key = key.is_path ? expand(import->mem, key.key, from) : key.key,
        .key_is_path = key.is_path,
        .line = line->line,
    };
    if (setting_is_on(import, "MultipleSignatures") || !is_hidden(import, &rule))
        add_rule(import, &rule);
}

static or_status
room_for(struct opendkim_import *import, size_t count)
{
    import->rules.items = arena_alloc_array(import->mem, count + 1, sizeof(*import->rules.items));
    return import->rules.items != NULL ? OR_OK : OR_LIMIT;
}

static void
collect_tables(struct opendkim_import *import, const struct opendkim_setting *signing,
               const struct opendkim_setting *key_table)
{
    struct opendkim_entries lines, keys;

    if (opendkim_import_entries(import, signing, &lines) != OR_OK ||
        opendkim_import_entries(import, key_table, &keys) != OR_OK ||
        room_for(import, lines.count) != OR_OK)
        return;
    for (size_t i = 0; i < lines.count; i++) {
        struct span name = lines.items[i].name;

        take_line(import, &keys, &lines.items[i],
                  lines.wildcards ? opendkim_pattern_of_wildcard(import->mem, name)
                                  : opendkim_pattern_of_key(import->mem, name));
    }
    opendkim_import_note(import, OPENDKIM_TAKEN, key_table->name, "%zu keys named", keys.count);
    opendkim_import_note(import, OPENDKIM_TAKEN, signing->name, "%zu of %zu lines",
                         import->rules.count, lines.count);
}

static void
collect_single(struct opendkim_import *import, const struct opendkim_setting *domain)
{
    const struct opendkim_setting *selector = opendkim_import_find(import, "Selector");
    const struct opendkim_setting *key = opendkim_import_find(import, "KeyFile");
    struct opendkim_entries domains;

    if (selector == NULL || key == NULL) {
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, domain->name,
                             "without Selector and KeyFile nothing can be signed");
        return;
    }
    if (opendkim_import_entries(import, domain, &domains) != OR_OK ||
        room_for(import, domains.count) != OR_OK)
        return;
    for (size_t i = 0; i < domains.count; i++) {
        struct span pattern = opendkim_pattern_of_key(import->mem, domains.items[i].name);
        struct opendkim_rule rule = {.pattern = pattern,
                                     .domain = opendkim_pattern_domain(pattern),
                                     .selector = selector->value,
                                     .key = key->value,
                                     .key_is_path = true};

        add_rule(import, &rule);
    }
    opendkim_import_note(import, OPENDKIM_TAKEN, domain->name, "%zu domains, selector %.*s",
                         import->rules.count, SPAN_ARG(selector->value));
}

void
opendkim_signing_collect(struct opendkim_import *import)
{
    const struct opendkim_setting *signing = opendkim_import_find(import, "SigningTable");
    const struct opendkim_setting *keys = opendkim_import_find(import, "KeyTable");
    const struct opendkim_setting *domain = opendkim_import_find(import, "Domain");

    if (signing != NULL && keys != NULL)
        collect_tables(import, signing, keys);
    else if (signing != NULL || keys != NULL)
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, (signing != NULL ? signing : keys)->name,
                             "KeyTable and SigningTable only say something together");
    else if (domain != NULL)
        collect_single(import, domain);
    else
        opendkim_import_note(import, OPENDKIM_CHANGED, SPAN_LIT("Domain"),
                             "no Domain and no SigningTable: nothing is signed");
}

/* "Mail from this domain, with d= this domain": what the key directory does without being told. */
static bool
is_own_domain(const struct opendkim_rule *rule)
{
    return rule->pattern.n > 2 && span_has_prefix(rule->pattern, SPAN_LIT("*@")) &&
           span_equal_nocase(span_from(rule->pattern, 2), rule->domain);
}

/* Another rule earlier in the list made this section. */
static bool
is_repeated(const struct opendkim_rules *rules, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (span_equal(rules->items[i].pattern, rules->items[at].pattern))
            return true;
    return false;
}

static void
format_section(struct opendkim_import *import, const struct opendkim_rule *rule, struct span title)
{
    const struct opendkim_rules *rules = &import->rules;
    const char *separator = "";

    buf_addf(&import->conf, "sign \"%.*s\" { domain = \"%.*s\" selectors = {", SPAN_ARG(title),
             SPAN_ARG(rule->domain));
    for (size_t i = 0; i < rules->count; i++) {
        const struct opendkim_rule *other = &rules->items[i];

        if (!opendkim_pattern_covers(other->pattern, rule->pattern))
            continue;
        if (!span_equal_nocase(other->domain, rule->domain)) {
            opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, signing_table,
                                 "%.*s: a second signature with d=%.*s beside d=%.*s; one rule "
                                 "signs for one domain",
                                 SPAN_ARG(title), SPAN_ARG(other->domain), SPAN_ARG(rule->domain));
            continue;
        }
        buf_addf(&import->conf, "%s\"%.*s\"", separator, SPAN_ARG(other->selector));
        separator = ", ";
    }
    buf_add_cstr(&import->conf, "} }\n");
}

static void
format_rule(struct opendkim_import *import, const struct opendkim_rule *rule)
{
    struct span title = opendkim_pattern_title(import->mem, rule->pattern);

    if (!opendkim_import_quotable(title))
        opendkim_import_note(import, OPENDKIM_IMPOSSIBLE, signing_table,
                             "line %u: \"%.*s\" matches no address, or cannot be written",
                             rule->line, SPAN_ARG(rule->pattern));
    else
        format_section(import, rule, title);
}

/* Whether any line signs all mail of the domain. */
static bool
is_signed_whole(const struct opendkim_import *import, struct span domain)
{
    const char *everybody = arena_printf(import->mem, "*@%.*s", SPAN_ARG(domain));

    for (size_t i = 0; everybody != NULL && i < import->rules.count; i++)
        if (opendkim_pattern_covers(import->rules.items[i].pattern, span_cstr(everybody)))
            return true;
    return false;
}

/* A domain with keys signs all its mail here unless a section says something else; there it may
 * have been some of its users only. */
static void
format_silence(struct opendkim_import *import, size_t at)
{
    const struct opendkim_rules *rules = &import->rules;
    struct span domain = rules->items[at].domain;

    for (size_t i = 0; i < at; i++)
        if (span_equal_nocase(rules->items[i].domain, domain))
            return;
    if (!is_signed_whole(import, domain) && opendkim_import_quotable(domain))
        buf_addf(&import->conf, "sign \"%.*s\" { never = true }\n", SPAN_ARG(domain));
}

void
opendkim_signing_format(struct opendkim_import *import)
{
    const struct opendkim_rules *rules = &import->rules;
    size_t own = 0;

    for (size_t i = 0; i < rules->count; i++)
        own += is_own_domain(&rules->items[i]);
    for (size_t i = 0; own < rules->count && i < rules->count; i++)
        if (!is_repeated(rules, i))
            format_rule(import, &rules->items[i]);
    for (size_t i = 0; own < rules->count && i < rules->count; i++)
        format_silence(import, i);
}
