/* From names and patterns to rows and compiled patterns. */
#include "policyd/policy_plan.h"

#include "policyd/policy_checks.h"

#include <string.h>

#define PLAN_BYTES ((size_t)4 << 20) /* patterns of all checks */

static or_status
compile(const struct conf_list *list, struct arena *mem, struct addrpattern **patterns_out,
        struct err *e)
{
    struct addrpattern *patterns = arena_alloc_array(mem, list->count, sizeof(*patterns));

    if (patterns == NULL)
        return err_set(e, OR_CONFIG, "too many patterns");
    for (size_t i = 0; i < list->count; i++)
        if (addrpattern_parse(span_cstr(list->items[i]), mem, &patterns[i], e) != OR_OK)
            return OR_CONFIG;
    *patterns_out = patterns;
    return OR_OK;
}

static struct policy_step *
find_step(struct policy_plan *plan, int check)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->steps[i].check == check)
            return &plan->steps[i];
    return NULL;
}

static or_status
unknown_check(const char *name, struct err *e)
{
    return err_set(e, OR_CONFIG, "there is no check \"%.60s\"; allowed: %s", name,
                   policy_checks_names());
}

static or_status
add_steps(struct policy_plan *plan, const struct conf_list *names, struct err *e)
{
    for (size_t i = 0; i < names->count; i++) {
        int check = policy_checks_find(names->items[i]);

        if (check < 0)
            return err_wrap(e, unknown_check(names->items[i], e), "checks");
        if (find_step(plan, check) != NULL)
            return err_set(e, OR_CONFIG, "checks: \"%s\" is named twice", names->items[i]);
        plan->steps[plan->count++] = (struct policy_step){.check = check};
    }
    return OR_OK;
}

/* A section for a check that is not asked changes nothing; it must be right all the same. */
static or_status
apply_section(struct policy_plan *plan, const struct policyd_check *section, struct err *e)
{
    struct policy_step unused, *step;
    int check = policy_checks_find(section->head.title);

    if (check < 0)
        return unknown_check(section->head.title, e);
    step = find_step(plan, check);
    if (step == NULL)
        step = &unused;
    step->shadow = section->mode == POLICYD_CHECK_SHADOW;
    step->skip_clients = &section->skip_clients;
    step->skip_sender_count = section->skip_senders.count;
    step->skip_recipient_count = section->skip_recipients.count;
    or_status st = compile(&section->skip_senders, &plan->mem, &step->skip_senders, e);
    if (st == OR_OK)
        st = compile(&section->skip_recipients, &plan->mem, &step->skip_recipients, e);
    return st;
}

or_status
policy_plan_init(struct policy_plan *plan, const struct policyd_settings *settings, struct err *e)
{
    memset(plan, 0, sizeof(*plan));
    arena_init(&plan->mem, PLAN_BYTES);
    or_status st = add_steps(plan, &settings->checks, e);
    for (size_t i = 0; i < settings->check_sections.count && st == OR_OK; i++) {
        const struct policyd_check *section = policyd_conf_check(settings, i);

        st = apply_section(plan, section, e);
        if (st != OR_OK)
            err_wrap(e, st, "check \"%.60s\" (line %u)", section->head.title, section->head.line);
    }
    return st;
}

void
policy_plan_fini(struct policy_plan *plan)
{
    arena_fini(&plan->mem);
}

static bool
any_matches(const struct addrpattern *patterns, size_t count, struct span local, struct span domain)
{
    for (size_t i = 0; i < count; i++)
        if (addrpattern_matches(&patterns[i], local, domain))
            return true;
    return false;
}

const char *
policy_plan_skips(const struct policy_step *step, const struct policy_parties *p)
{
    const struct conf_cidrs *clients = step->skip_clients;

    for (size_t i = 0; clients != NULL && i < clients->count; i++)
        if (cidr_contains(&clients->items[i], &p->client))
            return "skip-clients";
    if (any_matches(step->skip_senders, step->skip_sender_count, p->sender_local, p->sender_domain))
        return "skip-senders";
    if (any_matches(step->skip_recipients, step->skip_recipient_count, p->recipient_local,
                    p->recipient_domain))
        return "skip-recipients";
    return NULL;
}
