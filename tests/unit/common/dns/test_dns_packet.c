/*
 * Replies as bytes: what is ours, what is an answer, what is a failure.
 */
#include "common/dns/dns_packet.h"

#include "tests/support/dns_wire.h"
#include "tests/support/unit.h"

#include <netinet/in.h>
#include <string.h>

#define ID 0x1234

static struct arena mem;
static struct buf wire;
static struct dns_packet_reply reply;

static void
set_up(void)
{
    arena_init(&mem, 1 << 20);
    buf_init(&wire, 65535);
}

static void
tear_down(void)
{
    buf_fini(&wire);
    arena_fini(&mem);
}

static enum dns_packet_verdict
read_as(enum dns_type type, const char *name)
{
    enum dns_packet_verdict verdict;

    ck_assert_int_eq(dns_packet_read(buf_span(&wire), ID, type, name, &mem, &verdict, &reply),
                     OR_OK);
    return verdict;
}

START_TEST(test_query_has_id_question_and_edns)
{
    ck_assert_int_eq(dns_packet_query(&wire, ID, DNS_TXT, "example.org", true, NULL), OR_OK);
    struct span bytes = buf_span(&wire);
    ck_assert_mem_eq(bytes.p, "\x12\x34\x01\x20\0\1\0\0\0\0\0\1", 12);
    ck_assert_mem_eq(bytes.p + 12, "\7example\3org\0\0\x10\0\1", 17);
    ck_assert_mem_eq(bytes.p + 29, "\0\0\x29\x04\xd0", 5); /* OPT, 1232 bytes */
    buf_reset(&wire);
    ck_assert_int_eq(dns_packet_query(&wire, ID, DNS_TXT, "example.org", false, NULL), OR_OK);
    ck_assert_uint_eq(wire.n, 29);
}
END_TEST

START_TEST(test_names)
{
    static const struct {
        struct span name;
        or_status status;
        const char *text;
    } rows[] = {
        {SPAN_INIT("Example.ORG"), OR_OK, "example.org"},
        {SPAN_INIT("example.org."), OR_OK, "example.org"},
        {SPAN_INIT(""), OR_OK, ""},
        {SPAN_INIT("."), OR_OK, ""},
        {SPAN_INIT("_dmarc.example.org"), OR_OK, "_dmarc.example.org"},
        {SPAN_INIT("a\\\\."), OR_OK, "a\\\\"}, /* the label "a\", then the final dot */
        {SPAN_INIT("a\\."), OR_OK, "a\\."},    /* the label "a." */
        {SPAN_INIT("a b\\046c"), OR_OK, "a\\032b\\.c"},
        {SPAN_INIT("a..b"), OR_MALFORMED, NULL},
        {SPAN_INIT(".a"), OR_MALFORMED, NULL},
        {SPAN_INIT("a\0b"), OR_MALFORMED, NULL},
        {SPAN_INIT("a1234567890123456789012345678901234567890123456789012345678901234.b"),
         OR_MALFORMED, NULL},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[DNS_PACKET_NAME_BYTES];

        ck_assert_msg(dns_packet_name(rows[i].name, out, NULL) == rows[i].status, "row %zu", i);
        if (rows[i].status == OR_OK)
            ck_assert_str_eq(out, rows[i].text);
    }
}
END_TEST

START_TEST(test_txt_of_several_strings)
{
    char text[601];

    memset(text, 'x', sizeof(text) - 1);
    text[600] = '\0';
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY | DNS_WIRE_AUTHENTIC, DNS_TXT, "Example.org", 1, 0);
    dns_wire_txt(&wire, "EXAMPLE.org", 77, text);
    ck_assert_int_eq(read_as(DNS_TXT, "example.org"), DNS_PACKET_ANSWER);
    const struct dns_answer *a = reply.answer;
    ck_assert_int_eq(a->result, DNS_FOUND);
    ck_assert_uint_eq(a->ttl_s, 77);
    ck_assert(a->authenticated);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->records[0].txt.count, 3);
    ck_assert_uint_eq(a->records[0].txt.strings[0].n, 255);
    ck_assert_uint_eq(a->records[0].txt.strings[2].n, 90);
    ck_assert_span_eq(a->records[0].txt.joined, text);
}
END_TEST

START_TEST(test_addresses_and_mx)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_A, "example.org", 2, 0);
    dns_wire_record(&wire, "example.org", DNS_A, 60, SPAN_LIT("\xc0\0\2\1"));
    dns_wire_record(&wire, "other.org", DNS_A, 60, SPAN_LIT("\xc0\0\2\2")); /* not asked for */
    ck_assert_int_eq(read_as(DNS_A, "example.org"), DNS_PACKET_ANSWER);
    ck_assert_uint_eq(reply.answer->count, 1);
    ck_assert_mem_eq(reply.answer->records[0].ip.bytes, "\xc0\0\2\1", 4);
    ck_assert_int_eq(reply.answer->records[0].ip.family, AF_INET);

    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_MX, "example.org", 2, 0);
    dns_wire_record(&wire, "example.org", DNS_MX, 60, SPAN_LIT("\0\12\2Mx\3org\0"));
    dns_wire_record(&wire, "example.org", DNS_MX, 60, SPAN_LIT("\0\0\0")); /* RFC 7505 */
    ck_assert_int_eq(read_as(DNS_MX, "example.org"), DNS_PACKET_ANSWER);
    ck_assert_uint_eq(reply.answer->count, 2);
    ck_assert_uint_eq(reply.answer->records[0].mx.preference, 10);
    ck_assert_span_eq(reply.answer->records[0].mx.host, "mx.org");
    ck_assert_span_eq(reply.answer->records[1].mx.host, "");
}
END_TEST

START_TEST(test_negative_answers)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY | 3, DNS_TXT, "none.org", 0, 1);
    dns_wire_soa(&wire, "org", 900, 33);
    ck_assert_int_eq(read_as(DNS_TXT, "none.org"), DNS_PACKET_ANSWER);
    ck_assert_int_eq(reply.answer->result, DNS_NXDOMAIN);
    ck_assert_uint_eq(reply.answer->ttl_s, 33);

    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "empty.org", 0, 1);
    dns_wire_soa(&wire, "org", 20, 33);
    ck_assert_int_eq(read_as(DNS_TXT, "empty.org"), DNS_PACKET_ANSWER);
    ck_assert_int_eq(reply.answer->result, DNS_NODATA);
    ck_assert_uint_eq(reply.answer->ttl_s, 20);
}
END_TEST

START_TEST(test_aliases)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 3, 0);
    dns_wire_txt(&wire, "c.org", 300, "v=DKIM1");
    dns_wire_alias(&wire, "b.org", 200, "c.org");
    dns_wire_alias(&wire, "a.org", 100, "b.org");
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_ANSWER);
    ck_assert_int_eq(reply.answer->result, DNS_FOUND);
    ck_assert_uint_eq(reply.answer->ttl_s, 100);
    ck_assert_uint_eq(reply.alias_hops, 2);

    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 0);
    dns_wire_alias(&wire, "a.org", 100, "elsewhere.net");
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_ALIAS);
    ck_assert_str_eq(reply.alias, "elsewhere.net");
    ck_assert_uint_eq(reply.alias_ttl_s, 100);
}
END_TEST

/* A referral beside the CNAME is no word about its target; an SOA is. */
START_TEST(test_open_alias_beside_a_referral)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 1);
    dns_wire_alias(&wire, "a.org", 100, "elsewhere.net");
    dns_wire_record(&wire, "org", DNS_NS, 60, SPAN_LIT("\2ns\3org\0"));
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_ALIAS);

    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 1);
    dns_wire_alias(&wire, "a.org", 100, "elsewhere.net");
    dns_wire_soa(&wire, "net", 900, 33);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_ANSWER);
    ck_assert_int_eq(reply.answer->result, DNS_NODATA);
    ck_assert_uint_eq(reply.answer->ttl_s, 33);
}
END_TEST

START_TEST(test_alias_loop_ends)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 2, 0);
    dns_wire_alias(&wire, "a.org", 100, "b.org");
    dns_wire_alias(&wire, "b.org", 100, "a.org");
    (void)read_as(DNS_TXT, "a.org");
    ck_assert_uint_gt(reply.alias_hops, DNS_MAX_CNAMES); /* the asker refuses that */
}
END_TEST

START_TEST(test_strangers_are_not_ours)
{
    dns_wire_begin(&wire, ID + 1, DNS_WIRE_REPLY, DNS_TXT, "a.org", 0, 0);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "b.org", 0, 0);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
    buf_reset(&wire);
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_A, "a.org", 0, 0);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
    buf_reset(&wire);
    dns_wire_begin(&wire, ID, 0x0100, DNS_TXT, "a.org", 0, 0); /* a query */
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
    buf_reset(&wire);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
}
END_TEST

START_TEST(test_failures)
{
    static const struct {
        unsigned flags;
        enum dns_packet_verdict verdict;
    } rows[] = {
        {DNS_WIRE_REPLY | DNS_WIRE_TRUNCATED, DNS_PACKET_TRUNCATED},
        {DNS_WIRE_REPLY | 1, DNS_PACKET_NO_EDNS}, /* FORMERR */
        {DNS_WIRE_REPLY | 4, DNS_PACKET_NO_EDNS}, /* NOTIMP */
        {DNS_WIRE_REPLY | 2, DNS_PACKET_FAILED},  /* SERVFAIL */
        {DNS_WIRE_REPLY | 5, DNS_PACKET_FAILED},  /* REFUSED */
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buf_reset(&wire);
        dns_wire_begin(&wire, ID, rows[i].flags, DNS_TXT, "a.org", 0, 0);
        ck_assert_int_eq(read_as(DNS_TXT, "a.org"), rows[i].verdict);
    }
}
END_TEST

/* RFC 6891 7: old servers answer with nothing but a header. */
START_TEST(test_server_without_edns)
{
    buf_add(&wire, "\x12\x34\x81\x81\0\0\0\0\0\0\0\0", 12); /* FORMERR */
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NO_EDNS);
    wire.p[3] = (char)0x84; /* NOTIMP */
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NO_EDNS);
    wire.p[3] = (char)0x80; /* no error, yet no question */
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NOT_OURS);
}
END_TEST

/* RFC 6891 6.1.3: BADVERS is 16; the header's four bits alone would say "no error". */
START_TEST(test_extended_error_is_no_answer)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 0, 0);
    wire.p[11] = 1; /* one additional record: OPT */
    buf_add(&wire, "\0\0\x29\x04\xd0\1\0\0\0\0\0", 11);
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_NO_EDNS);
}
END_TEST

START_TEST(test_every_cut_packet_is_a_failure_or_tcp)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 1);
    dns_wire_txt(&wire, "a.org", 77, "hello");
    dns_wire_soa(&wire, "org", 20, 33);
    for (size_t whole = wire.n, n = 12; n < whole; n++) {
        wire.n = n;
        enum dns_packet_verdict verdict = read_as(DNS_TXT, "a.org");
        ck_assert_msg(verdict == DNS_PACKET_FAILED || verdict == DNS_PACKET_NOT_OURS, "%zu", n);
        wire.p[2] |= 2; /* TC */
        verdict = read_as(DNS_TXT, "a.org");
        ck_assert(verdict == DNS_PACKET_TRUNCATED || verdict == DNS_PACKET_NOT_OURS);
        wire.p[2] &= (char)~2;
    }
}
END_TEST

START_TEST(test_records_are_bounded)
{
    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_A, "a.org", 500, 0);
    for (int i = 0; i < 500; i++)
        dns_wire_record(&wire, "a.org", DNS_A, 60, SPAN_LIT("\xc0\0\2\1"));
    ck_assert_int_eq(read_as(DNS_A, "a.org"), DNS_PACKET_ANSWER);
    ck_assert_uint_eq(reply.answer->count, DNS_MAX_RECORDS);
}
END_TEST

/* RFC 2308 2.2: name servers without an SOA are a referral. Taken for NODATA, a server that does
 * not recurse would make every domain look as if it had no records. */
START_TEST(test_referral_is_no_answer)
{
    dns_wire_begin(&wire, ID, 0x8100, DNS_TXT, "a.org", 0, 1);
    dns_wire_record(&wire, "org", DNS_NS, 60, SPAN_LIT("\2ns\3org\0"));
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_FAILED);
    ck_assert_str_eq(reply.failure, "a referral, not an answer");
}
END_TEST

/* One TXT record of 64000 empty strings took libldns seconds. */
START_TEST(test_giant_replies_are_not_read)
{
    static const char empty_strings[DNS_PACKET_MAX_BYTES];

    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 0);
    size_t head = wire.n + 7 + 10; /* owner; type, class, TTL, length */
    dns_wire_record(&wire, "a.org", DNS_TXT, 60,
                    span_make(empty_strings, DNS_PACKET_MAX_BYTES - head));
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_ANSWER);
    buf_add_char(&wire, '\0');
    ck_assert_int_eq(read_as(DNS_TXT, "a.org"), DNS_PACKET_FAILED);
    ck_assert_str_eq(reply.failure, "reply too large");
}
END_TEST

START_TEST(test_full_arena_is_a_limit)
{
    enum dns_packet_verdict verdict;
    struct arena small;

    dns_wire_begin(&wire, ID, DNS_WIRE_REPLY, DNS_TXT, "a.org", 1, 0);
    dns_wire_txt(&wire, "a.org", 77, "hello");
    arena_init(&small, 32);
    ck_assert_int_eq(
        dns_packet_read(buf_span(&wire), ID, DNS_TXT, "a.org", &small, &verdict, &reply), OR_LIMIT);
    arena_fini(&small);
}
END_TEST

int
main(void)
{
    Suite *suite = suite_create("dns_packet");
    TCase *tcase = tcase_create("packets");

    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, test_query_has_id_question_and_edns);
    tcase_add_test(tcase, test_names);
    tcase_add_test(tcase, test_txt_of_several_strings);
    tcase_add_test(tcase, test_addresses_and_mx);
    tcase_add_test(tcase, test_negative_answers);
    tcase_add_test(tcase, test_aliases);
    tcase_add_test(tcase, test_open_alias_beside_a_referral);
    tcase_add_test(tcase, test_alias_loop_ends);
    tcase_add_test(tcase, test_strangers_are_not_ours);
    tcase_add_test(tcase, test_failures);
    tcase_add_test(tcase, test_server_without_edns);
    tcase_add_test(tcase, test_extended_error_is_no_answer);
    tcase_add_test(tcase, test_every_cut_packet_is_a_failure_or_tcp);
    tcase_add_test(tcase, test_records_are_bounded);
    tcase_add_test(tcase, test_referral_is_no_answer);
    tcase_add_test(tcase, test_giant_replies_are_not_read);
    tcase_add_test(tcase, test_full_arena_is_a_limit);
    suite_add_tcase(suite, tcase);
    return unit_main(suite);
}
