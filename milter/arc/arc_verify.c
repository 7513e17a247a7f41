/*
 * Verifying: which signatures of which sets, in which order; each one is the DKIM verifier's work.
 */
#include "milter/arc/arc_verify.h"

#include <assert.h>

/* What the sets of one chain share. */
struct checking {
    struct dkim_message *message;
    struct dns *dns;
    struct dkim_verify_settings settings;
    const struct arc_chain *chain;
    size_t sealed[ARC_MAX_SETS * ARC_FIELDS];
};

/* RFC 8617 5.1.1: all sets from the first to this one, each as results, message signature, seal;
 * the seal itself comes last and is not in the list. */
static size_t
list_sealed(struct checking *c, unsigned instance)
{
    size_t n = 0;

    for (unsigned i = 0; i < instance; i++)
        for (int field = 0; field < ARC_FIELDS; field++)
            c->sealed[n++] = c->chain->sets[i].fields[field];
    return n - 1;
}

static struct dkim_verify_step
message_step(struct checking *c, unsigned instance, struct dkim_verify_item *item)
{
    return (struct dkim_verify_step){
        .message = c->message,
        .settings = &c->settings,
        .dns = c->dns,
        .item = item,
        .kind = DKIM_SIG_OF_ARC_MESSAGE,
        .field = c->chain->sets[instance - 1].fields[ARC_FIELD_MESSAGE],
    };
}

static struct dkim_verify_step
seal_step(struct checking *c, unsigned instance, struct dkim_verify_item *item)
{
    return (struct dkim_verify_step){
        .message = c->message,
        .settings = &c->settings,
        .dns = c->dns,
        .item = item,
        .kind = DKIM_SIG_OF_ARC_SEAL,
        .field = c->chain->sets[instance - 1].fields[ARC_FIELD_SEAL],
        .sealed = c->sealed,
        .sealed_count = list_sealed(c, instance),
    };
}

/* The newest message signature and all seals; the older message signatures where everything is
 * wanted (RFC 8617 5.2 step 5). */
static void
begin_sets(struct checking *c, struct arc_verify *v, struct dkim_verify_item *items,
           bool everything)
{
    for (unsigned i = v->chain.count; i > 0; i--) {
        struct arc_verify_set *set = &v->sets[i - 1];
        struct dkim_verify_step seal = seal_step(c, i, &items[2 * i - 1]);

        set->seal = seal.item;
        dkim_verify_step_begin(&seal);
        if (!everything && i != v->chain.count)
            continue;
        struct dkim_verify_step message = message_step(c, i, &items[2 * i - 2]);
        set->message = message.item;
        dkim_verify_step_begin(&message);
    }
}

static void
check_message(struct checking *c, struct arc_verify *v, unsigned instance)
{
    struct dkim_verify_step step = message_step(c, instance, v->sets[instance - 1].message);

    dkim_verify_step_key(&step);
}

/* RFC 8617 5.2 steps 4 and 6. */
static void
check_sets(struct checking *c, struct arc_verify *v, bool everything)
{
    unsigned newest = v->chain.count;
    const struct dkim_verify_item *message = v->sets[newest - 1].message;

    check_message(c, v, newest);
    bool go_on = everything || (message->reason == DKIM_OK && message->header_ok);
    unsigned i = newest;
    for (; i > 0 && go_on; i--) {
        struct dkim_verify_step step = seal_step(c, i, v->sets[i - 1].seal);

        dkim_verify_step_key(&step);
        go_on = everything || step.item->reason == DKIM_OK;
        if (everything && i != newest)
            check_message(c, v, i);
    }
    for (; i > 0; i--) /* read, not looked at */
        v->sets[i - 1].seal = NULL;
}

static struct checking
start_checking(struct arc_verify *v, struct dkim_message *m,
               const struct arc_verify_settings *settings, struct dns *dns)
{
    return (struct checking){
        .message = m,
        .dns = dns,
        .settings = {.now = settings->now,
                     .deadline_mono_ms = settings->deadline_mono_ms,
                     .keys = settings->keys,
                     .clock_skew_s = DKIM_VERIFY_CLOCK_SKEW_S},
        .chain = &v->chain,
    };
}

or_status
arc_verify_begin(struct arc_verify *v, struct dkim_message *m,
                 const struct arc_verify_settings *settings, struct err *e)
{
    struct checking c = start_checking(v, m, settings, NULL);

    *v = (struct arc_verify){.result = ARC_NONE};
    or_status st = arc_set_collect(&v->chain, m, e);
    if (st != OR_OK || v->chain.sets == NULL || v->chain.reason != ARC_OK)
        return st;
    v->sets = arena_alloc_array(m->mem, v->chain.count, sizeof(v->sets[0]));
    struct dkim_verify_item *items =
        arena_alloc_array(m->mem, 2 * (size_t)v->chain.count, sizeof(*items));
    if (v->sets == NULL || items == NULL)
        return err_set(e, OR_LIMIT, "no memory left for %u ARC sets", v->chain.count);
    begin_sets(&c, v, items, settings->everything);
    return OR_OK;
}

void
arc_verify_keys(struct arc_verify *v, struct dkim_message *m,
                const struct arc_verify_settings *settings, struct dns *dns)
{
    struct checking c = start_checking(v, m, settings, dns);

    if (v->sets != NULL)
        check_sets(&c, v, settings->everything);
}

or_status
arc_verify_header(struct arc_verify *v, struct dkim_message *m,
                  const struct arc_verify_settings *settings, struct dns *dns, struct err *e)
{
    or_status st = arc_verify_begin(v, m, settings, e);

    if (st == OR_OK)
        arc_verify_keys(v, m, settings, dns);
    return st;
}

static void
fail(struct arc_verify *v, enum arc_reason reason, unsigned instance)
{
    v->result = ARC_FAIL;
    v->reason = reason;
    v->instance = instance;
}

void
arc_verify_body(struct arc_verify *v, const struct dkim_message *m)
{
    /* RFC 8617 4.1.2: no body lengths in ARC. */
    const struct dkim_verify_settings no_lengths = {.accept_length = false};
    unsigned newest = v->chain.count;

    if (v->chain.sets == NULL)
        return;
    if (v->chain.reason != ARC_OK) {
        fail(v, v->chain.reason, v->chain.instance);
        return;
    }
    for (unsigned i = 0; i < newest; i++)
        if (v->sets[i].message != NULL)
            dkim_verify_step_body(v->sets[i].message, m, &no_lengths);
    assert(v->sets[newest - 1].message != NULL);
    if (v->sets[newest - 1].message->reason != DKIM_OK) {
        fail(v, ARC_MESSAGE_INVALID, newest);
        return;
    }
    for (unsigned i = newest; i > 0; i--) {
        /* header_ok: no seal is good that was not checked. */
        if (v->sets[i - 1].seal->reason == DKIM_OK && v->sets[i - 1].seal->header_ok)
            continue;
        fail(v, ARC_SEAL_INVALID, i);
        return;
    }
    v->result = ARC_PASS;
}

static void
add_detail(struct buf *out, struct span detail)
{
    if (detail.n == 0)
        return;
    buf_add_cstr(out, " (");
    for (size_t i = 0; i < detail.n; i++) {
        unsigned char c = (unsigned char)detail.p[i];

        buf_add_char(out, c < ' ' || c == 0x7f ? '?' : (char)c);
    }
    buf_add_char(out, ')');
}

void
arc_verify_describe(struct buf *out, const struct arc_verify *v)
{
    if (v->result == ARC_NONE) {
        buf_add_cstr(out, "the message has no ARC set");
        return;
    }
    if (v->instance != 0)
        buf_addf(out, "set %u: ", v->instance);
    buf_add_cstr(out, arc_reason_text(v->reason));
    if (v->reason == ARC_MESSAGE_INVALID || v->reason == ARC_SEAL_INVALID) {
        const struct arc_verify_set *set = &v->sets[v->instance - 1];

        buf_add_cstr(out, ": ");
        dkim_verify_describe(out, v->reason == ARC_SEAL_INVALID ? set->seal : set->message);
    } else if (v->result == ARC_FAIL) {
        add_detail(out, v->chain.detail);
    }
}
