/*
 * The key directory, read into one sorted array.
 */
#include "milter/dkim/dkim_keytable.h"

#include "common/base/xalloc.h"
#include "common/text/domain.h"
#include "milter/dkim/dkim_rotation_file.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_ARENA_BYTES 65536 /* domain_canonical() needs somewhere to write one name */

struct dkim_keytable {
    struct dkim_keytable_row *rows; /* by domain, then selector */
    size_t count;
    size_t room;
    char **problems;
    size_t problem_count;
    struct dkim_keytable_rotation **rotations;
    size_t rotation_count;
};

static void
add_problem(struct dkim_keytable *t, const char *text)
{
    if (t->problem_count < DKIM_KEYTABLE_MAX_PROBLEMS) {
        t->problems = xreallocarray(t->problems, t->problem_count + 1, sizeof(*t->problems));
        t->problems[t->problem_count] = xstrdup(text);
    }
    t->problem_count++;
}

/* Takes over all three. */
static void
add_row(struct dkim_keytable *t, char *domain, char *selector, struct dkim_private *key)
{
    if (t->count == t->room) {
        t->room = t->room == 0 ? 16 : t->room * 2;
        t->rows = xreallocarray(t->rows, t->room, sizeof(*t->rows));
    }
    t->rows[t->count++] = (struct dkim_keytable_row){
        .domain = domain, .selector = selector, .key = key, .role = DKIM_KEYTABLE_ACTIVE};
}

/* A file name as a canonical domain name that may be printed into a header; NULL when it is none.
 * The caller frees. */
static char *
canonical_name(struct span text, struct err *e)
{
    struct arena mem;
    struct span canonical;
    char *name = NULL;

    arena_init(&mem, NAME_ARENA_BYTES);
    if (domain_canonical(text, &mem, &canonical, e) == OR_OK) {
        if (domain_is_hostname(canonical))
            name = xmemdup0(canonical.p, canonical.n);
        else
            (void)err_set(e, OR_CONFIG, "not a domain name");
    }
    arena_fini(&mem);
    return name;
}

static or_status
join_path(char out[PATH_MAX], const char *directory, const char *name, struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", directory, name);

    return n > 0 && n < PATH_MAX ? OR_OK : err_set(e, OR_CONFIG, "%s: path too long", directory);
}

static or_status
load_key(struct dkim_keytable *t, const char *domain, const char *directory, struct span file,
         struct err *e)
{
    char path[PATH_MAX];
    struct dkim_private *key = NULL;
    or_status st = join_path(path, directory, file.p, e);

    if (st != OR_OK)
        return st;
    if (t->count == DKIM_KEYTABLE_MAX_KEYS)
        return err_set(e, OR_CONFIG, "%s: more than %d keys", path, DKIM_KEYTABLE_MAX_KEYS);
    char *selector = canonical_name(span_slice(file, 0, file.n - strlen(".pem")), e);
    if (selector == NULL)
        return err_wrap(e, OR_CONFIG, "%s: the file name is not SELECTOR.pem", path);
    st = dkim_private_read(path, &key, e);
    if (st != OR_OK) {
        free(selector);
        return st;
    }
    add_row(t, xstrdup(domain), selector, key);
    return OR_OK;
}

/* Hidden files are someone's half-written ones. */
static bool
is_key_file(struct span name)
{
    return name.n > strlen(".pem") && name.p[0] != '.' &&
           span_has_suffix_nocase(name, SPAN_LIT(".pem"));
}

/* A plan that cannot be read leaves every key signing: a signature too many fails alone, none at
 * all fails the message. */
static void
load_rotation(struct dkim_keytable *t, const char *domain, const char *key_directory)
{
    struct dkim_rotation_plan plan;
    struct err e = {.text = ""};
    or_status st = dkim_rotation_plan_read(key_directory, domain, &plan, &e);

    if (st != OR_OK && st != OR_ABSENT)
        add_problem(t, e.text);
    if (st != OR_OK)
        return;
    struct dkim_keytable_rotation *r = xcalloc(1, sizeof(*r));
    r->domain = xstrdup(domain);
    r->plan = plan;
    t->rotations =
        xreallocarray(t->rotations, t->rotation_count + 1, sizeof(struct dkim_keytable_rotation *));
    t->rotations[t->rotation_count++] = r;
}

static void
load_domain(struct dkim_keytable *t, const char *domain, const char *directory)
{
    struct err e = {.text = ""};
    size_t loaded = 0;
    DIR *dir = opendir(directory);

    if (dir == NULL && errno == ENOTDIR)
        return; /* plain files beside the domains' directories are nobody's business */
    if (dir == NULL) {
        (void)err_set(&e, OR_CONFIG, "%s: %s", directory, os_error_text(errno));
        add_problem(t, e.text);
        return;
    }
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        struct span name = span_cstr(d->d_name);

        if (!is_key_file(name))
            continue;
        or_status st = loaded < DKIM_KEYTABLE_MAX_PER_DOMAIN
                           ? load_key(t, domain, directory, name, &e)
                           : err_set(&e, OR_CONFIG, "%s/%s: more than %d keys of one domain",
                                     directory, d->d_name, DKIM_KEYTABLE_MAX_PER_DOMAIN);
        loaded += st == OR_OK;
        if (st != OR_OK)
            add_problem(t, e.text);
    }
    closedir(dir);
}

static void
load_entry(struct dkim_keytable *t, const char *directory, const char *name)
{
    char path[PATH_MAX];
    struct err e = {.text = ""};

    if (name[0] == '.')
        return;
    if (join_path(path, directory, name, &e) != OR_OK) {
        add_problem(t, e.text);
        return;
    }
    char *domain = canonical_name(span_cstr(name), &e);
    if (domain == NULL) {
        (void)err_wrap(&e, OR_CONFIG, "%s: not named after a domain", path);
        add_problem(t, e.text);
        return;
    }
    load_domain(t, domain, path);
    load_rotation(t, domain, directory);
    free(domain);
}

static int
compare_rows(const void *a, const void *b)
{
    const struct dkim_keytable_row *x = a, *y = b;
    int by_domain = strcmp(x->domain, y->domain);

    if (by_domain != 0)
        return by_domain;
    return x->role != y->role ? (int)x->role - (int)y->role : strcmp(x->selector, y->selector);
}

static void
sort_rows(struct dkim_keytable *t)
{
    if (t->count != 0)
        qsort(t->rows, t->count, sizeof(*t->rows), compare_rows);
}

static struct dkim_keytable_row *
find_all(const struct dkim_keytable *table, struct span domain, size_t *count_out)
{
    size_t low = 0, high = table->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (span_compare(span_cstr(table->rows[middle].domain), domain) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    size_t end = low;
    while (end < table->count && span_equal_cstr(domain, table->rows[end].domain))
        end++;
    *count_out = end - low;
    return end > low ? &table->rows[low] : NULL;
}

static void
assign_roles(struct dkim_keytable *t, struct dkim_keytable_rotation *r)
{
    struct dkim_keytable_row *rows = find_all(t, span_cstr(r->domain), &r->count);
    size_t found = 0;

    r->rows = rows;
    for (size_t i = 0; i < r->count; i++) {
        rows[i].rotation = r;
        rows[i].role = DKIM_KEYTABLE_ACTIVE;
        if (dkim_rotation_has(&r->plan.next, rows[i].selector))
            rows[i].role = DKIM_KEYTABLE_NEXT;
        else if (dkim_rotation_has(&r->plan.old, rows[i].selector))
            rows[i].role = DKIM_KEYTABLE_OLD;
        found += rows[i].role == DKIM_KEYTABLE_NEXT;
    }
    r->complete = found == r->plan.next.count;
}

static or_status
load_directory(struct dkim_keytable *t, const char *directory, struct err *e)
{
    DIR *dir = opendir(directory);

    if (dir == NULL)
        return err_set(e, errno == ENOENT ? OR_ABSENT : OR_CONFIG, "%s: %s", directory,
                       os_error_text(errno));
    for (struct dirent *d; (d = readdir(dir)) != NULL;)
        load_entry(t, directory, d->d_name);
    closedir(dir);
    return OR_OK;
}

static bool
has_row(const struct dkim_keytable *t, const char *domain, const char *selector)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->rows[i].domain, domain) == 0 && strcmp(t->rows[i].selector, selector) == 0)
            return true;
    return false;
}

/* A key of the configuration; what is wrong with it is a problem like that of a key of the
 * directory. */
static void
load_elsewhere(struct dkim_keytable *t, const struct dkim_keytable_entry *entry)
{
    struct err e = {.text = ""};
    struct dkim_private *key = NULL;
    char *domain = canonical_name(span_cstr(entry->domain), &e);
    char *selector = domain == NULL ? NULL : canonical_name(span_cstr(entry->selector), &e);
    or_status st = OR_CONFIG;

    if (selector == NULL)
        (void)err_wrap(&e, OR_CONFIG, "%s: key %s of %s", entry->path, entry->selector,
                       entry->domain);
    else if (has_row(t, domain, selector))
        (void)err_set(&e, OR_CONFIG, "%s: a second key %s of %s", entry->path, selector, domain);
    else
        st = dkim_private_read(entry->path, &key, &e);
    if (st == OR_OK) {
        add_row(t, domain, selector, key);
        return;
    }
    add_problem(t, e.text);
    free(domain);
    free(selector);
}

or_status
dkim_keytable_load_with(const char *directory, const struct dkim_keytable_entry *entries,
                        size_t count, struct dkim_keytable **table_out, struct err *e)
{
    struct dkim_keytable *t = xcalloc(1, sizeof(*t));
    or_status st = load_directory(t, directory, e);

    if (st == OR_ABSENT && count != 0)
        st = OR_OK;
    if (st != OR_OK) {
        dkim_keytable_free(t);
        return st;
    }
    for (size_t i = 0; i < count; i++)
        load_elsewhere(t, &entries[i]);
    sort_rows(t);
    for (size_t i = 0; i < t->rotation_count; i++)
        assign_roles(t, t->rotations[i]);
    if (t->rotation_count != 0)
        sort_rows(t);
    *table_out = t;
    return OR_OK;
}

or_status
dkim_keytable_load(const char *directory, struct dkim_keytable **table_out, struct err *e)
{
    return dkim_keytable_load_with(directory, NULL, 0, table_out, e);
}

void
dkim_keytable_free(struct dkim_keytable *table)
{
    if (table == NULL)
        return;
    for (size_t i = 0; i < table->count; i++) {
        free(table->rows[i].domain);
        free(table->rows[i].selector);
        dkim_private_free(table->rows[i].key);
    }
    for (size_t i = 0; dkim_keytable_problem(table, i) != NULL; i++)
        free(table->problems[i]);
    for (size_t i = 0; i < table->rotation_count; i++) {
        free(table->rotations[i]->domain);
        free(table->rotations[i]);
    }
    free(table->rotations);
    free(table->rows);
    free(table->problems);
    free(table);
}

size_t
dkim_keytable_key_count(const struct dkim_keytable *table)
{
    return table->count;
}

const struct dkim_keytable_row *
dkim_keytable_row_at(const struct dkim_keytable *table, size_t at)
{
    return at < table->count ? &table->rows[at] : NULL;
}

size_t
dkim_keytable_problem_count(const struct dkim_keytable *table)
{
    return table->problem_count;
}

const char *
dkim_keytable_problem(const struct dkim_keytable *table, size_t at)
{
    return at < table->problem_count && at < DKIM_KEYTABLE_MAX_PROBLEMS ? table->problems[at]
                                                                        : NULL;
}

struct dkim_keytable_rotation *
dkim_keytable_rotation_at(const struct dkim_keytable *table, size_t at)
{
    return at < table->rotation_count ? table->rotations[at] : NULL;
}

void
dkim_keytable_switch(struct dkim_keytable_rotation *rotation, bool switched)
{
    atomic_store(&rotation->switched, switched && rotation->complete);
}

bool
dkim_keytable_answers_to(const struct dkim_keytable_row *row, const char *selector)
{
    return strcmp(row->selector, selector) == 0 ||
           (row->role == DKIM_KEYTABLE_NEXT &&
            dkim_rotation_has(&row->rotation->plan.old, selector));
}

const struct dkim_keytable_row *
dkim_keytable_find(const struct dkim_keytable *table, struct span domain, size_t *count_out)
{
    size_t count;
    const struct dkim_keytable_row *rows = find_all(table, domain, &count);

    if (rows != NULL && rows->rotation != NULL) {
        bool switched = atomic_load(&rows->rotation->switched);

        for (; switched && count != 0 && rows->role == DKIM_KEYTABLE_OLD; rows++)
            count--;
        while (!switched && count != 0 && rows[count - 1].role == DKIM_KEYTABLE_NEXT)
            count--;
    }
    *count_out = count;
    return count != 0 ? rows : NULL;
}
