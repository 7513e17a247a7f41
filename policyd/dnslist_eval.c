/* Names, questions, answers, the sum; and which lists are well. */
#include "policyd/dnslist_eval.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/dns/dns_batch.h"
#include "common/text/addr.h"
#include "common/text/domain.h"

#include <sys/socket.h>

#define SILENCE_MS 60000
#define EXPLANATION_MAX_BYTES 200 /* smtpd keeps 510 bytes of a reply */

/* What stands before the zone, and how people write it. */
struct subject {
    struct span text, label;
};

/* ---- what is asked */

static struct subject
about_client(const struct dnslist_about *about, struct arena *mem)
{
    char *text = arena_alloc(mem, IP_TEXT_BYTES), *label = arena_alloc(mem, IP_REVERSE_BYTES);

    if (about->client.family == 0 || text == NULL || label == NULL)
        return (struct subject){SPAN_EMPTY, SPAN_EMPTY};
    ip_format(&about->client, text);
    ip_reverse(&about->client, label);
    return (struct subject){span_cstr(text), span_cstr(label)};
}

/* RFC 5782 2.5: lists of domains are not asked about addresses; neither do single labels lie in
 * them. */
static struct subject
about_domain(struct span name, struct arena *mem)
{
    struct ip ip;
    struct span domain;

    if (domain_canonical(name, mem, &domain, NULL) != OR_OK || !domain_is_hostname(domain) ||
        ip_parse(domain, &ip) == OR_OK || domain_label_count(domain) < 2)
        return (struct subject){SPAN_EMPTY, SPAN_EMPTY};
    return (struct subject){domain, domain};
}

static void
find_subjects(const struct dnslist_about *about, struct arena *mem, struct subject *subjects)
{
    subjects[DNSLIST_CLIENT] = about_client(about, mem);
    subjects[DNSLIST_SENDER_DOMAIN] = about_domain(addr_split(about->sender).domain, mem);
    subjects[DNSLIST_HELO] = about_domain(about->helo, mem);
    subjects[DNSLIST_CLIENT_NAME] = about_domain(about->client_name, mem);
}

static bool
is_paused(struct dnslist *list)
{
    return atomic_load(&list->paused_until_mono_ms) > clock_mono_ms();
}

/* One reply for each question of each list, those that are not asked included. */
static void
list_replies(const struct policyd_work *w, const struct dnslist_about *about,
             struct dnslist_outcome *o)
{
    struct dnslist_set *set = w->view->lists;
    struct subject subjects[DNSLIST_KINDS];

    find_subjects(about, w->mem, subjects);
    for (size_t i = 0; i < set->count * DNSLIST_KINDS; i++) {
        struct dnslist *list = &set->lists[i / DNSLIST_KINDS];
        enum dnslist_kind kind = (enum dnslist_kind)(i % DNSLIST_KINDS);

        if ((list->kinds & 1U << kind) == 0 || subjects[kind].text.n == 0)
            continue;
        const char *name =
            arena_printf(w->mem, "%.*s.%.*s", SPAN_ARG(subjects[kind].label), SPAN_ARG(list->zone));
        if (name == NULL)
            return;
        o->replies[o->count++] = (struct dnslist_reply){
            .list = list,
            .kind = kind,
            .subject = subjects[kind].text,
            .name = span_cstr(name),
            .state = is_paused(list) ? DNSLIST_PAUSED : DNSLIST_CLEAN,
        };
    }
}

/* ---- what is answered */

static bool
may_say(struct dnslist *list)
{
    long long now = clock_mono_ms(), until = atomic_load(&list->silent_until_mono_ms);

    return now >= until &&
           atomic_compare_exchange_strong(&list->silent_until_mono_ms, &until, now + SILENCE_MS);
}

static void
say_trouble(const struct dnslist_reply *r, const char *what)
{
    if (may_say(r->list))
        log_warning("dnslist %.*s: %s", SPAN_ARG(r->list->zone), what);
}

/* Answers that are about the question and not about the name. */
static const char *
refusal(const struct ip *answer)
{
    static const struct {
        uint8_t bytes[4];
        const char *text;
    } known[] = {
        {{127, 255, 255, 252}, "answers 127.255.255.252: its name is misspelt"},
        {{127, 255, 255, 254},
         "answers 127.255.255.254: it does not serve public resolvers, use "
         "one of your own"},
        {{127, 255, 255, 255}, "answers 127.255.255.255: too many questions from here"},
        {{127, 0, 1, 255},
         "answers 127.0.1.255: it is a list of domains and was asked about an "
         "address"},
        {{127, 0, 0, 1}, "answers 127.0.0.1: it refuses questions from here"},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct ip ip = {.family = AF_INET};

        for (size_t k = 0; k < 4; k++)
            ip.bytes[k] = known[i].bytes[k];
        if (ip_equal(&ip, answer))
            return known[i].text;
    }
    if (answer->bytes[1] == 255 && answer->bytes[2] == 255)
        return "answers 127.255.255.x: it refuses questions from here";
    return NULL;
}

static bool
code_matches(const struct dnslist_code *code, const struct ip *answer)
{
    for (size_t i = 0; i < 4; i++)
        if (answer->bytes[i] < code->low[i] || answer->bytes[i] > code->high[i])
            return false;
    return true;
}

/* False when no code names the answer: then the list says nothing that we asked for. */
static bool
weight_of(const struct dnslist *list, const struct ip *answer, int64_t *weight_out)
{
    *weight_out = list->weight;
    for (size_t i = 0; i < list->code_count; i++) {
        if (!code_matches(&list->codes[i], answer))
            continue;
        *weight_out = list->codes[i].weight;
        return true;
    }
    return list->code_count == 0;
}

static int64_t
strength(int64_t weight)
{
    return weight < 0 ? -weight : weight;
}

/* Answers that no list gives about a name, in words; NULL for a listing. */
static const char *
fault_of(const struct ip *answer)
{
    if (answer->family != AF_INET || answer->bytes[0] != 127)
        return "answers with addresses outside 127.0.0.0/8: it is no list (any more)";
    return refusal(answer);
}

/* One address of an answer. Of several the strongest counts; beside a fault none does. */
static void
read_address(struct dnslist_reply *r, const struct ip *address)
{
    const char *fault = fault_of(address);
    int64_t weight;

    if (fault != NULL) {
        say_trouble(r, fault);
        r->state = DNSLIST_UNKNOWN;
    }
    if (r->state == DNSLIST_UNKNOWN || !weight_of(r->list, address, &weight) ||
        (r->state == DNSLIST_LISTED && strength(weight) <= strength(r->weight)))
        return;
    r->state = DNSLIST_LISTED;
    r->answer = *address;
    r->weight = weight;
}

/* Whether that was one too many. */
static bool
count_failure(struct dnslist *list)
{
    long long now = clock_mono_ms(), last = atomic_load(&list->failed_mono_ms);

    if (last != 0 && now < last + DNSLIST_FAILURE_GAP_MS)
        return false;
    if (!atomic_compare_exchange_strong(&list->failed_mono_ms, &last, now))
        return false; /* somebody else counts just now */
    return atomic_fetch_add(&list->failures, 1) + 1 >= DNSLIST_MAX_FAILURES;
}

/* `fair`: the list had all the time that it may take. */
static void
read_failure(struct dnslist_reply *r, const struct dns_question *question, bool fair)
{
    struct dnslist *list = r->list;

    r->state = DNSLIST_UNKNOWN;
    if (question->status != OR_TEMPFAIL && !(question->status == OR_TIMEOUT && fair))
        return;
    if (!count_failure(list))
        return;
    atomic_store(&list->paused_until_mono_ms, clock_mono_ms() + DNSLIST_PAUSE_MS);
    if (may_say(list))
        log_warning("dnslist %.*s: no answer %d times in a row, not asked for a minute (%s)",
                    SPAN_ARG(list->zone), DNSLIST_MAX_FAILURES, question->err.text);
}

static void
read_answer(struct dnslist_reply *r, const struct dns_question *question, bool fair)
{
    if (question->status == OR_MALFORMED) /* the name is too long for a question: not in the list */
        return;
    if (question->status != OR_OK) {
        read_failure(r, question, fair);
        return;
    }
    atomic_store(&r->list->failures, 0);
    for (size_t i = 0; i < question->answer->count; i++)
        read_address(r, &question->answer->records[i].ip);
}

/* A list counts once, by its strongest word, whatever it was asked about. */
static bool
is_strongest(const struct dnslist_outcome *o, size_t at)
{
    const struct dnslist_reply *r = &o->replies[at];

    for (size_t i = 0; i < o->count; i++) {
        const struct dnslist_reply *other = &o->replies[i];

        if (other->list != r->list || other->state != DNSLIST_LISTED || i == at)
            continue;
        if (strength(other->weight) > strength(r->weight) ||
            (strength(other->weight) == strength(r->weight) && i < at))
            return false;
    }
    return true;
}

static void
add_up(struct dnslist_outcome *o)
{
    for (size_t i = o->count; i-- > 0;) {
        struct dnslist_reply *r = &o->replies[i];

        if (r->state != DNSLIST_LISTED)
            continue;
        if (!is_strongest(o, i))
            r->weight = 0;
        o->score += r->weight;
        o->vouched = o->vouched || r->weight < 0;
    }
}

static void
ask(const struct policyd_work *w, struct dnslist_outcome *o, struct dns_question *questions)
{
    int64_t deadline = clock_mono_ms() + w->view->settings->dnslist_timeout_ms;
    bool fair = deadline <= w->deadline_mono_ms;
    size_t asked = 0;

    for (size_t i = 0; i < o->count; i++)
        if (o->replies[i].state != DNSLIST_PAUSED)
            questions[asked++] = (struct dns_question){.type = DNS_A, .name = o->replies[i].name};
    dns_batch_query(w->view->dns, questions, asked, fair ? deadline : w->deadline_mono_ms, w->mem);
    for (size_t i = 0, at = 0; i < o->count; i++)
        if (o->replies[i].state != DNSLIST_PAUSED)
            read_answer(&o->replies[i], &questions[at++], fair);
}

void
dnslist_eval(const struct policyd_work *w, const struct dnslist_about *about,
             struct dnslist_outcome *outcome_out)
{
    size_t most = w->view->lists == NULL ? 0 : w->view->lists->count * DNSLIST_KINDS;
    struct dns_question *questions = arena_alloc_array(w->mem, most, sizeof(*questions));
    struct dnslist_outcome o = {
        .replies = arena_alloc_array(w->mem, most, sizeof(*o.replies)),
    };

    if (most > 0 && o.replies != NULL && questions != NULL) {
        list_replies(w, about, &o);
        ask(w, &o, questions);
        add_up(&o);
    }
    *outcome_out = o;
}

struct span
dnslist_explain(const struct policyd_work *w, const struct dnslist_reply *reply)
{
    int64_t deadline = clock_mono_ms() + w->view->settings->dnslist_timeout_ms;
    const struct dns_answer *answer;

    if (deadline > w->deadline_mono_ms)
        deadline = w->deadline_mono_ms;
    if (dns_query(w->view->dns, DNS_TXT, reply->name, deadline, w->mem, &answer, NULL) != OR_OK ||
        answer->count == 0)
        return SPAN_EMPTY;
    return span_trim(span_slice(answer->records[0].txt.joined, 0, EXPLANATION_MAX_BYTES));
}
