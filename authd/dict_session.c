/*
 * What it does: answers look-ups, walks and transactions of the dict protocol, in order. Keys of
 * accounts are dict_accounts.c's and cannot be changed; all others are kept in the dict's own file
 * (dict_store.c), those below priv/ for each user apart.
 *
 * Security: whoever may open the socket reads password hashes, may speak for any user and may
 * change every value; its mode is the gate, as with Dovecot's own dict server. Lines, transactions
 * and answers are bounded. Values are never logged.
 *
 * Standards: Dovecot dict protocol 3.x (2.3) and 4.x (2.4).
 */
#include "authd/dict_session.h"

#include "authd/authd_metrics.h"
#include "authd/dict_accounts.h"
#include "authd/dict/dict_line.h"
#include "authd/dict/dict_transaction.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_ARENA_BYTES 262144
#define WALK_MAX_BYTES 16777216 /* of one walk's rows */
#define OLDEST_MAJOR 3
#define NEWEST_MAJOR 4

/* Flags of a walk. */
#define WALK_WHOLE_TREE 1
#define WALK_SORT_BY_VALUE 4
#define WALK_NO_VALUES 8
#define WALK_EXACT_KEY 16

struct dict_session {
    struct stream *stream;
    struct daemon *daemon;
    const struct daemon_snapshot *snapshot; /* of the line in hand */
    struct arena mem;                       /* of one line */
    struct arena name_mem;
    bool greeted;
    struct span dict; /* its name, in name_mem */
    struct dict_transactions transactions;
};

/* ---- answers */

static or_status
send_line(struct dict_session *s, struct buf *line)
{
    buf_add_char(line, '\n');
    or_status st = buf_finish(line);

    if (st == OR_OK)
        st = stream_write(s->stream, buf_span(line));
    buf_fini(line);
    return st;
}

/* "F" and why, behind what stands before it ("" or the id of a transaction). */
static or_status
send_failure(struct dict_session *s, const char *before, const struct err *e)
{
    struct buf line;

    log_warning("dict: %s", e->text);
    buf_init(&line, DICT_LINE_MAX_BYTES);
    buf_addf(&line, "F%s", before);
    tabline_escape(&line, span_cstr(e->text));
    return send_line(s, &line);
}

static or_status
send_value(struct dict_session *s, struct span value)
{
    struct buf line;

    buf_init(&line, 2 * DICT_LINE_MAX_BYTES); /* escaping may double it */
    buf_add_char(&line, 'O');
    tabline_escape(&line, value);
    return send_line(s, &line);
}

/* ---- the store's part */

static struct dict_store *
store_of(const struct dict_session *s)
{
    return ((const struct authd_built *)s->snapshot->built)->dict;
}

/* After a reload without `listen dict` the listener is still there, the store is not. */
static or_status
check_store(const struct dict_session *s, struct err *e)
{
    return store_of(s) != NULL ? OR_OK
                               : err_set(e, OR_TEMPFAIL, "listen dict is no longer configured");
}

/* Whose `key` is. OR_MALFORMED: nobody's; OR_TEMPFAIL: there is no store now. */
static or_status
find_space(const struct dict_session *s, struct span key, struct span user,
           struct dict_space *space_out, struct err *e)
{
    bool private = span_has_prefix(key, SPAN_LIT("priv/"));

    if (!private && !span_has_prefix(key, SPAN_LIT("shared/")))
        return err_set(e, OR_MALFORMED, "key \"%.*s\" begins neither with priv/ nor with shared/",
                       SPAN_ARG(span_slice(key, 0, 100)));
    if (private && user.n == 0)
        return err_set(e, OR_MALFORMED, "key below priv/ without a user");
    if (key.n > DICT_LINE_MAX_KEY_BYTES)
        return err_set(e, OR_LIMIT, "a key of %zu bytes", key.n);
    *space_out = (struct dict_space){.dict = s->dict, .user = private ? user : SPAN_EMPTY};
    return check_store(s, e);
}

/* ---- look-ups */

static or_status
look_up(struct dict_session *s, const struct dict_line *line, struct span *value_out, struct err *e)
{
    struct span key = dict_line_field(line, 0), name = SPAN_EMPTY;
    enum dict_account_value value = dict_accounts_match(key, &name);
    struct dict_space space;

    if (value != DICT_ACCOUNT_NONE)
        return dict_accounts_get(s->snapshot, value, name, &s->mem, value_out, e);
    or_status st = find_space(s, key, dict_line_field(line, 1), &space, e);
    if (st == OR_OK) {
        st = dict_store_get(store_of(s), &space, key, &s->mem, value_out, e);
        authd_metrics_lookup("dict", st);
    }
    return st;
}

static or_status
on_lookup(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct span value = SPAN_EMPTY;
    or_status st = look_up(s, line, &value, e);

    if (st == OR_ABSENT)
        return stream_write(s->stream, SPAN_LIT("N\n"));
    return st == OR_OK ? send_value(s, value) : send_failure(s, "", e);
}

/* ---- walks */

static void
add_row(struct buf *rows, struct span key, struct span value)
{
    buf_add_char(rows, 'O');
    tabline_escape(rows, key);
    buf_add_char(rows, '\t');
    tabline_escape(rows, value);
    buf_add_char(rows, '\n');
}

struct walk {
    struct buf rows;
    bool with_values;
};

static bool
gather(void *context, struct span key, struct span value)
{
    struct walk *walk = context;

    add_row(&walk->rows, key, walk->with_values ? value : SPAN_EMPTY);
    return buf_finish(&walk->rows) == OR_OK;
}

struct listing {
    struct dict_session *session;
    uint64_t left; /* accounts still wanted */
    or_status status;
};

static bool
list_account(void *context, const struct account_row *row)
{
    struct listing *listing = context;

    listing->status = stream_writef(listing->session->stream, "Oshared/userdb/%.*s\t\n",
                                    SPAN_ARG(row->address.whole));
    return listing->status == OR_OK && --listing->left > 0;
}

/* Long lists are written as they are read. */
static or_status
walk_accounts(struct dict_session *s, uint64_t max, struct err *e)
{
    struct listing listing = {.session = s, .left = max, .status = OR_OK};
    or_status st = accounts_each(&((const struct authd_built *)s->snapshot->built)->accounts,
                                 list_account, &listing, e);

    return listing.status != OR_OK ? listing.status : st;
}

static or_status
walk_store(struct dict_session *s, const struct dict_line *line, const struct dict_query *query,
           int64_t flags, struct err *e)
{
    struct walk walk = {.with_values = (flags & WALK_NO_VALUES) == 0};
    struct dict_space space;
    or_status st = find_space(s, query->prefix, dict_line_field(line, 3), &space, e);

    if (st != OR_OK)
        return st;
    buf_init(&walk.rows, WALK_MAX_BYTES);
    st = dict_store_each(store_of(s), &space, query, gather, &walk, e);
    if (st == OR_OK && buf_finish(&walk.rows) != OR_OK)
        st = err_set(e, OR_TEMPFAIL, "more than %d bytes below \"%.*s\"", WALK_MAX_BYTES,
                     SPAN_ARG(span_slice(query->prefix, 0, 100)));
    if (st == OR_OK)
        st = stream_write(s->stream, buf_span(&walk.rows));
    buf_fini(&walk.rows);
    return st;
}

static or_status
on_iterate(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_query query = {.prefix = dict_line_field(line, 2)};
    int64_t flags, max;

    if (dict_line_number(line, 0, 0, &flags) != OR_OK ||
        dict_line_number(line, 1, 0, &max) != OR_OK)
        return err_set(e, OR_MALFORMED, "a walk without flags and number");
    query.whole_tree = (flags & WALK_WHOLE_TREE) != 0;
    query.exact = (flags & WALK_EXACT_KEY) != 0;
    query.order = (flags & WALK_SORT_BY_VALUE) != 0 ? DICT_ORDER_VALUE : DICT_ORDER_KEY;
    query.max = (uint64_t)max;
    or_status st = span_equal(query.prefix, SPAN_LIT("shared/userdb/"))
                       ? walk_accounts(s, max == 0 ? UINT64_MAX : (uint64_t)max, e)
                       : walk_store(s, line, &query, flags, e);
    if (st == OR_CLOSED || st == OR_TIMEOUT)
        return st;
    return st == OR_OK ? stream_write(s->stream, SPAN_LIT("\n")) : send_failure(s, "", e);
}

/* ---- transactions */

static or_status
on_begin(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    int64_t id, ttl_s = 0;

    if (dict_line_number(line, 0, 0, &id) != OR_OK ||
        (dict_line_field(line, 2).n > 0 && dict_line_number(line, 2, 0, &ttl_s) != OR_OK))
        return err_set(e, OR_MALFORMED, "a transaction without id, or with a bad expiry");
    return dict_transactions_begin(&s->transactions, id, dict_line_field(line, 1), ttl_s, e);
}

/* NULL when there is none of that id: the client is not one. */
static struct dict_transaction *
find_transaction(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_transaction *t = NULL;
    int64_t id;

    if (dict_line_number(line, 0, 0, &id) == OR_OK)
        t = dict_transactions_find(&s->transactions, id);
    if (t == NULL)
        (void)err_set(e, OR_MALFORMED, "command %c for no transaction", line->command);
    return t;
}

/* What cannot be kept fails at the commit: a change has no answer of its own. */
static or_status
gather_change(struct dict_session *s, const struct dict_line *line, struct dict_change *change,
              struct err *e)
{
    struct dict_transaction *t = find_transaction(s, line, e);
    struct span name;
    or_status st = OR_OK;

    if (t == NULL)
        return OR_MALFORMED;
    change->key = dict_line_field(line, 1);
    if (dict_accounts_match(change->key, &name) != DICT_ACCOUNT_NONE)
        st = err_set(e, OR_MALFORMED, "accounts are not changed over dict");
    else
        st = find_space(s, change->key, t->user, &change->space, e);
    if (st == OR_OK) {
        dict_transaction_add(t, change);
        return OR_OK;
    }
    log_warning("dict: %s", e->text);
    t->refused = true;
    return OR_OK;
}

static or_status
on_set(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_change change = {.type = DICT_SET, .value = dict_line_field(line, 2)};

    return gather_change(s, line, &change, e);
}

static or_status
on_unset(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_change change = {.type = DICT_UNSET};

    return gather_change(s, line, &change, e);
}

static or_status
on_add(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_change change = {.type = DICT_ADD};

    if (dict_line_number(line, 2, INT64_MIN, &change.by) != OR_OK)
        return err_set(e, OR_MALFORMED, "a change by no number");
    return gather_change(s, line, &change, e);
}

/* Times of writing (T) are not kept, and values never logged (V: whether they may be). */
static or_status
on_note(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    return find_transaction(s, line, e) != NULL ? OR_OK : OR_MALFORMED;
}

static or_status
on_rollback(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    struct dict_transaction *t = find_transaction(s, line, e);

    if (t == NULL)
        return OR_MALFORMED;
    dict_transactions_end(&s->transactions, t);
    return OR_OK;
}

static or_status
commit(struct dict_session *s, struct dict_transaction *t, struct err *e)
{
    if (t->refused)
        return err_set(e, OR_MALFORMED, "a change was refused");
    if (t->too_large)
        return err_set(e, OR_LIMIT, "a transaction of more than %d changes or %d bytes",
                       DICT_TRANSACTION_MAX_CHANGES, DICT_TRANSACTION_MAX_BYTES);
    or_status st = check_store(s, e);

    return st == OR_OK ? dict_store_commit(store_of(s), t->changes, t->count, e) : st;
}

static or_status
on_commit(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    const char *mark = line->command == 'D' ? "A" : ""; /* D is the older, asynchronous one */
    struct dict_transaction *t = find_transaction(s, line, e);
    char id[24];

    if (t == NULL)
        return OR_MALFORMED;
    or_status st = commit(s, t, e);
    snprintf(id, sizeof(id), "%" PRId64 "\t", t->id);
    dict_transactions_end(&s->transactions, t);
    if (stream_writef(s->stream, "%s", mark) != OR_OK)
        return OR_CLOSED;
    if (st != OR_OK && st != OR_ABSENT)
        return send_failure(s, id, e);
    id[strlen(id) - 1] = '\0';
    return stream_writef(s->stream, "%c%s\n", st == OR_OK ? 'O' : 'N', id);
}

/* ---- the conversation */

static or_status
on_hello(struct dict_session *s, const struct dict_line *line, struct err *e)
{
    int64_t major;

    if (s->greeted || dict_line_number(line, 0, 0, &major) != OR_OK || major < OLDEST_MAJOR ||
        major > NEWEST_MAJOR)
        return err_set(e, OR_MALFORMED, "version \"%.*s\" of the protocol, or greeted twice",
                       SPAN_ARG(span_slice(dict_line_field(line, 0), 0, 20)));
    s->greeted = true;
    return arena_copy(&s->name_mem, dict_line_field(line, 4), &s->dict);
}

static const struct {
    char command;
    or_status (*run)(struct dict_session *s, const struct dict_line *line, struct err *e);
} commands[] = {
    {'H', on_hello}, {'L', on_lookup},   {'I', on_iterate}, {'B', on_begin},
    {'S', on_set},   {'U', on_unset},    {'A', on_add},     {'T', on_note},
    {'V', on_note},  {'R', on_rollback}, {'C', on_commit},  {'D', on_commit},
};

static or_status
run_line(struct dict_session *s, struct span text, struct err *e)
{
    struct dict_line *line = arena_alloc(&s->mem, sizeof(*line));
    or_status st = line != NULL ? dict_line_parse(text, &s->mem, line, e) : OR_LIMIT;

    if (st != OR_OK)
        return st;
    if (!s->greeted && line->command != 'H')
        return err_set(e, OR_MALFORMED, "no greeting before the first command");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (commands[i].command == line->command)
            return commands[i].run(s, line, e);
    return err_set(e, OR_MALFORMED, "unknown command 0x%02x", (unsigned char)line->command);
}

static or_status
serve_line(struct dict_session *s, int64_t io_timeout_ms, struct err *e)
{
    struct span line = SPAN_EMPTY;

    /* A peer that sends a byte at a time gains nothing. */
    stream_set_deadline(s->stream, clock_mono_ms() + io_timeout_ms);
    or_status st = stream_read_line(s->stream, DICT_LINE_MAX_BYTES, &line);
    stream_set_deadline(s->stream, 0);
    if (st != OR_OK)
        return err_set(e, st, "%s", or_status_name(st));
    s->snapshot = daemon_snapshot_take(s->daemon);
    st = run_line(s, line, e);
    daemon_snapshot_drop(s->daemon, s->snapshot);
    s->snapshot = NULL;
    arena_fini(&s->mem);
    return st == OR_OK ? stream_flush(s->stream) : st;
}

static or_status
converse(struct dict_session *s, struct err *e)
{
    or_status st = OR_OK;

    while (st == OR_OK) {
        const struct daemon_snapshot *now = daemon_snapshot_take(s->daemon);
        const struct authd_settings *settings = now->settings;
        int64_t idle_ms = settings->common.idle_timeout_ms;
        int64_t io_ms = settings->common.io_timeout_ms;

        daemon_snapshot_drop(s->daemon, now);
        st = stream_await(s->stream, idle_ms);
        if (st == OR_OK)
            st = serve_line(s, io_ms, e);
    }
    return st;
}

void
dict_session_run(struct stream *stream, struct daemon *d)
{
    struct dict_session s = {.stream = stream, .daemon = d};
    struct err e = {""};

    arena_init(&s.mem, REQUEST_ARENA_BYTES);
    arena_init(&s.name_mem, DICT_LINE_MAX_BYTES + 1);
    or_status st = converse(&s, &e);
    if (st == OR_MALFORMED || st == OR_LIMIT)
        log_warning("dict client disconnected: %s", e.text);
    dict_transactions_end_all(&s.transactions);
    arena_fini(&s.name_mem);
    arena_fini(&s.mem);
}
