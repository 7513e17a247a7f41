/* Tables of conditions and actions; a line is cut into words, then read from left to right. */
#include "policyd/access_rules.h"

#include "common/base/xalloc.h"
#include "common/text/addrpattern.h"
#include "common/text/domain.h"
#include "common/text/pattern.h"

#include <stdlib.h>

#define WORDS_MAX (2 * ACCESS_MAX_CONDITIONS + 2)

/* What patterns are compared with. */
enum what { CLIENT, CLIENT_NAME, HELO, SENDER, RECIPIENT, SASL_USER, WHATS };

struct subject {
    struct span local, domain; /* a name alone has no local part */
    struct span text;          /* for expressions */
};

struct condition {
    enum what what;
    struct cidr network;        /* of CLIENT */
    struct addrpattern pattern; /* of the others */
    struct pattern *expression; /* NULL: one of the two above */
};

struct rule {
    struct condition conditions[ACCESS_MAX_CONDITIONS];
    size_t condition_count;
    enum access_action action;
    struct span text;
    unsigned line;
};

struct access_rules {
    struct arena mem;
    struct rule *rules;
    size_t count, room;
};

/* ---- the words */

static const struct {
    const char *name;
    bool has_local; /* an address: user@domain and user@ are patterns too */
} whats[] = {
    [CLIENT] = {"client", false},      [CLIENT_NAME] = {"client-name", false},
    [HELO] = {"helo", false},          [SENDER] = {"sender", true},
    [RECIPIENT] = {"recipient", true}, [SASL_USER] = {"sasl-user", true},
};
#define WHAT_NAMES "client, client-name, helo, sender, recipient or sasl-user"

static const char *const actions[] = {
    [ACCESS_ACCEPT] = "accept", [ACCESS_REJECT] = "reject",   [ACCESS_DEFER] = "defer",
    [ACCESS_HOLD] = "hold",     [ACCESS_DISCARD] = "discard", [ACCESS_WARN] = "warn",
};
#define ACTION_NAMES "accept, reject, defer, hold, discard or warn"

const char *
access_action_name(enum access_action action)
{
    return actions[action];
}

static bool
find_action(struct span word, enum access_action *action_out)
{
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (span_equal_cstr(word, actions[i])) {
            *action_out = (enum access_action)i;
            return true;
        }
    return false;
}

static bool
find_what(struct span word, enum what *what_out)
{
    for (size_t i = 0; i < WHATS; i++)
        if (span_equal_cstr(word, whats[i].name)) {
            *what_out = (enum what)i;
            return true;
        }
    return false;
}

/* ---- reading */

/* Where a word ends: blanks, or for /.../ and "..." the same mark again, followed by a blank. */
static size_t
word_end(struct span rest)
{
    char mark = rest.p[0];
    size_t i = 1;

    if (mark != '/' && mark != '"') {
        while (i < rest.n && rest.p[i] != ' ' && rest.p[i] != '\t')
            i++;
        return i;
    }
    for (; i < rest.n; i++)
        if (rest.p[i] == mark && (i + 1 == rest.n || rest.p[i + 1] == ' ' || rest.p[i + 1] == '\t'))
            return i + 1;
    return 0;
}

static or_status
cut_line(struct span line, struct span *words, size_t *count_out, struct err *e)
{
    size_t count = 0;

    for (line = span_trim(line); line.n != 0; line = span_trim(line)) {
        size_t end = word_end(line);

        if (end == 0)
            return err_set(e, OR_CONFIG, "a closing %c is missing", line.p[0]);
        if (count == WORDS_MAX)
            return err_set(e, OR_CONFIG, "more than %d conditions", ACCESS_MAX_CONDITIONS);
        words[count++] = span_slice(line, 0, end);
        line = span_from(line, end);
    }
    *count_out = count;
    return OR_OK;
}

static or_status
read_pattern(struct condition *c, struct span text, struct arena *mem, struct err *e)
{
    if (text.n >= 2 && text.p[0] == '/')
        return pattern_compile(span_slice(text, 1, text.n - 1), PATTERN_ANY_CASE, &c->expression,
                               e);
    if (c->what == CLIENT)
        return cidr_parse(text, &c->network, e);
    or_status st = addrpattern_parse(text, mem, &c->pattern, e);
    if (st == OR_OK && !whats[c->what].has_local &&
        (c->pattern.kind == ADDRPATTERN_ADDRESS || c->pattern.kind == ADDRPATTERN_LOCAL))
        return err_set(e, OR_CONFIG, "\"%.*s\" is no domain", SPAN_ARG(text));
    return st;
}

static or_status
read_text(struct rule *r, struct span word, struct arena *mem, struct err *e)
{
    if (word.n < 2 || word.p[0] != '"')
        return err_set(e, OR_CONFIG, "behind the action stands a text in quotes, or nothing");
    word = span_slice(word, 1, word.n - 1);
    if (word.n > ACCESS_MAX_TEXT_BYTES)
        return err_set(e, OR_CONFIG, "the text has more than %d bytes", ACCESS_MAX_TEXT_BYTES);
    return arena_copy(mem, word, &r->text) == OR_OK ? OR_OK
                                                    : err_set(e, OR_CONFIG, "too much text");
}

static or_status
read_rule(struct rule *r, const struct span *words, size_t count, struct arena *mem, struct err *e)
{
    enum what what;
    size_t i = 0;

    for (; i + 1 < count && find_what(words[i], &what); i += 2) {
        if (r->condition_count == ACCESS_MAX_CONDITIONS)
            return err_set(e, OR_CONFIG, "more than %d conditions", ACCESS_MAX_CONDITIONS);
        struct condition *c = &r->conditions[r->condition_count++];

        c->what = what;
        if (read_pattern(c, words[i + 1], mem, e) != OR_OK)
            return err_wrap(e, OR_CONFIG, "%s", whats[what].name);
    }
    if (r->condition_count == 0)
        return err_set(e, OR_CONFIG, "a rule begins with " WHAT_NAMES ", and a pattern");
    if (i == count || !find_action(words[i], &r->action))
        return err_set(e, OR_CONFIG, "the action is missing: " ACTION_NAMES);
    if (i + 2 < count)
        return err_set(e, OR_CONFIG, "there is too much behind the action");
    return i + 1 < count ? read_text(r, words[i + 1], mem, e) : OR_OK;
}

static or_status
read_line(struct access_rules *rules, struct span line, unsigned number, struct err *e)
{
    struct span words[WORDS_MAX];
    size_t count = 0;

    line = span_trim(line);
    if (line.n == 0 || line.p[0] == '#')
        return OR_OK;
    or_status st = cut_line(line, words, &count, e);
    if (st != OR_OK)
        return st;
    if (rules->count == ACCESS_MAX_RULES)
        return err_set(e, OR_CONFIG, "more than %d rules", ACCESS_MAX_RULES);
    if (rules->count == rules->room) {
        rules->room = rules->room == 0 ? 64 : rules->room * 2;
        rules->rules = xreallocarray(rules->rules, rules->room, sizeof(*rules->rules));
    }
    struct rule *r = &rules->rules[rules->count++];
    *r = (struct rule){.line = number};
    return read_rule(r, words, count, &rules->mem, e);
}

or_status
access_rules_parse(struct span text, struct access_rules **rules_out, struct err *e)
{
    struct access_rules *rules = xcalloc(1, sizeof(*rules));
    struct span line;

    arena_init(&rules->mem, 8 * ACCESS_MAX_BYTES);
    for (unsigned number = 1; span_split(&text, '\n', &line); number++) {
        if (read_line(rules, line, number, e) == OR_OK)
            continue;
        access_rules_free(rules);
        return err_wrap(e, OR_CONFIG, "line %u", number);
    }
    *rules_out = rules;
    return OR_OK;
}

void
access_rules_free(struct access_rules *rules)
{
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->count; i++)
        for (size_t k = 0; k < rules->rules[i].condition_count; k++)
            pattern_free(rules->rules[i].conditions[k].expression);
    free(rules->rules);
    arena_fini(&rules->mem);
    free(rules);
}

size_t
access_rules_count(const struct access_rules *rules)
{
    return rules->count;
}

/* ---- looking up */

static struct span
canonical(struct span name, struct arena *mem)
{
    struct span out;

    return name.n != 0 && domain_canonical(name, mem, &out, NULL) == OR_OK ? out : SPAN_EMPTY;
}

/* False: the arena is full. */
static bool
set_address(struct subject *s, struct span local, struct span domain, struct arena *mem)
{
    char *text = arena_printf(mem, "%.*s%s%.*s", SPAN_ARG(local), domain.n != 0 ? "@" : "",
                              SPAN_ARG(domain));

    if (text == NULL)
        return false;
    *s = (struct subject){local, domain, span_cstr(text)};
    return true;
}

/* A login without domain stands alone, as its pattern does. */
static bool
set_login(struct subject *s, struct span login, struct arena *mem)
{
    size_t at = span_rfind(login, '@');

    if (at == login.n)
        *s = (struct subject){SPAN_EMPTY, canonical(login, mem), login};
    return at == login.n ||
           set_address(s, span_slice(login, 0, at), canonical(span_from(login, at + 1), mem), mem);
}

/* Once, however many rules there are. */
static bool
set_subjects(const struct access_facts *f, struct arena *mem, struct subject *s)
{
    char address[IP_TEXT_BYTES] = "";

    if (f->client.family != 0)
        ip_format(&f->client, address);
    s[CLIENT_NAME] = (struct subject){SPAN_EMPTY, canonical(f->client_name, mem), f->client_name};
    s[HELO] = (struct subject){SPAN_EMPTY, canonical(f->helo, mem), f->helo};
    return arena_copy(mem, span_cstr(address), &s[CLIENT].text) == OR_OK &&
           set_address(&s[SENDER], f->sender_local, f->sender_domain, mem) &&
           set_address(&s[RECIPIENT], f->recipient_local, f->recipient_domain, mem) &&
           set_login(&s[SASL_USER], f->sasl_user, mem);
}

static or_status
match(const struct condition *c, const struct ip *client, const struct subject *s)
{
    bool matches;

    if (c->expression != NULL)
        return pattern_match(c->expression, s->text);
    if (c->what == CLIENT)
        matches = client->family != 0 && cidr_contains(&c->network, client);
    else if (c->what == SENDER || c->what == RECIPIENT)
        matches = addrpattern_matches(&c->pattern, s->local, s->domain);
    else /* nobody logged in is not the null sender */
        matches = s->text.n != 0 && addrpattern_matches(&c->pattern, s->local, s->domain);
    return matches ? OR_OK : OR_ABSENT;
}

static or_status
match_rule(const struct rule *r, const struct ip *client, const struct subject *subjects)
{
    or_status st = OR_OK;

    for (size_t i = 0; i < r->condition_count && st == OR_OK; i++)
        st = match(&r->conditions[i], client, &subjects[r->conditions[i].what]);
    return st;
}

or_status
access_rules_find(const struct access_rules *rules, const struct access_facts *facts,
                  struct arena *mem, struct access_answer *answer_out)
{
    struct subject subjects[WHATS] = {{.text = SPAN_EMPTY}};

    *answer_out = (struct access_answer){.line = 0};
    if (!set_subjects(facts, mem, subjects))
        return OR_LIMIT;
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule *r = &rules->rules[i];
        or_status st = match_rule(r, &facts->client, subjects);

        if (st == OR_ABSENT)
            continue;
        *answer_out = (struct access_answer){.action = r->action, .text = r->text, .line = r->line};
        return st;
    }
    return OR_ABSENT;
}
