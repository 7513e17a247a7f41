/*
 * The resolver's transport against servers on loopback that misbehave as told.
 */
#include "common/dns/dns_ldns.h"

#include "common/base/clock.h"
#include "tests/support/dns_wire.h"
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_SEEN 32
#define MAX_DATAGRAMS 100

struct server;

/* Builds what to send for a query; how many datagrams: each ends where buf_mark says. */
typedef void (*behaviour)(struct server *s, struct span query, struct buf *out);

struct server {
    int udp, tcp;
    uint16_t port;
    behaviour run;
    pthread_t udp_thread, tcp_thread;
    atomic_uint queries, tcp_queries;
    uint16_t ids[MAX_SEEN], ports[MAX_SEEN];
    size_t cuts[MAX_DATAGRAMS]; /* ends of the datagrams in `out`; 0: silence */
    size_t cut_count;
};

static uint16_t
id_of(struct span query)
{
    return (uint16_t)((unsigned char)query.p[0] << 8 | (unsigned char)query.p[1]);
}

static void
cut(struct server *s, const struct buf *out)
{
    s->cuts[s->cut_count++] = out->n;
}

static void
answer(struct server *s, struct buf *out, uint16_t id, const char *name, const char *text)
{
    dns_wire_begin(out, id, DNS_WIRE_REPLY, DNS_TXT, name, 1, 0);
    dns_wire_txt(out, name, 60, text);
    cut(s, out);
}

static void *
udp_main(void *arg)
{
    struct server *s = arg;
    char bytes[1500];
    struct sockaddr_in from;
    socklen_t size = sizeof(from);
    ssize_t n;

    while ((n = recvfrom(s->udp, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size)) > 1) {
        unsigned number = atomic_fetch_add(&s->queries, 1);
        struct buf out;

        if (number < MAX_SEEN) {
            s->ids[number] = id_of(span_make(bytes, (size_t)n));
            s->ports[number] = from.sin_port;
        }
        buf_init(&out, 65535);
        s->cut_count = 0;
        s->run(s, span_make(bytes, (size_t)n), &out);
        for (size_t i = 0, begin = 0; i < s->cut_count; begin = s->cuts[i++])
            ck_assert(sendto(s->udp, out.p + begin, s->cuts[i] - begin, 0, (struct sockaddr *)&from,
                             size) >= 0);
        buf_fini(&out);
    }
    return NULL;
}

/* Answers every query over TCP with a long TXT record. */
static void *
tcp_main(void *arg)
{
    struct server *s = arg;
    char bytes[1500], text[3001];
    int fd;

    memset(text, 't', sizeof(text) - 1);
    text[3000] = '\0';
    while ((fd = accept(s->tcp, NULL, NULL)) >= 0) {
        ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
        struct buf out, frame;

        atomic_fetch_add(&s->tcp_queries, 1);
        buf_init(&out, 65535);
        buf_init(&frame, 65535);
        if (n > 4) {
            dns_wire_begin(&out, id_of(span_make(bytes + 2, (size_t)n - 2)), DNS_WIRE_REPLY,
                           DNS_TXT, "big.org", 1, 0);
            dns_wire_txt(&out, "big.org", 60, text);
            dns_wire_u16(&frame, (unsigned)out.n);
            buf_add_span(&frame, buf_span(&out));
            /* In two pieces: TCP keeps no boundaries. */
            ck_assert(send(fd, frame.p, 10, MSG_NOSIGNAL) == 10);
            ck_assert(send(fd, frame.p + 10, frame.n - 10, MSG_NOSIGNAL) > 0);
        }
        buf_fini(&frame);
        buf_fini(&out);
        close(fd);
    }
    return NULL;
}

static void
start(struct server *s, behaviour run)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(in);

    *s = (struct server){.run = run};
    s->tcp = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(s->tcp, (struct sockaddr *)&in, size), 0);
    ck_assert_int_eq(getsockname(s->tcp, (struct sockaddr *)&in, &size), 0);
    ck_assert_int_eq(listen(s->tcp, 5), 0);
    s->udp = socket(AF_INET, SOCK_DGRAM, 0);
    ck_assert_int_eq(bind(s->udp, (struct sockaddr *)&in, size), 0);
    s->port = ntohs(in.sin_port);
    ck_assert_int_eq(pthread_create(&s->udp_thread, NULL, udp_main, s), 0);
    ck_assert_int_eq(pthread_create(&s->tcp_thread, NULL, tcp_main, s), 0);
}

static void
stop(struct server *s)
{
    struct sockaddr_in in = {.sin_family = AF_INET,
                             .sin_port = htons(s->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    ck_assert_int_eq(sendto(s->udp, "", 1, 0, (struct sockaddr *)&in, sizeof(in)), 1);
    shutdown(s->tcp, SHUT_RDWR);
    pthread_join(s->udp_thread, NULL);
    pthread_join(s->tcp_thread, NULL);
    close(s->udp);
    close(s->tcp);
}

static struct server one, two;
static struct arena mem;
static struct err why;
static int64_t try_timeout_ms;

/* Asks the servers that run, in order. */
static or_status
ask(const char *name, int64_t ms, const struct dns_answer **answer_out)
{
    struct dns_ldns_settings settings = {.try_timeout_ms = try_timeout_ms, .attempts = 2};
    char address[32];

    for (const struct server *s = &one; s != NULL; s = s == &one && two.port != 0 ? &two : NULL) {
        snprintf(address, sizeof(address), "127.0.0.1:%u", s->port);
        ck_assert_int_eq(dns_ldns_add_server(&settings, span_cstr(address), NULL), OR_OK);
    }
    struct dns *dns = dns_ldns_new(&settings);
    or_status st =
        dns_query(dns, DNS_TXT, span_cstr(name), clock_mono_ms() + ms, &mem, answer_out, &why);
    dns_free(dns);
    return st;
}

static void
check_text(const struct dns_answer *a, const char *text)
{
    ck_assert_int_eq(a->result, DNS_FOUND);
    ck_assert_span_eq(a->records[0].txt.joined, text);
}

static void
set_up(void)
{
    arena_init(&mem, 1 << 20);
    two.port = 0;
    try_timeout_ms = 300;
}

static void
tear_down(void)
{
    stop(&one);
    if (two.port != 0)
        stop(&two);
    arena_fini(&mem);
}

static void
be_good(struct server *s, struct span query, struct buf *out)
{
    answer(s, out, id_of(query), "a.org", "good");
}

static void
be_spoofed(struct server *s, struct span query, struct buf *out)
{
    answer(s, out, (uint16_t)(id_of(query) ^ 1), "a.org", "forged id");
    answer(s, out, id_of(query), "b.org", "forged question");
    answer(s, out, id_of(query), "a.org", "good");
}

static void
be_silent(struct server *s, struct span query, struct buf *out)
{
    (void)s, (void)query, (void)out;
}

static void
be_failing(struct server *s, struct span query, struct buf *out)
{
    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY | 2, DNS_TXT, "a.org", 0, 0);
    cut(s, out);
}

static void
be_truncated(struct server *s, struct span query, struct buf *out)
{
    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY | DNS_WIRE_TRUNCATED, DNS_TXT, "big.org", 0,
                   0);
    cut(s, out);
}

static void
be_without_edns(struct server *s, struct span query, struct buf *out)
{
    if (query.p[11] == 0) { /* no additional record */
        be_good(s, query, out);
        return;
    }
    buf_add_span(out, span_slice(query, 0, 2));
    buf_add(out, "\x81\x81\0\0\0\0\0\0\0\0", 10);
    cut(s, out);
}

static void
be_garbage(struct server *s, struct span query, struct buf *out)
{
    buf_add_span(out, span_slice(query, 0, 2));
    buf_add(out, "\x81\x80\xff\xff\xff\xff garbage", 14);
    cut(s, out);
}

static void
be_aliased(struct server *s, struct span query, struct buf *out)
{
    if (query.p[13] == 'b') {
        answer(s, out, id_of(query), "b.org", "behind the alias");
        return;
    }
    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 0);
    dns_wire_alias(out, "a.org", 7, "b.org");
    cut(s, out);
}

/* Only what is behind the alias was validated. */
static void
be_half_authentic(struct server *s, struct span query, struct buf *out)
{
    bool target = query.p[13] == 'b';
    const char *name = target ? "b.org" : "a.org";

    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY | (target ? DNS_WIRE_AUTHENTIC : 0), DNS_TXT,
                   name, 1, 0);
    if (target)
        dns_wire_txt(out, name, 60, "good");
    else
        dns_wire_alias(out, name, 60, "b.org");
    cut(s, out);
}

/* Two names that each lead to the other, one packet each. */
static void
be_circular(struct server *s, struct span query, struct buf *out)
{
    bool back = query.p[13] == 'b';

    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY, DNS_TXT, back ? "b.org" : "a.org", 1, 0);
    dns_wire_alias(out, back ? "b.org" : "a.org", 60, back ? "a.org" : "b.org");
    cut(s, out);
}

static void
be_long(struct server *s, struct span query, struct buf *out)
{
    char text[1101];

    memset(text, 'u', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    answer(s, out, id_of(query), "a.org", text);
}

static void
be_negative(struct server *s, struct span query, struct buf *out)
{
    dns_wire_begin(out, id_of(query), DNS_WIRE_REPLY | 3, DNS_TXT, "a.org", 0, 1);
    dns_wire_soa(out, "org", 900, 33);
    cut(s, out);
}

/* What somebody who does not see our queries would have to send to guess the id. */
static void
be_flooding(struct server *s, struct span query, struct buf *out)
{
    if (atomic_load(&s->queries) > 1) {
        be_good(s, query, out);
        return;
    }
    for (unsigned i = 1; i <= MAX_DATAGRAMS; i++)
        answer(s, out, (uint16_t)(id_of(query) + i), "a.org", "forged");
}

START_TEST(test_answer)
{
    const struct dns_answer *a;

    start(&one, be_good);
    ck_assert_int_eq(ask("A.org.", 2000, &a), OR_OK);
    check_text(a, "good");
}
END_TEST

START_TEST(test_forged_answers_are_passed_over)
{
    const struct dns_answer *a;

    start(&one, be_spoofed);
    ck_assert_int_eq(ask("a.org", 2000, &a), OR_OK);
    check_text(a, "good");
    ck_assert_uint_eq(one.queries, 1);
}
END_TEST

START_TEST(test_silent_server_then_the_next)
{
    const struct dns_answer *a;

    start(&one, be_silent);
    start(&two, be_good);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "good");
}
END_TEST

START_TEST(test_failing_server_then_the_next)
{
    const struct dns_answer *a;

    start(&one, be_failing);
    start(&two, be_good);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "good");
}
END_TEST

START_TEST(test_all_fail)
{
    const struct dns_answer *a;

    start(&one, be_failing);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_TEMPFAIL);
    ck_assert_ptr_nonnull(strstr(why.text, "SERVFAIL"));
    ck_assert_ptr_nonnull(strstr(why.text, "a.org TXT at 127.0.0.1:"));
    ck_assert_uint_eq(one.queries, 2); /* two rounds */
}
END_TEST

START_TEST(test_garbage_is_a_failure)
{
    const struct dns_answer *a;

    start(&one, be_garbage);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_TEMPFAIL);
}
END_TEST

START_TEST(test_silence_ends_at_the_deadline)
{
    const struct dns_answer *a;
    int64_t began = clock_mono_ms();

    start(&one, be_silent);
    ck_assert_int_eq(ask("a.org", 400, &a), OR_TIMEOUT);
    ck_assert_int_lt(clock_mono_ms() - began, 1500);
    ck_assert_int_ge(clock_mono_ms() - began, 390);
}
END_TEST

START_TEST(test_truncation_goes_to_tcp)
{
    const struct dns_answer *a;

    start(&one, be_truncated);
    ck_assert_int_eq(ask("big.org", 3000, &a), OR_OK);
    ck_assert_uint_eq(a->records[0].txt.joined.n, 3000);
    ck_assert_uint_eq(one.tcp_queries, 1);
}
END_TEST

START_TEST(test_server_without_edns)
{
    const struct dns_answer *a;

    start(&one, be_without_edns);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "good");
    ck_assert_uint_eq(one.queries, 2);
}
END_TEST

START_TEST(test_open_alias_is_asked_for)
{
    const struct dns_answer *a;

    start(&one, be_aliased);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "behind the alias");
    ck_assert_uint_eq(a->ttl_s, 7);
}
END_TEST

START_TEST(test_authentic_only_if_the_whole_chain_is)
{
    const struct dns_answer *a;

    start(&one, be_half_authentic);
    ck_assert_int_eq(ask("b.org", 3000, &a), OR_OK);
    ck_assert(a->authenticated);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "good");
    ck_assert(!a->authenticated);
}
END_TEST

START_TEST(test_alias_loop_over_several_packets_ends)
{
    const struct dns_answer *a;

    start(&one, be_circular);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_TEMPFAIL);
    ck_assert_uint_eq(one.queries, DNS_MAX_CNAMES + 1);
    ck_assert_ptr_nonnull(strstr(why.text, "CNAME"));
}
END_TEST

START_TEST(test_long_datagram)
{
    const struct dns_answer *a;

    start(&one, be_long);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    ck_assert_uint_eq(a->records[0].txt.joined.n, 1100);
    ck_assert_uint_eq(one.tcp_queries, 0);
}
END_TEST

START_TEST(test_negative_answer_is_an_answer)
{
    const struct dns_answer *a;

    start(&one, be_negative);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    ck_assert_int_eq(a->result, DNS_NXDOMAIN);
    ck_assert_uint_eq(a->ttl_s, 33);
    ck_assert_uint_eq(one.queries, 1);
}
END_TEST

START_TEST(test_flooded_query_is_given_up_for_a_new_one)
{
    const struct dns_answer *a;

    start(&one, be_flooding);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_OK);
    check_text(a, "good");
    ck_assert_uint_eq(one.queries, 2);
}
END_TEST

/* Nothing listens there. */
START_TEST(test_refused_datagram_goes_to_the_next_server_at_once)
{
    const struct dns_answer *a;
    int64_t began = clock_mono_ms();

    start(&one, be_good);
    start(&two, be_good);
    stop(&one);
    try_timeout_ms = 5000;
    ck_assert_int_eq(ask("a.org", 9000, &a), OR_OK);
    check_text(a, "good");
    ck_assert_int_lt(clock_mono_ms() - began, 4000);
    start(&one, be_good); /* for tear_down() */
}
END_TEST

START_TEST(test_full_arena_is_a_limit_and_says_so)
{
    const struct dns_answer *a;

    start(&one, be_good);
    arena_fini(&mem);
    arena_init(&mem, 32);
    ck_assert_int_eq(ask("a.org", 3000, &a), OR_LIMIT);
    ck_assert_ptr_nonnull(strstr(why.text, "memory"));
}
END_TEST

/* RFC 5452 9.2: what an attacker would have to guess. */
START_TEST(test_ids_and_ports_differ)
{
    const struct dns_answer *a;
    unsigned same_ids = 0, same_ports = 0;

    start(&one, be_good);
    for (int i = 0; i < 16; i++)
        ck_assert_int_eq(ask("a.org", 2000, &a), OR_OK);
    for (int i = 1; i < 16; i++) {
        same_ids += one.ids[i] == one.ids[i - 1];
        same_ports += one.ports[i] == one.ports[i - 1];
    }
    ck_assert_uint_le(same_ids, 1);
    ck_assert_uint_le(same_ports, 2);
}
END_TEST

START_TEST(test_impossible_name_is_not_sent)
{
    const struct dns_answer *a;

    start(&one, be_good);
    ck_assert_int_eq(ask("a..org", 2000, &a), OR_MALFORMED);
    ck_assert_uint_eq(one.queries, 0);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_ldns");
    TCase *tcase = tcase_create("transport");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_answer);
    tcase_add_test(tcase, test_forged_answers_are_passed_over);
    tcase_add_test(tcase, test_silent_server_then_the_next);
    tcase_add_test(tcase, test_failing_server_then_the_next);
    tcase_add_test(tcase, test_all_fail);
    tcase_add_test(tcase, test_garbage_is_a_failure);
    tcase_add_test(tcase, test_silence_ends_at_the_deadline);
    tcase_add_test(tcase, test_truncation_goes_to_tcp);
    tcase_add_test(tcase, test_server_without_edns);
    tcase_add_test(tcase, test_open_alias_is_asked_for);
    tcase_add_test(tcase, test_authentic_only_if_the_whole_chain_is);
    tcase_add_test(tcase, test_alias_loop_over_several_packets_ends);
    tcase_add_test(tcase, test_long_datagram);
    tcase_add_test(tcase, test_negative_answer_is_an_answer);
    tcase_add_test(tcase, test_flooded_query_is_given_up_for_a_new_one);
    tcase_add_test(tcase, test_refused_datagram_goes_to_the_next_server_at_once);
    tcase_add_test(tcase, test_full_arena_is_a_limit_and_says_so);
    tcase_add_test(tcase, test_ids_and_ports_differ);
    tcase_add_test(tcase, test_impossible_name_is_not_sent);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
