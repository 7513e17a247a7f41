/* Sealing: what is written, and when nothing is (RFC 8617 5.1). */
#include "milter/arc/arc_seal.h"

#include "tests/support/arc_mail.h"
#include "tests/support/unit.h"

#include <string.h>

static struct arc_mail mail;

static void
set_up(void)
{
    arc_mail_init(&mail);
}

static void
tear_down(void)
{
    arc_mail_fini(&mail);
}

static bool
has(const char *part)
{
    return memmem(mail.text.p, mail.text.n, part, strlen(part)) != NULL;
}

static const struct dkim_field *
field(enum arc_field which, unsigned instance)
{
    return &mail.message.fields[mail.verify.chain.sets[instance - 1].fields[which]];
}

START_TEST(a_set_is_written_to_the_letter)
{
    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    arc_mail_verify(&mail, false);
    ck_assert_str_eq(arc_mail_verdict(&mail), "pass: the chain is valid");
    ck_assert_span_eq(field(ARC_FIELD_RESULTS, 1)->value, " i=1; forward.test;\r\n\tspf=pass");
    struct span message = field(ARC_FIELD_MESSAGE, 1)->value;
    struct span seal = field(ARC_FIELD_SEAL, 1)->value;
    ck_assert(span_has_prefix(message, SPAN_LIT(" i=1; a=ed25519-sha256; c=relaxed/relaxed;")));
    ck_assert(
        span_has_prefix(seal, SPAN_LIT(" i=1; a=ed25519-sha256; cv=none; d=forward.test; s=s;")));
    ck_assert_ptr_nonnull(memmem(message.p, message.n, "DKIM-Signature;", 15));
    ck_assert_ptr_null(memmem(message.p, message.n, "ARC-", 4));
    ck_assert_ptr_null(memmem(seal.p, seal.n, "h=", 2));
    ck_assert_ptr_null(memmem(seal.p, seal.n, "v=1", 3));
    for (size_t i = 0; i < mail.message.field_count; i++) {
        struct span rest = mail.message.fields[i].raw, line;

        while (span_split(&rest, '\n', &line))
            ck_assert_uint_le(line.n, 78);
    }
}
END_TEST

START_TEST(fifty_sets_and_no_more)
{
    struct err e = {.text = ""};

    for (unsigned i = 0; i < ARC_MAX_SETS; i++)
        ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    arc_mail_verify(&mail, false);
    ck_assert_str_eq(arc_mail_verdict(&mail), "pass: the chain is valid");
    ck_assert_uint_eq(mail.verify.chain.count, ARC_MAX_SETS);
    ck_assert_int_eq(arc_mail_seal(&mail, &e), OR_ABSENT);
    ck_assert_ptr_nonnull(strstr(e.text, "50 sets"));
}
END_TEST

/* RFC 8617 5.1.2: the seal of a broken chain covers its own set alone, and ends the chain. */
START_TEST(a_broken_chain_is_closed)
{
    struct err e = {.text = ""};

    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    arc_mail_replace(&mail, "Subject: hello", "Subject: bye");
    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    ck_assert(has("ARC-Seal: i=2; a=ed25519-sha256; cv=fail;"));
    arc_mail_verify(&mail, false);
    ck_assert_int_eq(mail.verify.reason, ARC_REPORTED_FAIL);
    ck_assert_int_eq(arc_mail_seal(&mail, &e), OR_ABSENT);
    ck_assert_ptr_nonnull(strstr(e.text, "cv=fail"));

    /* Taken as the only set there is, the new one verifies. */
    arc_mail_replace(&mail, "ARC-Seal: i=1;", "X-Seal: i=1;");
    arc_mail_replace(&mail, "ARC-Message-Signature: i=1;", "X-Signature: i=1;");
    arc_mail_replace(&mail, "ARC-Authentication-Results: i=1;", "X-Results: i=1;");
    arc_mail_verify(&mail, false);
    ck_assert_uint_eq(mail.verify.chain.count, 2);
    const size_t sealed[] = {mail.verify.chain.sets[1].fields[ARC_FIELD_RESULTS],
                             mail.verify.chain.sets[1].fields[ARC_FIELD_MESSAGE]};
    const struct dkim_verify_settings settings = {.now = ARC_MAIL_NOW,
                                                  .deadline_mono_ms = INT64_MAX};
    struct dkim_verify_item item = {.result = DKIM_NONE};
    struct dkim_verify_step step = {
        .message = &mail.message,
        .settings = &settings,
        .dns = mail.dns,
        .item = &item,
        .kind = DKIM_SIG_OF_ARC_SEAL,
        .field = mail.verify.chain.sets[1].fields[ARC_FIELD_SEAL],
        .sealed = sealed,
        .sealed_count = 2,
    };
    dkim_verify_step_begin(&step);
    dkim_verify_step_key(&step);
    ck_assert_int_eq(item.result, DKIM_PASS);
}
END_TEST

/* A field that belongs to no set leaves no chain to number on from. */
START_TEST(unreadable_fields_are_sealed_as_a_failure)
{
    arc_mail_replace(&mail, "From:", "ARC-Seal: i=x\r\nFrom:");
    ck_assert_int_eq(arc_mail_seal(&mail, NULL), OR_OK);
    ck_assert(has("ARC-Seal: i=1; a=ed25519-sha256; cv=fail;"));
}
END_TEST

START_TEST(results_too_long_for_a_field_are_a_limit)
{
    const struct arc_seal_settings settings = {
        .domain = SPAN_LIT("d"), .selector = SPAN_LIT("s"), .key = mail.key};
    struct arc_seal s = {.chain = NULL};
    struct arc_seal_set set;
    static char results[ARC_SEAL_MAX_RESULTS_BYTES + 1];

    memset(results, 'x', sizeof(results));
    arc_mail_verify(&mail, false);
    struct dkim_message m;
    dkim_message_init(&m, &mail.mem);
    ck_assert_int_eq(dkim_message_add_header(&m, SPAN_LIT("From"), SPAN_LIT(" a"), NULL), OR_OK);
    ck_assert_int_eq(arc_seal_start(&s, &m, &mail.verify.chain, &settings, NULL), OR_OK);
    dkim_message_finish_body(&m);
    ck_assert_int_eq(arc_seal_values(&s, ARC_NONE, span_make(results, sizeof(results)), &set, NULL),
                     OR_LIMIT);
    ck_assert_int_eq(
        arc_seal_values(&s, ARC_NONE, span_make(results, sizeof(results) - 1), &set, NULL), OR_OK);
    arc_seal_fini(&s);
    arc_seal_fini(&s);
    dkim_message_fini(&m);
}
END_TEST

static Suite *
suite(void)
{
    Suite *s = suite_create("arc_seal");
    TCase *c = tcase_create("sealing");

    tcase_add_checked_fixture(c, set_up, tear_down);
    tcase_add_test(c, a_set_is_written_to_the_letter);
    tcase_add_test(c, fifty_sets_and_no_more);
    tcase_add_test(c, a_broken_chain_is_closed);
    tcase_add_test(c, unreadable_fields_are_sealed_as_a_failure);
    tcase_add_test(c, results_too_long_for_a_field_are_a_limit);
    suite_add_tcase(s, c);
    return s;
}

int
main(void)
{
    return unit_main(suite());
}
