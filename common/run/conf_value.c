/*
 * The types of option values: one row per type says how a value is read, freed and called.
 */
#include "common/run/conf_value.h"

#include "common/base/xalloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONF_MAX_LIST_ITEMS 1024

typedef or_status (*set_fn)(const struct conf_option *option, void *field, const char *value,
                            struct err *e);

static or_status
set_string(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    char **target = field;

    (void)option;
    (void)e;
    free(*target);
    *target = xstrdup(value);
    return OR_OK;
}

static or_status
set_string_item(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    struct conf_list *list = field;

    (void)option;
    if (list->count == CONF_MAX_LIST_ITEMS)
        return err_set(e, OR_CONFIG, "more than %d values; shorten the list", CONF_MAX_LIST_ITEMS);
    list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = xstrdup(value);
    return OR_OK;
}

static or_status
set_cidr_item(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    struct conf_cidrs *list = field;
    struct cidr block;

    (void)option;
    if (list->count == CONF_MAX_LIST_ITEMS)
        return err_set(e, OR_CONFIG, "more than %d values; shorten the list", CONF_MAX_LIST_ITEMS);
    if (cidr_parse(span_cstr(value), &block, NULL) != OR_OK)
        return err_set(e, OR_CONFIG,
                       "\"%.60s\" is no network; allowed: an IPv4 or IPv6 address with or without "
                       "/prefix; write e.g. \"192.0.2.0/24\"",
                       value);
    list->items = xreallocarray(list->items, list->count + 1, sizeof(*list->items));
    list->items[list->count++] = block;
    return OR_OK;
}

static or_status
set_bool(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true},   {"yes", true}, {"on", true},
                 {"false", false}, {"no", false}, {"off", false}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcasecmp(value, words[i].word) == 0) {
            *(bool *)field = words[i].value;
            return OR_OK;
        }
    }
    return err_set(e, OR_CONFIG,
                   "\"%.60s\" is neither yes nor no; allowed: true, yes, on, false, no, off; write "
                   "e.g. %s = yes",
                   value, option->name);
}

static or_status
set_word(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    struct buf words;
    int at = 0;

    for (; option->words[at] != NULL; at++) {
        if (strcmp(value, option->words[at]) == 0) {
            *(int *)field = at;
            return OR_OK;
        }
    }
    buf_init(&words, ERR_TEXT_BYTES);
    for (int i = 0; i < at; i++)
        buf_addf(&words, "%s%s", i == 0 ? "" : ", ", option->words[i]);
    err_set(e, OR_CONFIG, "\"%.60s\" is not known; allowed: %.*s; write e.g. %s = %s", value,
            SPAN_ARG(buf_span(&words)), option->name, option->words[0]);
    buf_fini(&words);
    return OR_CONFIG;
}

/* A unit that a number may carry; the first of a table is the one that no suffix means. */
struct unit {
    const char *suffix;
    int64_t factor;
};

static const struct unit int_units[] = {{"", 1}, {NULL, 0}};
static const struct unit size_units[] = {
    {"", 1},        {"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30},
    {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0},
};
/* No bare numbers: "5" of what? Outside of zero the unit must be written. */
static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000},
    {NULL, 0},
};

/* Digits and one of the units, without blanks; OR_LIMIT when it does not fit into 64 bits. */
static or_status
parse_number(const char *value, const struct unit *units, int64_t *number_out)
{
    size_t digits = strspn(value, "0123456789");
    uint64_t number;

    if (digits == 0)
        return OR_MALFORMED;
    or_status st = span_parse_u64(span_make(value, digits), INT64_MAX, &number);

    if (st != OR_OK)
        return st;
    for (; units->suffix != NULL; units++) {
        if (strcmp(value + digits, units->suffix) != 0)
            continue;
        return __builtin_mul_overflow((int64_t)number, units->factor, number_out) ? OR_LIMIT
                                                                                  : OR_OK;
    }
    *number_out = 0;
    return number == 0 && value[digits] == '\0' ? OR_OK : OR_MALFORMED;
}

/* The largest unit that leaves no remainder: how a person would write it. */
static void
format_number(int64_t number, const struct unit *units, char *out, size_t out_bytes)
{
    const struct unit *best = units;

    for (const struct unit *u = units; number != 0 && u->suffix != NULL; u++)
        if (u->factor > best->factor && number % u->factor == 0)
            best = u;
    snprintf(out, out_bytes, "%" PRId64 "%s", number / best->factor, best->suffix);
}

/* All numbers: `what` names the kind, `example` is for options without a default. */
static or_status
set_number(const struct conf_option *option, int64_t *field, const char *value,
           const struct unit *units, struct err *e)
{
    char min[32], max[32], example[32];
    int64_t number = 0;
    bool negative = option->min < 0 && value[0] == '-';
    or_status st = parse_number(value + negative, units, &number);

    if (negative)
        number = -number;
    if (st == OR_OK && number >= option->min && number <= option->max) {
        *field = number;
        return OR_OK;
    }
    const char *fault = "is out of range";

    if (st == OR_MALFORMED)
        fault = units == duration_units ? "is no duration (500ms, 30s, 5m, 1h, 7d)"
                : units == size_units   ? "is no size (512, 64K, 10M, 1G)"
                                        : "is no whole number";
    format_number(option->min, units, min, sizeof(min));
    format_number(option->max, units, max, sizeof(max));
    format_number(option->max, units, example, sizeof(example));
    return err_set(e, OR_CONFIG, "\"%.60s\" %s; allowed: %s to %s; write e.g. %s = %s", value,
                   fault, min, max, option->name, option->def != NULL ? option->def : example);
}

static or_status
set_int(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    return set_number(option, field, value, int_units, e);
}

static or_status
set_duration(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    return set_number(option, field, value, duration_units, e);
}

static or_status
set_size(const struct conf_option *option, void *field, const char *value, struct err *e)
{
    return set_number(option, field, value, size_units, e);
}

static void
clear_string(void *field)
{
    char **target = field;

    free(*target);
    *target = NULL;
}

static void
clear_strings(void *field)
{
    struct conf_list *list = field;

    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
    *list = (struct conf_list){0};
}

static void
clear_cidrs(void *field)
{
    struct conf_cidrs *list = field;

    free(list->items);
    *list = (struct conf_cidrs){0};
}

static const struct {
    const char *name;
    bool is_list;
    set_fn set;
    void (*clear)(void *field); /* NULL: nothing is allocated */
} types[] = {
    [CONF_STRING] = {"string", false, set_string, clear_string},
    [CONF_STRING_LIST] = {"string-list", true, set_string_item, clear_strings},
    [CONF_BOOL] = {"bool", false, set_bool, NULL},
    [CONF_INT] = {"int", false, set_int, NULL},
    [CONF_DURATION] = {"duration", false, set_duration, NULL},
    [CONF_SIZE] = {"size", false, set_size, NULL},
    [CONF_ENUM] = {"enum", false, set_word, NULL},
    [CONF_CIDR_LIST] = {"cidr-list", true, set_cidr_item, clear_cidrs},
};

static void *
field_of(const struct conf_option *option, void *settings)
{
    return (char *)settings + option->offset;
}

or_status
conf_value_set(const struct conf_option *option, void *settings, const char *value, struct err *e)
{
    return types[option->type].set(option, field_of(option, settings), value, e);
}

or_status
conf_value_set_default(const struct conf_option *option, void *settings, struct err *e)
{
    struct span rest = span_cstr(option->def), item;
    or_status st = OR_OK;

    if (option->def == NULL)
        return OR_OK;
    if (!types[option->type].is_list)
        return conf_value_set(option, settings, option->def, e);
    while (st == OR_OK && span_split(&rest, ',', &item)) {
        item = span_trim(item);
        char *text = xmemdup0(item.p, item.n);

        st = conf_value_set(option, settings, text, e);
        free(text);
    }
    return st;
}

void
conf_value_clear(const struct conf_option *option, void *settings)
{
    if (types[option->type].clear != NULL)
        types[option->type].clear(field_of(option, settings));
}

bool
conf_value_is_list(enum conf_type type)
{
    return types[type].is_list;
}

const char *
conf_value_type_name(enum conf_type type)
{
    return types[type].name;
}
