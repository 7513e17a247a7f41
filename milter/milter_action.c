/*
 * From a DKIM result to an action, with the reason in words. A failure under a key that is being
 * tested (t=y) counts like no signature.
 */
#include "milter/milter_action.h"

#include "milter/milter_author.h"

#define TEXT_BYTES 500

/* RFC 7372 3.1: 20 is "no passing signature found", 21 "no acceptable signature found": one passes,
 * but local policy does not take it. */
static struct span
dsn_of(enum verdict_action action, enum dkim_result result)
{
    bool policy = result == DKIM_POLICY;

    if (action == VERDICT_TEMPFAIL)
        return policy ? SPAN_LIT("4.7.21") : SPAN_LIT("4.7.20");
    return policy ? SPAN_LIT("5.7.21") : SPAN_LIT("5.7.20");
}

static struct span
text_of(struct milter_message *m, enum dkim_result result, const struct dkim_verify_item *item)
{
    struct span text = SPAN_EMPTY;
    struct buf words;

    buf_init(&words, TEXT_BYTES);
    buf_addf(&words, "no %s DKIM signature: ", result == DKIM_POLICY ? "acceptable" : "passing");
    if (item == NULL) {
        buf_add_cstr(&words, m->verify.count == 0 ? "the message is not signed"
                                                  : "only signatures under testing keys (t=y)");
    } else {
        if (item->sig.domain.n != 0)
            buf_addf(&words, "d=%.*s: ", SPAN_ARG(item->sig.domain));
        dkim_verify_describe(&words, item);
    }
    if (buf_finish(&words) != OR_OK || arena_copy(&m->mem, buf_span(&words), &text) != OR_OK)
        text = SPAN_LIT("no passing DKIM signature");
    buf_fini(&words);
    return text;
}

/* What the first section that fits the author says; a From that names no author has only the
 * options outside of sections. */
static int
configured_action(const struct milter_message *m, enum dkim_result result)
{
    const struct milter_settings *settings = m->settings;
    struct milter_author author;

    if (settings->froms.count == 0 || milter_author_find(&m->dkim, &author, NULL) != OR_OK)
        return settings->on_result[result];
    for (size_t i = 0; i < settings->froms.count; i++) {
        if (!addrpattern_matches(&m->built->froms[i], author.local, author.domain))
            continue;
        int action = milter_conf_from(settings, i)->on_result[result];
        return action != MILTER_ON_DEFAULT ? action : settings->on_result[result];
    }
    return settings->on_result[result];
}

struct milter_action
milter_action_of(struct milter_message *m)
{
    const struct dkim_verify_item *item;
    enum dkim_result result = dkim_verify_decisive(&m->verify, &item);
    struct milter_action action = {
        .action = (enum verdict_action)configured_action(m, result),
    };

    if (action.action == VERDICT_ACCEPT)
        return action;
    action.dsn = dsn_of(action.action, result);
    action.text = text_of(m, result, item);
    return action;
}

bool
milter_action_is_stricter(enum verdict_action a, enum verdict_action b)
{
    static const int rank[] = {[VERDICT_ACCEPT] = 0,
                               [VERDICT_QUARANTINE] = 1,
                               [VERDICT_TEMPFAIL] = 2,
                               [VERDICT_REJECT] = 3};

    return rank[a] > rank[b];
}
