/*
 * Rows in order of their first address, of those with the same the wider network first; the one
 * that holds an address is the last of those before it that do.
 */
#include "authd/guard/country.h"

#include "common/base/xalloc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_BYTES 512
#define NESTING 32 /* networks within networks */

struct country_table {
    struct country_row *rows;
    size_t count, room;
};

static bool
is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static struct span
unquoted(struct span field)
{
    if (field.n >= 2 && field.p[0] == '"' && field.p[field.n - 1] == '"')
        return span_slice(field, 1, field.n - 1);
    return field;
}

or_status
country_parse_line(struct span line, struct country_row *row_out, struct err *e)
{
    struct span rest = line, network = SPAN_EMPTY, code = SPAN_EMPTY;

    if (line.n == 0 || line.p[0] == '#')
        return OR_ABSENT;
    if (!span_split(&rest, ',', &network) || !span_split(&rest, ',', &code))
        return err_set(e, OR_MALFORMED, "no \"network,CC\"");
    network = unquoted(network);
    code = unquoted(code);
    or_status st = cidr_parse(network, &row_out->network, e);
    if (st != OR_OK)
        return st;
    ip_mask(&row_out->network.base, row_out->network.prefix);
    if (code.n == 0) /* known to be in none */
        return OR_ABSENT;
    if (code.n != 2 || !is_letter(code.p[0]) || !is_letter(code.p[1]))
        return err_set(e, OR_MALFORMED, "no country of two letters");
    memcpy(row_out->code, code.p, 2);
    return OR_OK;
}

static int
compare(const void *a, const void *b)
{
    const struct cidr *x = &((const struct country_row *)a)->network,
                      *y = &((const struct country_row *)b)->network;

    if (x->base.family != y->base.family)
        return x->base.family < y->base.family ? -1 : 1;
    int order = memcmp(x->base.bytes, y->base.bytes, sizeof(x->base.bytes));
    if (order != 0)
        return order;
    return x->prefix < y->prefix ? -1 : x->prefix > y->prefix;
}

static void
add(struct country_table *table, const struct country_row *row)
{
    if (table->count == table->room) {
        table->room = table->room == 0 ? 1024 : 2 * table->room;
        table->rows = xreallocarray(table->rows, table->room, sizeof(table->rows[0]));
    }
    table->rows[table->count++] = *row;
}

static or_status
read_lines(FILE *f, struct country_table *table, struct err *e)
{
    char line[LINE_BYTES];

    for (unsigned number = 1; fgets(line, sizeof(line), f) != NULL; number++) {
        struct country_row row = {.code = ""};
        struct span text = span_cstr(line);

        while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
            text.n--;
        or_status st = country_parse_line(text, &row, e);
        if (st == OR_OK)
            add(table, &row);
        else if (st != OR_ABSENT && number > 1)
            return err_wrap(e, OR_CONFIG, "line %u", number);
        if (table->count > COUNTRY_MAX_LINES)
            return err_set(e, OR_CONFIG, "more than %d lines", COUNTRY_MAX_LINES);
    }
    return ferror(f) ? err_set(e, OR_CONFIG, "%s", os_error_text(errno)) : OR_OK;
}

or_status
country_load(const char *path, struct country_table **table_out, struct err *e)
{
    FILE *f = fopen(path, "re");

    if (f == NULL)
        return err_set(e, OR_CONFIG, "%s: %s", path, os_error_text(errno));
    struct country_table *table = xcalloc(1, sizeof(*table));
    or_status st = read_lines(f, table, e);

    fclose(f);
    if (st != OR_OK) {
        country_free(table);
        return err_wrap(e, st, "%s", path);
    }
    if (table->count > 0)
        qsort(table->rows, table->count, sizeof(table->rows[0]), compare);
    *table_out = table;
    return OR_OK;
}

void
country_free(struct country_table *table)
{
    if (table == NULL)
        return;
    free(table->rows);
    free(table);
}

struct span
country_find(const struct country_table *table, const struct ip *ip)
{
    const struct country_row wanted = {.network = {.base = *ip, .prefix = 128}};
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (compare(&table->rows[middle], &wanted) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t back = 0; back < NESTING && low > 0; back++, low--)
        if (cidr_contains(&table->rows[low - 1].network, ip))
            return span_make(table->rows[low - 1].code, 2);
    return SPAN_EMPTY;
}
