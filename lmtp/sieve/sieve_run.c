/* The interpreter: every command and test counts as a step. */
#include "lmtp/sieve/sieve_run.h"

void
sieve_run_init(struct sieve_run *r, const struct sieve_script *script,
               const struct sieve_message *message)
{
    *r = (struct sieve_run){.message = message,
                            .header = message->header,
                            .steps_left = SIEVE_MAX_STEPS,
                            .work_left = SIEVE_MAX_WORK,
                            .implicit_keep = true,
                            .flags = SPAN_EMPTY};
    r->first = (struct sieve_scope){.script = script,
                                    .enabled = script->declared,
                                    .variables = r->variables,
                                    .shared = r->shared};
    r->scope = &r->first;
    arena_init(&r->mem, SIEVE_MAX_RUN_MEMORY);
}

void
sieve_run_fini(struct sieve_run *r)
{
    arena_fini(&r->mem);
}

or_status
sieve_run_charge(struct sieve_run *r, size_t bytes)
{
    if (bytes >= r->work_left)
        return err_set(r->e, OR_LIMIT, "the script compares too much");
    r->work_left -= bytes;
    return OR_OK;
}

static or_status
count_step(struct sieve_run *r)
{
    if (r->steps_left == 0)
        return err_set(r->e, OR_LIMIT, "the script takes more than %d steps", SIEVE_MAX_STEPS);
    r->steps_left--;
    return OR_OK;
}

/* RFC 5463 4: what ihave has not found yet must not be used, though the script was let through. */
static or_status
check_enabled(struct sieve_run *r, const struct sieve_node *node)
{
    uint64_t needs = 0;

    if (node->fault != NULL)
        return err_set(r->e, OR_MALFORMED, "%s", node->fault);
    if ((r->scope->script->required & SIEVE_IHAVE) == 0)
        return OR_OK;
    if (node->row->ext != 0 && (node->row->ext & r->scope->enabled) == 0)
        needs = node->row->ext;
    for (size_t i = 0; i < SIEVE_SLOT_COUNT; i++) {
        const struct sieve_tag *tag = node->given[i].tag;

        if (tag != NULL && tag->ext != 0 && (tag->ext & r->scope->enabled) == 0)
            needs = tag->ext;
    }
    if (needs == 0)
        return OR_OK;
    return err_set(r->e, OR_MALFORMED, "line %u: \"%.*s\" needs ihave \"%s\" before it",
                   node->pos.line, SPAN_ARG(node->name), sieve_table_extension_name(needs));
}

or_status
sieve_run_test(struct sieve_run *r, const struct sieve_node *test, bool *holds_out)
{
    or_status st = count_step(r);

    if (st == OR_OK)
        st = check_enabled(r, test);
    if (st == OR_OK)
        st = test->row->test(r, test, holds_out);
    if (st == OR_OK && r->trace != NULL)
        r->trace->test(r->trace->context, test, *holds_out);
    return st;
}

static bool
is_same(const struct sieve_action *a, const struct sieve_action *b)
{
    return a->kind == b->kind && span_equal(a->target, b->target);
}

or_status
sieve_run_add(struct sieve_run *r, const struct sieve_action *action)
{
    bool is_answer = action->kind == SIEVE_ANSWER;

    for (size_t i = 0; i < r->actions.count; i++) {
        /* RFC 5230 4.7 */
        if (is_answer && r->actions.items[i].kind == SIEVE_ANSWER)
            return err_set(r->e, OR_MALFORMED, "the script answers twice");
        if (action->kind != SIEVE_NOTIFY && is_same(&r->actions.items[i], action))
            return OR_OK;
        /* RFC 5429 2.1, 2.2: a message that is refused is not delivered as well. */
        if ((r->actions.items[i].kind == SIEVE_REFUSE) != (action->kind == SIEVE_REFUSE))
            return err_set(r->e, OR_MALFORMED, "the script both rejects and delivers");
    }
    if (r->actions.count == SIEVE_MAX_ACTIONS)
        return err_set(r->e, OR_LIMIT, "the script asks for more than %d actions",
                       SIEVE_MAX_ACTIONS);
    struct sieve_action *added = &r->actions.items[r->actions.count++];
    *added = *action;
    /* RFC 5293 7: whoever is refused is told of the message as it came. */
    if (action->kind != SIEVE_REFUSE && r->header != r->message->header)
        added->header = r->header;
    return OR_OK;
}

static or_status
run_command(struct sieve_run *r, const struct sieve_node *node)
{
    if (r->trace != NULL)
        r->trace->command(r->trace->context, node);
    return node->row->command(r, node);
}

static or_status run_block(struct sieve_run *r, const struct sieve_node *first);

/* if, elsif, else: *taken says whether an earlier branch of the chain was. */
static or_status
run_branch(struct sieve_run *r, const struct sieve_node *node, bool *taken)
{
    bool holds = true;

    if (span_equal_nocase_cstr(node->name, "if"))
        *taken = false;
    if (*taken)
        return OR_OK;
    or_status st = node->tests != NULL ? sieve_run_test(r, node->tests, &holds) : OR_OK;
    if (st != OR_OK || !holds)
        return st;
    *taken = true;
    return run_block(r, node->block);
}

static or_status
run_block(struct sieve_run *r, const struct sieve_node *first)
{
    bool taken = false;
    or_status st = OR_OK;

    for (const struct sieve_node *n = first;
         n != NULL && st == OR_OK && !r->stopped && !r->scope->returned; n = n->next) {
        st = count_step(r);
        if (st == OR_OK)
            st = check_enabled(r, n);
        if (st == OR_OK)
            st = n->row->block ? run_branch(r, n, &taken) : run_command(r, n);
    }
    return st;
}

or_status
sieve_run_include(struct sieve_run *r, const struct sieve_script *script)
{
    struct sieve_scope scope = {
        .script = script,
        .outer = r->scope,
        .enabled = script->declared,
        .variables = arena_alloc_array(&r->mem, SIEVE_MAX_VARIABLES, sizeof(struct sieve_variable)),
        .shared = arena_alloc_array(&r->mem, SIEVE_MAX_VARIABLES, sizeof(struct span)),
    };

    if (scope.variables == NULL || scope.shared == NULL)
        return OR_LIMIT;
    r->scope = &scope;
    or_status st = run_block(r, script->first);
    r->scope = scope.outer;
    return st;
}

static void
keep_only(struct sieve_run *r)
{
    r->actions.items[0] =
        (struct sieve_action){.kind = SIEVE_KEEP, .target = SPAN_EMPTY, .flags = SPAN_EMPTY};
    r->actions.count = 1;
    r->mark_count = 0;
}

or_status
sieve_run_execute(struct sieve_run *r, struct err *e)
{
    struct err own = {.text = ""};

    r->e = &own;
    or_status st = run_block(r, r->first.script->first);
    if (st == OR_OK && r->implicit_keep) {
        const struct sieve_action keep = {
            .kind = SIEVE_KEEP, .target = SPAN_EMPTY, .flags = r->flags};

        st = sieve_run_add(r, &keep);
    }
    r->e = NULL;
    if (st == OR_OK)
        return OR_OK;
    keep_only(r);
    return err_set(e, st, "%s",
                   own.text[0] != '\0' ? own.text : "the script needs too much memory");
}
