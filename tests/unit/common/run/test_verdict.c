/* The message question and its answer: there and back, hostile values, a server that misbehaves. */
#include "common/run/verdict.h"
#include "tests/support/unit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MEM_BYTES ((size_t)1 << 20)

static struct verdict_question
full_question(void)
{
    return (struct verdict_question){
        .queue_id = SPAN_LIT("4bXk2"),
        .client_address = SPAN_LIT("2001:db8::7"),
        .client_name = SPAN_LIT("unknown"),
        .helo_name = SPAN_LIT("mx.example.org"),
        .sender = SPAN_LIT("a b=c@example.org"),
        .header_from = {SPAN_LIT("\"Ann, A.\" <ann@example.org>"), SPAN_LIT("b@example.net")},
        .header_from_count = 2,
        .dkim = {{SPAN_LIT("pass"), SPAN_LIT("example.org"), SPAN_LIT("s1"),
                  SPAN_LIT("rsa-sha256")},
                 {SPAN_LIT("fail"), SPAN_LIT("list.example"), SPAN_LIT("k"),
                  SPAN_LIT("ed25519-sha256")}},
        .dkim_count = 2,
        .list_id = SPAN_LIT("<chat.list.example>"),
        .arc = SPAN_LIT("pass"),
        .seals = {{.instance = SPAN_LIT("2"), .domain = SPAN_LIT("list.example")},
                  {.instance = SPAN_LIT("1"),
                   .domain = SPAN_LIT("first.example"),
                   .dmarc = SPAN_LIT("pass"),
                   .from = SPAN_LIT("example.org"),
                   .spf = SPAN_LIT("mail.example.org"),
                   .dkim = {SPAN_LIT("example.org"), SPAN_LIT("a.example.org")},
                   .dkim_count = 2}},
        .seal_count = 2,
        .spf = {SPAN_LIT("pass"), SPAN_LIT("example.org"), SPAN_LIT("mfrom")},
    };
}

/* Formats and parses; the status is the parser's. */
static or_status
there_and_back(const struct verdict_question *q, struct arena *mem, struct verdict_question *back)
{
    struct attrs *attrs = arena_alloc(mem, sizeof(*attrs));
    struct span block;
    struct buf text;
    struct err e;

    buf_init(&text, ATTRS_MAX_BYTES);
    verdict_question_format(&text, q);
    ck_assert(buf_finish(&text) == OR_OK);
    ck_assert(arena_copy(mem, buf_span(&text), &block) == OR_OK);
    buf_fini(&text);
    ck_assert_msg(attrs_parse(block, attrs, &e) == OR_OK, "%s", e.text);
    ck_assert_span_eq(attrs_get(attrs, "request"), VERDICT_REQUEST);
    return verdict_question_parse(attrs, mem, back, &e);
}

START_TEST(a_question_survives_the_wire)
{
    struct verdict_question q = full_question(), back;
    struct arena mem;

    arena_init(&mem, MEM_BYTES);
    ck_assert(there_and_back(&q, &mem, &back) == OR_OK);
    ck_assert_span_eq(back.queue_id, "4bXk2");
    ck_assert_span_eq(back.client_address, "2001:db8::7");
    ck_assert_span_eq(back.client_name, "unknown");
    ck_assert_span_eq(back.helo_name, "mx.example.org");
    ck_assert_span_eq(back.sender, "a b=c@example.org");
    ck_assert_uint_eq(back.header_from_count, 2);
    ck_assert_span_eq(back.header_from[0], "\"Ann, A.\" <ann@example.org>");
    ck_assert_span_eq(back.header_from[1], "b@example.net");
    ck_assert_uint_eq(back.dkim_count, 2);
    ck_assert_span_eq(back.dkim[0].result, "pass");
    ck_assert_span_eq(back.dkim[0].domain, "example.org");
    ck_assert_span_eq(back.dkim[1].selector, "k");
    ck_assert_span_eq(back.dkim[1].algorithm, "ed25519-sha256");
    ck_assert_span_eq(back.list_id, "<chat.list.example>");
    ck_assert_span_eq(back.arc, "pass");
    ck_assert_span_eq(back.spf.result, "pass");
    ck_assert_span_eq(back.spf.domain, "example.org");
    ck_assert_span_eq(back.spf.scope, "mfrom");
    ck_assert_uint_eq(back.seal_count, 2);
    ck_assert_span_eq(back.seals[0].instance, "2");
    ck_assert_span_eq(back.seals[0].domain, "list.example");
    ck_assert_uint_eq(back.seals[0].dmarc.n + back.seals[0].dkim_count, 0);
    ck_assert_span_eq(back.seals[1].dmarc, "pass");
    ck_assert_span_eq(back.seals[1].from, "example.org");
    ck_assert_span_eq(back.seals[1].spf, "mail.example.org");
    ck_assert_uint_eq(back.seals[1].dkim_count, 2);
    ck_assert_span_eq(back.seals[1].dkim[1], "a.example.org");
    arena_fini(&mem);
}
END_TEST

START_TEST(what_is_absent_stays_empty)
{
    struct verdict_question q = {.header_from_count = 0}, back;
    struct arena mem;

    arena_init(&mem, MEM_BYTES);
    ck_assert(there_and_back(&q, &mem, &back) == OR_OK);
    ck_assert_uint_eq(back.spf.result.n + back.spf.domain.n + back.spf.scope.n, 0);
    ck_assert_uint_eq(back.sender.n + back.client_address.n + back.list_id.n, 0);
    ck_assert_uint_eq(back.header_from_count + back.dkim_count, 0);
    arena_fini(&mem);
}
END_TEST

START_TEST(values_cannot_become_attributes_or_other_names)
{
    struct verdict_question q = full_question(), back;
    struct arena mem;

    q.sender = SPAN_LIT("a\n\ndkim=pass d=bank.example s=x a=y\n@evil.example");
    q.header_from[0] = SPAN_LIT("x\r\naction=accept\n\n");
    q.dkim[0].domain = SPAN_LIT("evil.example d=bank.example");
    q.dkim[1].domain = SPAN_LIT("bank.\texample");
    q.seals[0].from = SPAN_LIT("evil.example dkim=bank.example\narc_set=1 d=us");
    arena_init(&mem, MEM_BYTES);
    ck_assert(there_and_back(&q, &mem, &back) == OR_OK);
    ck_assert_uint_eq(back.dkim_count, 2);
    ck_assert_span_eq(back.dkim[0].domain, "evil.example?d=bank.example");
    ck_assert_span_eq(back.dkim[1].domain, "bank.?example");
    ck_assert_uint_eq(back.seal_count, 2);
    ck_assert_span_eq(back.seals[0].from, "evil.example?dkim=bank.example?arc_set=1?d=us");
    ck_assert_uint_eq(back.seals[0].dkim_count, 0);
    ck_assert_uint_eq(back.header_from_count, 2);
    arena_fini(&mem);
}
END_TEST

START_TEST(the_largest_question_fits_and_a_long_from_is_no_address)
{
    static char junk[70000];
    struct span all = span_make(memset(junk, 'x', sizeof(junk)), sizeof(junk));
    struct verdict_question q = full_question(), back;
    struct arena mem;

    q.queue_id = q.client_address = q.client_name = q.helo_name = q.sender = all;
    q.list_id = q.arc = all;
    q.header_from_count = VERDICT_MAX_FROM + 5; /* the count may be larger than what is kept */
    for (size_t i = 0; i < VERDICT_MAX_FROM; i++)
        q.header_from[i] = span_slice(all, 0, 2048);
    q.header_from[3] = all;
    q.dkim_count = VERDICT_MAX_SIGNATURES;
    for (size_t i = 0; i < VERDICT_MAX_SIGNATURES; i++)
        q.dkim[i] = (struct verdict_dkim){all, all, all, all};
    q.spf = (struct verdict_spf){all, all, all};
    q.seal_count = VERDICT_MAX_SEALS + 1;
    for (size_t i = 0; i < VERDICT_MAX_SEALS; i++)
        q.seals[i] = (struct verdict_seal){all, all, all, all, all, {all, all}, 2};
    arena_init(&mem, MEM_BYTES);
    ck_assert(there_and_back(&q, &mem, &back) == OR_OK);
    ck_assert_uint_eq(back.header_from_count, VERDICT_MAX_FROM);
    ck_assert_uint_eq(back.dkim_count, VERDICT_MAX_SIGNATURES);
    ck_assert_span_eq(back.header_from[3], "<a From field that is too long>");
    arena_fini(&mem);
}
END_TEST

START_TEST(unreadable_questions_are_malformed)
{
    static const char *const blocks[] = {
        "request=outrider_message\ndkim=\n\n",
        "request=outrider_message\ndkim= d=x.example\n\n",
        "request=outrider_message\ndkim=pass s=x\n\n",
        "request=outrider_message\ndkim=pass d=\n\n",
        "request=outrider_message\narc_set=\n\n",
        "request=outrider_message\narc_set=1\n\n",
        "request=outrider_message\narc_set=1 dmarc=pass from=x.example\n\n",
    };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        struct verdict_question q;
        struct attrs attrs;
        struct arena mem;
        struct err e;

        arena_init(&mem, MEM_BYTES);
        ck_assert(attrs_parse(span_cstr(blocks[i]), &attrs, &e) == OR_OK);
        ck_assert_msg(verdict_question_parse(&attrs, &mem, &q, &e) == OR_MALFORMED, "%s",
                      blocks[i]);
        arena_fini(&mem);
    }
}
END_TEST

START_TEST(an_answer_survives_the_wire)
{
    const struct verdict_answer answer = {
        .action = VERDICT_QUARANTINE,
        .spf = SPAN_LIT("pass"),
        .spf_domain = SPAN_LIT("list.example"),
        .spf_scope = SPAN_LIT("mfrom"),
        .dmarc = SPAN_LIT("fail"),
        .dmarc_domain = SPAN_LIT("example.org"),
        .dmarc_policy = SPAN_LIT("reject"),
        .dmarc_override = SPAN_LIT("mailing_list"),
        .dsn = SPAN_LIT("5.7.26"),
        .text = SPAN_LIT("first\nsecond"),
    };
    struct verdict_answer back;
    struct attrs attrs;
    struct arena mem;
    struct buf text;
    struct err e;

    arena_init(&mem, MEM_BYTES);
    buf_init(&text, 4096);
    verdict_answer_format(&text, &answer);
    ck_assert(attrs_parse(buf_span(&text), &attrs, &e) == OR_OK);
    ck_assert(verdict_answer_parse(&attrs, &mem, &back, &e) == OR_OK);
    ck_assert_int_eq(back.action, VERDICT_QUARANTINE);
    ck_assert_span_eq(back.spf_scope, "mfrom");
    ck_assert_span_eq(back.dmarc_override, "mailing_list");
    ck_assert_span_eq(back.text, "first second");
    ck_assert(attrs_parse(SPAN_LIT("action=DUNNO\n\n"), &attrs, &e) == OR_OK);
    ck_assert(verdict_answer_parse(&attrs, &mem, &back, &e) == OR_MALFORMED);
    ck_assert(attrs_parse(SPAN_LIT("dmarc=pass\n\n"), &attrs, &e) == OR_OK);
    ck_assert(verdict_answer_parse(&attrs, &mem, &back, &e) == OR_MALFORMED);
    buf_fini(&text);
    arena_fini(&mem);
}
END_TEST

/* A policyd that reads up to the empty line and then says `reply`; NULL: stays silent until the
 * peer goes. */
struct fake_server {
    char folder[64];
    char address[128];
    int listener;
    const char *reply;
    pthread_t thread;
};

static void *
serve_one(void *argument)
{
    struct fake_server *server = argument;
    int fd = accept(server->listener, NULL, NULL);
    char bytes[4096];
    size_t used = 0;
    ssize_t n;

    while (used < sizeof(bytes) && (n = read(fd, bytes + used, sizeof(bytes) - used)) > 0) {
        used += (size_t)n;
        if (server->reply != NULL && used > 1 && memcmp(bytes + used - 2, "\n\n", 2) == 0) {
            (void)!write(fd, server->reply, strlen(server->reply));
            break;
        }
    }
    close(fd);
    return NULL;
}

static void
server_start(struct fake_server *server, const char *reply)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX};

    (void)snprintf(server->folder, sizeof(server->folder), "/tmp/outrider-verdict-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(server->folder));
    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s/policy", server->folder);
    (void)snprintf(server->address, sizeof(server->address), "unix:%s", un.sun_path);
    server->reply = reply;
    server->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(server->listener, (struct sockaddr *)&un, sizeof(un)), 0);
    ck_assert_int_eq(listen(server->listener, 1), 0);
    ck_assert_int_eq(pthread_create(&server->thread, NULL, serve_one, server), 0);
}

static void
server_stop(struct fake_server *server)
{
    pthread_join(server->thread, NULL);
    close(server->listener);
    unlink(server->address + strlen("unix:"));
    rmdir(server->folder);
}

START_TEST(asking_a_server)
{
    static const struct {
        const char *reply;
        or_status status;
    } rows[] = {
        {"action=reject\ndmarc=fail\ndsn=5.7.26\ntext=no\n\n", OR_OK},
        {"action=reject\n", OR_TEMPFAIL}, /* closed before the end */
        {"", OR_TEMPFAIL},
        {"action=perhaps\n\n", OR_MALFORMED},
        {"nonsense\n\n", OR_MALFORMED},
        {NULL, OR_TIMEOUT},
    };
    struct verdict_question q = full_question();

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct verdict_answer answer;
        struct fake_server server;
        struct arena mem;
        struct err e = {.text = ""};

        server_start(&server, rows[i].reply);
        arena_init(&mem, MEM_BYTES);
        or_status st = verdict_ask(server.address, 300, &q, &mem, &answer, &e);
        ck_assert_msg(st == rows[i].status, "row %zu: %s %s", i, or_status_name(st), e.text);
        if (st == OR_OK)
            ck_assert_span_eq(answer.dsn, "5.7.26");
        else
            ck_assert_msg(strstr(e.text, server.address) != NULL, "%s", e.text);
        arena_fini(&mem);
        server_stop(&server);
    }
}
END_TEST

START_TEST(a_server_that_is_gone_is_a_temporary_failure)
{
    struct verdict_question q = full_question();
    struct verdict_answer answer;
    struct arena mem;
    struct err e;

    arena_init(&mem, MEM_BYTES);
    ck_assert(verdict_ask("unix:/nonexistent/policy", 300, &q, &mem, &answer, &e) == OR_TEMPFAIL);
    ck_assert_ptr_nonnull(strstr(e.text, "/nonexistent/policy"));
    arena_fini(&mem);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("verdict");
    TCase *tests = tcase_create("all");

    tcase_add_test(tests, a_question_survives_the_wire);
    tcase_add_test(tests, what_is_absent_stays_empty);
    tcase_add_test(tests, values_cannot_become_attributes_or_other_names);
    tcase_add_test(tests, the_largest_question_fits_and_a_long_from_is_no_address);
    tcase_add_test(tests, unreadable_questions_are_malformed);
    tcase_add_test(tests, an_answer_survives_the_wire);
    tcase_add_test(tests, asking_a_server);
    tcase_add_test(tests, a_server_that_is_gone_is_a_temporary_failure);
    suite_add_tcase(suite, tests);
    return unit_main(suite);
}
