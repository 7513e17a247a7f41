/*
 * The state store in Redis or Valkey. Every call is one command or one Lua script, so that hosts
 * which share the store see each other's steps whole or not at all.
 *
 * Connections are made when needed, one per call under way, and kept for the next. One that has
 * died in the meantime (a restarted server) is noticed by the first call on it, which tries once
 * more on a new one: a counter may then have counted twice, which costs less than refusing.
 *
 * Keys lie under "outrider:" in database 0.
 */
#include "common/base/crypto.h"
#include "common/base/locks.h"
#include "common/base/xalloc.h"
#include "common/run/endpoint.h"
#include "common/run/kvstore_backend.h"
#include "common/run/kvstore_bucket.h"
#include "common/run/password_file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_PREFIX "outrider:"
#define MAX_IDLE 64  /* connections kept; more are closed after their call */
#define MAX_WORDS 64 /* of one command: a script with KVSTORE_MAX_BUCKETS buckets */
#define NUMBER_BYTES 24
#define SCAN_BATCH "500"

/* kvstore_count(): the expiry belongs to the first count. */
#define COUNT_SCRIPT                                                                               \
    "local v = redis.call('INCRBY', KEYS[1], ARGV[1]) "                                            \
    "if redis.call('TTL', KEYS[1]) < 0 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end "           \
    "return v"

/* kvstore_bucket_spend() for all buckets; ARGV: now, then step, limit, cost, ttl of each. Doubles
 * hold microseconds since 1970 exactly until the year 2255. */
#define TAKE_SCRIPT                                                                                \
    "local now, longest, refused, full = tonumber(ARGV[1]), 0, 0, {} "                             \
    "for i = 1, #KEYS do "                                                                         \
    "  local a = 4 * i - 2 "                                                                       \
    "  local step, limit, cost = tonumber(ARGV[a]), tonumber(ARGV[a + 1]), tonumber(ARGV[a + 2]) " \
    "  local from = math.max(tonumber(redis.call('GET', KEYS[i]) or '0') or 0, now) "              \
    "  from = math.min(from, now + step * limit) "                                                 \
    "  full[i] = from + step * cost "                                                              \
    "  local wait = full[i] - step * limit - now "                                                 \
    "  if wait > longest then longest, refused = wait, i - 1 end "                                 \
    "end "                                                                                         \
    "if longest == 0 then "                                                                        \
    "  for i = 1, #KEYS do "                                                                       \
    "    redis.call('SET', KEYS[i], string.format('%.0f', full[i]), 'EX', ARGV[4 * i + 1]) "       \
    "  end "                                                                                       \
    "end "                                                                                         \
    "return {longest, refused}"

struct redis_store {
    struct lock lock; /* idle, idle_count */
    redisContext *idle[MAX_IDLE];
    size_t idle_count;
    char *address;
    char *password; /* NULL: none */
    struct timeval timeout;
};

/* A command as hiredis takes it; the words view into the caller's memory. */
struct command {
    const char *words[MAX_WORDS];
    size_t lengths[MAX_WORDS];
    size_t count;
    char keys[KVSTORE_MAX_BUCKETS][KVSTORE_MAX_KEY_BYTES + sizeof(KEY_PREFIX)];
    size_t key_count;
    char numbers[MAX_WORDS][NUMBER_BYTES];
};

static void
add_word(struct command *c, struct span word)
{
    c->words[c->count] = word.p;
    c->lengths[c->count++] = word.n;
}

static void
add_number(struct command *c, int64_t number)
{
    char *text = c->numbers[c->count];

    snprintf(text, NUMBER_BYTES, "%" PRId64, number);
    add_word(c, span_cstr(text));
}

static void
add_key(struct command *c, struct span key)
{
    char *text = c->keys[c->key_count++];

    memcpy(text, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
    memcpy(text + sizeof(KEY_PREFIX) - 1, key.p, key.n);
    add_word(c, span_make(text, sizeof(KEY_PREFIX) - 1 + key.n));
}

/* Large: on the heap, so that the small stacks of sessions hold. */
static struct command *
command_new(const char *name)
{
    struct command *c = xcalloc(1, sizeof(*c));

    add_word(c, span_cstr(name));
    return c;
}

/* ---- connections */

static redisContext *
dial(const struct redis_store *s, struct err *e)
{
    struct endpoint endpoint;
    char host[INET6_ADDRSTRLEN];
    struct ip ip;
    uint16_t port;

    if (endpoint_parse(s->address, &endpoint, e) != OR_OK)
        return NULL;
    if (endpoint.unix_path != NULL)
        return redisConnectUnixWithTimeout(endpoint.unix_path, s->timeout);
    endpoint_to_ip(&endpoint.address, &ip, &port);
    ip_format(&ip, host);
    return redisConnectWithTimeout(host, port, s->timeout);
}

/* NULL with the reason. */
static redisContext *
log_in(const struct redis_store *s, redisContext *connection, struct err *e)
{
    redisReply *reply = NULL;

    if (s->password == NULL)
        return connection;
    reply = redisCommand(connection, "AUTH %s", s->password);
    if (reply != NULL && reply->type != REDIS_REPLY_ERROR) {
        freeReplyObject(reply);
        return connection;
    }
    (void)err_set(e, OR_TEMPFAIL, "AUTH: %s", reply != NULL ? reply->str : connection->errstr);
    freeReplyObject(reply);
    redisFree(connection);
    return NULL;
}

static redisContext *
connect_new(const struct redis_store *s, struct err *e)
{
    redisContext *connection = dial(s, e);

    if (connection == NULL)
        return NULL;
    if (connection->err != 0 || redisSetTimeout(connection, s->timeout) != REDIS_OK) {
        (void)err_set(e, OR_TEMPFAIL, "%s", connection->errstr);
        redisFree(connection);
        return NULL;
    }
    return log_in(s, connection, e);
}

static redisContext *
take_idle(struct redis_store *s)
{
    redisContext *connection = NULL;

    lock_take(&s->lock);
    if (s->idle_count != 0)
        connection = s->idle[--s->idle_count];
    lock_drop(&s->lock);
    return connection;
}

static void
give_back(struct redis_store *s, redisContext *connection)
{
    bool kept = false;

    lock_take(&s->lock);
    if (connection->err == 0 && s->idle_count < MAX_IDLE) {
        s->idle[s->idle_count++] = connection;
        kept = true;
    }
    lock_drop(&s->lock);
    if (!kept)
        redisFree(connection);
}

/* ---- one command */

/* *closed_out: the other side had closed the connection before the command came. */
static redisReply *
ask_on(struct redis_store *s, redisContext *connection, const struct command *c, bool *closed_out,
       struct err *e)
{
    const char *words[MAX_WORDS];

    memcpy(words, c->words, c->count * sizeof(words[0]));
    errno = 0;
    redisReply *reply = redisCommandArgv(connection, (int)c->count, words, c->lengths);
    *closed_out = connection->err == REDIS_ERR_EOF ||
                  (connection->err == REDIS_ERR_IO && (errno == EPIPE || errno == ECONNRESET));
    if (reply == NULL)
        (void)err_set(e, OR_TEMPFAIL, "%s", connection->errstr);
    give_back(s, connection);
    return reply;
}

/* An idle connection may have been closed since its last use: the next is tried, then a new one. A
 * server that only does not answer is not asked again. */
static redisReply *
ask(struct redis_store *s, const struct command *c, struct err *e)
{
    redisContext *connection;
    bool closed;

    while ((connection = take_idle(s)) != NULL) {
        redisReply *reply = ask_on(s, connection, c, &closed, e);

        if (reply != NULL || !closed)
            return reply;
    }
    connection = connect_new(s, e);
    return connection == NULL ? NULL : ask_on(s, connection, c, &closed, e);
}

/* Takes the command over. OR_TEMPFAIL for no reply and for what the server refuses (it is loading,
 * out of memory, read-only, wants a password). */
static or_status
run(struct redis_store *s, struct command *c, redisReply **reply_out, struct err *e)
{
    redisReply *reply = ask(s, c, e);

    free(c);
    if (reply == NULL)
        return OR_TEMPFAIL;
    if (reply->type != REDIS_REPLY_ERROR) {
        *reply_out = reply;
        return OR_OK;
    }
    bool no_number = strstr(reply->str, "not an integer") != NULL;
    (void)err_set(e, OR_TEMPFAIL, "%s", no_number ? "the key holds no number" : reply->str);
    freeReplyObject(reply);
    return no_number ? OR_MALFORMED : OR_TEMPFAIL;
}

static or_status
unexpected(struct err *e)
{
    return err_set(e, OR_TEMPFAIL, "the server gave an answer of the wrong kind");
}

/* ---- calls */

static or_status
redis_get(void *self, struct span key, struct arena *mem, struct span *value_out, struct err *e)
{
    struct command *c = command_new("GET");
    redisReply *reply;

    add_key(c, key);
    or_status st = run(self, c, &reply, e);
    if (st != OR_OK)
        return st;
    if (reply->type == REDIS_REPLY_NIL)
        st = OR_ABSENT;
    else if (reply->type != REDIS_REPLY_STRING)
        st = unexpected(e);
    else if (arena_copy(mem, span_make(reply->str, reply->len), value_out) != OR_OK)
        st = err_set(e, OR_LIMIT, "no memory left for a stored value");
    freeReplyObject(reply);
    return st;
}

static struct command *
set_command(const struct kvstore_item *item)
{
    struct command *c = command_new("SET");

    add_key(c, item->key);
    add_word(c, item->value);
    add_word(c, SPAN_LIT("EX"));
    add_number(c, item->ttl_s);
    return c;
}

static or_status
redis_put(void *self, const struct kvstore_item *item, struct err *e)
{
    redisReply *reply;
    or_status st = run(self, set_command(item), &reply, e);

    if (st == OR_OK)
        freeReplyObject(reply);
    return st;
}

static or_status
redis_add(void *self, const struct kvstore_item *item, bool *made_out, struct err *e)
{
    struct command *c = set_command(item);
    redisReply *reply;

    add_word(c, SPAN_LIT("NX"));
    or_status st = run(self, c, &reply, e);
    if (st != OR_OK)
        return st;
    *made_out = reply->type != REDIS_REPLY_NIL;
    freeReplyObject(reply);
    return OR_OK;
}

static or_status
redis_remove(void *self, struct span key, struct err *e)
{
    struct command *c = command_new("DEL");
    redisReply *reply;

    add_key(c, key);
    or_status st = run(self, c, &reply, e);
    if (st == OR_OK)
        freeReplyObject(reply);
    return st;
}

/* EVAL and not EVALSHA: the scripts are short, and a server that was restarted knows no hashes. */
static struct command *
script_command(const char *script, size_t key_count)
{
    struct command *c = command_new("EVAL");

    add_word(c, span_cstr(script));
    add_number(c, (int64_t)key_count);
    return c;
}

static or_status
redis_count(void *self, const struct kvstore_counter *counter, int64_t *value_out, struct err *e)
{
    struct command *c = script_command(COUNT_SCRIPT, 1);
    redisReply *reply;

    add_key(c, counter->key);
    add_number(c, counter->by);
    add_number(c, counter->ttl_s);
    or_status st = run(self, c, &reply, e);
    if (st != OR_OK)
        return st;
    if (reply->type == REDIS_REPLY_INTEGER)
        *value_out = reply->integer;
    else
        st = unexpected(e);
    freeReplyObject(reply);
    return st;
}

static or_status
redis_take(void *self, const struct kvstore_take *take, struct kvstore_taken *taken_out,
           struct err *e)
{
    struct command *c = script_command(TAKE_SCRIPT, take->count);
    redisReply *reply;

    for (size_t i = 0; i < take->count; i++)
        add_key(c, take->buckets[i].key);
    add_number(c, take->now_us);
    for (size_t i = 0; i < take->count; i++) {
        const struct kvstore_bucket *b = &take->buckets[i];

        add_number(c, kvstore_bucket_step_us(b));
        add_number(c, b->limit);
        add_number(c, b->cost);
        add_number(c, b->window_ms / 1000 + 1);
    }
    or_status st = run(self, c, &reply, e);
    if (st != OR_OK)
        return st;
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        *taken_out = (struct kvstore_taken){
            .granted = reply->element[0]->integer == 0,
            .wait_ms = (reply->element[0]->integer + 999) / 1000,
            .refused = (size_t)reply->element[1]->integer,
        };
    else
        st = unexpected(e);
    freeReplyObject(reply);
    return st;
}

/* ---- walking over keys: SCAN in batches */

/* SCAN's pattern for a prefix: what its glob would read as special is escaped. */
static void
format_pattern(struct buf *pattern, struct span prefix)
{
    buf_add_cstr(pattern, KEY_PREFIX);
    for (size_t i = 0; i < prefix.n; i++) {
        if (strchr("*?[]\\^", prefix.p[i]) != NULL)
            buf_add_char(pattern, '\\');
        buf_add_char(pattern, prefix.p[i]);
    }
    buf_add_char(pattern, '*');
}

/* False: the visitor has had enough, or *status_io says what is wrong. */
static bool
visit_key(struct redis_store *s, const redisReply *key, const struct kvstore_walk *walk,
          or_status *status_io, struct err *e)
{
    struct command *c = command_new("GET");
    struct span name = span_make(key->str, key->len);
    redisReply *value;

    add_word(c, name);
    *status_io = run(s, c, &value, e);
    if (*status_io != OR_OK)
        return false;
    bool more = value->type != REDIS_REPLY_STRING ||
                walk->visit(walk->context, span_from(name, sizeof(KEY_PREFIX) - 1),
                            span_make(value->str, value->len));
    freeReplyObject(value);
    return more;
}

/* One batch; *cursor is "0" after the last. */
static or_status
walk_batch(struct redis_store *s, struct span pattern, char cursor[NUMBER_BYTES],
           const struct kvstore_walk *walk, struct err *e)
{
    struct command *c = command_new("SCAN");
    redisReply *reply;

    add_word(c, span_cstr(cursor));
    add_word(c, SPAN_LIT("MATCH"));
    add_word(c, pattern);
    add_word(c, SPAN_LIT("COUNT"));
    add_word(c, SPAN_LIT(SCAN_BATCH));
    or_status st = run(s, c, &reply, e);
    if (st != OR_OK)
        return st;
    bool more = reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
                reply->element[1]->type == REDIS_REPLY_ARRAY;
    if (!more)
        st = unexpected(e);
    for (size_t i = 0; more && i < reply->element[1]->elements; i++)
        more = visit_key(s, reply->element[1]->element[i], walk, &st, e);
    snprintf(cursor, NUMBER_BYTES, "%s", more ? reply->element[0]->str : "0");
    freeReplyObject(reply);
    return st;
}

static or_status
redis_each(void *self, const struct kvstore_walk *walk, struct err *e)
{
    char cursor[NUMBER_BYTES] = "0";
    struct buf pattern;
    or_status st;

    buf_init(&pattern, sizeof(KEY_PREFIX) + 2 * KVSTORE_MAX_KEY_BYTES + 1);
    format_pattern(&pattern, walk->prefix);
    do {
        st = walk_batch(self, buf_span(&pattern), cursor, walk, e);
    } while (st == OR_OK && strcmp(cursor, "0") != 0);
    buf_fini(&pattern);
    return st;
}

/* ---- open and close */

static void
redis_close(void *self)
{
    struct redis_store *s = self;

    for (size_t i = 0; i < s->idle_count; i++)
        redisFree(s->idle[i]);
    password_file_free(s->password);
    free(s->address);
    lock_fini(&s->lock);
    free(s);
}

static or_status
redis_open(const char *address, const struct kvstore_settings *settings, void **out, struct err *e)
{
    struct endpoint endpoint;
    char *password = NULL;
    const char *path = settings->password_file;
    or_status st = endpoint_parse(address, &endpoint, e);

    if (st == OR_OK && path != NULL && path[0] != '\0')
        st = password_file_read(path, &password, e);
    if (st != OR_OK)
        return st;
    struct redis_store *s = xcalloc(1, sizeof(*s));
    lock_init(&s->lock, LOCK_KVSTORE);
    s->address = xstrdup(address);
    s->password = password;
    s->timeout = (struct timeval){.tv_sec = settings->timeout_ms / 1000,
                                  .tv_usec = settings->timeout_ms % 1000 * 1000};
    *out = s;
    return OR_OK;
}

const struct kvstore_backend kvstore_redis = {
    .scheme = "redis",
    .open = redis_open,
    .close = redis_close,
    .get = redis_get,
    .put = redis_put,
    .add = redis_add,
    .remove = redis_remove,
    .count = redis_count,
    .take = redis_take,
    .each = redis_each,
};
