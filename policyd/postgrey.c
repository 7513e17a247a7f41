/* A walk with a cursor, read only and outside of postgrey's environment: postgrey must not run. */
#include "policyd/postgrey.h"

#include <db.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

typedef or_status (*parse_record)(struct span key, struct span value,
                                  struct postgrey_record *record_out);

/* "number,number"; postgrey appends the client's name after another comma. */
static or_status
parse_numbers(struct span value, uint64_t *first_out, uint64_t *second_out)
{
    struct span first, second;

    if (!span_split(&value, ',', &first) || !span_split(&value, ',', &second) ||
        span_parse_u64(first, INT32_MAX, first_out) != OR_OK ||
        span_parse_u64(second, UINT32_MAX, second_out) != OR_OK)
        return OR_MALFORMED;
    return OR_OK;
}

/* The recipient is behind the last slash: senders have slashes more often. */
or_status
postgrey_parse_triplet(struct span key, struct span value, struct postgrey_record *record_out)
{
    size_t first = span_find(key, '/'), last = span_rfind(key, '/');
    uint64_t tries[2];

    if (first >= last || last == key.n ||
        ip_parse(span_slice(key, 0, first), &record_out->client) != OR_OK ||
        parse_numbers(value, &tries[0], &tries[1]) != OR_OK)
        return OR_MALFORMED;
    record_out->sender = span_slice(key, first + 1, last);
    record_out->recipient = span_from(key, last + 1);
    record_out->past = (struct greylist_past){.first = (time_t)tries[0], .last = (time_t)tries[1]};
    return record_out->recipient.n != 0 ? OR_OK : OR_MALFORMED;
}

or_status
postgrey_parse_client(struct span key, struct span value, struct postgrey_record *record_out)
{
    uint64_t numbers[2];

    if (ip_parse(key, &record_out->client) != OR_OK ||
        parse_numbers(value, &numbers[0], &numbers[1]) != OR_OK)
        return OR_MALFORMED;
    record_out->sender = record_out->recipient = SPAN_EMPTY;
    record_out->past =
        (struct greylist_past){.times = (int64_t)numbers[0], .last = (time_t)numbers[1]};
    return OR_OK;
}

struct reading {
    parse_record parse;
    postgrey_visit visit;
    void *context;
    size_t skipped;
};

static or_status
take(struct reading *r, const DBT *key, const DBT *value, struct err *e)
{
    struct postgrey_record record;

    if (r->parse(span_make(key->data, key->size), span_make(value->data, value->size), &record) ==
        OR_OK)
        return r->visit(r->context, &record, e);
    r->skipped++;
    return OR_OK;
}

static or_status
walk(DB *db, struct reading *r, struct err *e)
{
    DBC *cursor = NULL;
    DBT key, value;
    or_status st = OR_OK;
    int error = db->cursor(db, NULL, &cursor, 0);

    memset(&key, 0, sizeof(key));
    memset(&value, 0, sizeof(value));
    while (error == 0 && st == OR_OK && (error = cursor->get(cursor, &key, &value, DB_NEXT)) == 0)
        st = take(r, &key, &value, e);
    if (cursor != NULL)
        cursor->close(cursor);
    if (st == OR_OK && error != 0 && error != DB_NOTFOUND)
        st = err_set(e, OR_CONFIG, "%s", db_strerror(error));
    return st;
}

static or_status
read_file(const char *path, struct reading *r, struct err *e)
{
    struct stat st_file;
    DB *db = NULL;

    if (stat(path, &st_file) != 0)
        return err_set(e, errno == ENOENT ? OR_ABSENT : OR_CONFIG, "%s: %s", path,
                       os_error_text(errno));
    int error = db_create(&db, NULL, 0);
    if (error == 0) {
        db->set_errfile(db, NULL); /* the library would write to stderr by itself */
        error = db->open(db, NULL, path, NULL, DB_BTREE, DB_RDONLY, 0);
    }
    or_status st = error == 0 ? walk(db, r, e) : err_set(e, OR_CONFIG, "%s", db_strerror(error));
    if (db != NULL)
        db->close(db, 0);
    return st == OR_OK ? OR_OK : err_wrap(e, st, "%s", path);
}

or_status
postgrey_read_triplets(const char *path, postgrey_visit visit, void *context, size_t *skipped_out,
                       struct err *e)
{
    struct reading r = {.parse = postgrey_parse_triplet, .visit = visit, .context = context};
    or_status st = read_file(path, &r, e);

    *skipped_out = r.skipped;
    return st;
}

or_status
postgrey_read_clients(const char *path, postgrey_visit visit, void *context, size_t *skipped_out,
                      struct err *e)
{
    struct reading r = {.parse = postgrey_parse_client, .visit = visit, .context = context};
    or_status st = read_file(path, &r, e);

    *skipped_out = r.skipped;
    return st;
}
