/* One question for the names, then one for each name, at the same time. */
#include "policyd/client_name.h"

#include "common/dns/dns_batch.h"

#include <sys/socket.h>

static bool
leads_back(const struct dns_question *question, const struct ip *client)
{
    for (size_t i = 0; question->status == OR_OK && i < question->answer->count; i++)
        if (ip_equal(&question->answer->records[i].ip, client))
            return true;
    return false;
}

static enum client_name_state
confirm(const struct policyd_work *w, const struct ip *client, const struct dns_answer *names,
        struct span *name_out)
{
    size_t count = names->count < CLIENT_NAME_MAX_NAMES ? names->count : CLIENT_NAME_MAX_NAMES;
    struct dns_question *questions = arena_alloc_array(w->mem, count, sizeof(*questions));
    enum client_name_state state = CLIENT_NAME_UNCONFIRMED;

    if (questions == NULL)
        return CLIENT_NAME_TEMPERROR;
    for (size_t i = 0; i < count; i++) {
        questions[i].type = client->family == AF_INET ? DNS_A : DNS_AAAA;
        questions[i].name = names->records[i].name;
    }
    dns_batch_query(w->view->dns, questions, count, w->deadline_mono_ms, w->mem);
    for (size_t i = 0; i < count; i++) {
        if (leads_back(&questions[i], client)) {
            *name_out = questions[i].name;
            return CLIENT_NAME_CONFIRMED;
        }
        if (questions[i].status != OR_OK && questions[i].status != OR_MALFORMED)
            state = CLIENT_NAME_TEMPERROR;
    }
    if (state == CLIENT_NAME_UNCONFIRMED)
        *name_out = questions[0].name;
    return state;
}

enum client_name_state
client_name_find(const struct policyd_work *w, const struct ip *client, struct span *name_out)
{
    char reverse[IP_REVERSE_BYTES];
    const struct dns_answer *names;

    *name_out = SPAN_EMPTY;
    ip_reverse(client, reverse);
    const char *question =
        arena_printf(w->mem, "%s.%s.arpa", reverse, client->family == AF_INET ? "in-addr" : "ip6");
    if (question == NULL || dns_query(w->view->dns, DNS_PTR, span_cstr(question),
                                      w->deadline_mono_ms, w->mem, &names, NULL) != OR_OK)
        return CLIENT_NAME_TEMPERROR;
    return names->count == 0 ? CLIENT_NAME_NO_PTR : confirm(w, client, names, name_out);
}
