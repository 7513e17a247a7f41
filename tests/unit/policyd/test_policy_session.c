/* Conversations over a socket pair, with a DNS from a table: what Postfix and the milter get to
 * read. */
#include "common/run/verdict.h"
#include "policyd/policy_plan.h"
#include "policyd/policy_session.h"
#include "policyd/ratelimit.h"
#include "policyd/verdict_rules.h"
#include "policyd/verdict_text.h"
#include "tests/support/fake_dns.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char zone[] = "bank.example          TXT v=spf1 ip4:192.0.2.1 -all\n"
                           "_dmarc.bank.example   TXT v=DMARC1; p=reject\n"
                           "shop.example          TXT v=spf1 ip4:192.0.2.1 ~all\n"
                           "_dmarc.shop.example   TXT v=DMARC1; p=quarantine\n"
                           "list.example          TXT v=spf1 ip4:192.0.2.20 -all\n"
                           "mx.helo.example       TXT v=spf1 ip4:192.0.2.1 -all\n"
                           "plain.example         A   192.0.2.30\n"
                           "dead.example          SERVFAIL\n"
                           "_dmarc.dead.example   SERVFAIL\n";

static const struct verdict_rules no_rules;

static struct cidr internal = {.base = {.family = AF_INET, .bytes = {10}}, .prefix = 8};

static char *all_checks[] = {(char[]){"rate"}, (char[]){"spf"}, (char[]){"greylist"}};

static struct policyd_settings
shipped(void)
{
    return (struct policyd_settings){
        .common = {.idle_timeout_ms = 2000, .io_timeout_ms = 2000},
        .internal_networks = {.items = &internal, .count = 1},
        .request_timeout_ms = 2000,
        .checks = {.items = all_checks, .count = 3},
        .greylist_delay_ms = 300000,
        .greylist_window_ms = 172800000,
        .greylist_lifetime_ms = 3024000000,
        .greylist_auto_allow = 2,
        .spf_header = true,
        .spf_max_voids = 2,
        .reject_threshold = 100,
        .weights = {.spf_fail = 100,
                    .spf_softfail = 50,
                    .from_spf_fail = 50,
                    .no_ptr = 50,
                    .no_signature = 50},
    };
}

struct talk {
    struct policyd_settings settings;
    struct policy_plan plan;
    struct ratelimit limits;
    struct kvstore *store; /* NULL: none */
    struct dns *dns;
    int fd; /* our end */
    struct stream *stream;
    unsigned held; /* views not given back */
    pthread_t thread;
};

static void
take(void *context, struct policyd_view *view_out)
{
    struct talk *t = context;

    t->held++;
    *view_out = (struct policyd_view){.settings = &t->settings,
                                      .dns = t->dns,
                                      .hostname = "mx.home.example",
                                      .plan = &t->plan,
                                      .limits = &t->limits,
                                      .rules = &no_rules,
                                      .store = t->store};
}

static void
drop(void *context, const struct policyd_view *view)
{
    struct talk *t = context;

    (void)view;
    t->held--;
}

static void *
serve(void *context)
{
    struct talk *t = context;
    const struct policyd_host host = {.take = take, .drop = drop, .context = t};

    policy_session_run(t->stream, &host);
    stream_free(t->stream);
    return NULL;
}

static void
talk_start(struct talk *t)
{
    struct timeval patience = {.tv_sec = 5};
    int pair[2];

    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    ck_assert_int_eq(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    t->held = 0;
    t->fd = pair[0];
    t->stream = stream_new(pair[1], -1, 2000);
    t->dns = fake_dns_new(zone);
    ck_assert_int_eq(policy_plan_init(&t->plan, &t->settings, NULL), OR_OK);
    ck_assert_int_eq(ratelimit_init(&t->limits, &t->settings, NULL), OR_OK);
    ck_assert_int_eq(pthread_create(&t->thread, NULL, serve, t), 0);
}

static void
talk_end(struct talk *t)
{
    close(t->fd);
    pthread_join(t->thread, NULL);
    ck_assert_uint_eq(t->held, 0);
    policy_plan_fini(&t->plan);
    ratelimit_fini(&t->limits);
    dns_free(t->dns);
}

/* Sends a request and reads the reply up to its empty line; "" when the connection was closed. */
static const char *
ask(struct talk *t, const char *request)
{
    static char reply[20000];
    size_t used = 0;
    ssize_t n;

    ck_assert_int_eq(write(t->fd, request, strlen(request)), (ssize_t)strlen(request));
    while (used < sizeof(reply) - 1 &&
           (n = read(t->fd, reply + used, sizeof(reply) - 1 - used)) > 0) {
        used += (size_t)n;
        if (used > 1 && memcmp(reply + used - 2, "\n\n", 2) == 0)
            break;
    }
    reply[used] = '\0';
    return reply;
}

/* A RCPT request; `more` is "name=value\n" lines. */
static const char *
ask_rcpt(struct talk *t, const char *client, const char *sender, const char *instance,
         const char *more)
{
    char request[1024];

    (void)snprintf(request, sizeof(request),
                   "request=smtpd_access_policy\nprotocol_state=RCPT\nclient_address=%s\n"
                   "helo_name=mx.helo.example\nsender=%s\nrecipient=bob@home.example\n"
                   "instance=%s\n%s\n",
                   client, sender, instance, more);
    return ask(t, request);
}

static bool
begins(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

START_TEST(spf_is_told_once_for_each_message)
{
    struct talk t = {.settings = shipped()};
    const char *reply;

    talk_start(&t);
    reply = ask_rcpt(&t, "192.0.2.1", "ann@bank.example", "a.1", "");
    ck_assert_msg(begins(reply, "action=PREPEND Received-SPF: pass (mx.home.example:"), "%s",
                  reply);
    ck_assert_ptr_null(strchr(reply, '\r'));
    ck_assert_str_eq(ask_rcpt(&t, "192.0.2.1", "ann@bank.example", "a.1", ""), "action=DUNNO\n\n");
    reply = ask_rcpt(&t, "192.0.2.9", "ann@bank.example", "a.2", "");
    ck_assert_msg(begins(reply, "action=PREPEND Received-SPF: fail ("), "%s", reply);
    reply = ask_rcpt(&t, "192.0.2.1", "ann@bank.example", "a.1", "");
    ck_assert_msg(begins(reply, "action=PREPEND Received-SPF: pass ("), "%s", reply);
    talk_end(&t);
}
END_TEST

START_TEST(a_null_sender_is_checked_by_helo)
{
    struct talk t = {.settings = shipped()};

    talk_start(&t);
    const char *reply = ask_rcpt(&t, "192.0.2.1", "", "a.1", "");
    ck_assert_msg(begins(reply, "action=PREPEND Received-SPF: pass ("), "%s", reply);
    ck_assert_ptr_nonnull(strstr(reply, "identity=helo"));
    talk_end(&t);
}
END_TEST

START_TEST(options_turn_results_into_refusals)
{
    struct talk t = {.settings = shipped()};
    const char *reply;

    t.settings.spf_on[SPF_FAIL] = POLICYD_SPF_REJECT;
    t.settings.spf_on[SPF_TEMPERROR] = POLICYD_SPF_TEMPFAIL;
    talk_start(&t);
    reply = ask_rcpt(&t, "192.0.2.9", "ann@bank.example", "a.1", "");
    ck_assert_msg(begins(reply, "action=550 5.7.23 SPF: bank.example does not let 192.0.2.9"), "%s",
                  reply);
    reply = ask_rcpt(&t, "192.0.2.9", "ann@bank.example", "a.1", "");
    ck_assert_msg(begins(reply, "action=550 5.7.23"), "the second recipient too: %s", reply);
    reply = ask_rcpt(&t, "192.0.2.9", "x@dead.example", "a.2", "");
    ck_assert_msg(begins(reply, "action=451 4.7.24 SPF: "), "%s", reply);
    reply = ask_rcpt(&t, "192.0.2.9", "x@shop.example", "a.3", "");
    ck_assert_msg(begins(reply, "action=PREPEND Received-SPF: softfail"), "%s", reply);
    talk_end(&t);
}
END_TEST

START_TEST(some_questions_are_not_for_spf)
{
    static const struct {
        const char *client;
        const char *more;
    } rows[] = {
        {"192.0.2.9", "sasl_username=ann\n"}, /* authenticated */
        {"10.1.2.3", ""},                     /* internal-networks */
        {"unknown", ""},
        {"", ""},
    };
    struct talk t = {.settings = shipped()};

    t.settings.spf_on[SPF_FAIL] = POLICYD_SPF_REJECT;
    talk_start(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ck_assert_str_eq(ask_rcpt(&t, rows[i].client, "ann@bank.example", "a.1", rows[i].more),
                         "action=DUNNO\n\n");
    ck_assert_str_eq(ask(&t, "request=smtpd_access_policy\nprotocol_state=DATA\n"
                             "client_address=192.0.2.9\nsender=ann@bank.example\n\n"),
                     "action=DUNNO\n\n");
    ck_assert_str_eq(ask(&t, "request=smtpd_access_policy\n\n"), "action=DUNNO\n\n");
    ck_assert_uint_eq(fake_dns_queries(t.dns), 0);
    talk_end(&t);
}
END_TEST

START_TEST(nonsense_ends_the_connection_without_an_answer)
{
    static const char *const requests[] = {
        "request=something_new\n\n",
        "sender=x\n\n",
        "GET / HTTP/1.1\r\nHost: x\r\n\r\n\n\n",
        "request=outrider_message\nclient_address=192.0.2.9\ndkim=\n\n",
        "request=outrider_message\nclient_address=unknown\n\n",
        "\n",
    };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct talk t = {.settings = shipped()};

        talk_start(&t);
        ck_assert_str_eq(ask(&t, requests[i]), "");
        talk_end(&t);
    }
}
END_TEST

START_TEST(slow_and_idle_peers_are_let_go)
{
    struct talk t = {.settings = shipped()};
    char byte;

    t.settings.common.idle_timeout_ms = 50;
    t.settings.common.io_timeout_ms = 100;
    talk_start(&t);
    ck_assert_int_eq(read(t.fd, &byte, 1), 0); /* idle */
    talk_end(&t);
    talk_start(&t);
    ck_assert_int_eq(write(t.fd, "request=smtpd", 13), 13);
    ck_assert_int_eq(read(t.fd, &byte, 1), 0); /* began and did not go on */
    talk_end(&t);
}
END_TEST

/* Whole messages. An empty dkim, list_id or from is left out of the question. */
struct message_row {
    const char *client, *ptr, *sender, *from, *dkim, *list_id;
    const char *action, *dmarc, *domain, *override, *dsn;
};

static const struct message_row messages[] = {
    {"192.0.2.1", "mail.bank.example", "ann@bank.example", "ann@bank.example", "", "", "accept",
     "pass", "bank.example", "", ""},
    /* Forged: an address that the domain's SPF does not name, nothing signed. */
    {"192.0.2.9", "host.evil.example", "ann@bank.example", "Ann <ann@bank.example>", "", "",
     "reject", "fail", "bank.example", "", "5.7.26"},
    {"192.0.2.9", "unknown", "x@evil.example", "Ann <ann@bank.example>", "", "", "reject", "fail",
     "bank.example", "", "5.7.26"},
    {"192.0.2.9", "host.evil.example", "ann@shop.example", "ann@shop.example", "", "", "quarantine",
     "fail", "shop.example", "", ""},
    /* A list's copy: its own envelope, the author's signature broken. */
    {"192.0.2.20", "list.example", "chat-bounces@list.example", "ann@bank.example",
     "fail d=bank.example s=s1 a=rsa-sha256", "<chat.list.example>", "quarantine", "fail",
     "bank.example", "mailing_list", ""},
    /* Forwarded with its signature intact. */
    {"192.0.2.9", "host.evil.example", "ann@bank.example", "ann@bank.example",
     "pass d=bank.example s=s1 a=rsa-sha256", "", "accept", "pass", "bank.example", "", ""},
    {"192.0.2.9", "unknown", "x@plain.example", "x@plain.example", "", "", "accept", "none",
     "plain.example", "", ""},
    {"192.0.2.9", "host.evil.example", "x@dead.example", "x@dead.example", "", "", "tempfail",
     "temperror", "dead.example", "", "4.4.3"},
    /* Two authors: the strictest policy of those that fail. */
    {"192.0.2.1", "mail.shop.example", "x@list.example", "a@plain.example, b@bank.example", "", "",
     "quarantine", "fail", "bank.example", "local_policy", ""},
    /* Nothing that names an author. */
    {"192.0.2.1", "mail.bank.example", "ann@bank.example", "", "", "", "reject", "permerror", "",
     "", "5.7.1"},
    {"192.0.2.1", "mail.bank.example", "ann@bank.example",
     "ann@bank.example\nheader_from=b@x.example", "", "", "reject", "permerror", "x.example", "",
     "5.7.1"},
    /* Mail of our own is not judged. */
    {"10.0.0.1", "unknown", "ann@bank.example", "ann@bank.example", "", "", "accept", "none", "",
     "", ""},
    {"", "", "ann@bank.example", "ann@bank.example", "", "", "accept", "none", "", "", ""},
    /* A null sender: postmaster@HELO is what SPF passed, and it is not aligned. */
    {"192.0.2.1", "mx.helo.example", "", "ann@bank.example", "", "", "quarantine", "fail",
     "bank.example", "local_policy", ""},
};

static void
add_line(struct buf *out, const char *name, const char *value)
{
    if (value[0] != '\0')
        buf_addf(out, "%s=%s\n", name, value);
}

/* The reply without its closing empty line, as attributes. */
static void
ask_message(struct talk *t, const struct message_row *row, struct attrs *attrs)
{
    struct buf request;

    buf_init(&request, 4096);
    buf_add_cstr(&request, "request=outrider_message\nqueue_id=4bXk2\nhelo_name=mx.helo.example\n");
    add_line(&request, "client_address", row->client);
    add_line(&request, "client_name", row->ptr);
    add_line(&request, "sender", row->sender);
    add_line(&request, "header_from", row->from);
    add_line(&request, "dkim", row->dkim);
    add_line(&request, "list_id", row->list_id);
    buf_add(&request, "\n", 2); /* with its NUL */
    const char *reply = ask(t, request.p);
    buf_fini(&request);
    ck_assert_msg(attrs_parse(span_cstr(reply), attrs, NULL) == OR_OK, "%s", reply);
}

/* A message of bank.example (p=reject) that a list changed, with the seals on it. The list
 * first.example is trusted, and so is second.example. */
static const struct {
    const char *seals;
    const char *override, *comment;
} sealed[] = {
    {"arc=pass\narc_set=1 d=first.example dmarc=pass from=bank.example", "trusted_forwarder",
     "arc=pass as[1].d=first.example"},
    {"arc=pass\narc_set=1 d=First.Example dmarc=pass from=BANK.example", "trusted_forwarder",
     "arc=pass as[1].d=First.Example"},
    {"arc=pass\narc_set=2 d=second.example dmarc=fail from=bank.example\n"
     "arc_set=1 d=first.example dmarc=pass from=bank.example",
     "trusted_forwarder", "arc=pass as[2].d=second.example as[1].d=first.example"},
    /* without a word about DMARC: what is aligned by the author's record */
    {"arc=pass\narc_set=1 d=first.example spf=bank.example", "trusted_forwarder",
     "arc=pass as[1].d=first.example"},
    {"arc=pass\narc_set=1 d=first.example dkim=list.example dkim=bank.example", "trusted_forwarder",
     "arc=pass as[1].d=first.example"},
    {"arc=pass\narc_set=1 d=first.example spf=list.example dkim=shop.example", "mailing_list", ""},
    {"arc=pass\narc_set=1 d=first.example", "mailing_list", ""},
    {"arc=pass\narc_set=1 d=first.example dmarc=fail from=bank.example dkim=bank.example",
     "mailing_list", ""},
    {"arc=pass\narc_set=1 d=first.example dmarc=pass from=shop.example", "mailing_list", ""},
    {"arc=pass\narc_set=1 d=first.example dmarc=pass", "mailing_list", ""},
    /* nobody's word, and a genuine set below one of a stranger */
    {"arc=pass\narc_set=1 d=evil.example dmarc=pass from=bank.example", "mailing_list", ""},
    {"arc=pass\narc_set=1 d=sub.first.example dmarc=pass from=bank.example", "mailing_list", ""},
    {"arc=pass\narc_set=2 d=evil.example dmarc=pass from=bank.example\n"
     "arc_set=1 d=first.example dmarc=pass from=bank.example",
     "mailing_list", ""},
    {"arc=fail\narc_set=1 d=first.example dmarc=pass from=bank.example", "mailing_list", ""},
    {"arc_set=1 d=first.example dmarc=pass from=bank.example", "mailing_list", ""},
    {"arc=pass", "mailing_list", ""},
};

static void
check_attr(const struct attrs *attrs, const char *name, const char *wanted)
{
    struct span value = attrs_get(attrs, name);

    ck_assert_msg(span_equal_cstr(value.p == NULL ? SPAN_EMPTY : value, wanted),
                  "%s is \"%.*s\", not \"%s\"", name, SPAN_ARG(value), wanted);
}

START_TEST(messages_are_judged)
{
    const struct message_row *row = &messages[_i];
    struct talk t = {.settings = shipped()};
    struct attrs attrs;

    talk_start(&t);
    ask_message(&t, row, &attrs);
    check_attr(&attrs, "action", row->action);
    check_attr(&attrs, "dmarc", row->dmarc);
    check_attr(&attrs, "dmarc_domain", row->domain);
    check_attr(&attrs, "dmarc_override", row->override);
    check_attr(&attrs, "dsn", row->dsn);
    struct span text = attrs_get(&attrs, "text");
    ck_assert((text.n > 0) == !span_equal_cstr(attrs_get(&attrs, "action"), "accept"));
    ck_assert_uint_le(text.n, VERDICT_TEXT_MAX_BYTES);
    talk_end(&t);
}
END_TEST

START_TEST(a_refusal_helps_the_senders_admin)
{
    static const char *const words[] = {"DMARC",    "bank.example",      "192.0.2.9",
                                        "SPF fail", "no DKIM signature", "d=bank.example"};
    struct talk t = {.settings = shipped()};
    struct attrs attrs;

    talk_start(&t);
    ask_message(&t, &messages[1], &attrs);
    struct span text = attrs_get(&attrs, "text");
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        ck_assert_msg(memmem(text.p, text.n, words[i], strlen(words[i])) != NULL, "%s: %.*s",
                      words[i], SPAN_ARG(text));
    talk_end(&t);
}
END_TEST

START_TEST(spf_words_are_part_of_the_answer)
{
    struct talk t = {.settings = shipped()};
    struct attrs attrs;

    talk_start(&t);
    ask_message(&t, &messages[0], &attrs);
    check_attr(&attrs, "spf", "pass");
    check_attr(&attrs, "spf_domain", "bank.example");
    check_attr(&attrs, "spf_scope", "mfrom");
    check_attr(&attrs, "dmarc_policy", "reject");
    ask_message(&t, &messages[13], &attrs);
    check_attr(&attrs, "spf", "pass");
    check_attr(&attrs, "spf_domain", "mx.helo.example");
    check_attr(&attrs, "spf_scope", "helo");
    ask_message(&t, &messages[11], &attrs);
    check_attr(&attrs, "spf", "");
    talk_end(&t);
}
END_TEST

START_TEST(dmarc_can_be_off)
{
    struct talk t = {.settings = shipped()};
    struct attrs attrs;

    t.settings.dmarc = POLICYD_DMARC_OFF;
    talk_start(&t);
    ask_message(&t, &messages[1], &attrs);
    check_attr(&attrs, "action", "accept");
    check_attr(&attrs, "dmarc", "none");
    check_attr(&attrs, "spf", "fail");
    talk_end(&t);
}
END_TEST

/* What a relay of ours found of the sender, who is not the client here. */
static const struct {
    const char *spf;
    const char *action, *said, *dmarc;
} relayed[] = {
    {"pass mfrom bank.example", "accept", "pass", "pass"},
    {"fail mfrom bank.example", "reject", "fail", "fail"},
    {"pass mfrom list.example", "quarantine", "pass", "fail"},
    {"none mfrom ", "quarantine", "none", "fail"},
    {"PASSED mfrom bank.example", "quarantine", "none", "fail"},
};

START_TEST(spf_of_relays_is_taken_over)
{
    struct talk t = {.settings = shipped()};
    struct attrs *attrs = calloc(1, sizeof(*attrs));
    char list[256];

    snprintf(list, sizeof(list), "<x.example>\nrelayed_spf=%s", relayed[_i].spf);
    const struct message_row row = {.client = "10.0.0.25", /* internal, and no host name */
                                    .ptr = "unknown",
                                    .sender = "ann@bank.example",
                                    .from = "ann@bank.example",
                                    .dkim = "",
                                    .list_id = list};
    talk_start(&t);
    ask_message(&t, &row, attrs);
    check_attr(attrs, "spf", relayed[_i].said);
    check_attr(attrs, "dmarc", relayed[_i].dmarc);
    check_attr(attrs, "action", relayed[_i].action);
    talk_end(&t);
    free(attrs);
}
END_TEST

START_TEST(seals_of_trusted_forwarders_outweigh_a_failure)
{
    static char *trusted[] = {(char *)"second.example", (char *)"first.example"};
    struct talk t = {.settings = shipped()};
    struct attrs *attrs = calloc(1, sizeof(*attrs));
    char list[512];

    snprintf(list, sizeof(list), "<chat.list.example>\n%s", sealed[_i].seals);
    const struct message_row row = {.client = "192.0.2.20",
                                    .ptr = "list.example",
                                    .sender = "chat-bounces@list.example",
                                    .from = "ann@bank.example",
                                    .dkim = "fail d=bank.example s=s1 a=rsa-sha256",
                                    .list_id = list};
    t.settings.trusted_sealers = (struct conf_list){.items = trusted, .count = 2};
    talk_start(&t);
    ask_message(&t, &row, attrs);
    check_attr(attrs, "dmarc", "fail");
    check_attr(attrs, "dmarc_override", sealed[_i].override);
    check_attr(attrs, "dmarc_comment", sealed[_i].comment);
    check_attr(attrs, "action", sealed[_i].comment[0] != '\0' ? "accept" : "quarantine");
    talk_end(&t);
    /* As shipped nobody is trusted. */
    t.settings.trusted_sealers.count = 0;
    talk_start(&t);
    ask_message(&t, &row, attrs);
    check_attr(attrs, "dmarc_override", "mailing_list");
    talk_end(&t);
    free(attrs);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("policy_session");
    TCase *tests = tcase_create("all");

    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, spf_is_told_once_for_each_message);
    tcase_add_test(tests, a_null_sender_is_checked_by_helo);
    tcase_add_test(tests, options_turn_results_into_refusals);
    tcase_add_test(tests, some_questions_are_not_for_spf);
    tcase_add_test(tests, nonsense_ends_the_connection_without_an_answer);
    tcase_add_test(tests, slow_and_idle_peers_are_let_go);
    tcase_add_loop_test(tests, spf_of_relays_is_taken_over, 0,
                        sizeof(relayed) / sizeof(relayed[0]));
    tcase_add_loop_test(tests, seals_of_trusted_forwarders_outweigh_a_failure, 0,
                        sizeof(sealed) / sizeof(sealed[0]));
    tcase_add_loop_test(tests, messages_are_judged, 0,
                        (int)(sizeof(messages) / sizeof(messages[0])));
    tcase_add_test(tests, a_refusal_helps_the_senders_admin);
    tcase_add_test(tests, spf_words_are_part_of_the_answer);
    tcase_add_test(tests, dmarc_can_be_off);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
