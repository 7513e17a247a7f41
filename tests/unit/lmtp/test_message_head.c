/* What delivery reads from and takes out of a header. */
#include "lmtp/message_head.h"

#include "common/base/buf.h"
#include "tests/support/unit.h"

static struct arena mem;

static void
setup(void)
{
    arena_init(&mem, 1 << 20);
}

static void
teardown(void)
{
    arena_fini(&mem);
}

static const struct {
    const char *bytes;
    size_t from;
    bool complete;
} ends[] = {
    {"", 0, false},
    {"\n", 0, true},
    {"\nbody", 0, true},
    {"A: b\n", 0, false},
    {"A: b\n\n", 0, true},
    {"A: b\n\nx", 0, true},
    {"A: b\n\n", 5, true}, /* split between the two */
    {"A: b\nC: d\n", 3, false},
    {"A: b\n\n", 6, false}, /* seen already: not looked for again */
};

START_TEST(end_of_header)
{
    ck_assert_int_eq(message_head_is_complete(span_cstr(ends[_i].bytes), ends[_i].from),
                     ends[_i].complete);
}
END_TEST

static const struct {
    const char *why, *bytes, *stored, *queue_id;
    size_t received;
    bool quarantined, separator;
} heads[] = {
    {"Postfix's topmost Received",
     "Received: from c (c [192.0.2.1])\n\tby mx (Postfix) with ESMTP id 4bXk2;\n\tdate\nReceived: "
     "by x "
     "id NOT;\n\n",
     NULL, "4bXk2", 2, false, false},
    {"local submission", "Received: by h (Postfix, from userid 0) id ABC12; date\n\n", NULL,
     "ABC12", 1, false, false},
    {"id in a comment is none", "Received: from a (id X) by b; date id=3\n\n", NULL, "", 1, false,
     false},
    {"id behind the date is none", "Received: by b; id X\n\n", NULL, "", 1, false, false},
    {"an id that could forge a log", "Received: by b id \"x\"; d\n\n", NULL, "", 1, false, false},
    {"broken comment", "Received: by b (((( id X; d\n\n", NULL, "", 1, false, false},
    {"mark", "x-outrider-QUARANTINE: dmarc\nSubject: x\n\n", NULL, "", 0, true, false},
    {"mark in the body", "Subject: x\n\nX-Outrider-Quarantine: y\n", NULL, "", 0, false, false},
    {"Return-Path removed, all of them",
     "Return-Path: <a@b>\nSubject: x\nreturn-path:\n <c@d>\nTo: y\n\nReturn-Path: body\n",
     "Subject: x\nTo: y\n\nReturn-Path: body\n", "", 0, false, false},
    {"Return-Path last", "A: b\nReturn-Path: <a@b>", "A: b\n", "", 0, false, false},
    {"only Return-Path", "Return-Path: <a@b>\n\nbody", "\nbody", "", 0, false, false},
    {"no header at all", "Hello\n\nthere\n", NULL, "", 0, false, true},
    {"begins with a continuation line", " X: y\n", NULL, "", 0, false, true},
    {"no header, properly", "\nHello\n", NULL, "", 0, false, false},
    {"nothing", "", NULL, "", 0, false, false},
};

START_TEST(head)
{
    struct message_head h;
    struct span piece;
    struct buf stored;
    size_t cursor = 0;

    ck_assert_int_eq(
        message_head_parse(span_cstr(heads[_i].bytes), "X-Outrider-Quarantine", &mem, &h, NULL),
        OR_OK);
    ck_assert_span_eq(h.queue_id, heads[_i].queue_id);
    ck_assert_msg(h.received_count == heads[_i].received, "%s", heads[_i].why);
    ck_assert_msg(h.quarantined == heads[_i].quarantined, "%s", heads[_i].why);
    ck_assert_msg(message_head_needs_separator(&h) == heads[_i].separator, "%s", heads[_i].why);
    buf_init(&stored, 65536);
    while (message_head_next_piece(&h, &cursor, &piece))
        buf_add_span(&stored, piece);
    ck_assert_span_eq(buf_span(&stored),
                      heads[_i].stored != NULL ? heads[_i].stored : heads[_i].bytes);
    buf_fini(&stored);
}
END_TEST

START_TEST(delivered_to)
{
    struct message_head h;
    struct span bytes =
        SPAN_LIT("Delivered-To: bob@example.com\nDelivered-To:  Eve@Example.com \n\n"
                 "Delivered-To: body@example.com\n");

    ck_assert_int_eq(message_head_parse(bytes, "X", &mem, &h, NULL), OR_OK);
    ck_assert(message_head_was_delivered_to(&h, SPAN_LIT("bob@example.com")));
    ck_assert(message_head_was_delivered_to(&h, SPAN_LIT("eve@example.com")));
    ck_assert(!message_head_was_delivered_to(&h, SPAN_LIT("ob@example.com")));
    ck_assert(!message_head_was_delivered_to(&h, SPAN_LIT("body@example.com")));
}
END_TEST

START_TEST(too_many_fields)
{
    struct message_head h;
    struct buf text;

    buf_init(&text, 65536);
    for (size_t i = 0; i <= HEADER_MAX_FIELDS; i++)
        buf_add_cstr(&text, "A: b\n");
    buf_add_cstr(&text, "\n");
    ck_assert_int_eq(message_head_parse(buf_span(&text), "X", &mem, &h, NULL), OR_LIMIT);
    buf_fini(&text);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("message_head");
    TCase *t = tcase_create("header");

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, end_of_header, 0, sizeof(ends) / sizeof(ends[0]));
    tcase_add_loop_test(t, head, 0, sizeof(heads) / sizeof(heads[0]));
    tcase_add_test(t, delivered_to);
    tcase_add_test(t, too_many_fields);
    suite_add_tcase(s, t);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
