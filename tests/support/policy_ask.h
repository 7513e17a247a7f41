/*
 * One check asked by itself: settings from a configuration text, DNS from a table, a request from a
 * few words.
 *
 * Threads: per-thread.
 */
#ifndef OUTRIDER_TESTS_SUPPORT_POLICY_ASK_H
#define OUTRIDER_TESTS_SUPPORT_POLICY_ASK_H

#include "policyd/dnslist.h"
#include "policyd/policy_checks.h"

struct policy_ask {
    struct policyd_settings *settings;
    struct dnslist_set lists;
    struct policyd_view view;
    struct arena mem; /* of the last question */
    struct policyd_work work;
    struct policy_request request; /* a test may change it between questions */
    struct policy_memory memory;
    struct policy_question question;
    struct policy_action action;
};

/* Our host name is mx.home.example; the request is RCPT from 192.0.2.9, HELO mail.far.example,
 * MAIL FROM x@far.example. Aborts when the text is no configuration. */
void policy_ask_init(struct policy_ask *a, const char *conf, const char *zone);
void policy_ask_fini(struct policy_ask *a);

/* The check's action; "" when it has no opinion. Valid until the next question. */
struct span policy_ask(struct policy_ask *a, policy_check check);
/* What the check named `check` left for the log, the last of it; "" for nothing. */
const char *policy_ask_word(const struct policy_ask *a, const char *check);

#endif
