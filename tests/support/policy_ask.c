/* The pieces of a request, as policy_session.c puts them together. */
#include "tests/support/policy_ask.h"

#include "common/base/clock.h"
#include "tests/support/fake_dns.h"
#include "tests/support/policyd_conf_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
policy_ask_init(struct policy_ask *a, const char *conf, const char *zone)
{
    struct err e;

    memset(a, 0, sizeof(*a));
    if (policyd_conf_text(conf, &a->settings, &e) != OR_OK ||
        dnslist_init(&a->lists, a->settings, &e) != OR_OK) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    arena_init(&a->mem, POLICYD_REQUEST_MAX_BYTES);
    a->view = (struct policyd_view){
        .settings = a->settings,
        .dns = fake_dns_new(zone),
        .hostname = "mx.home.example",
        .lists = &a->lists,
    };
    a->request = (struct policy_request){
        .protocol_state = SPAN_LIT("RCPT"),
        .client_address = SPAN_LIT("192.0.2.9"),
        .client_name = SPAN_LIT("unknown"),
        .helo_name = SPAN_LIT("mail.far.example"),
        .sender = SPAN_LIT("x@far.example"),
        .recipient = SPAN_LIT("bob@home.example"),
    };
}

void
policy_ask_fini(struct policy_ask *a)
{
    dns_free(a->view.dns);
    dnslist_fini(&a->lists);
    arena_fini(&a->mem);
    conf_free(&policyd_conf_schema, a->settings);
}

struct span
policy_ask(struct policy_ask *a, policy_check check)
{
    arena_reset(&a->mem);
    a->work = (struct policyd_work){.view = &a->view,
                                    .mem = &a->mem,
                                    .started_mono_ms = clock_mono_ms(),
                                    .deadline_mono_ms = clock_mono_ms() + 5000};
    a->question =
        (struct policy_question){.work = &a->work, .request = &a->request, .memory = &a->memory};
    policy_checks_prepare(&a->question);
    if (check(&a->question, &a->action) == POLICY_NONE)
        return SPAN_EMPTY;
    return a->action.value;
}

const char *
policy_ask_word(const struct policy_ask *a, const char *check)
{
    for (size_t i = a->question.word_count; i-- > 0;)
        if (strcmp(a->question.words[i].check, check) == 0)
            return a->question.words[i].text;
    return "";
}
