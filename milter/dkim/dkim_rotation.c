/*
 * When a domain's next keys begin to sign, and when the old ones' records may go. No I/O: looks and
 * time are handed in, text goes in and out.
 */
#include "milter/dkim/dkim_rotation.h"

#include "common/text/domain.h"

#include <inttypes.h>
#include <string.h>

static const char *const phase_names[] = {
    [DKIM_ROTATION_WAITING] = "waiting",
    [DKIM_ROTATION_SWITCHED] = "switched",
    [DKIM_ROTATION_RETIRED] = "retired",
};

#define PHASES (sizeof(phase_names) / sizeof(phase_names[0]))

static enum dkim_rotation_event
enter(struct dkim_rotation_state *s, enum dkim_rotation_phase phase, int64_t now,
      enum dkim_rotation_event event)
{
    s->phase = phase;
    s->since = now;
    s->looks = 0;
    s->lost = false;
    return event;
}

/* An old record that is gone leaves nothing to wait for: this host lost its state, or another host
 * finished first. */
static enum dkim_rotation_event
step_waiting(struct dkim_rotation_state *s, enum dkim_rotation_sight next,
             enum dkim_rotation_sight old, int64_t now)
{
    s->looks = next == DKIM_ROTATION_SEEN ? s->looks + 1 : 0;
    if (s->looks >= DKIM_ROTATION_LOOKS || (s->looks > 0 && old == DKIM_ROTATION_GONE))
        return enter(s, DKIM_ROTATION_SWITCHED, now, DKIM_ROTATION_SWITCH);
    return DKIM_ROTATION_NOTHING;
}

static enum dkim_rotation_event
step_lost(struct dkim_rotation_state *s, enum dkim_rotation_sight old, int64_t now)
{
    bool was_lost = s->lost;

    s->lost = true;
    s->looks = old == DKIM_ROTATION_SEEN ? s->looks + 1 : 0;
    if (s->looks >= DKIM_ROTATION_LOOKS)
        return enter(s, DKIM_ROTATION_WAITING, now, DKIM_ROTATION_BACK);
    return was_lost ? DKIM_ROTATION_NOTHING : DKIM_ROTATION_LOST;
}

static enum dkim_rotation_event
step_seen(struct dkim_rotation_state *s, int64_t now, int64_t grace_s)
{
    bool was_lost = s->lost;

    s->lost = false;
    s->looks = 0;
    if (s->phase == DKIM_ROTATION_SWITCHED && now - s->since >= grace_s)
        return enter(s, DKIM_ROTATION_RETIRED, now, DKIM_ROTATION_RETIRE);
    return was_lost ? DKIM_ROTATION_FOUND : DKIM_ROTATION_NOTHING;
}

enum dkim_rotation_event
dkim_rotation_step(struct dkim_rotation_state *state, enum dkim_rotation_sight next,
                   enum dkim_rotation_sight old, int64_t now, int64_t grace_s)
{
    if (now < state->since)
        state->since = now;
    if (state->phase == DKIM_ROTATION_WAITING)
        return step_waiting(state, next, old, now);
    if (next == DKIM_ROTATION_GONE)
        return step_lost(state, old, now);
    if (next == DKIM_ROTATION_SEEN)
        return step_seen(state, now, grace_s);
    state->looks = 0;
    return DKIM_ROTATION_NOTHING;
}

const char *
dkim_rotation_phase_name(enum dkim_rotation_phase phase)
{
    return phase_names[phase];
}

bool
dkim_rotation_has(const struct dkim_rotation_names *names, const char *selector)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->name[i], selector) == 0)
            return true;
    return false;
}

or_status
dkim_rotation_add(struct dkim_rotation_names *names, struct span selector)
{
    if (names->count == DKIM_ROTATION_MAX_KEYS || selector.n >= DKIM_ROTATION_NAME_BYTES)
        return OR_LIMIT;
    memcpy(names->name[names->count], selector.p, selector.n);
    names->name[names->count++][selector.n] = '\0';
    return OR_OK;
}

static or_status
parse_name(struct dkim_rotation_names *names, struct span word)
{
    return domain_is_hostname(word) ? dkim_rotation_add(names, word) : OR_MALFORMED;
}

static or_status
parse_id(char id[DKIM_ROTATION_ID_BYTES], struct span word)
{
    if (id[0] != '\0' || word.n != DKIM_ROTATION_ID_BYTES - 1)
        return OR_MALFORMED;
    for (size_t i = 0; i < word.n; i++)
        if (!span_contains_byte(SPAN_LIT("0123456789abcdef"), word.p[i]))
            return OR_MALFORMED;
    memcpy(id, word.p, word.n);
    return OR_OK;
}

static or_status
parse_time(int64_t *time, struct span word)
{
    uint64_t value;
    or_status st = span_parse_u64(word, INT64_MAX, &value);

    if (st == OR_OK)
        *time = (int64_t)value;
    return st;
}

/* "KEY VALUE" at the front of *rest; false at the end. */
static bool
next_line(struct span *rest, struct span *key_out, struct span *value_out)
{
    struct span line;

    if (rest->n == 0 || !span_split(rest, '\n', &line))
        return false;
    size_t blank = span_find(line, ' ');
    *key_out = span_slice(line, 0, blank);
    *value_out = span_from(line, blank + 1);
    return true;
}

static or_status
plan_line(struct dkim_rotation_plan *plan, struct span key, struct span value)
{
    if (span_equal_cstr(key, "id"))
        return parse_id(plan->id, value);
    if (span_equal_cstr(key, "started"))
        return parse_time(&plan->started, value);
    if (span_equal_cstr(key, "next"))
        return parse_name(&plan->next, value);
    return span_equal_cstr(key, "old") ? parse_name(&plan->old, value) : OR_MALFORMED;
}

or_status
dkim_rotation_plan_parse(struct span text, struct dkim_rotation_plan *plan_out, struct err *e)
{
    struct dkim_rotation_plan plan = {.started = 0};
    struct span key, value;

    while (next_line(&text, &key, &value))
        if (plan_line(&plan, key, value) != OR_OK)
            return err_set(e, OR_MALFORMED, "not understood: \"%.*s\"", SPAN_ARG(key));
    if (plan.id[0] == '\0' || plan.next.count == 0)
        return err_set(e, OR_MALFORMED, "it has no id or no next key");
    *plan_out = plan;
    return OR_OK;
}

static void
format_names(struct buf *out, const char *word, const struct dkim_rotation_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        buf_addf(out, "%s %s\n", word, names->name[i]);
}

void
dkim_rotation_plan_format(const struct dkim_rotation_plan *plan, struct buf *out)
{
    buf_addf(out, "id %s\nstarted %" PRId64 "\n", plan->id, plan->started);
    format_names(out, "next", &plan->next);
    format_names(out, "old", &plan->old);
}

static or_status
parse_phase(enum dkim_rotation_phase *phase, struct span word)
{
    for (size_t i = 0; i < PHASES; i++) {
        if (span_equal_cstr(word, phase_names[i])) {
            *phase = (enum dkim_rotation_phase)i;
            return OR_OK;
        }
    }
    return OR_MALFORMED;
}

static or_status
state_line(struct dkim_rotation_state *state, struct span key, struct span value)
{
    if (span_equal_cstr(key, "id"))
        return parse_id(state->id, value);
    if (span_equal_cstr(key, "phase"))
        return parse_phase(&state->phase, value);
    return span_equal_cstr(key, "since") ? parse_time(&state->since, value) : OR_MALFORMED;
}

or_status
dkim_rotation_state_parse(struct span text, struct dkim_rotation_state *state_out, struct err *e)
{
    struct dkim_rotation_state state = {.phase = DKIM_ROTATION_WAITING};
    struct span key, value;

    while (next_line(&text, &key, &value))
        if (state_line(&state, key, value) != OR_OK)
            return err_set(e, OR_MALFORMED, "not understood: \"%.*s\"", SPAN_ARG(key));
    if (state.id[0] == '\0')
        return err_set(e, OR_MALFORMED, "it has no id");
    *state_out = state;
    return OR_OK;
}

void
dkim_rotation_state_format(const struct dkim_rotation_state *state, struct buf *out)
{
    buf_addf(out, "id %s\nphase %s\nsince %" PRId64 "\n", state->id, phase_names[state->phase],
             state->since);
}
